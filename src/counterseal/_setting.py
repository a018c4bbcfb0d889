"""Setting: what one setting of a policy may be, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import attrs

from counterseal.errors import PolicyUnsound
from counterseal.models import Algorithm

T = TypeVar("T")


def span(low: Any, high: Any) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Return a check: a value of the kind of *low*, from *low* to *high*."""
    kind = (int, float) if isinstance(low, float) else type(low)

    def within(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            message = f"{attribute.name}: must be within {low} and {high}"
            raise PolicyUnsound(message)

    return within


def _flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        message = f"{attribute.name}: must be True or False"
        raise PolicyUnsound(message)


def text(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    Check that a value is text, and not empty.

    Raises:
        PolicyUnsound: It is not.
    """
    if not isinstance(value, str) or not value:
        message = f"{attribute.name}: must be text"
        raise PolicyUnsound(message)


def delays(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    Check that a value is a tuple of waits, of a day at most each.

    Raises:
        PolicyUnsound: It is not.
    """
    if not isinstance(value, tuple):
        message = f"{attribute.name}: must be a tuple"
        raise PolicyUnsound(message)
    for delay in value:
        span(timedelta(0), timedelta(days=1))(None, attribute, delay)


def known_algorithms(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """
    Check that a value is a set of algorithms, and not an empty one.

    Raises:
        PolicyUnsound: It is not.
    """
    valid = isinstance(value, frozenset) and value <= frozenset(Algorithm)
    if not valid or not value:
        message = f"{attribute.name}: at least one algorithm, and only known ones"
        raise PolicyUnsound(message)


def setting(default: T, reason: str, *, low: Any = None, high: Any = None) -> T:
    """
    Return a setting with its reason, which is a field of the policy.

    Args:
        default: What it is unless it is set; the others have to be of its kind.
        reason: Why there is one; the reference page prints it.
        low: The lowest; of times no time at all, of numbers 1 unless it is given.
        high: The highest; of times ten years, of numbers ten million unless it is given.
    """
    if isinstance(default, timedelta):
        low = timedelta(0) if low is None else low
        high = timedelta(days=3650) if high is None else high
    elif not isinstance(default, bool):
        low = 1 if low is None else low
        high = 10_000_000 if high is None else high
    validator = _flag if isinstance(default, bool) else span(low, high)
    return attrs.field(default=default, validator=validator, metadata={"reason": reason})
