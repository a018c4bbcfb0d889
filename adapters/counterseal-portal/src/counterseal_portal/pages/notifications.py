"""Notifications: of which questions and new devices no device was notified."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlencode

import attrs

from counterseal.models import AuditEvent, Guid, RecordName
from counterseal_portal.answers import Answer, page
from counterseal_portal.charts import days_until
from counterseal_portal.event_labels import reason_text
from counterseal_portal.names import Label, label_of, names_of
from counterseal_portal.pages.audit import read_trail, write_trail
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit

AT_ONCE = 50
DAYS = 14
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WHAT: Mapping[str, str] = {"challenge.push": "A question", "binding.push": "A new device"}
"""By the event: of what nobody was notified."""


@attrs.frozen(kw_only=True)
class NotificationRow:
    """
    The end of one notification that no device got.

    Attributes:
        what: What it would have said.
        reason: Why nobody was notified.
        subject: The question, or the new device.
    """

    at: datetime
    what: str
    reason: str
    subject: Label | None


def list_undelivered(visit: Visit) -> Answer:
    """Show a page of them, newest first, and how many there were in the last days."""
    after, trail = visit.query.get("after") or None, read_trail(visit.query.get("before", ""))
    log = visit.service.audit_log
    today = visit.service.ports.clock.now().date()
    since = datetime.combine(days_until(today, DAYS)[0], time(), UTC)
    counts = log.counts(since, datetime.combine(today, time(), UTC) + DAY, by=visit.admin)
    counts = {key: count for key, count in counts.items() if log.is_undelivered(key)}
    # Nothing newer than the last hour that has any, or than the days that were counted, is read.
    until = max((key.hour + HOUR for key in counts), default=since)
    found_events = log.undelivered(until=until, after=after, limit=AT_ONCE, by=visit.admin)
    events = tuple(each.event for each in found_events.events if each.event is not None)
    names = names_of(visit, {each.subject or "" for each in events}) if events else {}
    return page(
        "notifications.html",
        title="Undelivered notifications",
        trail=(),
        notice="",
        rows=tuple(_row(visit, each, names) for each in events),
        count=sum(counts.values()),
        days=DAYS,
        earlier_address=_address(found_events.after, (*trail, after) if after else trail),
        later_address=_address(trail[-1] if trail else "", trail[:-1]) if after else "",
        later_label="Later ones" if trail else "Newest ones",
    )


def _address(after: str | None, trail: tuple[str, ...]) -> str:
    if after is None:
        return ""
    query = urlencode(write_trail(after, trail))
    return f"/notifications?{query}" if query else "/notifications"


def _row(visit: Visit, event: AuditEvent, names: Mapping[Guid, RecordName]) -> NotificationRow:
    subject = event.subject
    return NotificationRow(
        at=event.at,
        what=WHAT[event.event],
        reason=reason_text(event.reason),
        subject=None if subject is None else label_of(visit, subject, names),
    )


NOTIFICATION_ROUTES = (
    Route(
        id="notification.list",
        method="GET",
        path="/notifications",
        handler=list_undelivered,
        query=("after", "before"),
    ),
)
