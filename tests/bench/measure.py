"""
How a cost is measured: thread CPU time, rounds in shuffled order, median and spread.

Absolute times mean nothing on a shared machine; only ratios inside one run are reported.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs
from verdicts import scaled

ROUNDS = scaled(15, 2)
OPERATIONS = scaled(40, 12)
WARMING = 10

Prepare = Callable[[int], Sequence[Callable[[], object]]]
"""Makes so many operations that are ready to run, each once."""


@attrs.frozen
class Cost:
    """
    What one operation costs.

    Attributes:
        median: Microseconds of thread CPU time.
        spread: Half the distance between the quartiles, as a share of the median.
    """

    median: float
    spread: float


Name = TypeVar("Name")


def costs(cases: dict[Name, Prepare]) -> dict[Name, Cost]:
    """Measure all *cases* against each other."""
    times_by_case: dict[Name, list[float]] = {name: [] for name in cases}
    names = list(cases)
    for _ in range(ROUNDS):
        random.shuffle(names)
        for name in names:
            times_by_case[name].append(sum(timed(cases[name](OPERATIONS))))
    return {name: cost(times) for name, times in times_by_case.items()}


def again(operation: Callable[[], object]) -> Prepare:
    """Repeat an operation that changes nothing."""
    return lambda count: [operation] * count


def timed(
    operations: Sequence[Callable[[], object]], elsewhere: Callable[[], int] = lambda: 0
) -> tuple[float, float]:
    """
    Return the microseconds of CPU time of one operation, after the first ones, here and elsewhere.

    Args:
        operations: Run once each, in this thread.
        elsewhere: Returns the nanoseconds of CPU time that a server has taken.
    """
    # The first ones bring code and data into the caches, as a server that is at work has them.
    for operation in operations[:WARMING]:
        operation()
    measured = operations[WARMING:]
    gc.disable()
    try:
        begin_elsewhere, begin = elsewhere(), time.thread_time_ns()
        for operation in measured:
            operation()
        nanoseconds = time.thread_time_ns() - begin, elsewhere() - begin_elsewhere
    finally:
        gc.enable()
    here, there = (spent / len(measured) / 1000 for spent in nanoseconds)
    return here, there


def cost(times: list[float]) -> Cost:
    """Return what rounds that took so many microseconds come to."""
    low, median, high = statistics.quantiles(times, n=4)
    return Cost(median=median, spread=(high - low) / 2 / median)
