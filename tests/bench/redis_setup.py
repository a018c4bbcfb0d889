"""
Servers for the benchmarks, from a wheel, and the cost of a call.

A cost is the CPU time of the client's thread and of the server together, both on one core, so that
other processes change it little.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from measure import OPERATIONS, ROUNDS, Cost, cost, timed
from redis import Redis

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "adapters" / "counterseal-redis" / "tests"))

from redis_servers import Server, binary  # noqa: E402 (in the folder above)

REDIS = "redis-8.2"
HOST = "127.0.0.1"
URGENT = -20

Prepare = Callable[[int], Sequence[Callable[[], object]]]
"""Prepares a number of operations, each to be run once."""


def available() -> bool:
    """Tell whether there is a server on this machine."""
    return binary(REDIS) is not None


@contextmanager
def servers(count: int) -> Iterator[list[Any]]:
    """Start *count* servers on the last core, and move this process there too."""
    before = os.sched_getaffinity(0)
    one = {max(before)}
    started: list[Any] = []
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        try:
            for _ in range(count):
                started.append(Server(binary(REDIS), folder))
                os.sched_setaffinity(started[-1].process.pid, one)
            os.sched_setaffinity(0, one)
            yield started
        finally:
            os.sched_setaffinity(0, before)
            for server in started:
                server.stop()


@attrs.frozen
class Split:
    """What a call took of client and server, round by round, in microseconds."""

    client_times: list[float] = attrs.field(factory=list)
    server_times: list[float] = attrs.field(factory=list)

    def add(self, client: float, server: float) -> None:
        """Add a round."""
        self.client_times.append(client)
        self.server_times.append(server)

    @property
    def both(self) -> Cost:
        """The cost of the call."""
        return cost(
            [sum(times) for times in zip(self.client_times, self.server_times, strict=True)]
        )


def split_costs(cases: dict[str, tuple[Any, Prepare]], rounds: int = ROUNDS) -> dict[str, Split]:
    """Measure all *cases* in random order, each with its server."""
    splits: dict[str, Split] = {name: Split() for name in cases}
    names = list(cases)
    for _ in range(rounds):
        random.shuffle(names)
        for name in names:
            server, prepare = cases[name]
            splits[name].add(*timed(prepare(OPERATIONS), partial(used, server)))
    return splits


def costs(cases: dict[str, tuple[Any, Prepare]], rounds: int = ROUNDS) -> dict[str, Cost]:
    """Measure all *cases* in random order, client and server together."""
    return {name: split.both for name, split in split_costs(cases, rounds).items()}


def client_of(server: Any, **options: Any) -> Redis:
    """Return a client of *server*."""
    client: Redis = server.client(**options)
    return client


def first(pid: int) -> None:
    """Give a process priority, if this user may, so that other programs do not stall it."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, URGENT)


def used(server: Any) -> int:
    """Return the nanoseconds of CPU time that the server's main thread has taken."""
    return int(Path(f"/proc/{server.process.pid}/schedstat").read_text().split()[0])
