"""Goals 6, 9 and 10 on Redis, as rows of the table."""

from __future__ import annotations

from collections.abc import Iterator

import redis_costs
import redis_growth
import redis_sweep
from measure import Cost, cost
from redis_processes import Rate, Step, rates, steps

ANSWERING, GROWING, STORING = 1.5, 1.15, 1.6

SIDES = {
    "ours": "ours",
    "prepared": "ours, the commit prepared",
    "bare": "bare commands, same bytes",
    "short": "bare commands, without indexes",
}
"""What is measured for goal 6."""

Goal = tuple[str, str, float, float, Cost, Cost]
"""A goal, its subject, its limit, the ratio, and the two costs of the ratio."""


def goals() -> Iterator[Goal]:
    """Measure all goals but the trips."""
    yield from _answering()
    with redis_growth.stocked() as stocked:
        yield from _storing(stocked)
        for size, growths in redis_growth.growths(stocked).items():
            for growth in growths:
                what = f"{growth.what}, {size:,} stored"
                yield "9", what, GROWING, growth.ratio, growth.many, growth.few
    yield _sweeping()


def _answering() -> Iterator[Goal]:
    splits = redis_costs.answering()
    print(f"{'store in answer, us':32} {'client':>8} {'server':>8} {'both':>8}")
    for name, side in SIDES.items():
        split = splits[name]
        client, server = cost(split.client_times).median, cost(split.server_times).median
        print(f"{side:32} {client:8.1f} {server:8.1f} {split.both.median:8.1f}")
    ours = splits["ours"].both
    for name, what in (("bare", "same bytes"), ("short", "without indexes")):
        bare = splits[name].both
        ratio = ours.median / bare.median
        yield "6", f"store in answer, {what}", ANSWERING, ratio, ours, bare


def _storing(stocked: redis_growth.OnSizes) -> Iterator[Goal]:
    for size, (_, stock) in stocked.items():
        used, plain = stock.filled.used / size, stock.filled.plain / size
        what = f"bytes of a challenge, {size:,} stored"
        yield "10", what, STORING, used / plain, Cost(used, 0), Cost(plain, 0)


def _sweeping() -> Goal:
    swept = redis_sweep.sweeping()
    ours, theirs = (Cost(1_000 * redis_sweep.p99(took), 0) for took in (swept.swept, swept.expired))
    return "10", "others' p99, swept beside TTL", 1.0, ours.median / theirs.median, ours, theirs


def show_rates() -> list[Rate]:
    """Measure the rates of processes, print them, and return them."""
    measured = rates()
    print(
        f"{'processes on Redis':20} {'questions/s':>11} {'answers/s':>10} {'Redis us for both':>18}"
    )
    for one in measured:
        print(f"{one.processes:20} {one.issued:11.0f} {one.answered:9.0f} {one.server:17.0f}")
    return measured


def show_steps() -> list[Step]:
    """Measure the cost of each step of a user, print it, and return it."""
    measured = steps()
    print(f"{'on Redis':20} {'bytes':>11} {'Redis us':>9}")
    for one in measured:
        print(f"{one.what:20} {one.used:11.0f} {one.server:9.0f}")
    return measured
