"""
Goal 7 over a wire: `counterseal serve` beside bare granian with a bare Flask endpoint.

Each serves on a core of its own, the clients on another; their connections are spread, and stay
open.
Rounds of ours and of the bare one take turns; both have SQLite with full durability.
"""

from __future__ import annotations

import http.client
import os
import pickle
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import attrs
import bare
from bare import CALLS, Floor
from calls import Calls, Request
from measure import Cost, cost
from running import PATIENCE_SECONDS, Running, founded, free_port, service
from service import Service
from web import Side, Tape, copied, exchanges, floor_of

from counterseal.models import Algorithm
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime

ROUNDS = 7
EACH = 80
"""Requests of one call in a round."""

CONNECTIONS = 8
THREADS = 80
"""As `counterseal serve` has them."""

CENT = 99


@attrs.define
class Times:
    """
    What one call took, round by round, in microseconds.

    Attributes:
        cpu: Of the server, a request.
        p50, p99: As its clients see it.
    """

    cpu: list[float] = attrs.field(factory=list)
    p50: list[float] = attrs.field(factory=list)
    p99: list[float] = attrs.field(factory=list)

    def cost(self, name: str) -> Cost:
        """Return the median of one of them, and its spread."""
        return cost(getattr(self, name))


@attrs.frozen
class Figure:
    """One call, ours and the bare one."""

    name: str
    ours: Times
    bare: Times

    def ratio(self, name: str) -> float:
        """
        Return ours over the bare one: the median of the rounds, each two neighbours in time.

        CPU time is counted in ticks that are long beside a round, so there it is of all rounds.
        """
        ours, bare = getattr(self.ours, name), getattr(self.bare, name)
        if name == "cpu":
            return sum(ours) / sum(bare)
        return statistics.median(one / below for one, below in zip(ours, bare, strict=True))


def figures() -> list[Figure]:
    """Measure each call."""
    cores = sorted(os.sched_getaffinity(0))
    client, server = {cores[0]}, {cores[-1]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        founded(folder)
        running = service(folder, server)
        with Runtime(settings({"data": str(folder / "data")}, {})) as runtime:
            runtime.prepare()
            measured = Service.of(Algorithm.ES256, runtime.ports)
            calls = Calls.of(measured, f"http://127.0.0.1:{running.port}")
            requests = {call: calls.requests(call, ROUNDS * EACH) for call in CALLS}
            floor = _floor(folder, calls, requests)
        port = free_port()
        command = (sys.executable, bare.__file__, str(floor), str(port), str(THREADS))
        below = Running(command, port, folder / "bare.log", server)
        os.sched_setaffinity(0, client)
        try:
            with running, below:
                return _measure_rounds(requests, running, below)
        finally:
            os.sched_setaffinity(0, cores)


def _floor(folder: Path, calls: Calls, requests: dict[str, list[Request]]) -> Path:
    """Record, on a copy, what the service does for each request, and write it down."""
    ours, copy_path, bares = (
        folder / name for name in ("data/counterseal.db", "kept.db", "bare.db")
    )
    copied(str(ours), str(copy_path))
    copied(str(ours), str(bares))
    copied_settings = {"data": str(folder / "data"), "store": f"sqlite:///{copy_path}"}
    with Runtime(settings(copied_settings, {})) as copy:
        service = attrs.evolve(calls.service, ports=copy.ports)
        side = Side(attrs.evolve(calls, service=service), Tape(), copy.records.database, folder)
        app = side.application()
        recorded = {call: deque(exchanges(side, app, requests[call])) for call in CALLS}
        floor: Floor = floor_of(side, recorded, str(bares))
    file = folder / "floor.pickle"
    file.write_bytes(pickle.dumps(floor))
    return file


def _measure_rounds(
    requests: dict[str, list[Request]], running: Running, below: Running
) -> list[Figure]:
    measured = {call: Figure(call, Times(), Times()) for call in CALLS}
    for number in range(ROUNDS):
        for call in CALLS:
            part = requests[call][number * EACH : (number + 1) * EACH]
            sides = [(running, measured[call].ours), (below, measured[call].bare)]
            random.shuffle(sides)
            for server, times in sides:
                _round(server, part, times)
    return list(measured.values())


def _round(server: Running, part: Sequence[Request], times: Times) -> None:
    took: list[float] = []
    failed: list[object] = []
    barrier = threading.Barrier(CONNECTIONS + 1)

    def client(share: Sequence[Request]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
        connection.connect()
        barrier.wait()
        for one in share:
            begun = time.perf_counter()
            connection.request(one.method, one.target, one.body or None, one.headers)
            reply = connection.getresponse()
            data = reply.read()
            took.append(1_000_000 * (time.perf_counter() - begun))
            if reply.status != one.status:
                failed.append((reply.status, data))
        connection.close()

    threads = [
        threading.Thread(target=client, args=(part[index::CONNECTIONS],))
        for index in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    barrier.wait()
    cpu = server.cpu()
    for thread in threads:
        thread.join()
    if failed or len(took) != len(part):
        raise AssertionError(failed[:1])
    quantiles = statistics.quantiles(took, n=CENT + 1)
    times.cpu.append(1_000_000 * (server.cpu() - cpu) / len(part))
    times.p50.append(statistics.median(took))
    times.p99.append(quantiles[CENT - 1])
