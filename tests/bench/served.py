"""
Goal 7 over a wire: `counterseal serve` beside a bare endpoint on the same interface of granian.

The bare one receives bodies with a deadline and changes once into a thread, as ours does.
Our blueprints in Flask, and a bare Flask endpoint, both on granian's WSGI, are measured too.
All four serve on one core, the clients on another; their connections are spread, and stay open.
Their rounds alternate; all have SQLite with full durability.
"""

from __future__ import annotations

import http.client
import os
import pickle
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs
import bare
import flask_served
from bare import CALLS
from calls import Calls, Request
from measure import Cost, cost
from running import PATIENCE_SECONDS, Running, founded, free_port, service
from service import Service
from verdicts import scaled
from web import Side, Tape, copied, exchanges, floor_of

from counterseal.models import Algorithm
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime

ROUNDS = scaled(7, 2)
EACH = scaled(80, 16)
"""Requests of one call in a round."""

CONNECTIONS = 8
THREADS = 80
"""As `counterseal serve` has them."""

DATABASE = "counterseal.db"
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
    """
    One call, ours and the bare one.

    Attributes:
        face: What ours is.
    """

    face: str
    name: str
    ours: Times
    bare: Times

    def ratio(self, name: str) -> float:
        """Return ours over the bare one: the median of the rounds, each two neighbours in time."""
        ours, bare = getattr(self.ours, name), getattr(self.bare, name)
        return statistics.median(one / below for one, below in zip(ours, bare, strict=True))


def figures() -> list[Figure]:
    """Measure each call on both faces."""
    cores = sorted(os.sched_getaffinity(0))
    client, server = {cores[0]}, {cores[-1]}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        founded(folder)
        ours = service(folder, server)
        url = f"http://127.0.0.1:{ours.port}"
        with Runtime(settings({"data": str(folder / "data")}, {})) as runtime:
            runtime.prepare()
            measured = Service.of(Algorithm.ES256, runtime.ports)
            calls = Calls.of(measured, url)
            requests = {call: calls.requests(call, ROUNDS * EACH) for call in CALLS}
        for copy in ("recorded", "flask"):
            copy_data(folder / "data", folder / copy)
        _record(folder, calls, requests)

        def program(file: str, *arguments: str) -> Running:
            port = free_port()
            command = (sys.executable, file, *arguments, str(port), str(THREADS))
            return Running(command, port, folder / f"{arguments[0]}.log", server)

        servers = {
            "serve": ours,
            "bare asgi": program(bare.__file__, "asgi", str(folder / "asgi.pickle")),
            "Flask": program(flask_served.__file__, str(folder / "flask"), url),
            "bare flask": program(bare.__file__, "flask", str(folder / "flask.pickle")),
        }
        os.sched_setaffinity(0, client)
        stack.callback(os.sched_setaffinity, 0, cores)
        for running in servers.values():
            stack.enter_context(running)
        return _measure_rounds(requests, servers)


def copy_data(source: Path, target: Path) -> None:
    """Copy the data of a service that does not run."""
    shutil.copytree(source, target)
    (target / DATABASE).unlink()
    copied(str(source / DATABASE), str(target / DATABASE))


def _record(folder: Path, calls: Calls, requests: dict[str, list[Request]]) -> None:
    """Record, on a copy, what the service does for each request, and write it down."""
    for interface in ("asgi", "flask"):
        copied(str(folder / "data" / DATABASE), str(folder / f"{interface}.db"))
    with Runtime(settings({"data": str(folder / "recorded")}, {})) as copy:
        service = attrs.evolve(calls.service, ports=copy.ports)
        side = Side(attrs.evolve(calls, service=service), Tape(), copy.records.database, folder)
        recorded = {call: deque(exchanges(side, requests[call])) for call in CALLS}
        for interface in ("asgi", "flask"):
            floor = floor_of(side, recorded, str(folder / f"{interface}.db"))
            (folder / f"{interface}.pickle").write_bytes(pickle.dumps(floor))


def _measure_rounds(
    requests: dict[str, list[Request]], servers: dict[str, Running]
) -> list[Figure]:
    times = {(name, call): Times() for name in servers for call in CALLS}
    for number in range(ROUNDS):
        for call in CALLS:
            part = requests[call][number * EACH : (number + 1) * EACH]
            for name in random.sample(list(servers), len(servers)):
                _round(servers[name], part, times[name, call])
    return [
        Figure(face, call, times[face, call], times[below, call])
        for face, below in (("serve", "bare asgi"), ("Flask", "bare flask"))
        for call in CALLS
    ]


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
