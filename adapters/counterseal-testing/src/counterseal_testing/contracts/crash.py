"""Crashes: a process that dies at a chosen line of an adapter."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from counterseal_testing.faults import Crash


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
    package = type(adapter).__module__.partition(".")[0]
    remaining = line

    def in_adapter(frame: FrameType) -> bool:
        name = frame.f_globals.get("__name__", "")
        return isinstance(name, str) and name.partition(".")[0] == package

    def trace(frame: FrameType, new_event: str, _: Any) -> Any:
        nonlocal remaining
        if not in_adapter(frame):
            return None
        if new_event == "line":
            remaining -= 1
            if remaining < 0:
                raise Crash
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Crash:
        return True
    finally:
        sys.settrace(before)
    return False
