"""What figures tell, and where the machine was too busy for them to tell anything."""

from __future__ import annotations

import itertools
import os
import statistics
from collections.abc import Sequence
from typing import TypeVar

SMALL = "BENCH_SMALL" in os.environ
"""Whether each thing is measured once or twice, so that it runs: the figures tell nothing."""

BUSY = 0.15
"""A spread from which a ratio tells nothing; without other programs, most are below a third."""

UNKNOWN = "too little to tell" if SMALL else "too noisy to tell"
MISSED, FAR_MISSED = "MISSED", "FAR MISSED"
GROWTH = 1.10
"""What the memory of a process may grow by, from the first third to the end."""
NOTIFIED = 0.9
"""Of the answers, how many came after a push: who answers before it comes gets none."""
PROMPT = 0.25
"""Of the time to an answer, what a call may take for a push to come in time."""

Size = TypeVar("Size", int, float, tuple[int, ...])


def scaled(full: Size, small: Size) -> Size:
    """Return how much is measured."""
    return small if SMALL else full


def failed(over: object) -> int:
    """Return the exit code of a run in which something was far over its goal, or nothing was."""
    if over and SMALL:
        print("so little tells nothing: what is over is no failure")
    return int(bool(over) and not SMALL)


def ratio_verdict(share: float, fails_at: float, spread: float) -> str:
    """Say what a ratio means that uses *share* of its limit, with *spread* as a share of it."""
    if SMALL or spread > BUSY:
        return UNKNOWN
    if share <= 1:
        return ""
    return MISSED if share <= fails_at else FAR_MISSED


def memory_verdict(samples: Sequence[float]) -> tuple[float, float, str]:
    """
    Say whether the memory of a process grew.

    Return the mean after a third of the *samples*, how many times as much the end is, and the
    verdict. What grew by less than it fell between two samples tells nothing.
    """
    third = max(len(samples) // 3, 1)
    begin = statistics.mean(samples[third - 1 : third + 1])
    ratio = statistics.mean(samples[-2:]) / begin
    if ratio <= GROWTH:
        return begin, ratio, ""
    later = samples[third - 1 :]
    fall = max((one - other for one, other in itertools.pairwise(later)), default=0.0)
    return begin, ratio, UNKNOWN if SMALL or fall >= (ratio - 1) * begin else "grew"


def push_verdict(pushes: int, answered: int, call: float, pace: float) -> str:
    """
    Say whether pushes are missing.

    Args:
        pushes: How many came.
        answered: How many answers there were.
        call: Seconds that the slowest calls took.
        pace: Seconds from a question to its answer.
    """
    if pushes >= NOTIFIED * answered:
        return ""
    return UNKNOWN if SMALL or call > PROMPT * pace else "missing"
