"""The operations of 1, 2 and 4 processes in a second, which share one server and nothing else."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

import attrs
from redis import Redis
from redis_costs import Answers
from redis_setup import HOST, client_of, servers, used
from verdicts import scaled

PROCESSES = (1, 2, 4)
EACH = scaled(300, 30)
"""Challenges, and as many answers, of each process."""

MANY = scaled(2_000, 200)
PATIENCE = 300


@attrs.frozen
class Rate:
    """
    The rates of a number of processes.

    Attributes:
        issued, answered: Challenges and answers in a second.
        server: Microseconds of the server's CPU time for one challenge and its answer.
    """

    processes: int
    issued: float
    answered: float
    server: float


def work(port: int, barrier: Barrier) -> None:
    """Prepare operations, and run them when all processes are ready."""
    with Redis(host=HOST, port=port) as client:
        service = Answers.on(client).service
        issuing, answering = service.issuing(EACH), service.answering(EACH)
        for operations in (issuing, answering):
            barrier.wait(PATIENCE)
            for operation in operations:
                operation()
            barrier.wait(PATIENCE)


@attrs.frozen
class Step:
    """
    The cost of one step of a user on the server, with its lines in the log.

    Attributes:
        used: Bytes of memory.
        server: Microseconds of the server's CPU time.
    """

    what: str
    used: float
    server: float


def steps() -> list[Step]:
    """Measure a bind, a challenge and an answer."""
    with servers(1) as (server,), client_of(server) as client:
        service = Answers.on(client).service

        def step(what: str, operations: Sequence[Callable[[], object]]) -> Step:
            before, busy = _memory(client), used(server)
            for operation in operations:
                operation()
            busy, bytes_used = used(server) - busy, _memory(client) - before
            return Step(what, bytes_used / len(operations), busy / len(operations) / 1_000)

        return [
            step("bind", [service.account] * MANY),
            step("question", service.issuing(MANY)),
            step("answer", service.answering(MANY)),
        ]


def _memory(client: Redis) -> int:
    used: int = client.info("memory")["used_memory"]
    return used


def rates() -> list[Rate]:
    """Measure each number of processes, on all cores."""
    spawn = multiprocessing.get_context("spawn")
    measured = []
    with servers(1) as (server,), client_of(server) as client:
        for number in PROCESSES:
            client.flushall()
            barrier = spawn.Barrier(number + 1)
            measured.append(_rate(server, spawn, barrier, number))
    return measured


def _rate(server: Any, spawn: Any, barrier: Barrier, number: int) -> Rate:
    workers = [spawn.Process(target=work, args=(server.port, barrier)) for _ in range(number)]
    for worker in workers:
        worker.start()
    times, busy = [], 0
    for _ in range(2):
        barrier.wait(PATIENCE)
        begun, busy_before = time.perf_counter(), used(server)
        barrier.wait(PATIENCE)
        times.append(time.perf_counter() - begun)
        busy += used(server) - busy_before
    for worker in workers:
        worker.join(PATIENCE)
    done = number * EACH
    issued, answered = (done / seconds for seconds in times)
    return Rate(number, issued, answered, busy / done / 1_000)
