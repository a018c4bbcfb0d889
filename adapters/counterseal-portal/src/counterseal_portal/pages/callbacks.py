"""Callbacks: what waits to be delivered to an origin, and what could not be."""

from __future__ import annotations

import attrs

from counterseal.models import Callback, Guid, Origin
from counterseal.models.guid import parse
from counterseal_portal.answers import Answer, Step, page
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.labels import CALLBACKS, DEAD_REASONS
from counterseal_portal.pages.origins import ORIGIN, callback_counts, origin_of
from counterseal_portal.reach import origin_step, origin_trail
from counterseal_portal.routes import ADMINS, Route
from counterseal_portal.visit import DONE, Visit, notice_of

CALLBACK = "/callbacks/{callback}"
AT_ONCE = 50
"""Callbacks of each state on one page."""
DEAD_AT_MOST = 1_000
"""Dead callbacks that the pages go through; the use case lists no more."""


@attrs.frozen
class CallbackRow:
    """One callback in a list."""

    callback: Callback
    facts: tuple[tuple[str, str], ...]
    subject_label: str


@attrs.frozen
class DeadPage:
    """
    Some dead callbacks of an origin, oldest first.

    Attributes:
        after: The last of them; None where there are no more.
        is_first: Whether none stands before them.
    """

    callbacks: tuple[Callback, ...]
    after: Guid | None
    is_first: bool


def list_callbacks(visit: Visit) -> Answer:
    """Show an origin's queued and dead callbacks; what is read has a bound."""
    origin = origin_of(visit)
    queued_callbacks = visit.service.callbacks.list_queued(
        origin.guid, AT_ONCE + 1, read_further=False, by=visit.admin
    )
    dead_page = _dead_page(visit, origin)
    queued_count, dead_count = callback_counts(visit, origin)
    path = f"/origins/{origin.guid}/callbacks"
    return page(
        "callbacks.html",
        title="Callbacks",
        trail=(*origin_trail(visit, origin), origin_step(origin)),
        notice=notice_of(visit),
        queued=tuple(map(_row, queued_callbacks[:AT_ONCE])),
        queued_count=queued_count,
        queued_is_cut=len(queued_callbacks) > AT_ONCE or len(queued_callbacks) < queued_count,
        dead=tuple(map(_row, dead_page.callbacks)),
        dead_count=dead_count,
        dead_is_first=dead_page.is_first,
        dead_at_most=DEAD_AT_MOST,
        dead_is_cut=dead_page.after is None and dead_count > DEAD_AT_MOST,
        first_address=path,
        next_address=f"{path}?after={dead_page.after}" if dead_page.after else "",
    )


def _dead_page(visit: Visit, origin: Origin) -> DeadPage:
    """
    Return the dead callbacks after the one that the address names, or the first of all.

    They begin anew where that one is not dead any more.
    """
    list_dead, term = visit.service.callbacks.list_dead, visit.query.get("after")
    guid = None if term is None else parse(term, field="after")
    limit = AT_ONCE + 1 if guid is None else DEAD_AT_MOST
    callbacks = list_dead(origin.guid, limit, by=visit.admin)
    guids = [each.guid for each in callbacks]
    begin = guids.index(guid) + 1 if guid in guids else 0
    end = begin + AT_ONCE
    after = guids[end - 1] if end < len(guids) else None
    return DeadPage(callbacks[begin:end], after, is_first=begin == 0)


def _row(callback: Callback) -> CallbackRow:
    facts = [("Attempts", str(callback.attempts))]
    if callback.last_status is not None:
        facts.append(("Last status", str(callback.last_status)))
    if callback.cause is not None:
        facts.append(("Why it is dead", DEAD_REASONS[callback.cause]))
    subject_label = "Question" if callback.event is None else "Event"
    return CallbackRow(callback, tuple(facts), subject_label)


def _subject(visit: Visit) -> Subject:
    callback = visit.service.callbacks.get(visit.guid("callback"), by=visit.admin)
    origin = visit.tenancy.get(callback.origin, Origin)
    path, row = f"/origins/{origin.guid}/callbacks", _row(callback)
    return Subject(
        name=callback.url,
        details=(
            ("State", CALLBACKS[callback.state]),
            *row.facts,
            (row.subject_label, callback.subject),
        ),
        back=path,
        trail=(*origin_trail(visit, origin), origin_step(origin), Step("Callbacks", path)),
    )


COMMANDS = (
    Command(
        id="callback.requeue",
        path=f"{CALLBACK}/requeue",
        title="Queue this callback again?",
        consequences=(
            "It is sent again, with the same id, as often as the policy says.",
            "The origin may get it a second time; it recognises it by the id.",
        ),
        button="Queue it again",
        load_subject=_subject,
        perform=lambda visit: visit.service.callbacks.requeue(
            visit.guid("callback"), by=visit.admin
        ),
        done="callback-requeued",
        roles=ADMINS,
    ),
    Command(
        id="callback.drop",
        path=f"{CALLBACK}/drop",
        title="Drop this callback?",
        consequences=(
            "This cannot be undone: no attempt begins from now on.",
            "The origin does not learn the outcome by itself; it can still read it.",
        ),
        button="Drop the callback",
        load_subject=_subject,
        perform=lambda visit: visit.service.callbacks.drop(visit.guid("callback"), by=visit.admin),
        done="callback-dropped",
        danger=True,
        roles=ADMINS,
    ),
)

CALLBACK_ROUTES = (
    Route(
        id="callback.list",
        method="GET",
        path=f"{ORIGIN}/callbacks",
        handler=list_callbacks,
        query=("after", DONE),
        roles=ADMINS,
    ),
    *(route for command in COMMANDS for route in command_routes(command)),
)
