"""
Linearizability: could concurrent calls have happened one after the other?

The search is Wing's and Gong's with Lowe's memory: it takes an operation that nobody else had
finished before it began, steps a sequential model with it, and goes on;
what was done and where the model stood is remembered, so that no place is searched twice.
An operation whose reply was lost may have taken effect at any time after its call, or never.

The search takes exponential time in the worst case: keep histories short,
and give each record a history of its own where operations touch one record
(a history is linearizable if and only if that of each of its objects is).
"""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

import attrs

__all__ = [
    "Note",
    "Operation",
    "Recorder",
    "linearizable",
]

S = TypeVar("S", bound=Hashable)
A = TypeVar("A")


@attrs.frozen(kw_only=True)
class Operation(Generic[A]):
    """
    One operation of a history.

    Attributes:
        called: When it was called; any clock that all callers share and that never repeats.
        returned: When its reply came; None if it never did.
        call: What was asked and what was replied, as the model wants it.
    """

    called: int
    returned: int | None
    call: A


def linearizable(
    history: Sequence[Operation[A]], start: S, step: Callable[[S, A], Iterable[S]]
) -> bool:
    """
    Tell whether *history* could have happened one operation after the other.

    Args:
        history: Of one object, in any order.
        start: How the object was before.
        step: The model: which states an operation may lead to, seen from a state;
            none if it could not have been replied to like that.
    """
    answered = sum(
        1 << index for index, operation in enumerate(history) if operation.returned is not None
    )
    visited: set[tuple[int, S]] = set()
    waiting = [(0, start)]
    while waiting:
        done, state = waiting.pop()
        if done & answered == answered:
            return True
        if (done, state) in visited:
            continue
        visited.add((done, state))
        for index in _next(history, done):
            waiting += [(done | 1 << index, after) for after in step(state, history[index].call)]
    return False


def _next(history: Sequence[Operation[A]], done: int) -> Iterator[int]:
    # What was called after another one's reply cannot come before it.
    waiting_indexes = [index for index in range(len(history)) if not done >> index & 1]
    returns = (history[index].returned for index in waiting_indexes)
    horizon = min(math.inf if returned is None else returned for returned in returns)
    return (index for index in waiting_indexes if history[index].called < horizon)


@attrs.define
class Note(Generic[A]):
    """
    What a caller notes of its operation.

    Attributes:
        call: What was asked and replied; None if the operation tells nothing.
        lost: Whether the reply was lost.
    """

    call: A | None = None
    lost: bool = False


class Recorder(Generic[A]):
    """
    Notes who asked what, and when, while callers run side by side.

    Attributes:
        history: The operations so far.
    """

    def __init__(self) -> None:
        self.history: list[Operation[A]] = []
        self._ticks = itertools.count()
        self._lock = threading.Lock()

    @contextmanager
    def watch(self) -> Iterator[Note[A]]:
        """Watch one operation; the caller notes in it what was replied."""
        note: Note[A] = Note()
        called = self._tick()
        yield note
        returned = None if note.lost else self._tick()
        if note.call is not None:
            with self._lock:
                self.history.append(Operation(called=called, returned=returned, call=note.call))

    def _tick(self) -> int:
        with self._lock:
            return next(self._ticks)
