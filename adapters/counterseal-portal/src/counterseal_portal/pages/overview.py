"""Overview: what happened in the last days, within the person's reach."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

import attrs

import counterseal as cs
from counterseal.models import AppSpace, Gauge, Guid
from counterseal.models.audit_log import CountKey
from counterseal_portal.account_search import search_hint
from counterseal_portal.answers import Answer, page
from counterseal_portal.charts import HEIGHT, WIDTH, Chart, days_until
from counterseal_portal.event_labels import NO_REASON, REFUSALS, event_label, reason_text
from counterseal_portal.labels import CHANNELS
from counterseal_portal.reach import app_spaces_of, named_app_spaces, tenants_of
from counterseal_portal.routes import ADMINS, Route
from counterseal_portal.visit import Visit

DAYS = 14
FAILED = "callback.fail"
"""The event whose reason says why, and does not say that it was refused."""
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
    FAILED: "Callbacks given up",
}
GAUGES = {
    Gauge.ACTIVE_USERS: "Active users",
    Gauge.ACTIVE_ORIGINS: "Active origins",
    Gauge.PENDING_CHALLENGES: "Questions pending",
    Gauge.QUEUED_CALLBACKS: "Callbacks queued",
    Gauge.DEAD_CALLBACKS: "Callbacks dead",
}
GAUGE_LISTS = {Gauge.DEAD_CALLBACKS: "/callbacks"}
"""The gauges whose records a page lists."""
SUPPORT_TOTALS = {
    event: label for event, label in TOTALS.items() if not event.startswith("callback.")
}
"""Support reads no events of callbacks."""
MOST_REFUSALS = 10
DAY = timedelta(days=1)
PUSHES = frozenset({"challenge.push", "binding.push"})
PUSH_RESULTS = {
    "": "delivered",
    "rejected": "failed",
    "misconfigured": "failed",
    "gone": "to addresses that are gone",
    "later": "put off",
}
"""By the reason of the event; reasons of a whole notification count no address again."""
PROVIDER_RESULTS = {
    ("login.authenticate", ""): "log-ins",
    ("identity.revalidate", ""): "vouched for users",
    ("identity.revalidate", "identity_withdrawn"): "did not vouch",
    ("identity.revalidate", "identity_unavailable"): "did not answer",
}


@attrs.frozen
class Number:
    """
    How many there are of something.

    Attributes:
        address: The list of them, after `MOUNT`; empty where there is none.
    """

    label: str
    count: int
    address: str = ""


@attrs.frozen(kw_only=True)
class RefusalRow:
    """How often something was refused for one reason, and the list of these events."""

    event: str
    reason: str
    code: str
    number: Number


@attrs.frozen(kw_only=True)
class Counts:
    """
    What the audit log counted, by event.

    Attributes:
        chart: Of the outcomes of questions.
        outcomes: The same of all days.
        totals: Of other events.
        refusals: The commonest.
    """

    chart: Chart
    outcomes: tuple[Number, ...]
    totals: tuple[Number, ...]
    refusals: tuple[RefusalRow, ...]


@attrs.frozen(kw_only=True)
class AppSpaceRow:
    """An App Space, its Identity Provider, and what was counted of that in the last day."""

    guid: Guid
    name: str
    issuer: str = ""
    health: str = ""


def show_overview(visit: Visit) -> Answer:
    """Show what happened within the person's reach, as the audit log has counted it."""
    ports = visit.service.ports
    now = ports.clock.now()
    days = days_until(now.date(), DAYS)
    since = datetime.combine(days[0], time(), UTC)
    until = datetime.combine(now.date(), time(), UTC) + timedelta(days=1)
    log = cs.AuditLog(ports, visit.service.policy)
    counts = log.counts(since, until, by=visit.admin)
    is_admin = visit.admin.role in ADMINS
    app_spaces = app_spaces_of(visit)
    last_day = {key: count for key, count in counts.items() if key.hour > now - DAY}
    return page(
        "overview.html",
        title="Overview",
        search_hint=search_hint(visit.service.accounts),
        trail=(),
        notice="",
        counts=_summarize(counts, days, totals=TOTALS if is_admin else SUPPORT_TOTALS),
        gauges=_gauges(visit),
        store_milliseconds=_store_milliseconds(visit),
        app_spaces=_app_spaces(visit, app_spaces, last_day),
        searched_app_spaces=named_app_spaces(visit, tenants_of(app_spaces)),
        channels=tuple(sorted(CHANNELS[kind] for kind in ports.notifier.kinds())),
        push_health=_push_health(last_day),
        has_providers=any(each.idp is not None for each in app_spaces),
        shows_codes=is_admin,
        width=WIDTH,
        height=HEIGHT,
    )


def _gauges(visit: Visit) -> tuple[Number, ...]:
    """Return what there is now, as far as the person's role reads it."""
    totals = visit.service.gauges.totals(by=visit.admin)
    return tuple(
        Number(GAUGES[gauge], count, GAUGE_LISTS.get(gauge, "")) for gauge, count in totals.items()
    )


def _push_health(counts: Mapping[CountKey, int]) -> str:
    """Return what push services did with messages; counts do not tell channels apart."""
    numbers = dict.fromkeys(PUSH_RESULTS.values(), 0)
    for key, count in counts.items():
        if key.event in PUSHES and key.reason in PUSH_RESULTS:
            numbers[PUSH_RESULTS[key.reason]] += count
    return _health(numbers, always=("delivered", "failed"))


def _app_spaces(
    visit: Visit, app_spaces: tuple[AppSpace, ...], counts: Mapping[CountKey, int]
) -> tuple[AppSpaceRow, ...]:
    """Return *app_spaces* with their Identity Providers, and what was counted of each."""
    issuers = {each.guid: each.idp.issuer for each in app_spaces if each.idp is not None}
    numbers = {guid: dict.fromkeys(PROVIDER_RESULTS.values(), 0) for guid in issuers}
    for key, count in counts.items():
        result = PROVIDER_RESULTS.get((key.event, key.reason))
        if result is not None and key.app_space in numbers:
            numbers[key.app_space][result] += count
    return tuple(
        AppSpaceRow(
            guid=each.guid,
            name=each.name,
            issuer=issuers.get(each.guid, ""),
            health=_health(numbers[each.guid], always=PROVIDER_RESULTS.values())
            if each.guid in numbers
            else "",
        )
        for each in named_app_spaces(visit, app_spaces)
    )


def _health(numbers: Mapping[str, int], *, always: Collection[str]) -> str:
    """Return *numbers* in words, those that are zero only for what is in *always*."""
    phrases = [f"{name} {count}" for name, count in numbers.items() if count or name in always]
    text = ", ".join(phrases)
    return f"{text[0].upper()}{text[1:]}"


def _store_milliseconds(visit: Visit) -> int:
    """Return within how long the store reads one record: a page is shown only if it answers."""
    begin = visit.service.monotonic()
    visit.service.ports.store.get(visit.admin.guid)
    return math.ceil(1_000 * (visit.service.monotonic() - begin)) or 1


def _summarize(
    counts: Mapping[CountKey, int], days: tuple[date, ...], *, totals: Mapping[str, str]
) -> Counts:
    outcomes = {event: [0] * len(days) for event in OUTCOMES}
    undelivered_count = 0
    numbers = dict.fromkeys(totals, 0)
    refusals: dict[tuple[str, str], int] = {}
    for key, count in counts.items():
        day = key.hour.date()
        undelivered_count += count * cs.AuditLog.is_undelivered(key)
        if key.event in outcomes and day in days:
            outcomes[key.event][days.index(day)] += count
        elif key.event in numbers and (key.reason == "" or key.event == FAILED):
            numbers[key.event] += count
        elif key.reason in REFUSALS:
            refusals[key.event, key.reason] = refusals.get((key.event, key.reason), 0) + count
    commonest = sorted(refusals.items(), key=lambda item: (-item[1], item[0]))[:MOST_REFUSALS]
    chart = Chart(
        title="How questions ended",
        days=days,
        series={label: tuple(outcomes[event]) for event, label in OUTCOMES.items()},
    )
    return Counts(
        chart=chart,
        outcomes=tuple(
            Number(label, sum(outcomes[event]), _events_address(days, event, None))
            for event, label in OUTCOMES.items()
        ),
        totals=(
            *(
                Number(
                    label,
                    numbers[event],
                    _events_address(days, event, None if event == FAILED else NO_REASON),
                )
                for event, label in totals.items()
            ),
            Number("Notifications that no device got", undelivered_count, "/notifications"),
        ),
        refusals=tuple(
            RefusalRow(
                event=event_label(event),
                reason=reason_text(code),
                code=code,
                number=Number(code, count, _events_address(days, event, code)),
            )
            for (event, code), count in commonest
        ),
    )


def _events_address(days: tuple[date, ...], event: str, reason: str | None) -> str:
    """Return the list of the events that were counted on *days*; None is any reason."""
    terms = {"event": event, "reason": reason, "since": days[0], "until": days[-1]}
    return f"/audit?{urlencode({name: term for name, term in terms.items() if term})}"


OVERVIEW_ROUTES = (Route(id="overview.show", method="GET", path="", handler=show_overview),)
