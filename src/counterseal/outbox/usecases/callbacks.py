"""
Callbacks: finished challenges and events are delivered to the origins that asked for it.

A finished challenge whose origin asked for this ending, and an event whose origin wants it, is
attempted until it is delivered, dropped or dead, always under the same `webhook-id`; a receiver
may get it twice. Only the callback of a realm's request is sent at most once. An account's later
event waits until the earlier one is delivered, dropped or dead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._capabilities import compose_callback
from counterseal._input_limits import LIST_LIMIT, limit_fits
from counterseal._plan import Decision, DecisionCoroutine, Records, Tools, records, return_record
from counterseal._transaction import UseCase
from counterseal.errors import SenderUnavailable
from counterseal.models import Record
from counterseal.models.guid import Guid
from counterseal.models.record import Gauge
from counterseal.outbox.decisions import callbacks
from counterseal.outbox.decisions.claims import claim_callback
from counterseal.outbox.decisions.outbox import NEW_CALLBACKS
from counterseal.outbox.records import Callback, DeadReason, DeliveryOutcome
from counterseal.outbox.rules.slots import (
    next_callbacks,
    origins_with_slots,
)
from counterseal.outbox.usecases.claims import (
    CANDIDATES_PER_SLOT,
    attempt_context,
    claim_attempt,
    loaded_record,
)
from counterseal.outbox.usecases.requeueing import (
    REQUEUE_PACE,
    DeadList,
    RequeuedCallbacks,
    counts_of_origins,
    oldest_of_origins,
    requeue_each,
)
from counterseal.ports import Due
from counterseal.tenancy.records import Administrator, Origin

R = TypeVar("R")
P = ParamSpec("P")

ROTATION_BYTES = 4
"""Random bytes that say with which origin a search begins that cannot read all."""

LONGEST_WAIT = timedelta(days=3)
"""No delay is longer than a day, and its jitter at most doubles it; a lease is of minutes."""


@attrs.frozen
class DueCallbacks:
    """
    Callbacks of which an attempt is due.

    Attributes:
        complete: Whether there were no others.
    """

    callbacks: tuple[Callback, ...]
    complete: bool = attrs.field(kw_only=True)


@attrs.frozen
class Callbacks(UseCase):
    """
    What workers and administrators do with callbacks.

    Each verb that takes *by*, who acts, can raise:

    - Foreign: the callback's origin is out of the administrator's reach;
    - RoleLacking: the administrator's role does not include this.
    """

    def due(self, limit: int = 100) -> tuple[Guid, ...]:
        """
        Return the callbacks of which an attempt is due now, at most *limit*.

        Raises:
            Unavailable: The store did not answer.
        """
        now = self.ports.clock.now()
        return tuple(record.guid for record in self.ports.store.due(Due.CALLBACK, now, limit))

    def find_due(self, under_way: Mapping[Guid, Guid], slots: int) -> DueCallbacks:
        """
        Return due callbacks from which `choose` fills the free slots.

        The first that are due are read. If there are more, they may all be of an origin that has
        its share of the slots, so some of each other origin are read, too: of at most *slots*
        origins, in one trip each.

        Args:
            under_way: The callbacks of which the caller's attempts run, with their origins.
            slots: How many of its attempts may run at once.

        Raises:
            Unavailable: The store did not answer.
        """
        store, now = self.ports.store, self.ports.clock.now()
        first = _callbacks(store.due(Due.CALLBACK, now, slots))
        if len(first) < slots:
            return DueCallbacks(first, complete=True)
        origins = origins_with_slots(
            tuple(counts_of_origins(store.gauges(None), Gauge.QUEUED_CALLBACKS)), under_way, slots
        )
        start = int.from_bytes(self.ports.entropy.token(ROTATION_BYTES)) % max(1, len(origins))
        origins = (*origins[start:], *origins[:start])[:slots]
        due_callbacks = {callback.guid: callback for callback in first}
        for origin in origins:
            limit = max(1, CANDIDATES_PER_SLOT * slots // len(origins))
            queue = _callbacks(store.due(Due.CALLBACK, now, limit, origin))
            due_callbacks |= {callback.guid: callback for callback in queue}
        return DueCallbacks(tuple(due_callbacks.values()), complete=False)

    def choose(
        self, due: Iterable[Callback], under_way: Mapping[Guid, Guid], slots: int
    ) -> tuple[Callback, ...]:
        """
        Return which of *due* to attempt next, so that no origin delays the others.

        Args:
            due: Callbacks that `find_due` returned.
            under_way: The callbacks of which the caller's attempts run, with their origins.
            slots: How many of its attempts may run at once.
        """
        return next_callbacks(due, under_way, slots)

    @staticmethod
    def slots_of_each(slots: int, *, origins: int) -> int:
        """Return how many of *slots* `choose` gives an origin at most, if *origins* want some."""
        return -(-slots // (origins + 1))

    def wait(self, timeout: timedelta) -> None:
        """
        Return when a callback became due by a commit, or after *timeout*, or for no reason.

        Raises:
            Unavailable: The port did not answer.
        """
        self.ports.wake.wait(NEW_CALLBACKS, timeout)

    def attempt(self, callback: Callback | Guid, *, claimed: bool = False) -> Callback:
        """
        Claim one callback, send it once, and record the outcome.

        A callback whose challenge has been forgotten or erased, or whose address is no longer
        allowed, is not sent: it is dead.

        Args:
            callback: As `find_due` returned it, which saves a trip; or its GUID.
            claimed: Whether it is a callback that `CallbackSlots.begin` got, and so is claimed.

        Returns:
            The callback; DROPPED where it arrived after it was dropped.

        Raises:
            NotFound: There is no such callback.
            WrongState: It is no longer queued, unless it was dropped and the attempt succeeded.
            DeadlineAhead: Its next attempt is not due, or another worker has claimed it.
            LeaseLost: The attempt took so long that another worker claimed it.
            SenderUnavailable: It could not be attempted; it is due again after the lease.
        """
        record = (
            callback
            if claimed and not isinstance(callback, str)
            else claim_attempt(self._transactions, "callback", callback, claim_callback)
        )
        context = attempt_context("callback", record)
        composed = self._transactions.transact(
            context,
            callbacks.read_to_compose(record),
            callbacks.compose,
            record,
            compose_callback,
        )
        outcome = self._send(composed)
        return self._transactions.transact(
            context,
            # That an attempt begins which is made once is stored in between.
            records(record.guid) if record.once else loaded_record(record),
            callbacks.record_attempt,
            record,
            outcome,
            composed if isinstance(composed, DeadReason) else None,
        )

    def get(self, callback: Guid, *, by: Administrator) -> Callback:
        """
        Return one callback; `cause` says why a dead one is dead.

        Raises:
            NotFound: There is no such callback.
        """
        return self._administer("callback.get", callback, by, return_record, Callback)

    def list_dead(
        self,
        origin: Guid,
        limit: int = 100,
        *,
        since: datetime | None = None,
        by: Administrator,
    ) -> tuple[Callback, ...]:
        """
        Return at most *limit* dead callbacks of one origin, oldest first.

        Each says why it is dead. Those that are left show once these are queued again or dropped.

        Args:
            origin: Whose.
            limit: The most that are returned.
            since: Only those created at or after it; those that are older are read too.
            by: Who asks.

        Raises:
            InvalidField: The limit is not one that can be asked for.
            NotFound: There is no such origin.
        """
        with refusals(self.ports, _context("callback.dead", origin, by)):
            limit_fits(limit)
        return self._administer("callback.dead", origin, by, callbacks.list_dead, limit, since)

    def list_all_dead(
        self,
        limit: int = 100,
        *,
        app_space: Guid | None = None,
        since: datetime | None = None,
        by: Administrator,
    ) -> tuple[Callback, ...]:
        """
        Return at most *limit* dead callbacks of all origins that *by* reaches, oldest first.

        The gauges say which origins have any; only those are read, one after the other: two trips
        to the store for each, and up to *limit* callbacks of each in memory.

        Args:
            limit: The most that are returned.
            app_space: Only those of its origins.
            since: Only those created at or after it; those that are older are read too.
            by: Who asks.

        Raises:
            InvalidField: The limit is not one that can be asked for.
            NotFound: There is no such App Space.
        """
        with refusals(self.ports, _context_of_all(app_space, by)):
            limit_fits(limit)
        dead = [
            callback
            for origin in self.origins_with_dead(app_space=app_space, by=by)
            for callback in self.list_dead(origin, limit, since=since, by=by)
        ]
        return tuple(sorted(dead, key=lambda callback: callback.created_at)[:limit])

    def find_dead(
        self, origin: Guid | None, *, cause: DeadReason | None = None, by: Administrator
    ) -> tuple[Callback, ...]:
        """
        Return the oldest dead callbacks of *origin*, or of all that *by* reaches.

        1000 are read in all, or one of each origin if there are more origins, and of these those
        are returned that are dead for *cause*. Others show once older ones are no longer dead.

        Raises:
            NotFound: There is no such origin.
        """
        counts = {origin: 0} if origin is not None else self._dead_counts(None, by)
        lists = {each: self._administer_list(each, by, callbacks.list_dead) for each in counts}
        return oldest_of_origins(counts, lists, cause)

    def origins_with_dead(
        self, *, app_space: Guid | None = None, by: Administrator
    ) -> tuple[Guid, ...]:
        """
        Return the origins that have dead callbacks, without a look at the callbacks.

        Args:
            app_space: Only its origins; None for all that *by* reaches.
            by: Who asks.

        Raises:
            NotFound: There is no such App Space.
        """
        return tuple(self._dead_counts(app_space, by))

    def _dead_counts(self, app_space: Guid | None, by: Administrator) -> Mapping[Guid, int]:
        context = _context_of_all(app_space, by)
        app_spaces = self._transactions.act(context, callbacks.decide_reach, by, app_space)
        return counts_of_origins(self.ports.store.gauges(app_spaces), Gauge.DEAD_CALLBACKS)

    def list_queued(
        self, origin: Guid, limit: int = 100, *, read_further: bool = True, by: Administrator
    ) -> tuple[Callback, ...]:
        """
        Return at most *limit* queued callbacks of one origin, in the order in which they are due.

        The store lists the callbacks of all origins together, so those of other origins that are
        due earlier are read, too. Callbacks beyond *limit* are returned once the first ones are
        sent or dropped.

        Args:
            read_further: Whether to read past the first 1000 callbacks of the service; otherwise
                later callbacks of the origin are left out.

        Raises:
            InvalidField: The limit is not one that can be asked for.
            NotFound: There is no such origin.
        """
        with refusals(self.ports, _context("callback.queued", origin, by)):
            limit_fits(limit)
        self._administer("callback.queued", origin, by, return_record, Origin)
        horizon = self.ports.clock.now() + LONGEST_WAIT
        looked_at = LIST_LIMIT
        while True:
            due = self.ports.store.due(Due.CALLBACK, horizon, looked_at)
            callbacks = [
                record for record in due if isinstance(record, Callback) and record.origin == origin
            ]
            if not read_further or len(callbacks) >= limit or len(due) < looked_at:
                return tuple(callbacks[:limit])
            looked_at *= 2

    def drop(self, callback: Guid, *, by: Administrator) -> Callback:
        """
        Drop a queued or dead callback for good: no attempt begins from now on.

        An attempt that is under way is not broken off. If it succeeds, the audit log says so.

        Raises:
            NotFound: There is no such callback.
            WrongState: It was delivered, or dropped before.
        """
        return self._administer("callback.drop", callback, by, callbacks.drop)

    def requeue(self, callback: Guid, *, by: Administrator) -> Callback:
        """
        Queue a dead callback again.

        Raises:
            NotFound: There is no such callback, or its challenge has been forgotten.
            WrongState: It is not dead; or it is sent at most once, and may have arrived.
        """
        return self._administer("callback.requeue", callback, by, callbacks.requeue)

    def requeue_all(
        self,
        origins: Iterable[Guid],
        *,
        since: datetime | None = None,
        cause: DeadReason | None = None,
        delay: timedelta = timedelta(0),
        limit: int = LIST_LIMIT,
        by: Administrator,
    ) -> RequeuedCallbacks:
        """
        Queue the dead callbacks of *origins* again, so that one is due each `REQUEUE_PACE`.

        Each is queued by a commit of its own, and is an event of its own; a call that fails midway
        has queued those before, which are not dead any more. So the next call goes on.
        Those that can never be queued delay no others: `REQUEUE_READ` of each origin are looked at.

        Args:
            origins: Whose; `origins_with_dead` says which have any.
            since: Only those created at or after it.
            cause: Only those that are dead for this reason.
            delay: When the first one is due: after those of an earlier call, say.
            limit: The most that are queued, 1 to 1000.
            by: Who asks.

        Raises:
            InvalidField: The limit is not one that can be asked for.
            NotFound: There is no such origin.
            Unavailable: A port failed; those before it stay queued.
        """
        with refusals(self.ports, AuditContext(event="callback.requeue", actor=by.actor)):
            limit_fits(limit)

        def requeue(callback: Callback, after: timedelta) -> Callback:
            return self._administer(
                "callback.requeue", callback.guid, by, callbacks.requeue, delay=delay + after
            )

        lists = (self._administer_list(each, by, callbacks.list_dead) for each in origins)
        return requeue_each(lists, requeue, limit, since=since, cause=cause)

    @staticmethod
    def requeue_time(count: int) -> timedelta:
        """Return when the last of *count* callbacks is due that are queued again at once."""
        return max(0, count - 1) * REQUEUE_PACE

    def _administer_list(
        self, origin: Guid, by: Administrator, decide: Callable[..., Any]
    ) -> DeadList:
        return lambda count: self._administer("callback.dead", origin, by, decide, count)

    def _administer(
        self,
        event: str,
        guid: Guid,
        by: Administrator,
        decide: Callable[Concatenate[Records, Tools, P], Decision[R] | DecisionCoroutine[R]],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> R:
        return self._transactions.transact(
            _context(event, guid, by),
            records(guid),
            callbacks.administer,
            by,
            decide,
            *arguments,
            **keywords,
        )

    def _send(self, composed: callbacks.Composed) -> DeliveryOutcome:
        if isinstance(composed, DeadReason):
            return callbacks.NOTHING_SENT
        try:
            outcome = self.ports.sender.send(composed)
        except SenderUnavailable:
            if not composed.once:
                raise
            # Stored at once: nothing else says that the attempt which began was never made.
            return callbacks.NOT_ATTEMPTED
        return callbacks.final_if_refused(composed, outcome)


def _callbacks(records: Iterable[Record]) -> tuple[Callback, ...]:
    return tuple(record for record in records if isinstance(record, Callback))


def _context_of_all(app_space: Guid | None, by: Administrator) -> AuditContext:
    return AuditContext(event="callback.dead", actor=by.actor, app_space=app_space)


def _context(event: str, guid: Guid, by: Administrator) -> AuditContext:
    return AuditContext(event=event, actor=by.actor, subject=guid)
