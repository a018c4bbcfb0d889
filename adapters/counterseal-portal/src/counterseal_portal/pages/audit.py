"""Audit: what happened, who did it, and why it was refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import attrs

import counterseal as cs
from counterseal.errors import InvalidField
from counterseal.models import AuditEvent, Guid, RecordName
from counterseal.models.guid import parse
from counterseal_portal.answers import Answer, page
from counterseal_portal.event_labels import CHOICES, event_label, reason_label
from counterseal_portal.names import Label, label_of, names_of
from counterseal_portal.refusals import log_refusal
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit

AT_ONCE = 50
LABELS: Mapping[str, str] = {
    "actor": "Done by",
    "event": "What happened",
    "since": "From the day",
    "subject": "About",
    "until": "To the day",
}
"""The fields of the search, by what a refusal calls them."""
TERMS = ("subject", "performer", "event", "since", "until")


@attrs.frozen(kw_only=True)
class EventRow:
    """
    One event as people read it.

    Attributes:
        label: What happened.
        reason: Why it was refused, or how it ended; empty for none.
        performer: Who did it.
        performer_address: The page of all events that they did, after `MOUNT`.
        subject: What it is about; None if nothing.
        subject_address: The page of all events about it; empty if nothing.
        link_of: Whose one-time link was opened; None for every other event.
        browser: In which browser; empty if nothing is known.
    """

    event: AuditEvent
    label: str
    reason: str
    performer: Label
    performer_address: str
    subject: Label | None
    subject_address: str
    link_of: Label | None
    browser: str


def search(visit: Visit) -> Answer:
    """Show a page of events that fit what was entered, newest first."""
    terms = {name: visit.query.get(name, "").strip() for name in TERMS}
    problem, next_address = "", ""
    events: tuple[AuditEvent, ...] = ()
    try:
        found_events = cs.AuditLog(visit.service.ports, visit.service.policy).search(
            subject=parse(terms["subject"], field="subject") if terms["subject"] else None,
            performer=terms["performer"] or None,
            event=terms["event"] or None,
            since=_day(terms["since"], "since"),
            until=_next_day(terms["until"]),
            after=visit.query.get("after"),
            limit=AT_ONCE,
            by=visit.admin,
        )
    except InvalidField as refusal:
        log_refusal(refusal)
        problem = f"{LABELS.get(refusal.field, refusal.field)}: {refusal.problem}"
    else:
        events = tuple(
            chained.event for chained in found_events.events if chained.event is not None
        )
        if found_events.after is not None:
            query = {name: text for name, text in terms.items() if text}
            next_address = f"/audit?{urlencode(query | {'after': found_events.after})}"
    return page(
        "audit.html",
        title="Audit log",
        trail=(),
        notice="",
        terms=terms,
        problem=problem,
        rows=_rows(visit, events),
        choices=_choices(terms["event"]),
        is_filtered=any(terms.values()),
        next_address=next_address,
    )


def _day(text: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidField(field, "not a day like 2030-01-31") from None


def _next_day(text: str) -> datetime | None:
    day = _day(text, "until")
    try:
        return None if day is None else day + timedelta(days=1)
    except OverflowError:
        raise InvalidField("until", "not a day like 2030-01-31") from None


def _choices(event: str) -> tuple[tuple[str, str], ...]:
    """Return the events that the search offers; with *event*, which an address may name."""
    is_offered = not event or event in {value for value, _ in CHOICES}
    return CHOICES if is_offered else ((event, event), *CHOICES)


def _rows(visit: Visit, events: tuple[AuditEvent, ...]) -> tuple[EventRow, ...]:
    if not events:
        return ()
    guids = {event.actor for event in events} | {event.subject or "" for event in events}
    names = names_of(visit, guids | {_owner_of_link(event) for event in events})
    return tuple(_row(visit, event, names) for event in events)


def _owner_of_link(event: AuditEvent) -> str:
    """Return whose one-time link the event is about; empty if about none."""
    return dict(event.attributes).get("admin", "") if event.event == "session.redeem" else ""


def _row(visit: Visit, event: AuditEvent, names: Mapping[Guid, RecordName]) -> EventRow:
    subject, owner = event.subject, _owner_of_link(event)
    return EventRow(
        event=event,
        label=event_label(event.event),
        reason=reason_label(event.reason),
        performer=label_of(visit, event.actor, names),
        performer_address=f"/audit?{urlencode({'performer': event.actor})}",
        subject=None if subject is None else label_of(visit, subject, names),
        subject_address="" if subject is None else f"/audit?{urlencode({'subject': subject})}",
        link_of=label_of(visit, owner, names) if owner else None,
        browser=dict(event.attributes).get("browser", "") if owner else "",
    )


AUDIT_ROUTES = (
    Route(id="audit.search", method="GET", path="/audit", handler=search, query=(*TERMS, "after")),
)
