"""
Callbacks that keep pace with answers: the third part of `nox -s load`.

Four clients ask and answer as fast as the service replies, everything at its default. Each answer
has a callback, and a receiver notes when it came. The service has one core, and clients and
receiver have another. The same clients with `senders = 0` show what deliveries cost.

    python bench/callbacks.py --seconds 60 --store postgresql --delay 0.2 --hanging --kill
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
from load import Observations, Person, together
from running import founded, service

sys.path.append(str(Path(__file__).parents[1] / "docs" / "examples" / "shops"))

from postgresql import postgresql

CLIENTS, SECONDS = 4, 60.0
PEOPLE = 60
"""Accounts of one client, which it asks in turn."""

OLDEST_SECONDS = 2.0
"""How late a callback may be at the end."""

ACCEPTED = 0.85
"""Of the answers a second without deliveries, how many there are with them."""

DRAIN_SECONDS = 60
HANG_SECONDS = 600


@attrs.define
class Deliveries:
    """
    What was answered and what came, by the GUID of the request, in seconds of one clock.

    Attributes:
        answered: When the service's reply to the answer came.
        came: When each callback of a request came.
    """

    answered: dict[str, float] = attrs.field(factory=dict)
    came: dict[str, list[float]] = attrs.field(factory=dict)

    def missing(self) -> int:
        """Return how many answers have no callback."""
        return len(self.answered.keys() - self.came.keys())

    def doubled(self) -> int:
        """Return how many callbacks came more than once."""
        return sum(len(times) > 1 for times in self.came.values())

    def oldest(self, now: float) -> float:
        """Return for how long the callback has been awaited that is awaited for longest."""
        open_guids = self.answered.keys() - self.came.keys()
        return max((now - self.answered[guid] for guid in open_guids), default=0.0)

    def ages(self) -> list[float]:
        """Return how long after its answer each callback came."""
        guids = self.answered.keys() & self.came.keys()
        return [self.came[guid][0] - self.answered[guid] for guid in guids]


@contextmanager
def receiver(deliveries: Deliveries, delay: float) -> Iterator[int]:
    """Receive callbacks on this machine, and reply after *delay* seconds; yield the port."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/hangs":
                over.wait(HANG_SECONDS)
                return
            came = deliveries.came.setdefault(json.loads(body)["guid"], [])
            came.append(time.monotonic())
            over.wait(delay)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        over.set()
        server.shutdown()
        server.server_close()


@attrs.frozen
class Shop:
    """An origin of the service: its credentials, and where its callbacks go."""

    credentials: dict[str, Any]
    callback: str


def answer_repeatedly(port: int, shops: list[Shop], seconds: float, deliveries: Deliveries) -> int:
    """Let clients ask and answer for so long; return how many answers were accepted."""
    observations = Observations()
    counts = itertools.count()
    people: list[list[tuple[Person, str]]] = []
    for client in range(CLIENTS):
        shop = shops[client % len(shops)]
        bound = []
        for number in range(PEOPLE):
            person = Person(port, shop.credentials, observations)
            person.bind(f"user-{os.getpid()}-{time.monotonic_ns()}-{number}")
            bound.append((person, shop.callback))
        people.append(bound)
    clients = iter(people)
    observations.took.clear()
    end = time.monotonic() + seconds

    def client() -> None:
        for person, callback in itertools.cycle(next(clients)):
            if time.monotonic() >= end:
                return
            guid = person.ask(callback=callback)
            person.answer(person.fetch(guid))
            if not callback.endswith("/hangs"):
                deliveries.answered[guid] = time.monotonic()
            next(counts)

    together(CLIENTS, client, end)
    for bound in people:
        for person, _ in bound:
            person.close()
    if observations.wrong:
        raise AssertionError(dict(observations.wrong))
    return next(counts)


def run(
    folder: Path, seconds: float, store: str, senders: int | None, delay: float, *, hanging: bool
) -> tuple[float, float, Deliveries, float]:
    """Return answers a second, CPU a second, the deliveries, and the age of the oldest callback."""
    cores = sorted(os.sched_getaffinity(0))
    deliveries = Deliveries()
    with ExitStack() as stack:
        port = stack.enter_context(receiver(deliveries, delay))
        settings: dict[str, Any] = {"allow_private_callbacks": True}
        if senders is not None:
            settings["senders"] = senders
        if store == "postgresql":
            settings["store"] = stack.enter_context(postgresql())
        callback = f"http://127.0.0.1:{port}/answered"
        credentials = founded(folder, "--callback", callback, **settings)
        shops = [Shop(credentials, callback)]
        running = stack.enter_context(service(folder, {cores[-1]}, **settings))
        os.sched_setaffinity(0, {cores[0]})
        stack.callback(os.sched_setaffinity, 0, cores)
        answer_repeatedly(running.port, shops, 3.0, Deliveries())
        deliveries.came.clear()
        cpu, begun = running.cpu(), time.monotonic()
        answers = answer_repeatedly(running.port, shops, seconds, deliveries)
        ended = time.monotonic()
        oldest = deliveries.oldest(ended)
        used = running.cpu() - cpu
        if senders != 0:
            while deliveries.missing() and time.monotonic() < ended + DRAIN_SECONDS:
                time.sleep(0.05)
    return answers / (ended - begun), used / (ended - begun), deliveries, oldest


def main() -> int:
    """Run it, and say whether something was wrong."""
    parser = argparse.ArgumentParser(prog="callbacks")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--delay", type=float, default=0.005)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--senders", type=int, default=None)
    arguments = parser.parse_args()
    for senders in (0, arguments.senders):
        with tempfile.TemporaryDirectory() as name:
            rate, cpu, deliveries, oldest = run(
                Path(name), arguments.seconds, arguments.store, senders, arguments.delay, hanging=False
            )
        ages = sorted(deliveries.ages())
        print(f"senders {senders}: {rate:.1f} answers/s, {1000*cpu/rate:.2f} ms CPU each, {len(ages)} delivered, oldest at end {oldest:.2f} s, missing {deliveries.missing()}, doubled {deliveries.doubled()}, "
          + (f"age p50 {statistics.median(ages)*1000:.0f} ms max {ages[-1]:.2f} s" if ages else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
