"""Rules of retries, of callbacks and notifications: who may attempt one, and when to try again."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import attrs

from counterseal.errors import DeadlineAhead, LeaseLost, WrongState
from counterseal.models import (
    UNFINISHED,
    Account,
    AddressKind,
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
"""Perhaps of a gateway, which does not know what became of the request behind it."""

LONGEST_DELAY_ONCE = timedelta(seconds=30)
"""Between attempts of which nothing was sent: what is sent at most once is due within minutes."""


@attrs.define(kw_only=True)
class ClaimFacts:
    """Facts of a worker's claim to the next attempt of a record of the outbox, as stored."""

    now: datetime
    record: Callback | Notification


class Claimed(Protocol):
    """Facts of what came of an attempt that a worker claimed."""

    @property
    def record(self) -> Callback | Notification:
        """The record as stored; its attempts are those before this one."""

    @property
    def claimed(self) -> datetime:
        """The end of the lease under which the attempt was made."""


@attrs.define(kw_only=True)
class DeliveryFacts:
    """
    Facts of what came of an attempt to deliver a callback: see `Claimed`.

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
    Facts of what came of an attempt to notify devices, or of why there was none: see `Claimed`.

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


def lease_current(facts: Claimed) -> None:
    """Refuse the outcome of an attempt whose claim another worker has taken over."""
    if facts.record.lease_until != facts.claimed:
        raise LeaseLost


def delivered(facts: DeliveryFacts) -> None:
    """Refuse to call anything but a 2xx a success; a redirect is none."""
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
    """Return why an attempt, of what is sent at most once, is the last; None if nothing left."""
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
class Progress:
    """
    What a notification has come to after an attempt.

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
) -> Progress:
    """
    Return what the notification has come to after an attempt, which it does not count yet.

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
    return Progress(
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


def next_callbacks(
    due: Iterable[Callback], under_way: Mapping[Guid, Guid], slots: int
) -> tuple[Callback, ...]:
    """
    Return which of *due* get free slots, as `fair_turns`; origins take turns.

    An origin gets at most its share of the slots, so that a receiver that hangs leaves slots to
    every other origin: half of them if it is the only one, a third if there are two.

    Args:
        due: The longest due first.
        under_way: The callbacks of which an attempt runs, with their origins.
        slots: How many attempts may run at once.
    """
    waiting = tuple(due)
    origins = {*under_way.values(), *(callback.origin for callback in waiting)}
    share = slot_share(slots, len(origins))
    return fair_turns(waiting, under_way, slots, lambda callback: callback.origin, most=share)


def origins_with_slots(
    origins: Iterable[Guid], under_way: Mapping[Guid, Guid], slots: int
) -> tuple[Guid, ...]:
    """Return which of *origins* have fewer slots than their share, if all of them want some."""
    waiting = tuple(origins)
    counts = Counter(under_way.values())
    share = slot_share(slots, len({*waiting, *counts}))
    return tuple(origin for origin in waiting if counts[origin] < share)


def slot_share(slots: int, owners: int) -> int:
    """Return how many of the slots one of *owners* may have: as if there were one more owner."""
    return max(1, -(-slots // (owners + 1)))


def next_notifications(
    due: Iterable[Notification], under_way: Mapping[Guid, Notification], slots: int
) -> tuple[Notification, ...]:
    """
    Return which of *due* get free slots, as `fair_turns`; each kind of address has slots.

    Within a kind accounts take turns, since who writes an address may let it stall.
    *under_way* are those of which an attempt runs.
    """
    by_kind: dict[AddressKind, list[Notification]] = defaultdict(list)
    for notification in due:
        by_kind[notification.kind].append(notification)
    return tuple(
        chosen
        for kind, waiting in by_kind.items()
        for chosen in fair_turns(
            waiting,
            {guid: one.account for guid, one in under_way.items() if one.kind is kind},
            slots,
            lambda notification: notification.account,
        )
    )


def kinds_with_slots(
    kinds: AbstractSet[AddressKind], running: Iterable[Notification], slots: int
) -> frozenset[AddressKind]:
    """Return which of *kinds* have fewer than *slots* notifications in *running*."""
    counts = Counter(one.kind for one in running)
    return frozenset(kind for kind in kinds if counts[kind] < slots)


R = TypeVar("R", Callback, Notification)


def fair_turns(
    due: Iterable[R],
    under_way: Mapping[Guid, Guid],
    slots: int,
    owner: Callable[[R], Guid],
    *,
    most: int | None = None,
) -> tuple[R, ...]:
    """
    Return which of the due records get the free slots, so that no owner delays the others.

    A slot goes to the owner with the fewest, and there to what has been due for longest.
    The last slot is reserved for owners without one, so a stalled owner cannot take every slot.

    Args:
        due: The longest due first.
        under_way: The records of which an attempt runs, with their owners.
        slots: How many attempts may run at once.
        most: How many slots one owner may have; None for no limit but that.
    """
    counts = Counter(under_way.values())
    queues: dict[Guid, deque[tuple[int, R]]] = defaultdict(deque)
    for position, record in enumerate(due):
        if record.guid not in under_way:
            queues[owner(record)].append((position, record))
    waiting = [(counts[name], queue[0][0], name) for name, queue in queues.items()]
    heapq.heapify(waiting)
    chosen: list[R] = []
    free = slots - len(under_way)
    while free > 0 and waiting:
        count, _, name = heapq.heappop(waiting)
        if (free == 1 and count) or (most is not None and count >= most):
            break
        chosen.append(queues[name].popleft()[1])
        free -= 1
        if queues[name]:
            heapq.heappush(waiting, (count + 1, queues[name][0][0], name))
    return tuple(chosen)
