"""Audit: what happened, who did it, and why it was refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import attrs

from counterseal.errors import InvalidField
from counterseal.models import AdminRole, AuditEvent, Guid, RecordName
from counterseal.models.guid import parse
from counterseal_portal.answers import Answer, page
from counterseal_portal.audit_export import FORMS, ExportStream
from counterseal_portal.event_labels import (
    CHOICES,
    NO_REASON,
    REASON_CHOICES,
    REFUSALS,
    event_label,
    reason_label,
)
from counterseal_portal.names import Label, label_of, names_of
from counterseal_portal.refusals import busy_page, log_refusal
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit

AT_ONCE = 50
LONGEST_TRAIL = 20
"""Pages before that an address carries; further back, "Newest events" leads to the first."""
LONGEST_COUNTS = timedelta(days=31)
"""Of `AuditLog.counts`."""
LABELS: Mapping[str, str] = {
    "actor": "Done by",
    "event": "What happened",
    "reason": "How it ended",
    "since": "From the day",
    "subject": "About",
    "until": "To the day",
}
"""The fields of the search, by what a refusal calls them."""
TERMS = ("subject", "performer", "event", "reason", "since", "until")

_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,40}")


@attrs.frozen(kw_only=True)
class EventRow:
    """
    One event as people read it.

    Attributes:
        label: What happened.
        reason: Why it was refused, or how it ended; empty for none.
        is_refused: Whether it was refused.
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
    is_refused: bool
    performer: Label
    performer_address: str
    subject: Label | None
    subject_address: str
    link_of: Label | None
    browser: str


def search(visit: Visit) -> Answer:
    """Show a page of events that fit what was entered, newest first."""
    terms = {name: visit.query.get(name, "").strip() for name in TERMS}
    after, trail = visit.query.get("after"), read_trail(visit.query.get("before", ""))
    problem, earlier_address, count = "", "", None
    events: tuple[AuditEvent, ...] = ()
    log = visit.service.audit_log
    try:
        found_events = log.search(**read_terms(terms), after=after, limit=AT_ONCE, by=visit.admin)
        count = _count(visit, terms)
    except InvalidField as refusal:
        log_refusal(refusal)
        problem = f"{LABELS.get(refusal.field, refusal.field)}: {refusal.problem}"
    else:
        events = tuple(
            chained.event for chained in found_events.events if chained.event is not None
        )
        earlier_trail = trail if after is None else (*trail, after)
        earlier_address = _address(terms, found_events.after, earlier_trail)
    later_address = _address(terms, trail[-1] if trail else "", trail[:-1])
    return page(
        "audit.html",
        title="Audit log",
        trail=(),
        notice="",
        terms=terms,
        problem=problem,
        rows=_rows(visit, events),
        choices=_choices(CHOICES, terms["event"], event_label),
        reasons=_choices(REASON_CHOICES, terms["reason"], reason_label),
        is_filtered=any(terms.values()),
        count=count,
        earlier_address=earlier_address,
        later_address="" if after is None else later_address,
        later_label="Later events" if trail else "Newest events",
        shows_chain=visit.admin.role is AdminRole.COMPANY and visit.admin.company is None,
    )


def export(visit: Visit) -> Answer:
    """
    Send all events that fit what was entered, as a file that comes in pieces.

    It is a form, and no link: no other page can make the log say that somebody took events away.

    Raises:
        InvalidField: What was entered does not fit.
    """
    body = {name: texts[0].strip() for name, texts in visit.body.items() if len(texts) == 1}
    terms = {name: body.get(name, "") for name in TERMS}
    form = FORMS.get(body.get("format", ""))
    if form is None:
        raise InvalidField("format", f"none of {', '.join(FORMS)}")
    slot = visit.exports.take(visit.admin.guid)
    if slot is None:
        return busy_page()
    try:
        pages = visit.service.audit_log.export(
            **read_terms(terms), form=form.suffix, by=visit.admin
        )
    except BaseException:
        visit.exports.free(slot)
        raise
    name = f"audit-log-{visit.service.ports.clock.now():%Y%m%dT%H%M%SZ}.{form.suffix}"
    return Answer(
        headers=(
            ("Content-Type", form.media_type),
            ("Content-Disposition", f'attachment; filename="{name}"'),
        ),
        stream=ExportStream(form, pages, visit.service.call, visit.exports, slot),
    )


def read_terms(terms: Mapping[str, str]) -> dict[str, Any]:
    """
    Return what was entered, by the arguments of `AuditLog.search`.

    Raises:
        InvalidField: It is not a GUID, or not a day.
    """
    reason = terms["reason"] or None
    return {
        "subject": parse(terms["subject"], field="subject") if terms["subject"] else None,
        "performer": terms["performer"] or None,
        "event": terms["event"] or None,
        "reason": "" if reason == NO_REASON else reason,
        "since": _day(terms["since"], "since"),
        "until": _next_day(terms["until"]),
    }


def read_trail(text: str) -> tuple[str, ...]:
    """Return where the pages before begin, as an address has it; nothing of what does not fit."""
    cursors = text.split(".")
    return tuple(cursors[-LONGEST_TRAIL:]) if all(map(_CURSOR.fullmatch, cursors)) else ()


def _address(terms: Mapping[str, str], after: str | None, trail: tuple[str, ...]) -> str:
    """Return the page of events that begins *after* a place; empty for None."""
    if after is None:
        return ""
    query = {name: text for name, text in terms.items() if text} | write_trail(after, trail)
    return f"/audit?{urlencode(query)}" if query else "/audit"


def write_trail(after: str, trail: tuple[str, ...]) -> dict[str, str]:
    """Return what an address says of the place where a page begins, and the pages before it."""
    query = {"after": after} if after else {}
    return query | ({"before": ".".join(trail[-LONGEST_TRAIL:])} if trail else {})


def _count(visit: Visit, terms: Mapping[str, str]) -> int | None:
    """
    Return how many events fit, where the log has counted just these; None elsewhere.

    That is so of events of one name or noun, with one reason or any, in whole days; devices'
    reports are not counted.
    """
    event, since, until = (terms[name] for name in ("event", "since", "until"))
    is_counted = event and since and until and not event.startswith("telemetry.")
    if not is_counted or terms["subject"] or terms["performer"]:
        return None
    query = read_terms(terms)
    if not timedelta(0) < query["until"] - query["since"] <= LONGEST_COUNTS:
        return None
    counts = visit.service.audit_log.counts(query["since"], query["until"], by=visit.admin)
    return sum(
        count
        for key, count in counts.items()
        if event in (key.event, f"{key.event.partition('.')[0]}.")
        and query["reason"] in (None, key.reason)
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


def _choices(
    choices: tuple[tuple[str, str], ...], term: str, label: Callable[[str], str]
) -> tuple[tuple[str, str], ...]:
    """Return *choices* of the search; with *term*, which an address may name."""
    is_offered = not term or term in {value for value, _ in choices}
    return choices if is_offered else ((term, label(term)), *choices)


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
        is_refused=event.reason in REFUSALS,
        performer=label_of(visit, event.actor, names),
        performer_address=f"/audit?{urlencode({'performer': event.actor})}",
        subject=None if subject is None else label_of(visit, subject, names),
        subject_address="" if subject is None else f"/audit?{urlencode({'subject': subject})}",
        link_of=label_of(visit, owner, names) if owner else None,
        browser=dict(event.attributes).get("browser", "") if owner else "",
    )


AUDIT_ROUTES = (
    Route(
        id="audit.search",
        method="GET",
        path="/audit",
        handler=search,
        query=(*TERMS, "after", "before"),
    ),
    Route(
        id="audit.export",
        method="POST",
        path="/audit/export",
        handler=export,
        fields=(*TERMS, "format"),
    ),
)
