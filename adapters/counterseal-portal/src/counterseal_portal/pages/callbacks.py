"""Callbacks: what waits to be delivered to an origin, and what could not be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from urllib.parse import urlencode

import attrs

from counterseal.errors import InvalidField, NotFound
from counterseal.models import Callback, DeadReason, Gauge, Guid, Origin
from counterseal.models.guid import parse
from counterseal_portal.answers import Answer, Step, page, redirect
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.labels import CALLBACKS, DEAD_CAUSES, DEAD_REASONS
from counterseal_portal.names import Label, label_of, names_of
from counterseal_portal.pages.origins import ORIGIN, callback_counts, origin_of
from counterseal_portal.reach import origin_step, origin_trail
from counterseal_portal.routes import ADMINS, Route
from counterseal_portal.visit import DONE, Visit, notice_of

CALLBACK = "/callbacks/{callback}"
AT_ONCE = 50
"""Callbacks of each state on one page."""
DEAD_AT_MOST = 1_000
"""Dead callbacks that the pages read in all; the use cases queue no more at once."""
ALL = "all"
"""In an address: of any origin, or for any reason."""


@attrs.frozen(kw_only=True)
class CallbackRow:
    """
    One callback in a list.

    Attributes:
        cause: Why it is dead, in few words, and what the receiver replied; empty for one that is
            queued.
        attempts: How many there were, and what the receiver replied last.
        origin: Whose it is.
        subject: What it is about.
    """

    callback: Callback
    cause: str
    attempts: str
    origin: Label
    subject: Label


@attrs.frozen
class DeadPage:
    """
    Some dead callbacks, oldest first.

    Attributes:
        before: The last one before those of the page before; None where that is the first page.
        after: The last of them; None where there are no more.
        is_first: Whether none stands before them.
        is_cut: Whether they end where the list is cut.
    """

    callbacks: tuple[Callback, ...]
    before: Guid | None
    after: Guid | None
    is_first: bool
    is_cut: bool


@attrs.frozen(kw_only=True)
class DeadFilter:
    """
    Which dead callbacks are meant.

    Attributes:
        origin: Only of this origin; None for all that the person reaches.
        cause: Only those that are dead for this reason; None for any.
    """

    origin: Origin | None = None
    cause: DeadReason | None = None

    @property
    def terms(self) -> dict[str, str]:
        """Return what an address says of it."""
        terms: dict[str, str] = {} if self.origin is None else {"origin": self.origin.guid}
        return terms if self.cause is None else terms | {"cause": self.cause.value}

    @property
    def path(self) -> str:
        """Return the page that asks whether they are queued again."""
        origin = ALL if self.origin is None else self.origin.guid
        cause = ALL if self.cause is None else self.cause.value
        return f"/dead-callbacks/{origin}/{cause}/requeue"

    def load(self, visit: Visit) -> tuple[Callback, ...]:
        """Return the first of them; raises as `Callbacks.find_dead`."""
        origin = None if self.origin is None else self.origin.guid
        return visit.service.callbacks.find_dead(origin, cause=self.cause, by=visit.admin)

    def count_of_any_cause(self, visit: Visit) -> int:
        """Return how many there are for any reason, as commits count them."""
        if self.origin is not None:
            return callback_counts(visit, self.origin)[1]
        return visit.service.gauges.totals(by=visit.admin).get(Gauge.DEAD_CALLBACKS, 0)

    def is_cut(self, visit: Visit) -> bool:
        """Tell whether `load` leaves some out."""
        return self.count_of_any_cause(visit) > DEAD_AT_MOST


def list_dead(visit: Visit) -> Answer:
    """Show the dead callbacks of all origins that the person reaches, or those of a filter."""
    origin = parse(visit.query["origin"], field="origin") if visit.query.get("origin") else None
    dead_filter = DeadFilter(
        origin=None if origin is None else visit.tenancy.get(origin, Origin),
        cause=_cause(visit.query.get("cause", "")),
    )
    dead_page = _dead_page(visit, dead_filter)
    with_dead = visit.service.callbacks.origins_with_dead(by=visit.admin)
    origins = sorted({*with_dead, *(() if origin is None else (origin,))})
    names = names_of(visit, origins)
    return page(
        "dead_callbacks.html",
        title="Dead callbacks",
        trail=(),
        notice=notice_of(visit),
        rows=_rows(visit, dead_page.callbacks),
        count=None if dead_filter.cause else dead_filter.count_of_any_cause(visit),
        dead_page=dead_page,
        dead_at_most=DEAD_AT_MOST,
        terms=dead_filter.terms,
        requeue_path=dead_filter.path,
        origins=tuple((each, label_of(visit, each, names).name) for each in origins),
        causes=tuple((each.value, DEAD_CAUSES[each]) for each in DeadReason),
        addresses=_pages("/callbacks", dead_filter.terms, dead_page),
    )


def list_callbacks(visit: Visit) -> Answer:
    """Show an origin's queued and dead callbacks; what is read has a bound."""
    origin = origin_of(visit)
    queued_callbacks = visit.service.callbacks.list_queued(
        origin.guid, AT_ONCE + 1, read_further=False, by=visit.admin
    )
    dead_filter = DeadFilter(origin=origin)
    dead_page = _dead_page(visit, dead_filter)
    queued_count, dead_count = callback_counts(visit, origin)
    path = f"/origins/{origin.guid}/callbacks"
    return page(
        "callbacks.html",
        title="Callbacks",
        trail=(*origin_trail(visit, origin), origin_step(origin)),
        notice=notice_of(visit),
        queued=_rows(visit, queued_callbacks[:AT_ONCE]),
        queued_count=queued_count,
        queued_is_cut=len(queued_callbacks) > AT_ONCE or len(queued_callbacks) < queued_count,
        dead=_rows(visit, dead_page.callbacks),
        dead_count=dead_count,
        dead_at_most=DEAD_AT_MOST,
        dead_page=dead_page,
        requeue_path=dead_filter.path,
        addresses=_pages(path, {}, dead_page),
    )


def _cause(text: str) -> DeadReason | None:
    try:
        return DeadReason(text) if text else None
    except ValueError:
        raise InvalidField("cause", "not why a callback is dead") from None


def _address(path: str, terms: Mapping[str, str], after: Guid | None) -> str:
    query = urlencode(terms if after is None else {**terms, "after": after})
    return f"{path}?{query}" if query else path


def _pages(path: str, terms: Mapping[str, str], dead_page: DeadPage) -> dict[str, str]:
    """Return the addresses of the pages beside *dead_page*; empty where there is none."""
    older = "" if dead_page.is_first else _address(path, terms, dead_page.before)
    newer = "" if dead_page.after is None else _address(path, terms, dead_page.after)
    return {"older": older, "newer": newer}


def _dead_page(visit: Visit, dead_filter: DeadFilter) -> DeadPage:
    """
    Return the dead callbacks after the one that the address names, or the first of all.

    They begin anew where that one is not dead any more.
    """
    term = visit.query.get("after")
    guid = None if term is None else parse(term, field="after")
    callbacks = dead_filter.load(visit)
    guids = [each.guid for each in callbacks]
    begin = guids.index(guid) + 1 if guid in guids else 0
    end = begin + AT_ONCE
    return DeadPage(
        callbacks[begin:end],
        before=guids[begin - AT_ONCE - 1] if begin > AT_ONCE else None,
        after=guids[end - 1] if end < len(guids) else None,
        is_first=begin == 0,
        is_cut=end >= len(guids) and dead_filter.is_cut(visit),
    )


def _rows(visit: Visit, callbacks: tuple[Callback, ...]) -> tuple[CallbackRow, ...]:
    if not callbacks:
        return ()
    names = names_of(visit, {guid for each in callbacks for guid in (each.origin, each.subject)})
    return tuple(
        CallbackRow(
            callback=each,
            cause=_cause_text(each),
            attempts=_attempts(each),
            origin=attrs.evolve(label_of(visit, each.origin, names), before=""),
            subject=attrs.evolve(label_of(visit, each.subject, names), before=""),
        )
        for each in callbacks
    )


def _cause_text(callback: Callback) -> str:
    if callback.cause is None:
        return ""
    is_said = callback.last_status is None or callback.cause is not DeadReason.EXHAUSTED
    return DEAD_CAUSES[callback.cause] + ("" if is_said else f" ({callback.last_status})")


def _attempts(callback: Callback) -> str:
    last = "" if callback.last_status is None else f", last {callback.last_status}"
    return f"{callback.attempts}{last}"


def _subject(visit: Visit) -> Subject:
    callback = visit.service.callbacks.get(visit.guid("callback"), by=visit.admin)
    origin = visit.tenancy.get(callback.origin, Origin)
    path = f"/origins/{origin.guid}/callbacks"
    cause = () if callback.cause is None else (("Why it is dead", DEAD_REASONS[callback.cause]),)
    return Subject(
        name=callback.url,
        details=(
            ("State", CALLBACKS[callback.state]),
            ("Attempts", _attempts(callback)),
            *cause,
            ("Question" if callback.event is None else "Event", callback.subject),
        ),
        back=path,
        trail=(*origin_trail(visit, origin), origin_step(origin), Step("Callbacks", path)),
    )


def _all_dead(visit: Visit) -> Subject:
    dead_filter = _filter_of_path(visit)
    or_more = ""
    if dead_filter.cause is None:
        count = dead_filter.count_of_any_cause(visit)
    else:
        count = len(dead_filter.load(visit))
        or_more = ", or more" if dead_filter.is_cut(visit) else ""
    number = "1 dead callback" if count == 1 else f"{count:,} dead callbacks"
    origin = dead_filter.origin
    path = "/callbacks" if origin is None else f"/origins/{origin.guid}/callbacks"
    delay = visit.service.callbacks.requeue_time(min(count, DEAD_AT_MOST))
    minutes, seconds = divmod(math.ceil(delay.total_seconds()), 60)
    return Subject(
        name=number + or_more,
        details=(
            ("Of", "All origins that you administer" if origin is None else origin.name),
            ("Why they are dead", "Any reason" if not dead_filter.cause else _cause_of(visit)),
            ("The last one leaves after", f"{minutes} min {seconds} s"),
        ),
        back=_address("/callbacks", dead_filter.terms, None) if dead_filter.cause else path,
        trail=(Step("Dead callbacks", "/callbacks"),),
    )


def _filter_of_path(visit: Visit) -> DeadFilter:
    cause = visit.names["cause"]
    try:
        reason = None if cause == ALL else DeadReason(cause)
    except ValueError:
        raise NotFound from None
    origin = None if visit.names["origin"] == ALL else origin_of(visit)
    return DeadFilter(origin=origin, cause=reason)


def _cause_of(visit: Visit) -> str:
    return DEAD_REASONS[DeadReason(visit.names["cause"])]


def _requeue_all(visit: Visit) -> Answer:
    dead_filter, callbacks = _filter_of_path(visit), visit.service.callbacks
    origins: tuple[Guid, ...]
    if dead_filter.origin is None:
        origins = callbacks.origins_with_dead(by=visit.admin)
    else:
        origins = (dead_filter.origin.guid,)
    requeued_callbacks = callbacks.requeue_all(origins, cause=dead_filter.cause, by=visit.admin)
    done = "callbacks-requeued"
    if not requeued_callbacks.complete:
        done = "callbacks-further" if requeued_callbacks.queued_count else "callbacks-unread"
    elif requeued_callbacks.remaining_count:
        done = "callbacks-remaining"
    return redirect("/callbacks", **dead_filter.terms, done=done)


COMMANDS = (
    Command(
        id="callback.requeue_all",
        path="/dead-callbacks/{origin}/{cause}/requeue",
        title="Queue these callbacks again?",
        consequences=(
            "They are sent again, with the same ids, as often as the policy says.",
            "They leave one after the other, ten a second: a receiver may have just come back.",
            "The first one leaves now: beside another confirmation, that is ten a second more.",
            f"At most {DEAD_AT_MOST:,} are queued at once; what is more stays in the list.",
            "Those stay dead that are about something deleted, or that may have arrived.",
            "An origin may get one a second time; it recognises it by the id.",
        ),
        button="Queue them again",
        load_subject=_all_dead,
        perform=_requeue_all,
        done="callbacks-requeued",
        roles=ADMINS,
    ),
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
        id="callback.list_dead",
        method="GET",
        path="/callbacks",
        handler=list_dead,
        query=("origin", "cause", "after", DONE),
        roles=ADMINS,
    ),
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
