"""Races: callers that start at one moment, and what is said of a property that races break."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Generic, TypeVar
from unittest import mock

import attrs
import pytest
from hypothesis.errors import Flaky
from hypothesis.internal.conjecture import engine

T = TypeVar("T")
Test = TypeVar("Test", bound=Callable[..., None])

OFTEN = 1e-6
"""Seconds between two switches of threads: as often as the interpreter can."""

PATIENCE = timedelta(seconds=60)
"""Far more than any call may take; a deadlock is to fail, not to hang."""


LATE = timedelta(seconds=10)
"""How much later than it has to a call may come back, on a machine that has no time for it."""


SHRINK_SECONDS = 20
"""After which a counterexample is reported as it is; Hypothesis itself gives up after 300."""


def long_run(test: Test) -> Test:
    """
    Mark a test that races or plays many histories; the short profile leaves it out.

    What it shows, another test of its clause shows in a plain way, if less of it.
    """
    test.long_run = True  # type: ignore[attr-defined]  # a function has any attribute
    return test


def is_long_run(contract: type, name: str) -> bool:
    """Tell whether the test *name* of a contract is marked, where it is first defined or later."""
    return any(hasattr(vars(base).get(name), "long_run") for base in contract.__mro__)


@attrs.frozen
class Ended(Generic[T]):
    """
    How one caller's call ended.

    Attributes:
        result: What came back; None if the call raised.
        error: What it raised.
    """

    result: T | None
    error: Exception | None


def race(calls: Sequence[Callable[[], T]]) -> list[Ended[T]]:
    """
    Let all *calls* begin at one moment, each in a thread of its own.

    Raises:
        AssertionError: A call did not come back.
    """
    barrier = threading.Barrier(len(calls))
    ended: list[Ended[T] | None] = [None] * len(calls)

    def run(index: int, call: Callable[[], T]) -> None:
        barrier.wait()
        try:
            ended[index] = Ended(call(), None)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test decides
            ended[index] = Ended(None, error)

    threads = [
        threading.Thread(target=run, args=(index, call), daemon=True)
        for index, call in enumerate(calls)
    ]
    with _switching_often():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE.total_seconds())
    outcomes = [end for end in ended if end is not None]
    assert len(outcomes) == len(calls), "a call did not come back, or died"
    return outcomes


def results(ended: Sequence[Ended[T]]) -> list[T]:
    """
    Return what the calls returned.

    Raises:
        Exception: What one of them raised.
    """
    values = []
    for end in ended:
        if end.error is not None:
            raise end.error
        values.append(end.result)
    return values  # type: ignore[return-value]  # None is a result too, where T allows it


def comes_back(call: Callable[[], object], *, within: timedelta) -> bool:
    """Tell whether *call* returns or raises in time; if not, its thread goes on."""
    done = threading.Event()

    def run() -> None:
        try:
            call()
        except Exception:  # noqa: BLE001, S110 - only the time counts here
            pass
        finally:
            done.set()

    threading.Thread(target=run, daemon=True).start()
    return done.wait(within.total_seconds())


@contextmanager
def bounded_shrinking(clause: str) -> Iterator[None]:
    """
    Let Hypothesis shrink for `SHRINK_SECONDS` at most.

    Args:
        clause: What the property shows.

    Raises:
        pytest.fail.Exception: The same examples ended in different ways: a race, in one line.
    """
    # There is no setting for it; where the name has gone, Hypothesis's own limit is left.
    with mock.patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINK_SECONDS, create=True):
        try:
            yield
        except Flaky:
            race = True
        else:
            race = False
    if race:
        pytest.fail(
            f"{clause}: a race: the same calls, made twice, ended differently", pytrace=False
        )


@contextmanager
def _switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(OFTEN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
