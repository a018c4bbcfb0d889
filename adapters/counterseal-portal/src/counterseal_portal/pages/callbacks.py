"""Callbacks: what waits to be delivered to an origin, and what could not be."""

from __future__ import annotations

import attrs

from counterseal.models import Callback, Origin
from counterseal_portal.answers import Answer, Step, page
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.labels import CALLBACKS, DEAD_REASONS
from counterseal_portal.notices import DONE, notice_of
from counterseal_portal.pages.origins import ORIGIN, origin_of
from counterseal_portal.reach import origin_step, origin_trail
from counterseal_portal.routes import ADMINS, Route
from counterseal_portal.visit import Visit

CALLBACK = "/callbacks/{callback}"
AT_ONCE = 50
"""Callbacks of each state on one page; the use cases give the rest once these are gone."""


@attrs.frozen
class CallbackRow:
    """One callback in a list."""

    callback: Callback
    facts: tuple[tuple[str, str], ...]


def list_callbacks(visit: Visit) -> Answer:
    """Show an origin's queued and dead callbacks."""
    origin = origin_of(visit)
    callbacks = visit.service.callbacks
    queued_callbacks = callbacks.list_queued(origin.guid, AT_ONCE, by=visit.admin)
    dead_callbacks = callbacks.list_dead(origin.guid, AT_ONCE, by=visit.admin)
    return page(
        "callbacks.html",
        title="Callbacks",
        trail=(*origin_trail(visit, origin), origin_step(origin)),
        notice=notice_of(visit),
        queued=tuple(map(_row, queued_callbacks)),
        dead=tuple(map(_row, dead_callbacks)),
        at_once=AT_ONCE,
    )


def _row(callback: Callback) -> CallbackRow:
    facts = [("Attempts", str(callback.attempts))]
    if callback.last_status is not None:
        facts.append(("Last status", str(callback.last_status)))
    if callback.cause is not None:
        facts.append(("Why it is dead", DEAD_REASONS[callback.cause]))
    facts.append(("Question" if callback.event is None else "Event", callback.subject))
    return CallbackRow(callback, tuple(facts))


def _subject(visit: Visit) -> Subject:
    callback = visit.service.callbacks.get(visit.guid("callback"), by=visit.admin)
    origin = visit.tenancy.get(callback.origin, Origin)
    path = f"/origins/{origin.guid}/callbacks"
    return Subject(
        name=callback.url,
        details=(("State", CALLBACKS[callback.state]), *_row(callback).facts),
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
        query=(DONE,),
        roles=ADMINS,
    ),
    *(route for command in COMMANDS for route in command_routes(command)),
)
