"""Rules of delivery: whose outcome counts, when to try again, and when to give up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from counterseal.errors import LeaseLost, WrongState
from counterseal.models import (
    UNFINISHED,
    Account,
    AddressKind,
    Callback,
    Cause,
    Challenge,
    DeliveryOutcome,
    Guid,
    News,
    Notification,
    PushOutcome,
    PushResult,
    Record,
    Silence,
)
from counterseal.policy import Policy
from counterseal.rules.facts import Delivering, Ringing

GONE = 410
"""Standard Webhooks 1.0: the receiver wants no more."""

DELIVERED = range(200, 300)


def lease_held(facts: Delivering) -> None:
    """Refuse the outcome of an attempt whose claim another worker has taken over."""
    if facts.callback.lease_until != facts.claimed:
        raise LeaseLost


def delivered(facts: Delivering) -> None:
    """Refuse to call anything but a 2xx a success; a redirect is none."""
    if facts.outcome.status not in DELIVERED:
        raise WrongState("not delivered")


def undelivered(facts: Delivering) -> None:
    """Refuse to call a 2xx a failure."""
    if facts.outcome.status in DELIVERED:
        raise WrongState("delivered")


def gives_up(facts: Delivering) -> bool:
    """Tell whether there will be no attempt after this one, which is not counted yet."""
    return cause_of_death(facts) is not None


def cause_of_death(facts: Delivering) -> Cause | None:
    """Return why there will be no attempt after this one, which failed; None if there will be."""
    if facts.unsent is not None:
        return facts.unsent
    if facts.outcome.status == GONE:
        return Cause.GONE
    if facts.outcome.final:
        return Cause.FINAL
    if facts.callback.attempts >= len(facts.policy.callback_delays):
        return Cause.EXHAUSTED
    return None


def next_attempt(
    attempts: int, outcome: DeliveryOutcome, now: datetime, policy: Policy, luck: float
) -> datetime:
    """
    Return when to try again.

    Args:
        attempts: Attempts so far, the one that just failed included.
        outcome: Its `retry_after` is honoured up to the longest delay.
        luck: From 0 to 1; how much of the jitter to add.
    """
    delays = policy.callback_delays or (timedelta(0),)
    delay = delays[min(attempts, len(delays)) - 1]
    asked = min(outcome.retry_after or timedelta(0), max(delays))
    return now + max(delay * (1 + policy.callback_jitter * luck), asked)


def in_turn(
    due: Iterable[Callback], under_way: Mapping[Guid, Guid], places: int
) -> tuple[Callback, ...]:
    """
    Return which callbacks get the free places, so that no origin keeps the others waiting.

    A place goes to the origin that holds fewest, and there to what has been due for longest.
    The last one goes only to an origin that holds none: whoever hangs, hangs beside it.

    Args:
        due: The longest due first.
        under_way: The callbacks of which an attempt runs, with their origins.
        places: How many attempts may run at once.
    """
    return turns(due, under_way, places, lambda callback: callback.origin)


@attrs.frozen(kw_only=True)
class Plan:
    """
    What an attempt leaves to be done.

    Attributes:
        left: The devices to ring again.
        next_at: When; what it was where nobody is left.
        heard: Whether one was rung.
        silence: Why nobody was, if nobody is left either.
    """

    left: tuple[Guid, ...]
    next_at: datetime
    heard: bool
    silence: Silence | None


def claim_held(facts: Ringing) -> None:
    """Refuse the outcome of an attempt whose claim another worker has taken over."""
    if facts.notification.lease_until != facts.claimed:
        raise LeaseLost


def pointless(facts: Ringing) -> None:
    """Refuse to drop what could have been rung."""
    if facts.silence is None:
        raise WrongState("somebody could be rung")


def rings_again(facts: Ringing) -> bool:
    """Tell whether there will be another attempt."""
    return bool(facts.left)


def heard(facts: Ringing) -> bool:
    """Tell whether a device was rung."""
    return facts.heard


def silence_of(
    notification: Notification, subject: Record | None, account: Record | None, now: datetime
) -> Silence | None:
    """Return why nobody is to be rung now; None if somebody is."""
    if subject is None or not isinstance(account, Account) or account.erased_at is not None:
        return Silence.FORGOTTEN
    if notification.news is News.CHALLENGE and (
        not isinstance(subject, Challenge) or subject.state not in UNFINISHED
    ):
        return Silence.ENDED
    if now >= notification.ends_at:
        return Silence.LATE
    return None


def plan(
    notification: Notification,
    outcomes: Mapping[Guid, tuple[PushOutcome, ...]],
    now: datetime,
    policy: Policy,
    luck: float,
) -> Plan:
    """
    Return what is left to be done after an attempt.

    A device is rung once one of its addresses is.
    It is rung again if none is and one may be later, unless the push service asks to be left
    alone for longer than there is time.

    Args:
        notification: Its attempts are those before this one.
        outcomes: Of each device that was rung at, one for each of its addresses.
        now: After the attempt.
        luck: From 0 to 1; how much of the jitter to add.
    """
    delays = policy.push_delays or (timedelta(0),)
    delay = delays[min(notification.attempts, len(delays) - 1)]
    delay *= 1 + policy.callback_jitter * luck
    rung, late = notification.heard, False
    waits: dict[Guid, timedelta] = {}
    for device, each in outcomes.items():
        results = {outcome.result for outcome in each}
        if PushResult.DELIVERED in results:
            rung = True
        elif PushResult.LATER in results:
            wait = max(delay, _asked(each))
            if now + wait < notification.ends_at:
                waits[device] = wait
            else:
                late = True
    silence = None
    if not waits and not rung:
        silence = Silence.LATE if late else Silence.UNHEARD
    return Plan(
        left=tuple(waits),
        next_at=now + max(waits.values()) if waits else notification.next_at,
        heard=rung,
        silence=silence,
    )


def _asked(outcomes: tuple[PushOutcome, ...]) -> timedelta:
    """Return how long to leave a device alone: until the first of its addresses may be tried."""
    return min(
        outcome.after or timedelta(0) for outcome in outcomes if outcome.result is PushResult.LATER
    )


def next_rung(
    due: Iterable[Notification], under_way: Mapping[Guid, Notification], places: int
) -> tuple[Notification, ...]:
    """
    Return which notifications are rung next: each kind has places of its own.

    Within a kind they take turns by account, since who writes an address may let it hang.

    Args:
        due: The longest due first.
        under_way: Those of which an attempt runs.
        places: How many attempts may run at once, of each kind.
    """
    by_kind: dict[AddressKind, list[Notification]] = defaultdict(list)
    for notification in due:
        by_kind[notification.kind].append(notification)
    return tuple(
        chosen
        for kind, waiting in by_kind.items()
        for chosen in turns(
            waiting,
            {guid: one.account for guid, one in under_way.items() if one.kind is kind},
            places,
            lambda notification: notification.account,
        )
    )


def with_places(
    kinds: AbstractSet[AddressKind], taken: Iterable[Notification], places: int
) -> frozenset[AddressKind]:
    """
    Return which of *kinds* have a place left.

    Args:
        kinds: That are rung at all.
        taken: Those of which an attempt runs, or is about to.
        places: How many attempts may run at once, of each kind.
    """
    held = Counter(one.kind for one in taken)
    return frozenset(kind for kind in kinds if held[kind] < places)


R = TypeVar("R", Callback, Notification)


def turns(
    due: Iterable[R], under_way: Mapping[Guid, Guid], places: int, owner: Callable[[R], Guid]
) -> tuple[R, ...]:
    """
    Return which of what is due gets the free places.

    A place goes to the owner that holds fewest, and there to what has been due for longest.
    The last one goes only to an owner that holds none: whoever hangs, hangs beside it.

    Args:
        due: The longest due first.
        under_way: Of what an attempt runs, with its owners.
        places: How many attempts may run at once.
        owner: Who holds the place of a record.
    """
    held = Counter(under_way.values())
    waiting = [record for record in due if record.guid not in under_way]
    chosen: list[R] = []
    for free in range(places - len(under_way), 0, -1):
        following = min(waiting, key=lambda record: held[owner(record)], default=None)
        if following is None or (free == 1 and held[owner(following)]):
            break
        chosen.append(following)
        waiting.remove(following)
        held[owner(following)] += 1
    return tuple(chosen)
