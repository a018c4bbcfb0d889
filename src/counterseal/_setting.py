"""Setting: what one setting of a policy may be, which value is stricter, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import Any, TypeAlias, TypeVar

import attrs

from counterseal.errors import PolicyUnsound
from counterseal.models import Algorithm

T = TypeVar("T")
_Check: TypeAlias = Callable[[Any, "attrs.Attribute[Any]", Any], None]

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Direction(Enum):
    """
    Which of two values of a setting is stricter.

    App Spaces and origins narrow a setting in its direction, and never the other way.
    """

    SERVICE = "service"
    """Neither: the service alone decides it."""
    LEAST = "least"
    """The smaller one."""
    MOST = "most"
    """The larger one."""
    SUBSET = "subset"
    """What is in both."""
    SUPERSET = "superset"
    """What is in either."""
    STRICTER = "stricter"
    """The later one of an order."""


def setting(
    default: T,
    reason: str,
    *,
    low: Any = None,
    high: Any = None,
    direction: Direction,
    by_origins: bool = False,
    order: tuple[T, ...] | None = None,
    members: type[Enum] | None = None,
) -> T:
    """
    Return a setting with its reason, which is a field of the policy.

    Args:
        default: What it is unless it is set; the others have to be of its kind. A tuple holds
            waits of a day at most.
        reason: Why there is one; the reference page prints it.
        low: The lowest value. None: zero for durations, 1 for numbers, 0.0 for shares.
        high: The highest value. None: ten years, ten million, or 1.0 for shares.
        direction: Which of two values is stricter. Every App Space may narrow a setting in its
            direction, unless that is `SERVICE`.
        by_origins: Whether an origin may narrow it too: only where each decision that reads the
            setting knows the origin without one more trip to the store.
        order: For `STRICTER`, the values from the least strict to the strictest. None: the members
            of the enum in their order, or False and then True.
        members: For a set that may be empty, the enum whose members it may have.
    """
    kind = type(default)
    lowest, highest = _SPANS.get(kind, (None, None))
    low, high = lowest if low is None else low, highest if high is None else high
    if members is not None:
        validator = _set_of(members)
    elif isinstance(default, Enum):
        validator = _member_of(type(default))
    elif default == "":
        validator = _any_text
    elif kind in _CHECKS:
        validator = _CHECKS[kind]
    else:
        validator = _within(low, high)
    if direction is Direction.STRICTER and order is None:
        order = tuple(type(default)) if isinstance(default, Enum) else (False, True)  # type: ignore[assignment]
    metadata = {
        "reason": reason,
        "direction": direction,
        "by_origins": by_origins,
        "order": order or (),
        "members": members,
        "low": low,
        "high": high,
    }
    return attrs.field(default=default, validator=validator, metadata=metadata)


def _within(low: Any, high: Any) -> _Check:
    """Return a check: a value of the kind of *low*, from *low* to *high*."""
    kind = (int, float) if isinstance(low, float) else type(low)

    def within(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            raise PolicyUnsound(f"{attribute.name}: must be within {low} and {high}")

    return within


def _flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise PolicyUnsound(f"{attribute.name}: must be True or False")


def _member_of(kind: type[Enum]) -> _Check:
    def member(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, kind):
            members = ", ".join(each.value for each in kind)
            raise PolicyUnsound(f"{attribute.name}: must be one of {members}")

    return member


def _any_text(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise PolicyUnsound(f"{attribute.name}: must be text")


def _text(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise PolicyUnsound(f"{attribute.name}: must be text")


def _delays(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, tuple):
        raise PolicyUnsound(f"{attribute.name}: must be a tuple")
    for delay in value:
        _a_day_at_most(None, attribute, delay)


def _algorithms(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, frozenset) or not value or not value <= frozenset(Algorithm):
        raise PolicyUnsound(f"{attribute.name}: at least one algorithm, and only known ones")


def _set_of(kind: type[Enum]) -> _Check:
    def subset(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, frozenset) or not value <= frozenset(kind):
            members = ", ".join(each.value for each in kind)
            raise PolicyUnsound(f"{attribute.name}: must be a set of {members}")

    return subset


_a_day_at_most = _within(timedelta(0), DAY)

_CHECKS: dict[type, _Check] = {
    bool: _flag,
    str: _text,
    tuple: _delays,
    frozenset: _algorithms,
}
_SPANS: dict[type, tuple[Any, Any]] = {
    timedelta: (timedelta(0), 3650 * DAY),
    int: (1, 10_000_000),
    float: (0.0, 1.0),
}
