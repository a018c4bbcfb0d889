"""Rules of time: deadlines are exclusive, and a proof is fresh within the policy's window."""

from __future__ import annotations

from datetime import datetime, timedelta

from counterseal.errors import DeadlineAhead, DeadlinePassed, Refused
from counterseal.policy import Policy
from counterseal.rules.facts import Timed

A_SECOND = timedelta(seconds=1)
"""The window's edges are within it."""


def in_time(facts: Timed) -> None:
    """Refuse at the deadline and after it."""
    if facts.now >= facts.deadline:
        raise DeadlinePassed


def deadline_came(facts: Timed) -> None:
    """Refuse before the deadline."""
    if facts.now < facts.deadline:
        raise DeadlineAhead


def within_window(signed_at: float, now: datetime, policy: Policy, refusal: type[Refused]) -> None:
    """
    Refuse what was signed too long ago or too far ahead.

    Args:
        signed_at: Seconds since the epoch, as the signer wrote them.
        refusal: What to raise.
    """
    age = now.timestamp() - signed_at
    if not -policy.proof_future.total_seconds() <= age <= policy.proof_past.total_seconds():
        raise refusal


def forgettable_at(now: datetime, policy: Policy) -> datetime:
    """Return when whatever is within the window now has left it for good."""
    return now + (policy.proof_future + policy.proof_past + A_SECOND)


def in_force(ends_at: datetime | None, now: datetime) -> bool:
    """Tell whether a secret that ends at *ends_at* still counts; None has no end."""
    return ends_at is None or now < ends_at
