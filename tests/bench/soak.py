"""
The service at work for an hour: `nox -s "bench(soak)"`.

    nox -s "bench(soak)" -- --minutes 60 --store postgresql

`serve`, a worker for callbacks, a worker for notifications and a relay run as processes of their
own. Clients bind devices, ask, answer a moment later and read the result. A receiver counts
callbacks and pushes. Each minute the memory of every process is read. At the end every answer has
one callback, nearly all had a push, and `store check` finds nothing.

It fails on an error, on a callback that is missing or came twice, and where the memory of a process
is larger at the end than after the first third by more than a tenth. It says where the machine was
too noisy to tell.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
from load import Observations, Person, UnexpectedError, table
from running import COUNTERSEAL, PATIENCE_SECONDS, founded, free_port, service, surroundings
from verdicts import UNKNOWN, memory_verdict, push_verdict, scaled

from counterseal.models import AddressKind, PushAddress

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples" / "shops"))

from postgresql import postgresql

CLIENTS, MINUTES, PACE_SECONDS = 16, scaled(60.0, 0.2), 2.0
DRAIN_SECONDS = 120
"""How long the next callback may take: a slow machine delivers, and a defect does not."""
WORKING = {"COUNTERSEAL_SENDERS": "64", "COUNTERSEAL_NOTIFICATION_WORKERS": "16"}
"""What the workers have, and `serve` does without."""
SAMPLE_SECONDS = 60


@attrs.define
class Receiver:
    """
    The shop and the push service: what came, by the GUID of the request.

    Attributes:
        callbacks: How often each request's callback came.
        came: When it came first, in seconds of the clock of `Soak.answered`.
        pushes: How many push messages came.
    """

    callbacks: Counter[str] = attrs.field(factory=Counter)
    came: dict[str, float] = attrs.field(factory=dict)
    pushes: int = 0
    lock: threading.Lock = attrs.field(factory=threading.Lock)

    def receive(self, path: str, body: bytes) -> None:
        """Count one message."""
        with self.lock:
            if path == "/pushed":
                self.pushes += 1
            else:
                guid = json.loads(body)["guid"]
                self.callbacks[guid] += 1
                self.came.setdefault(guid, time.monotonic())

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Listen on this machine; yield the port."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver.receive(self.path, self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()


@contextmanager
def process(log: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of `counterseal` until the end of the block."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            (*COUNTERSEAL, *command),
            stdout=output,
            stderr=output,
            env={**surroundings(), **WORKING},
        )
    try:
        yield running
    finally:
        if running.poll() is not None:
            print(f"{command[0]} has ended: {log.read_text()[-2000:]}")
        running.send_signal(signal.SIGTERM)
        if running.wait(PATIENCE_SECONDS):
            print(f"{command[0]} ended with {running.returncode}: {log.read_text()[-2000:]}")


def memory(pid: int) -> float:
    """Return the resident memory of a process and of those that it started, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return own + sum(memory(int(child)) for child in children)


@attrs.frozen
class Soak:
    """
    The clients, and what they have done.

    Attributes:
        port: Where the service is.
        callback: The URL of the shop.
        pace: Seconds from a question to its answer.
        answered: When each question was answered, in seconds of a clock that only grows.
    """

    port: int
    credentials: dict[str, Any]
    callback: str
    pace: float
    observations: Observations = attrs.field(factory=Observations)
    guids: list[str] = attrs.field(factory=list)
    answered: dict[str, float] = attrs.field(factory=dict)
    numbers: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)

    def run(self, end: threading.Event) -> None:
        """Be one client until *end*; after an error, begin with a new connection."""
        while not end.is_set():
            person = Person(self.port, self.credentials, self.observations)
            expected = (UnexpectedError, OSError, http.client.HTTPException)
            with contextlib.closing(person), contextlib.suppress(*expected):
                while not end.is_set():
                    self._transact(person, end)

    def _transact(self, person: Person, end: threading.Event) -> None:
        number = self.numbers()
        address = PushAddress(kind=AddressKind.RELAY, value=f"soak:phone-{number}")
        person.bind(f"user-{number}", addresses=(address,))
        guid = person.ask(callback=self.callback)
        self.guids.append(guid)
        # Meanwhile the phone is notified: who has answered is not.
        end.wait(self.pace)
        person.answer(person.fetch(guid))
        self.answered[guid] = time.monotonic()
        person.know(guid)


def watch(soak: Soak, processes: dict[str, int], minutes: float) -> dict[str, list[float]]:
    """Print a row each minute; return the memory of each process, sample by sample."""
    samples: dict[str, list[float]] = {name: [] for name in processes}
    print(f"{'minute':>6} {'asked':>8} {'errors':>6}  MiB: " + "  ".join(processes), flush=True)
    end = time.monotonic() + 60 * minutes
    for minute in itertools.count(1):
        time.sleep(max(0.0, min(SAMPLE_SECONDS, end - time.monotonic())))
        for name, pid in processes.items():
            samples[name].append(memory(pid))
        errors = sum(map(len, soak.observations.wrong.values()))
        row = "  ".join(f"{values[-1]:{len(name)}.1f}" for name, values in samples.items())
        print(f"{minute:6} {len(soak.guids):8} {errors:6}       {row}", flush=True)
        if time.monotonic() >= end:
            return samples
    raise AssertionError


def main() -> int:
    """Run it, and say whether something was wrong."""
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--pace", type=float, default=PACE_SECONDS, help="seconds to an answer")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    arguments = parser.parse_args()
    receiver = Receiver()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterseal-")))
        shop = stack.enter_context(receiver.listening())
        callback, relay = f"http://127.0.0.1:{shop}/answered", free_port()
        secret = folder / "relay.secret"
        secret.write_text("whsec_" + base64.b64encode(os.urandom(32)).decode())
        settings: dict[str, Any] = {
            "senders": 0,
            "notification_workers": 0,
            "relay_url": f"http://127.0.0.1:{relay}",
            "relay_secret_file": str(secret),
            "allow_private_pushes": True,
            "allow_private_callbacks": True,
        }
        if arguments.store == "postgresql":
            settings["store"] = stack.enter_context(postgresql())
        credentials = founded(folder, "--callback", callback, **settings)
        running = stack.enter_context(service(folder, **settings))
        folders = ("--data", str(folder / "data"), "--config", str(folder / "config.toml"))
        pushed = f"http://127.0.0.1:{shop}/pushed"
        workers = {
            "callbacks": ("callbacks", "run", *folders),
            "notifications": ("notify", "run", *folders),
            "relay": (
                "relay", "--port", str(relay), "--secret-file", str(secret), "--forward", pushed,
            ),
        }  # fmt: skip
        started = {
            name: stack.enter_context(process(folder / f"{name}.log", *command))
            for name, command in workers.items()
        }
        soak, over = Soak(running.port, credentials, callback, arguments.pace), threading.Event()
        clients = stack.enter_context(ThreadPoolExecutor(CLIENTS))
        print(
            f"{CLIENTS} clients, who answer {arguments.pace:g} s after a question, for"
            f" {arguments.minutes:g} minutes on {arguments.store}"
        )
        done = [clients.submit(soak.run, over) for _ in range(CLIENTS)]
        pids = {"serve": running.pid} | {name: one.pid for name, one in started.items()}
        try:
            samples = watch(soak, pids, arguments.minutes)
        finally:
            over.set()
        for client in done:
            client.result(PATIENCE_SECONDS)
        problems = _problems(soak, receiver, samples)
        problems += [f"{name} has ended" for name, one in started.items() if one.poll() is not None]
        check = subprocess.run(
            (*COUNTERSEAL, "store", "check", *folders),
            capture_output=True,
            env=surroundings(),
            check=False,
            text=True,
        )
        print(check.stdout + check.stderr, end="")
        problems += ["store check found something"] if check.returncode else []
    errors = table(soak.observations, 60 * arguments.minutes)
    for problem in problems:
        print(problem)
    return int(bool(problems or errors))


def _problems(soak: Soak, receiver: Receiver, samples: dict[str, list[float]]) -> list[str]:
    """Wait until all is delivered; return what is wrong."""
    answered = len(soak.observations.took["answer"])
    arrived, end = -1, 0.0
    while len(receiver.callbacks) < answered:
        if len(receiver.callbacks) > arrived:
            arrived, end = len(receiver.callbacks), time.monotonic() + DRAIN_SECONDS
        elif time.monotonic() > end:
            break
        time.sleep(1)
    twice = sum(count > 1 for count in receiver.callbacks.values())
    print(
        f"asked {len(soak.guids)}, answered {answered}, callbacks of {len(receiver.callbacks)},"
        f" twice {twice}, pushes {receiver.pushes}"
    )
    ages = sorted(
        receiver.came[guid] - at for guid, at in soak.answered.items() if guid in receiver.came
    )
    if ages:
        p50, p99 = (ages[len(ages) * n // 100] for n in (50, 99))
        print(
            f"callbacks came after {p50:.2f} s (p50), {p99:.2f} s (p99), {ages[-1]:.2f} s at most"
        )
    problems = [] if answered else ["nothing was answered"]
    if len(receiver.callbacks) < answered or twice:
        problems.append("callbacks are missing, or came twice")
    slowest = max(
        (
            statistics.quantiles(took, n=100)[98]
            for took in soak.observations.took.values()
            if len(took) > 1
        ),
        default=0.0,
    )
    verdicts = {"pushes are": push_verdict(receiver.pushes, answered, slowest, soak.pace)}
    for name, values in samples.items():
        begin, ratio, verdict = memory_verdict(values)
        verdicts[f"the memory of {name}"] = verdict
        print(
            f"memory of {name}: {begin:.1f} MiB after a third, {values[-1]:.1f} at the end"
            f" ({ratio:.2f} times)"
        )
    for what, verdict in verdicts.items():
        if verdict == UNKNOWN:
            print(f"{what}: {verdict}")
        elif verdict:
            problems.append(f"{what} {verdict}")
    return problems


if __name__ == "__main__":
    sys.exit(main())
