"""Audit: what happened, who did it, and why it was refused."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import counterseal as cs
from counterseal.errors import InvalidField
from counterseal.models import AuditEvent
from counterseal.models.guid import parse
from counterseal_portal.answers import Answer, page
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit

AT_ONCE = 50
TERMS = ("subject", "performer", "event", "since", "until")


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
            until=_day(terms["until"], "until"),
            after=visit.query.get("after"),
            limit=AT_ONCE,
            by=visit.admin,
        )
    except InvalidField as refusal:
        problem = f"{refusal.field}: {refusal.problem}"
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
        events=events,
        next_address=next_address,
    )


def _day(text: str, field: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidField(field, "not a day like 2030-01-31") from None


AUDIT_ROUTES = (
    Route(id="audit.search", method="GET", path="/audit", handler=search, query=(*TERMS, "after")),
)
