"""
Use cases of the outbox: callbacks are records, and a worker claims an attempt by a lease.

There is no queue beside the records.
A crash before the claim leaves the callback due; after it, due again when the lease is over;
so every finished challenge is delivered at least once, always under the same `webhook-id`.
An attempt counts when its outcome is recorded: our own outage uses none of them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from counterseal import ijson
from counterseal.authority import authorize, name_of
from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import CallbackForbidden, DeadlineAhead, WrongState
from counterseal.machines import CALLBACK, CallbackEvent, step
from counterseal.models import (
    Account,
    Administrator,
    AuditEvent,
    Callback,
    CallbackState,
    Cause,
    Challenge,
    Change,
    Delivery,
    DeliveryOutcome,
    Guid,
    Origin,
)
from counterseal.models.sealing import webhook_context
from counterseal.policy import Policy
from counterseal.ports import Due, Ports
from counterseal.rules.addresses import allow_list, callback_allowed
from counterseal.rules.authorization import Deed
from counterseal.rules.facts import Claiming, Delivering
from counterseal.rules.retries import DELIVERED, cause_of_death, next_attempt, next_callbacks
from counterseal.rules.sizes import LISTED, limit_fits
from counterseal.rules.standing import in_force
from counterseal.wire.messages import processed_document
from counterseal.wire.webhook import webhook_headers

ENTROPY_BYTES = 4
LUCK_SPAN = 256**ENTROPY_BYTES - 1

LOOKED_AT = 4
"""Callbacks for each place: others may have claimed some of them."""

LONGEST_WAIT = timedelta(days=3)
"""No delay is longer than a day, and its jitter at most doubles it; a lease is of minutes."""

NOTHING = DeliveryOutcome(status=None, final=True)
"""What became of an attempt that the core did not let happen."""


@attrs.frozen
class Callbacks:
    """Delivering finished challenges to the origins that asked for it."""

    ports: Ports
    policy: Policy

    def due(self, limit: int = 100) -> tuple[Guid, ...]:
        """
        Return the callbacks of which an attempt is due now, at most *limit*.

        Raises:
            Unavailable: The store did not answer.
        """
        now = self.ports.clock.now()
        return tuple(record.guid for record in self.ports.store.due(Due.CALLBACK, now, limit))

    def in_turn(self, under_way: Mapping[Guid, Guid], places: int) -> tuple[Callback, ...]:
        """
        Return the due callbacks to attempt next, so that no origin keeps the others waiting.

        What one origin holds beyond its turn is looked past, up to 1000 callbacks.

        Args:
            under_way: The callbacks of which the caller's attempts run, with their origins.
            places: How many of its attempts may run at once.

        Raises:
            Unavailable: The store did not answer.
        """
        now = self.ports.clock.now()
        chosen: tuple[Callback, ...] = ()
        for limit in (LOOKED_AT * places, LISTED):
            records = self.ports.store.due(Due.CALLBACK, now, limit)
            due = [record for record in records if isinstance(record, Callback)]
            chosen = next_callbacks(due, under_way, places)
            if len(under_way) + len(chosen) >= places or len(records) < limit:
                break
        return chosen

    def attempt(self, callback: Guid) -> Callback:
        """
        Claim one callback, send it once, and record what became of it.

        One whose challenge has been forgotten or erased, or whose address is no longer allowed,
        is not sent, and dead.

        Raises:
            NotFound: There is no such callback.
            WrongState: It is not queued.
            DeadlineAhead: Its next attempt is not due, or another worker has claimed it.
            LeaseLost: The attempt took so long that another worker claimed it.
            SenderUnavailable: It could not be attempted; it is due again after the lease.
            Unavailable: Another port failed.
        """
        act = Act(event="callback.claim", actor="worker", subject=callback)
        claimed = settle(self.ports, self.policy, act, lambda: self._claimed(callback))
        outcome, unsent = self._sent(claimed)
        act = Act(event="callback.attempt", actor="worker", subject=callback)
        return settle(
            self.ports, self.policy, act, lambda: self._recorded(claimed, outcome, unsent)
        )

    def get(self, callback: Guid, *, by: Administrator) -> Callback:
        """
        Return one callback; a dead one says why it is.

        Raises:
            NotFound: There is no such callback.
            Foreign: Its origin is out of the administrator's reach.
            RoleLacking: The administrator's role does not include this.
            Unavailable: A port failed.
        """
        act = Act(event="callback.get", actor=name_of(by), subject=callback)

        def decide() -> Decision[Callback]:
            held = read(self.ports.store, callback, Callback)
            authorize(self.ports, by, Deed.ORIGINS, held)
            return Decision(result=held)

        return settle(self.ports, self.policy, act, decide)

    def dead(self, origin: Guid, limit: int = 100, *, by: Administrator) -> tuple[Callback, ...]:
        """
        Return the dead callbacks of one origin, oldest first; each says why it is dead.

        Args:
            origin: Whose.
            limit: At most how many; those that are left show once these are queued again.
            by: Who wants it.

        Raises:
            InvalidField: The limit is not one that can be asked for.
            NotFound: There is no such origin.
            Foreign: It is out of the administrator's reach.
            RoleLacking: The administrator's role does not include this.
            Unavailable: A port failed.
        """
        act = Act(event="callback.dead", actor=name_of(by), subject=origin)

        def decide() -> Decision[tuple[Callback, ...]]:
            limit_fits(limit)
            held = read(self.ports.store, origin, Origin)
            authorize(self.ports, by, Deed.ORIGINS, held)
            return Decision(result=self.ports.store.dead(origin, limit))

        return settle(self.ports, self.policy, act, decide)

    def queued(self, origin: Guid, limit: int = 100, *, by: Administrator) -> tuple[Callback, ...]:
        """
        Return queued callbacks of one origin, the one that is due first before the others.

        Those of other origins are read too, as many as stand before them.

        Args:
            origin: Whose.
            limit: At most how many; those that are left show once these are sent or dropped.
            by: Who wants it.

        Raises:
            InvalidField: The limit is not one that can be asked for.
            NotFound: There is no such origin.
            Foreign: It is out of the administrator's reach.
            RoleLacking: The administrator's role does not include this.
            Unavailable: A port failed.
        """
        act = Act(event="callback.queued", actor=name_of(by), subject=origin)

        def decide() -> Decision[tuple[Callback, ...]]:
            limit_fits(limit)
            held = read(self.ports.store, origin, Origin)
            authorize(self.ports, by, Deed.ORIGINS, held)
            return Decision(result=self._queued(origin, limit))

        return settle(self.ports, self.policy, act, decide)

    def drop(self, callback: Guid, *, by: Administrator) -> Callback:
        """
        Take a queued callback out of the queue for good: it is not sent from now on.

        An attempt that is under way is not broken off, and what becomes of it is not recorded.

        Raises:
            NotFound: There is no such callback.
            Foreign: Its origin is out of the administrator's reach.
            RoleLacking: The administrator's role does not include this.
            WrongState: It is not queued.
            Unavailable: A port failed.
        """
        act = Act(event="callback.drop", actor=name_of(by), subject=callback)

        def decide() -> Decision[Callback]:
            held = read(self.ports.store, callback, Callback)
            authorize(self.ports, by, Deed.ORIGINS, held)
            state = step(CALLBACK, held.state, CallbackEvent.DROP, None)
            dropped = attrs.evolve(held, version=held.version + 1, state=state, lease_until=None)
            return _changed(held, dropped, act, self.ports.clock.now())

        return settle(self.ports, self.policy, act, decide)

    def requeue(self, callback: Guid, *, by: Administrator) -> Callback:
        """
        Queue a dead callback again.

        Raises:
            NotFound: There is no such callback, or what it tells has been forgotten.
            Foreign: Its origin is out of the administrator's reach.
            RoleLacking: The administrator's role does not include this.
            WrongState: It is not dead.
            Unavailable: A port failed.
        """
        act = Act(event="callback.requeue", actor=name_of(by), subject=callback)

        def decide() -> Decision[Callback]:
            now = self.ports.clock.now()
            held = read(self.ports.store, callback, Callback)
            authorize(self.ports, by, Deed.ORIGINS, held)
            state = step(CALLBACK, held.state, CallbackEvent.REQUEUE, None)
            queued = attrs.evolve(
                held,
                version=held.version + 1,
                state=state,
                attempts=0,
                next_at=now,
                lease_until=None,
                cause=None,
                keep_until=max(held.keep_until, now + self.policy.retention),
            )
            # What is delivered has to be there for as long.
            told = read(self.ports.store, held.challenge, Challenge)
            keep_until = max(told.keep_until, queued.keep_until)
            kept = attrs.evolve(told, version=told.version + 1, keep_until=keep_until)
            decision = _changed(held, queued, act, now)
            return attrs.evolve(decision, changes=(*decision.changes, Change(told, kept)))

        return settle(self.ports, self.policy, act, decide)

    def _queued(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        horizon = self.ports.clock.now() + LONGEST_WAIT
        looked_at = LISTED
        while True:
            records = self.ports.store.due(Due.CALLBACK, horizon, looked_at)
            own = [one for one in records if isinstance(one, Callback) and one.origin == origin]
            if len(own) >= limit or len(records) < looked_at:
                return tuple(own[:limit])
            looked_at *= 2

    def _claimed(self, guid: Guid) -> Decision[Callback]:
        now = self.ports.clock.now()
        held = read(self.ports.store, guid, Callback)
        facts = Claiming(now=now, record=held)
        try:
            state = step(CALLBACK, held.state, CallbackEvent.CLAIM, facts)
        except (WrongState, DeadlineAhead) as refusal:
            # Losing the claim race is expected; do not audit it.
            return Decision(result=held, refusal=refusal)
        claimed = attrs.evolve(
            held,
            version=held.version + 1,
            state=state,
            lease_until=now + self.policy.callback_lease,
        )
        return Decision(changes=(Change(held, claimed),), result=claimed)

    def _sent(self, callback: Callback) -> tuple[DeliveryOutcome, Cause | None]:
        challenge, origin, account = self.ports.store.get(
            callback.challenge, callback.origin, callback.account
        )
        if not isinstance(challenge, Challenge) or not isinstance(origin, Origin):
            return NOTHING, Cause.FORGOTTEN
        if not isinstance(account, Account) or account.erased_at is not None:
            return NOTHING, Cause.FORGOTTEN
        try:
            # At each delivery, since the allow-list may have changed.
            callback_allowed(callback.url, allow_list(origin, self.policy))
        except CallbackForbidden:
            return NOTHING, Cause.FORBIDDEN
        return self.ports.sender.send(self._delivery(callback, challenge, origin)), None

    def _delivery(self, callback: Callback, challenge: Challenge, origin: Origin) -> Delivery:
        now = self.ports.clock.now()
        body = ijson.compact(processed_document(challenge, now=now))
        secrets = [
            self.ports.sealer.open(key.sealed, webhook_context(origin.guid))
            for key in origin.webhook_keys
            if in_force(key.ends_at, now)
        ]
        return Delivery(
            url=callback.url,
            headers=webhook_headers(secrets, message=callback.guid, at=now, body=body),
            body=body,
            timeout=self.policy.callback_timeout,
        )

    def _recorded(
        self, claimed: Callback, outcome: DeliveryOutcome, unsent: Cause | None
    ) -> Decision[Callback]:
        now = self.ports.clock.now()
        held = read(self.ports.store, claimed.guid, Callback)
        assert claimed.lease_until is not None  # noqa: S101 (the claim; for the type checker)
        facts = Delivering(
            record=held,
            claimed=claimed.lease_until,
            outcome=outcome,
            unsent=unsent,
            policy=self.policy,
        )
        delivered = outcome.status in DELIVERED
        event = CallbackEvent.SUCCEED if delivered else CallbackEvent.FAIL
        state = step(CALLBACK, held.state, event, facts)
        cause = cause_of_death(facts) if state is CallbackState.DEAD else None
        luck = int.from_bytes(self.ports.entropy.token(ENTROPY_BYTES)) / LUCK_SPAN
        recorded = attrs.evolve(
            held,
            version=held.version + 1,
            state=state,
            attempts=held.attempts + 1,
            lease_until=None,
            last_status=outcome.status,
            cause=cause,
            next_at=next_attempt(held.attempts + 1, outcome, now, self.policy, luck),
        )
        act = Act(event=f"callback.{event.value}", actor="worker", subject=held.guid)
        return _changed(held, recorded, act, now, reason="" if cause is None else cause.value)


def _changed(
    old: Callback, new: Callback, act: Act, now: datetime, *, reason: str = ""
) -> Decision[Callback]:
    event = AuditEvent(at=now, event=act.event, actor=act.actor, subject=new.guid, reason=reason)
    return Decision(changes=(Change(old, new),), audit=(event,), result=new)
