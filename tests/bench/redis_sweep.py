"""
Goal 10: what 100,000 challenges that end at once cost other clients, beside keys that expire.

Another process reads, and measures each read: first alone, then while the service expires the
challenges, then while the server expires as many keys by their time to live.
The server has one core and all other processes the other one, on which the reader has priority.
To measure only the waits that the server causes, the other core is always busy: with the service,
or with a process that computes and sends nothing.

    python tests/bench/redis_sweep.py

prints the three figures, in milliseconds. `nox -s "bench(whole)"` prints the last two as a ratio.
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
from verdicts import scaled

import counterseal as cs
from counterseal.ports import Clock
from counterseal_redis import attach

DUE = scaled(100_000, 2_000)
"""Keys that expire at once."""

CHALLENGES = scaled(20_000, 10_000)
"""
Challenges that are due: more than the service expires while the reader measures.

It finds them by an index in the order of time, so what a batch costs does not depend on how many
more are due.
"""

BATCH = 100
SECONDS = scaled(10.0, 2.0)
"""How long the reader measures, at most."""

NICE = 5
"""With 19, the service would hardly run where other programs use the machine, too."""

LEAD = 8.0
"""Seconds until all keys expire; by then the reader has started."""

CREATING = "for n = ARGV[1], ARGV[2] do redis.call('SET', 'expiring:' .. n, ARGV[3]) end"
EXPIRING = "for n = ARGV[1], ARGV[2] do redis.call('PEXPIREAT', 'expiring:' .. n, ARGV[3]) end"
BATCH_OF_KEYS = 1_000
SIZE = 2_000
CENT = 100
PAUSE = 0.0005
"""Seconds between two reads."""


@attrs.frozen
class Later:
    """A clock that is ahead of another one."""

    clock: Clock
    ahead: timedelta

    def now(self) -> datetime:
        """Return the time of the other clock, and the lead."""
        return self.clock.now() + self.ahead


def others(port: int, results: Any) -> None:
    """Read one key again and again, and send the milliseconds of each read."""
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
    """Expire due challenges in batches, and send how many in a second."""
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
    """Run processes side by side, and return what each of them sends."""
    spawn, receivers, running = multiprocessing.get_context("spawn"), [], []
    for process in processes:
        receiver, sender = spawn.Pipe(duplex=False)
        receivers.append(receiver)
        running.append(spawn.Process(target=process, args=(server.port, sender)))
        running[-1].start()
    results = [receiver.recv() for receiver in receivers]
    for process in running:
        process.join()
    return results


def p99(took: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(took, n=CENT)[CENT - 2]


@attrs.frozen
class Sweep:
    """
    The duration of each read, in milliseconds.

    Attributes:
        alone, swept, expired: While nothing expired, while the service expired challenges, and
            while the server expired keys.
        rate: Challenges that the service expired in a second.
    """

    alone: list[float]
    swept: list[float]
    expired: list[float]
    rate: float


def sweeping() -> Sweep:
    """Measure all three."""
    with servers(1) as (server,), client_of(server) as client:
        first(server.process.pid)
        fill(server, Answers.on(client), CHALLENGES)
        elsewhere = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(server.process.pid)
        os.sched_setaffinity(0, elsewhere or os.sched_getaffinity(0))
        alone, _ = observe(server, others, busy)
        swept, rate = observe(server, others, sweep)
        if rate * SECONDS > CHALLENGES - BATCH:
            raise AssertionError("the service had nothing to expire at the end")
        client.flushall()
        _create_expiring_keys(client)
        expired, _ = observe(server, others, busy)
        return Sweep(alone, swept, expired, rate)


def _create_expiring_keys(client: Redis) -> None:
    for begin in range(0, DUE, BATCH_OF_KEYS):
        client.eval(CREATING, 0, begin, begin + BATCH_OF_KEYS - 1, bytes(SIZE))
    end = int(1_000 * (time.time() + LEAD))
    for begin in range(0, DUE, BATCH_OF_KEYS):
        client.eval(EXPIRING, 0, begin, begin + BATCH_OF_KEYS - 1, end)


def main() -> None:
    """Measure and print."""
    begun = time.monotonic()
    swept = sweeping()
    names = ("alone", "swept", "expired")
    for name in names:
        took = getattr(swept, name)
        print(f"{name:8} p50 {statistics.median(took):.2f}, p99 {p99(took):.2f}, {len(took)} reads")
    print(f"ratio of the p99, swept beside expired: {p99(swept.swept) / p99(swept.expired):.2f}")
    print(f"{swept.rate:.0f} challenges a second; in {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
