"""
Goal 10: what 100,000 challenges that end at once cost others, beside so many times to live.

Another process reads, and writes down how long each reading took: first alone, then while the
service ends one after the other, then while the server lets as many keys go by itself.
The server has one core, everybody else the other one, where who reads goes first.
What is told is what the server makes others wait for: so somebody is always busy on the other core,
the service, or where that has nothing to do, a process that computes and says nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs
from redis import Redis
from redis_costs import Answers, ports_on
from redis_setup import HOST, client_of, first, servers
from redis_stored import fill
from service import BUSY

import counterseal as cs
from counterseal.ports import Clock
from counterseal_redis import attach

DUE = 100_000
BATCH = 100
SECONDS = 10.0
"""How long others are looked at, at most."""

NICE = 19
LEAD = 8.0
"""Seconds from then on until all of them end; by then, others look."""

CREATING = "for n = ARGV[1], ARGV[2] do redis.call('SET', 'mortal:' .. n, ARGV[3]) end"
DOOMED = "for n = ARGV[1], ARGV[2] do redis.call('PEXPIREAT', 'mortal:' .. n, ARGV[3]) end"
AT_ONCE = 1_000
SIZE = 2_000
CENT = 100
PAUSE = 0.0005
"""Seconds between two readings."""


@attrs.frozen
class Later:
    """A clock that is ahead."""

    clock: Clock
    ahead: timedelta

    def now(self) -> datetime:
        """Return that time."""
        return self.clock.now() + self.ahead


def others(port: int, results: Any) -> None:
    """Read one key again and again, and tell the milliseconds of each time."""
    first(os.getpid())
    client, took = Redis(host=HOST, port=port), []
    client.set("bench", bytes(SIZE))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        begun = time.perf_counter()
        client.get("bench")
        took.append(1_000 * (time.perf_counter() - begun))
        time.sleep(PAUSE)
    results.send(took)


def sweep(port: int, results: Any) -> None:
    """End what is due, a batch after the other, and tell how much of it in a second."""
    os.nice(NICE)
    with Redis(host=HOST, port=port) as client:
        memory = ports_on(attach(client))
        ports = attrs.evolve(memory, clock=Later(memory.clock, timedelta(hours=1)))
        challenges, ended = cs.Challenges(ports, BUSY), 0
        begun = time.monotonic()
        while time.monotonic() < begun + SECONDS:
            ended += challenges.expire(BATCH)
        results.send(ended / (time.monotonic() - begun))


def busy(_: int, results: Any) -> None:
    """Keep the core as busy as the service does."""
    os.nice(NICE)
    end, rounds = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        rounds += 1
    results.send(rounds)


def observe(server: Any, *processes: Callable[..., None]) -> list[Any]:
    """Let processes run side by side, and return what each of them tells."""
    spawn, ears, running = multiprocessing.get_context("spawn"), [], []
    for process in processes:
        ear, mouth = spawn.Pipe(duplex=False)
        ears.append(ear)
        running.append(spawn.Process(target=process, args=(server.port, mouth)))
        running[-1].start()
    results = [ear.recv() for ear in ears]
    for process in running:
        process.join()
    return results


def p99(took: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(took, n=CENT)[CENT - 2]


@attrs.frozen
class Sweep:
    """
    What others saw, in milliseconds.

    Attributes:
        alone, swept, expired: While nothing was ended, by our sweep, by times to live.
        rate: Challenges that were ended in a second.
    """

    alone: list[float]
    swept: list[float]
    expired: list[float]
    rate: float


def sweeping() -> Sweep:
    """Measure all three."""
    with servers(1) as (server,), client_of(server) as client:
        first(server.process.pid)
        fill(server, Answers.on(client), DUE)
        elsewhere = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(server.process.pid)
        os.sched_setaffinity(0, elsewhere or os.sched_getaffinity(0))
        alone, _ = observe(server, others, busy)
        swept, rate = observe(server, others, sweep)
        client.flushall()
        _mortal(client)
        expired, _ = observe(server, others, busy)
        return Sweep(alone, swept, expired, rate)


def _mortal(client: Redis) -> None:
    for begin in range(0, DUE, AT_ONCE):
        client.eval(CREATING, 0, begin, begin + AT_ONCE - 1, bytes(SIZE))
    end = int(1_000 * (time.time() + LEAD))
    for begin in range(0, DUE, AT_ONCE):
        client.eval(DOOMED, 0, begin, begin + AT_ONCE - 1, end)
