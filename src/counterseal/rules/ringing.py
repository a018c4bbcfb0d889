"""Rules of ringing: whose outcome counts, whom to ring again, when, and when to stop."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import attrs

from counterseal.errors import LeaseLost, WrongState
from counterseal.models import (
    UNFINISHED,
    Account,
    AddressKind,
    Challenge,
    Guid,
    News,
    Notification,
    PushOutcome,
    PushResult,
    Record,
    Silence,
)
from counterseal.policy import Policy
from counterseal.rules.facts import Ringing
from counterseal.rules.turns import turns


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
