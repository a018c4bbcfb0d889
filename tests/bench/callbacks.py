"""
Callbacks that keep pace with answers: the last part of `nox -s "bench(load)"`.

Four clients ask and answer as fast as the service replies, everything at its default. Each answer
has a callback, and a receiver counts it. The service has one core, and clients and receiver have
another. The same clients with `senders = 0` show what deliveries cost.

It fails where a callback is older than two seconds at the end, is lost, or comes twice without a
kill, and where the service accepts less than three quarters of the answers.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
from load import Observations, Person, UnexpectedError, together
from running import COUNTERSEAL, founded, service, surroundings
from verdicts import SMALL, failed, scaled

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples" / "shops"))

from postgresql import postgresql

CLIENTS, SECONDS, WARM_SECONDS = 4, scaled(60.0, 2.0), scaled(2.0, 0.5)
STORES = ("sqlite", "postgresql")
HANGS = "/hangs"
PAUSE_SECONDS = 0.1
PEOPLE = scaled(60, 4)
"""Accounts of one client, which it asks in turn."""

OLDEST_SECONDS = 2.0
"""How late a callback may be at the end."""

ACCEPTED = 0.75
"""Of the answers a second without deliveries, how many there have to be with them."""

DRAIN_SECONDS = 150
"""More than a lease: what a killed process had claimed is due again when that ends."""

HANG_SECONDS = 600


@attrs.frozen(kw_only=True)
class Scenario:
    """
    What is measured.

    Attributes:
        store: `sqlite` or `postgresql`.
        senders: The setting; None for its default.
        delay: Seconds until the receiver replies.
        hanging: Whether half of the clients ask for an origin whose receiver never replies.
        kill: Whether the process is killed in the middle, and started again.
    """

    store: str = "sqlite"
    senders: int | None = None
    delay: float = 0.005
    hanging: bool = False
    kill: bool = False

    def __str__(self) -> str:
        words = [self.store, f"{self.delay * 1000:.0f} ms"]
        words += ["no senders"] if self.senders == 0 else []
        words += ["beside one that hangs"] if self.hanging else []
        words += ["killed"] if self.kill else []
        return ", ".join(words)


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
        """Return how long after the reply to its answer each callback came; less than 0 before."""
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
            if self.path == HANGS:
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

        def handle_error(self, *_: object) -> None:
            """Say nothing of connections that end with the service that is killed."""

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


def create_shops(folder: Path, port: int, scenario: Scenario, values: dict[str, Any]) -> list[Shop]:
    """Create the service with an origin whose receiver replies, and with one whose does not."""
    callback = f"http://127.0.0.1:{port}/answered"
    credentials = founded(folder, "--callback", callback, **values)
    shops = [Shop(credentials, callback)]
    if scenario.hanging:
        hanging = f"http://127.0.0.1:{port}{HANGS}"
        config = ("--data", str(folder / "data"), "--config", str(folder / "init.toml"))
        space = credentials["appSpaceGuid"]
        origin = admin("origin", space, "Other shop", "--auth", "basic", *config)
        admin("allow", origin["requestOriginGuid"], hanging, *config)
        shops.append(Shop(origin, hanging))
    return shops


def admin(*arguments: str) -> dict[str, Any]:
    """Run a command of `counterseal admin`, and return what it prints."""
    command = (*COUNTERSEAL, "admin", *arguments)
    done = subprocess.run(command, capture_output=True, check=True, env=surroundings())
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@attrs.frozen
class Clients:
    """Clients, each with its own people, that ask and answer again and again."""

    people: list[list[tuple[Person, str]]]
    observations: Observations
    deliveries: Deliveries

    @classmethod
    def bind(cls, port: int, shops: list[Shop], deliveries: Deliveries) -> Clients:
        """Bind all phones."""
        observations = Observations()
        people = []
        for client in range(CLIENTS):
            shop, bound = shops[client % len(shops)], []
            for number in range(PEOPLE):
                person = Person(port, shop.credentials, observations)
                person.bind(f"user-{client}-{number}")
                bound.append((person, shop.callback))
            people.append(bound)
        observations.took.clear()
        return cls(people, observations, deliveries)

    def answer(self, seconds: float, *, tolerant: bool) -> int:
        """
        Ask and answer for so long; return how many answers were accepted.

        Args:
            tolerant: Whether an error is followed by the next question, after a moment.
        """
        clients, counts = iter(self.people), itertools.count()
        end = time.monotonic() + seconds

        def client() -> None:
            for person, callback in itertools.cycle(next(clients)):
                if time.monotonic() >= end:
                    return
                try:
                    self._transact(person, callback)
                except (UnexpectedError, OSError, http.client.HTTPException):
                    if not tolerant:
                        raise
                    person.close()
                    time.sleep(PAUSE_SECONDS)
                else:
                    next(counts)

        together(CLIENTS, client, end)
        if self.observations.wrong and not tolerant:
            raise AssertionError(dict(self.observations.wrong))
        return next(counts)

    def _transact(self, person: Person, callback: str) -> None:
        guid = person.ask(callback=callback)
        person.answer(person.fetch(guid))
        if not callback.endswith(HANGS):
            self.deliveries.answered[guid] = time.monotonic()

    def close(self) -> None:
        """Close all connections."""
        for bound in self.people:
            for person, _ in bound:
                person.close()


@attrs.frozen
class Figures:
    """
    What one scenario came to.

    Attributes:
        rate: Answers a second.
        cpu: Milliseconds of the service's CPU time for each answer.
        oldest: Seconds since the answer whose callback was missing for longest at the end.
        missing: Callbacks that did not come at all.
    """

    rate: float
    cpu: float
    oldest: float
    missing: int
    doubled: int
    ages: list[float]


def measure(scenario: Scenario, seconds: float) -> Figures:
    """Run one scenario on a service of its own."""
    cores = sorted(os.sched_getaffinity(0))
    deliveries = Deliveries()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterseal-")))
        port = stack.enter_context(receiver(deliveries, scenario.delay))
        values: dict[str, Any] = {"allow_private_callbacks": True}
        if scenario.senders is not None:
            values["senders"] = scenario.senders
        if scenario.store == "postgresql":
            values["store"] = stack.enter_context(postgresql())
        shops = create_shops(folder, port, scenario, values)
        running = stack.enter_context(service(folder, {cores[-1]}, **values))
        os.sched_setaffinity(0, {cores[0]})
        stack.callback(os.sched_setaffinity, 0, cores)
        clients = Clients.bind(running.port, shops, deliveries)
        stack.callback(clients.close)
        clients.answer(WARM_SECONDS, tolerant=False)
        deliveries.answered.clear()
        cpu, begun = running.cpu(), time.monotonic()
        if scenario.kill:
            killer = threading.Timer(seconds / 2, running.kill_and_restart)
            killer.start()
            answers = clients.answer(seconds, tolerant=True)
            killer.join()
        else:
            answers = clients.answer(seconds, tolerant=False)
        ended = time.monotonic()
        oldest = deliveries.oldest(ended)
        # A process that was killed took its CPU time with it.
        used = math.nan if scenario.kill else running.cpu() - cpu
        if scenario.senders != 0:
            while deliveries.missing() and time.monotonic() < ended + DRAIN_SECONDS:
                time.sleep(PAUSE_SECONDS)
    return Figures(
        rate=answers / (ended - begun),
        cpu=1000 * used / max(answers, 1),
        oldest=oldest,
        missing=deliveries.missing(),
        doubled=deliveries.doubled(),
        ages=sorted(deliveries.ages()),
    )


def problems(scenario: Scenario, figures: Figures, without: Figures | None) -> list[str]:
    """Return what is wrong with *figures*; *without* are those without senders."""
    texts = []
    if figures.oldest > OLDEST_SECONDS and not scenario.kill:
        texts.append(f"a callback is {figures.oldest:.1f} s old")
    if figures.missing:
        texts.append(f"{figures.missing} callbacks are lost")
    if figures.doubled and not scenario.kill:
        texts.append(f"{figures.doubled} callbacks came twice")
    if without is not None and figures.rate < ACCEPTED * without.rate:
        texts.append(f"{figures.rate / without.rate:.2f} of the answers")
    return texts


def callbacks(seconds: float, stores: Sequence[str]) -> int:
    """Measure all scenarios on *stores*, print a table, and return how much is wrong."""
    print(
        f"\n{CLIENTS} clients for {seconds:g} s; ages in ms from the reply to the answer to its"
        " callback, which may come before the reply\n"
        f"{'scenario':44} {'answers/s':>9} {'of them':>7} {'CPU ms':>7} {'p50':>6} {'p99':>6}"
        f" {'oldest s':>8} {'lost':>5} {'twice':>5}"
    )
    wrong = 0
    for store in stores:
        without = None
        for scenario in (
            Scenario(store=store, senders=0),
            Scenario(store=store),
            Scenario(store=store, delay=0.2),
            Scenario(store=store, hanging=True),
            Scenario(store=store, kill=True),
        ):
            figures = measure(scenario, seconds)
            if scenario.senders == 0:
                without = figures
                print(f"{scenario!s:44} {figures.rate:9.1f} {'':7} {figures.cpu:7.2f}", flush=True)
                continue
            compared = None if scenario.hanging or scenario.kill else without
            ratio = "" if compared is None else f"{figures.rate / compared.rate:.2f}"
            p50, p99 = (1000 * figures.ages[len(figures.ages) * n // 100] for n in (50, 99))
            print(
                f"{scenario!s:44} {figures.rate:9.1f} {ratio:>7} {figures.cpu:7.2f}"
                f" {p50:6.0f} {p99:6.0f} {figures.oldest:8.2f} {figures.missing:5}"
                f" {figures.doubled:5}",
                flush=True,
            )
            for problem in problems(scenario, figures, compared):
                print(f"  {problem}")
                wrong += 1
    return wrong


def main() -> int:
    """Run it, and say whether something was wrong."""
    parser = argparse.ArgumentParser(prog="callbacks")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--store", action="append", choices=STORES)
    arguments = parser.parse_args()
    stores = arguments.store or (STORES[:1] if SMALL else STORES)
    return failed(callbacks(arguments.seconds, stores))


if __name__ == "__main__":
    sys.exit(main())
