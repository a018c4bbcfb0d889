"""Ringing: a worker claims a notification, rings once, and records what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from counterseal._decisions.notifications import QUEUED
from counterseal.authority import authorize, name_of
from counterseal.bindings.burying import buried
from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import DeadlineAhead, WrongState
from counterseal.machines import NOTIFICATION, NotificationEvent, step
from counterseal.models import (
    Administrator,
    Binding,
    BindingState,
    Change,
    Guid,
    Notification,
    NotificationState,
    PushMessage,
    SkipReason,
)
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.notifications.bells import audience, test_message
from counterseal.notifications.rung import Rung, gone, push_event, rung, told
from counterseal.policy import Policy
from counterseal.ports import Due, Ports
from counterseal.rules.authorization import Deed
from counterseal.rules.facts import Claiming, Notifying
from counterseal.rules.retries import kinds_with_slots, next_notifications, progress_after
from counterseal.rules.sizes import LISTED

LOOKED_AT = 4
"""Notifications for each place: others may have claimed some of them."""

JITTER_BYTES = 4
JITTER_SPAN = 256**JITTER_BYTES - 1


@attrs.frozen
class Notifications:
    """Ringing the bells of users' devices."""

    ports: Ports
    policy: Policy

    def due(self, limit: int = 100) -> tuple[Notification, ...]:
        """
        Return the notifications of which an attempt is due now, at most *limit*.

        Raises:
            Unavailable: The store did not answer.
        """
        found = self.ports.store.due(Due.NOTIFICATION, self.ports.clock.now(), limit)
        return tuple(record for record in found if isinstance(record, Notification))

    def in_turn(
        self, under_way: Mapping[Guid, Notification], places: int, *, looking_past: bool = True
    ) -> tuple[Notification, ...]:
        """
        Return the due notifications to attempt next, so that nobody keeps the others waiting.

        Each kind of address has places of its own, and accounts take turns in them.
        What has no turn is looked past, up to 1000 notifications of each kind that has a place
        left and all of the others, which takes longer.

        Args:
            under_way: Those of which the caller's attempts run.
            places: How many of its attempts may run at once, of each kind.
            looking_past: Whether to; else only those that have been due for longest are seen.

        Raises:
            Unavailable: The store did not answer.
        """
        kinds = self.ports.notifier.kinds()
        limit = LOOKED_AT * places * max(1, len(kinds))
        due = self.due(limit)
        chosen = next_notifications(due, under_way, places)
        if len(due) < limit or not looking_past:
            return chosen
        free = kinds_with_slots(kinds, (*under_way.values(), *chosen), places)
        if not free:
            return chosen
        # Each by a look of its own: any of them may have any number due.
        now = self.ports.clock.now()
        seen = {one.guid: one for one in due}
        for kind in free:
            found = self.ports.store.due(Due.NOTIFICATION, now, LISTED, kind)
            seen |= {one.guid: one for one in found if isinstance(one, Notification)}
        return next_notifications(seen.values(), under_way, places)

    def wait(self, timeout: timedelta) -> None:
        """
        Return when something new is to be rung, or after *timeout*, or for no reason.

        Raises:
            Unavailable: The port did not answer.
        """
        self.ports.wake.wait(QUEUED, timeout)

    def attempt(self, notification: Guid) -> Notification:
        """
        Claim one notification, ring once at each of its devices, and record what came of it.

        Nobody is rung once the challenge has ended, or its deadline has come.
        An address that is gone is taken off its device, which stays bound.

        Raises:
            NotFound: There is no such notification.
            WrongState: It is not queued.
            DeadlineAhead: Its next attempt is not due, or another worker has claimed it.
            LeaseLost: The attempt took so long that another worker claimed it.
            Unavailable: A port failed; it is due again after the lease.
        """
        act = Act(event="notification.claim", actor="worker", subject=notification)
        claimed = settle(self.ports, self.policy, act, lambda: self._claimed(notification))
        found = audience(self.ports.store, self.policy, claimed, self.ports.clock.now())
        outcomes: dict[Guid, Rung] = {}
        if found.message is not None:
            outcomes = rung(self.ports.notifier, found.addresses, found.message)
        act = Act(event="notification.attempt", actor="worker", subject=notification)
        return settle(
            self.ports,
            self.policy,
            act,
            lambda: self._recorded(claimed, outcomes, found.skip_reason),
        )

    def get(self, notification: Guid, *, by: Administrator) -> Notification:
        """
        Return one notification; one that is over says why nobody was rung.

        Raises:
            NotFound: There is no such notification.
            Foreign: It is out of the administrator's reach.
            RoleLacking: The administrator's role does not include this.
            Unavailable: A port failed.
        """
        act = Act(event="notification.get", actor=name_of(by), subject=notification)

        def decide() -> Decision[Notification]:
            held = read(self.ports.store, notification, Notification)
            authorize(self.ports, by, Deed.USERS, held)
            return Decision(result=held)

        return settle(self.ports, self.policy, act, decide)

    def test(self, device: Guid, *, by: Administrator) -> Rung:
        """
        Ring once at every address of one device, and return what came of each.

        An address that is gone is taken off it, as at any other attempt.

        Raises:
            NotFound: There is no such device.
            Foreign: It is out of the administrator's reach.
            RoleLacking: The administrator's role does not include this.
            WrongState: It is not active.
            Unavailable: A port failed, other than the notifier.
        """
        act = Act(event="binding.push", actor=name_of(by), subject=device)

        def decide() -> Decision[tuple[Binding, PushMessage]]:
            held = read(self.ports.store, device, Binding)
            authorize(self.ports, by, Deed.USERS, held)
            if held.state is not BindingState.ACTIVE:
                raise WrongState(held.state.value)
            (space,) = self.ports.store.get(held.app_space)
            guid = mint(partition_of(device), self.ports.entropy.token(ENTROPY_BYTES))
            return Decision(result=(held, test_message(self.policy, held, space, guid)))

        binding, message = settle(self.ports, self.policy, act, decide)
        outcomes = rung(self.ports.notifier, {device: binding.addresses}, message)

        def record() -> Decision[Rung]:
            now = self.ports.clock.now()
            changes, audit = buried(self.ports.store, binding.account, gone(outcomes), now)
            if not changes:
                # What is recorded is recorded in a commit.
                held = read(self.ports.store, device, Binding)
                changes = (Change(held, held),)
            events = told(message.occasion, device, outcomes, now, act.actor)
            return Decision(changes=changes, audit=(*events, *audit), result=outcomes[device])

        return settle(self.ports, self.policy, act, record)

    def _claimed(self, guid: Guid) -> Decision[Notification]:
        now = self.ports.clock.now()
        held = read(self.ports.store, guid, Notification)
        facts = Claiming(now=now, record=held)
        try:
            state = step(NOTIFICATION, held.state, NotificationEvent.CLAIM, facts)
        except (WrongState, DeadlineAhead) as refusal:
            # Losing the claim race is expected; do not audit it.
            return Decision(result=held, refusal=refusal)
        claimed = attrs.evolve(
            held,
            version=held.version + 1,
            state=state,
            lease_until=now + self.policy.push_lease,
        )
        return Decision(changes=(Change(held, claimed),), result=claimed)

    def _recorded(
        self, claimed: Notification, outcomes: Mapping[Guid, Rung], skip_reason: SkipReason | None
    ) -> Decision[Notification]:
        now = self.ports.clock.now()
        held = read(self.ports.store, claimed.guid, Notification)
        assert claimed.lease_until is not None  # noqa: S101 (the claim; for the type checker)
        luck = int.from_bytes(self.ports.entropy.token(JITTER_BYTES)) / JITTER_SPAN
        results = {device: tuple(one for _, one in each) for device, each in outcomes.items()}
        planned = progress_after(held, results, now, self.policy, luck)
        facts = Notifying(
            record=held,
            claimed=claimed.lease_until,
            remaining=planned.remaining,
            delivered=planned.delivered,
            skip_reason=skip_reason,
        )
        event = NotificationEvent.PUSH if skip_reason is None else NotificationEvent.DROP
        state = step(NOTIFICATION, held.state, event, facts)
        recorded = attrs.evolve(
            held,
            version=held.version + 1,
            state=state,
            devices=planned.remaining,
            delivered=planned.delivered,
            attempts=held.attempts + (skip_reason is None),
            next_at=planned.next_at,
            lease_until=None,
        )
        audit = told(held.occasion, held.subject, outcomes, now, "notifier")
        if state is NotificationState.OVER:
            why = skip_reason or planned.skip_reason
            assert why is not None  # noqa: S101 (nobody heard; for the type checker)
            recorded = attrs.evolve(recorded, skip_reason=why)
            audit = (
                *audit,
                push_event(held.occasion, held.subject, now, actor="notifier", reason=why.value),
            )
        changes, burials = buried(self.ports.store, held.account, gone(outcomes), now)
        return Decision(
            changes=(Change(held, recorded), *changes), audit=(*audit, *burials), result=recorded
        )
