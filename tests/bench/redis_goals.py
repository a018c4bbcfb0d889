"""Goals 6, 9 and 10 on Redis, as rows of the table."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import redis_costs
import redis_growth
import redis_sweep
from goals import Row, row
from measure import Cost, cost
from redis_processes import Rate, Step, rates, steps

Figure = tuple[Row, float, Cost, Cost]
"""A row, its figure, and the two costs that it is made of."""

NAMES = dict(zip(redis_growth.SIZES, ("few", "many", "most"), strict=True))
"""What the rows call the numbers of stored challenges."""

SIDES = {
    "ours": "ours",
    "prepared": "ours, the commit prepared",
    "bare": "bare commands, same bytes",
    "short": "bare commands, without indexes",
}
"""What is measured for goal 6."""


def goals() -> Iterator[Figure]:
    """Measure all goals but the trips."""
    yield from _answering()
    print(", ".join(f"{name}: {size:,}" for size, name in NAMES.items()), "challenges stored")
    with redis_growth.stocked() as stocked:
        yield from _storing(stocked)
        for size, growths in redis_growth.growths(stocked).items():
            for growth in growths:
                # The ratio is of four costs, and each of them may be noisy.
                few = attrs.evolve(growth.few, spread=growth.spread)
                what = f"{growth.what}, {NAMES[size]} stored"
                yield row("9", what), growth.ratio, growth.many, few
    yield _sweeping()


def _answering() -> Iterator[Figure]:
    splits = redis_costs.answering()
    print(f"{'store in answer, us':32} {'client':>8} {'server':>8} {'both':>8}")
    for name, side in SIDES.items():
        split = splits[name]
        client, server = cost(split.client_times).median, cost(split.server_times).median
        print(f"{side:32} {client:8.1f} {server:8.1f} {split.both.median:8.1f}")
    ours, bare, short = (splits[name].both for name in ("ours", "bare", "short"))
    over, what = ours.median - bare.median, "store in answer"
    yield row("6", f"{what}, same bytes"), ours.median / bare.median, ours, bare
    yield row("6", f"{what}, more than the same bytes"), over, ours, bare
    yield row("6", f"{what}, without indexes"), ours.median / short.median, ours, short


def _storing(stocked: redis_growth.OnSizes) -> Iterator[Figure]:
    for size, (_, stock) in stocked.items():
        used, plain = stock.filled.used / size, stock.filled.plain / size
        what = f"bytes of a challenge, {NAMES[size]} stored"
        yield row("10", what), used / plain, Cost(used, 0), Cost(plain, 0)


def _sweeping() -> Figure:
    swept = redis_sweep.sweeping()
    ours, theirs = (Cost(1_000 * redis_sweep.p99(took), 0) for took in (swept.swept, swept.expired))
    return row("10", "others' p99, swept beside TTL"), ours.median / theirs.median, ours, theirs


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
