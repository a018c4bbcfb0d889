"""Rules of delivery: whose outcome counts, when to try again, and when to give up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from counterseal.errors import LeaseLost, WrongState
from counterseal.models import Callback, Cause, DeliveryOutcome, Guid
from counterseal.policy import Policy
from counterseal.rules.facts import Delivering
from counterseal.rules.turns import turns

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
