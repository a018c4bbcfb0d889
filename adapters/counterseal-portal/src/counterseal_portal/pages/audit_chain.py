"""The audit log's chain: its signed head, when it was verified, and a verification in steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

import attrs

import counterseal as cs
from counterseal.audit.documents import head_kid, read_unverified_head
from counterseal.errors import WrongState
from counterseal.models import AuditEvent
from counterseal.models.guid import PARTITIONS
from counterseal.wire.members import parse_time
from counterseal_portal.answers import MOUNT, Answer, Step, page, redirect
from counterseal_portal.names import Label, label_of, names_of
from counterseal_portal.routes import COMPANY_ADMINS, Route
from counterseal_portal.visit import Visit

PATH = "/audit/chain"
VERIFIED = "audit.verify"
ENDED = ("", "tampered")
"""The reasons of the events that say that a verification ended."""


@attrs.frozen(kw_only=True)
class HeadState:
    """What the newest signed head says; it was not verified to show it."""

    at: datetime
    number: int | None
    key: str
    events: int
    archived: int


@attrs.frozen(kw_only=True)
class VerifiedState:
    """
    The end of the last verification that an administrator made.

    Attributes:
        begun_at: When it began; empty where an older release has recorded it.
        ended_at: When it ended.
        events: How many events it has verified.
        signs: How many signs of a change it has found.
        performer: Who made it.
    """

    begun_at: datetime | None
    ended_at: datetime
    events: str
    signs: str
    performer: Label


def show_chain(visit: Visit) -> Answer:
    """
    Show the state of the chain; with a ticket, verify some more of it first.

    A ticket of a verification that has ended, as of a page that is loaded again, shows the state.
    """
    verification: cs.AuditVerification | None = None
    ticket = visit.query.get("ticket", "")
    if ticket:
        try:
            verification = visit.service.audit_verifications.go_on(ticket, by=visit.admin)
        except WrongState:
            return redirect(PATH)
    following = verification.ticket if verification else None
    return page(
        "audit_chain.html",
        title="Chain of the audit log",
        trail=(Step("Audit log", "/audit"),),
        notice="",
        head=_head(visit),
        verified=_verified(visit),
        verification=verification,
        partitions=PARTITIONS,
        following=f"{MOUNT}{PATH}?{urlencode({'ticket': following})}" if following else "",
    )


def _head(visit: Visit) -> HeadState | None:
    token = visit.service.audit_log.signed_head(by=visit.admin)
    if token is None:
        return None
    try:
        heads = read_unverified_head(token)
    except cs.Refused:
        return None
    return HeadState(
        at=heads.at,
        number=heads.number,
        key=head_kid(token),
        events=sum(each.position for each in heads.heads.values()),
        archived=sum(each.base for each in heads.heads.values()),
    )


def _verified(visit: Visit) -> VerifiedState | None:
    search = visit.service.audit_log.search
    events = [
        chained.event
        for reason in ENDED
        for chained in search(event=VERIFIED, reason=reason, limit=1, by=visit.admin).events
        if chained.event is not None
    ]
    if not events:
        return None
    event = max(events, key=lambda event: event.at)
    return _verified_state(visit, event, dict(event.attributes))


def _verified_state(
    visit: Visit, event: AuditEvent, attributes: Mapping[str, str]
) -> VerifiedState:
    begun_at = attributes.get("begun")
    return VerifiedState(
        begun_at=None if begun_at is None else parse_time(begun_at),
        ended_at=event.at,
        events=attributes.get("events", ""),
        signs=attributes.get("signs", ""),
        performer=label_of(visit, event.actor, names_of(visit, (event.actor,))),
    )


def begin(visit: Visit) -> Answer:
    """Begin to verify the log; the page that follows goes on by itself."""
    return redirect(PATH, ticket=visit.service.audit_verifications.begin(by=visit.admin))


AUDIT_CHAIN_ROUTES = (
    Route(
        id="audit.chain",
        method="GET",
        path=PATH,
        handler=show_chain,
        query=("ticket",),
        roles=COMPANY_ADMINS,
        all_companies=True,
    ),
    Route(
        id="audit.verify",
        method="POST",
        path=PATH,
        handler=begin,
        roles=COMPANY_ADMINS,
        all_companies=True,
    ),
)
