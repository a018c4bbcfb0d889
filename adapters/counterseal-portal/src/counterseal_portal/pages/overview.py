"""Overview: what happened in the last days, within the person's reach."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import attrs

import counterseal as cs
from counterseal.models.audit_log import CountKey
from counterseal_portal.answers import Answer, page
from counterseal_portal.charts import HEIGHT, WIDTH, Chart, days_until
from counterseal_portal.labels import CHANNELS
from counterseal_portal.reach import app_spaces_of
from counterseal_portal.routes import ADMINS, Route
from counterseal_portal.visit import Visit
from counterseal_web.problems import STATUS

DAYS = 14
OUTCOMES = {
    "challenge.answered": "Answered",
    "challenge.disowned": "“This was not me”",
    "challenge.cancelled": "Withdrawn",
    "challenge.expired": "Not in time",
    "challenge.failed": "Wrong codes",
}
TOTALS = {
    "challenge.issue": "Questions asked",
    "binding.complete": "Devices bound",
    "callback.succeed": "Callbacks delivered",
    "callback.fail": "Callbacks dead",
}
MOST_REFUSALS = 10


@attrs.frozen
class Counts:
    """
    What the audit log counted, by event.

    Attributes:
        chart: Of the outcomes of questions.
        totals: Of other events, each with its label.
        refusals: The commonest, by event and code.
    """

    chart: Chart
    totals: tuple[tuple[str, int], ...]
    refusals: tuple[tuple[str, str, int], ...]


def show_overview(visit: Visit) -> Answer:
    """Show what happened within the person's reach, as the audit log has counted it."""
    ports = visit.service.ports
    now = ports.clock.now()
    days = days_until(now.date(), DAYS)
    since = datetime.combine(days[0], time(), UTC)
    until = datetime.combine(now.date(), time(), UTC) + timedelta(days=1)
    log = cs.AuditLog(ports, visit.service.policy)
    counts = log.counts(since, until, by=visit.admin)
    return page(
        "overview.html",
        title="Overview",
        trail=(),
        notice="",
        counts=_summarize(counts, days),
        app_spaces=app_spaces_of(visit),
        channels=tuple(sorted(CHANNELS[kind] for kind in ports.notifier.kinds())),
        shows_callbacks=visit.admin.role in ADMINS,
        width=WIDTH,
        height=HEIGHT,
    )


def _summarize(counts: Mapping[CountKey, int], days: tuple[date, ...]) -> Counts:
    outcomes = {event: [0] * len(days) for event in OUTCOMES}
    totals = dict.fromkeys(TOTALS, 0)
    refusals: dict[tuple[str, str], int] = {}
    for key, count in counts.items():
        day = key.hour.date()
        if key.event in outcomes and day in days:
            outcomes[key.event][days.index(day)] += count
        elif key.event in totals and (key.reason == "" or key.event == "callback.fail"):
            totals[key.event] += count
        elif key.reason in REFUSALS:
            refusals[key.event, key.reason] = refusals.get((key.event, key.reason), 0) + count
    commonest = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))[:MOST_REFUSALS]
    return Counts(
        chart=Chart(
            title="How questions ended",
            days=days,
            series={label: tuple(outcomes[event]) for event, label in OUTCOMES.items()},
        ),
        totals=tuple((label, totals[event]) for event, label in TOTALS.items()),
        refusals=tuple((event, code, count) for (event, code), count in commonest),
    )


REFUSALS = frozenset(STATUS)
"""The codes of refusals; any other reason is a result."""

OVERVIEW_ROUTES = (Route(id="overview.show", method="GET", path="", handler=show_overview),)
