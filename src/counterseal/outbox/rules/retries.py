"""Rules of retries: who may attempt a callback or a notification, and when to try it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from counterseal.errors import DeadlineAhead, LeaseLost, WrongState
from counterseal.models import (
    UNFINISHED,
    Account,
    Binding,
    BindingState,
    Callback,
    Challenge,
    DeadReason,
    DeliveryOutcome,
    Guid,
    Notification,
    Occasion,
    PushOutcome,
    PushResult,
    Record,
    SkipReason,
)
from counterseal.policy import Policy

GONE = 410
"""Standard Webhooks 1.0: the receiver wants no more."""

DELIVERED = range(200, 300)

SERVER_ERRORS = range(500, 600)
"""Perhaps of a gateway, which does not know whether the request arrived behind it."""

LONGEST_DELAY_ONCE = timedelta(seconds=30)
"""Between attempts of which nothing was sent: what is sent at most once is due within minutes."""

JITTER_BYTES = 4
"""Random bytes for `jitter_from`."""


@attrs.define(kw_only=True)
class ClaimFacts:
    """Facts of a worker's claim to the next attempt of a record of the outbox, as stored."""

    now: datetime
    record: Callback | Notification


class AttemptFacts(Protocol):
    """Facts of the outcome of an attempt that a worker claimed."""

    @property
    def record(self) -> Callback | Notification:
        """The record as stored; its attempts are those before this one."""

    @property
    def claimed(self) -> datetime:
        """The end of the lease under which the attempt was made."""


@attrs.define(kw_only=True)
class DeliveryFacts:
    """
    Facts of the outcome of an attempt to deliver a callback: see `AttemptFacts`.

    `unsent` says why nothing was sent, if the core itself did not allow it.
    """

    record: Callback
    claimed: datetime
    outcome: DeliveryOutcome
    unsent: DeadReason | None = None
    policy: Policy


@attrs.define(kw_only=True)
class NotificationFacts:
    """
    Facts of the outcome of an attempt to notify devices, or of why there was none.

    See `AttemptFacts`.

    Attributes:
        remaining: The devices to notify again.
        delivered: Whether a device was notified, now or before.
        skip_reason: Why there was no attempt; None if there was one.
    """

    record: Notification
    claimed: datetime
    remaining: tuple[Guid, ...] = ()
    delivered: bool
    skip_reason: SkipReason | None = None


def attempt_due(facts: ClaimFacts) -> None:
    """Refuse a claim before the next attempt is due, or while another worker's claim lasts."""
    due_at = facts.record.due_at
    if due_at is None or facts.now < due_at:
        raise DeadlineAhead


def lease_current(facts: AttemptFacts) -> None:
    """Refuse the outcome of an attempt whose claim another worker has taken over."""
    if facts.record.lease_until != facts.claimed:
        raise LeaseLost


def delivered(facts: DeliveryFacts) -> None:
    """Refuse to call an answer a success unless it is a 2xx; a redirect is not."""
    if facts.outcome.status not in DELIVERED:
        raise WrongState("not delivered")


def undelivered(facts: DeliveryFacts) -> None:
    """Refuse to call a 2xx a failure."""
    if facts.outcome.status in DELIVERED:
        raise WrongState("delivered")


def gives_up(facts: DeliveryFacts) -> bool:
    """Tell whether there will be no attempt after this one, which is not counted yet."""
    return dead_reason(facts) is not None


def dead_reason(facts: DeliveryFacts) -> DeadReason | None:
    """Return why there will be no attempt after this one, which failed; None if there will be."""
    if facts.unsent is not None:
        return facts.unsent
    if facts.record.once:
        return _once_reason(facts.outcome)
    if facts.outcome.status == GONE:
        return DeadReason.GONE
    if facts.outcome.final:
        return DeadReason.FINAL
    if facts.record.attempts >= len(facts.policy.callback_delays):
        return DeadReason.EXHAUSTED
    return None


def _once_reason(outcome: DeliveryOutcome) -> DeadReason | None:
    """Return why an attempt to send at most once is the last one; None if nothing was sent."""
    if outcome.may_have_arrived:
        lost = outcome.status is None or outcome.status in SERVER_ERRORS
        return DeadReason.UNKNOWN if lost else DeadReason.FINAL
    return DeadReason.FINAL if outcome.final else None


def next_attempt(
    attempts: int, outcome: DeliveryOutcome, now: datetime, policy: Policy, jitter: float
) -> datetime:
    """
    Return when to try again after *attempts*, the one that just failed included.

    A `retry_after` of *outcome* is honoured up to the longest delay. *jitter*, from 0 to 1, is how
    much of the policy's jitter to add.
    """
    delays = policy.callback_delays or (timedelta(0),)
    delay = delays[min(attempts, len(delays)) - 1]
    requested = min(outcome.retry_after or timedelta(0), max(delays))
    return now + max(delay * (1 + policy.callback_jitter * jitter), requested)


def jitter_from(random_bytes: bytes) -> float:
    """Return a share, from 0 to 1, of the longest jitter that the policy allows."""
    return int.from_bytes(random_bytes) / ((1 << 8 * len(random_bytes)) - 1)


def nobody_to_notify(facts: NotificationFacts) -> None:
    """Refuse to drop a notification that a device could be sent."""
    if facts.skip_reason is None:
        raise WrongState("a device could be notified")


def devices_remain(facts: NotificationFacts) -> bool:
    """Tell whether there will be another attempt."""
    return bool(facts.remaining)


def device_notified(facts: NotificationFacts) -> bool:
    """Tell whether a device was notified, now or before."""
    return facts.delivered


def find_skip_reason(
    notification: Notification, subject: Record | None, account: Record | None, now: datetime
) -> SkipReason | None:
    """Return why no device is to be notified now; None if one is."""
    if subject is None or not isinstance(account, Account) or account.erased_at is not None:
        return SkipReason.FORGOTTEN
    if notification.occasion.asks and (
        not isinstance(subject, Challenge) or subject.state not in UNFINISHED
    ):
        return SkipReason.ENDED
    if notification.occasion is Occasion.DEVICE_UNCONFIRMED and (
        not isinstance(subject, Binding) or subject.state is not BindingState.UNCONFIRMED
    ):
        return SkipReason.ENDED
    if now >= notification.ends_at:
        return SkipReason.LATE
    return None


@attrs.define(kw_only=True)
class NotificationProgress:
    """
    How far a notification has come after an attempt.

    Attributes:
        remaining: The devices to notify again.
        next_at: When to notify them; unchanged if none remains.
        delivered: Whether a device was notified, now or before.
        skip_reason: Why no device was notified, if none was and none remains.
    """

    remaining: tuple[Guid, ...]
    next_at: datetime
    delivered: bool
    skip_reason: SkipReason | None


def progress_after(
    notification: Notification,
    outcomes: Mapping[Guid, tuple[PushOutcome, ...]],
    now: datetime,
    policy: Policy,
    jitter: float,
) -> NotificationProgress:
    """
    Return the notification's progress after an attempt, which `attempts` does not include yet.

    A device is notified once a push service took the message for one of its addresses.
    It is tried again if none did and one may later, unless the push service asks to wait for
    longer than there is time.

    Args:
        outcomes: Of each device that was tried, one for each of its addresses.
        now: After the attempt.
        jitter: From 0 to 1; how much of the policy's jitter to add.
    """
    delays = policy.push_delays or (timedelta(0),)
    delay = delays[min(notification.attempts, len(delays) - 1)]
    delay *= 1 + policy.callback_jitter * jitter
    notified, late = notification.delivered, False
    waits: dict[Guid, timedelta] = {}
    for device, device_outcomes in outcomes.items():
        results = {outcome.result for outcome in device_outcomes}
        if PushResult.DELIVERED in results:
            notified = True
        elif PushResult.LATER in results:
            wait = max(delay, _requested_wait(device_outcomes))
            if now + wait < notification.ends_at:
                waits[device] = wait
            else:
                late = True
    skip_reason = None
    if not waits and not notified:
        skip_reason = SkipReason.LATE if late else SkipReason.UNDELIVERED
    return NotificationProgress(
        remaining=tuple(waits),
        next_at=now + max(waits.values()) if waits else notification.next_at,
        delivered=notified,
        skip_reason=skip_reason,
    )


def _requested_wait(outcomes: tuple[PushOutcome, ...]) -> timedelta:
    """Return how long a device is to be left alone: until its first address may be tried."""
    return min(
        outcome.after or timedelta(0) for outcome in outcomes if outcome.result is PushResult.LATER
    )
