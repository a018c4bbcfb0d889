"""Lines: a process that dies, or another caller that comes, at a chosen line of an adapter."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

import attrs

from counterseal_testing.contracts.race import PATIENCE
from counterseal_testing.faults import Crash

T = TypeVar("T")

BLOCKED = timedelta(milliseconds=20)
"""After which another caller's call is taken to wait for the first one."""


@attrs.frozen
class Interleaving(Generic[T]):
    """
    How two calls ended, the second of which came while the first was at one of its lines.

    Attributes:
        line: The file and the number of the line; empty if the first call has fewer lines.
        first: What the first call returned.
        second: What the second one returned; None if it did not come.
    """

    line: str
    first: T
    second: T | None


def crashed(call: Callable[[], object], *, adapter: object, line: int) -> bool:
    """
    Make *call*, and let the process die when *adapter* comes to its *line*-th line.

    A dead process puts nothing in order, and an adapter that is to survive must not need to:
    here, a `finally` of its own still runs.

    Args:
        call: Calls the adapter.
        adapter: An object of a class of the package whose lines are counted.
        line: 0 for the first one that is reached.

    Returns:
        Whether it came so far.
    """

    def die(_: FrameType) -> None:
        raise Crash

    try:
        _call_with(die, call, adapter, line)
    except Crash:
        return True
    return False


def interleaved(
    first: Callable[[], T], second: Callable[[], T], *, adapter: object, line: int
) -> Interleaving[T]:
    """
    Make the call *first*, and *second* in another thread when *adapter* is at its *line*-th line.

    *first* goes on when *second* has ended, or waits: for a lock that *first* has, as a rule.

    Args:
        first: Calls the adapter.
        second: Calls it, too.
        adapter: An object of a class of the package whose lines are counted.
        line: 0 for the first one that is reached.

    Raises:
        Exception: What one of the calls raised.
        AssertionError: *second* did not come back.
    """
    values: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            values.append(second())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    lines: list[str] = []

    def start_second(frame: FrameType) -> None:
        lines.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
        thread.start()
        thread.join(BLOCKED.total_seconds())

    value = _call_with(start_second, first, adapter, line)
    if not lines:
        return Interleaving("", value, None)
    thread.join(PATIENCE.total_seconds())
    if errors:
        raise errors[0]
    assert values, f"a call that came at {lines[0]} did not come back"
    return Interleaving(lines[0], value, values[0])


def _call_with(
    effect: Callable[[FrameType], None], call: Callable[[], T], adapter: object, line: int
) -> T:
    """Make *call*, and let *effect* happen once, at the *line*-th line of the adapter's package."""
    package = type(adapter).__module__.partition(".")[0]
    remaining = line

    def in_adapter(frame: FrameType) -> bool:
        name = frame.f_globals.get("__name__", "")
        return isinstance(name, str) and name.partition(".")[0] == package

    def trace(frame: FrameType, new_event: str, _: Any) -> Any:
        nonlocal remaining
        if remaining < 0 or not in_adapter(frame):
            return None
        if new_event == "line":
            remaining -= 1
            if remaining < 0:
                effect(frame)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return call()
    finally:
        sys.settrace(before)
