"""
The service under load: `nox -s "bench(load)"`.

First 16 clients for a minute, with everything at its default: no error, and nobody stuck.
Then add and answer with nobody waiting, and with 200 who wait, in turn: p99 within twice.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
from running import PATIENCE_SECONDS, Running, founded, service
from verdicts import failed, scaled

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import PushAddress

PIN = "1379"
CHEAP = 2
"""The PIN's scrypt belongs to the device and is not measured."""

CLIENTS, SECONDS = 16, scaled(60.0, 3.0)
WAITERS, THREADS = 200, 300
ASKERS, ROUNDS, ROUND_SECONDS = scaled((4, 6, 5), (4, 1, 3))
WITHIN = 2.0
POLL_SECONDS = 30
QUESTION = {"content": "Pay 10 EUR to Zoë?", "transactionId": "pay-2041", "duration": "10m"}


class UnexpectedError(Exception):
    """A reply is not what it has to be."""


@attrs.define
class Observations:
    """What the clients have seen: how long each call took, in seconds, and what went wrong."""

    took: dict[str, list[float]] = attrs.field(factory=lambda: defaultdict(list))
    wrong: dict[str, list[str]] = attrs.field(factory=lambda: defaultdict(list))

    @contextlib.contextmanager
    def timed(self, operation: str) -> Iterator[None]:
        """Time an operation, or note its error."""
        begun = time.perf_counter()
        try:
            yield
        except (UnexpectedError, OSError, http.client.HTTPException) as error:
            self.wrong[operation].append(repr(error))
            raise
        self.took[operation].append(time.perf_counter() - begun)

    def p99(self, operation: str) -> float:
        """Return the 99th percentile in milliseconds."""
        return 1000 * statistics.quantiles(self.took[operation], n=100)[98]

    def p50(self, operation: str) -> float:
        """Return the median in milliseconds."""
        return 1000 * statistics.median(self.took[operation])


class Connection:
    """One connection, kept open, and made anew if the service closes it between two calls."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)

    def call(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Any:
        """
        Return the reply's document.

        Raises:
            UnexpectedError: The status says that it was refused.
            OSError: The connection broke, or nothing came.
        """
        self._connection.request(method, target, body or None, headers)
        reply = self._connection.getresponse()
        data = reply.read()
        if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise UnexpectedError(f"{reply.status} {data[:200].decode(errors='replace')}")
        return json.loads(data)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class Person:
    """
    A user of the shop with a phone, and the shop's calls about this user.

    Args:
        port: Where the service is.
        credentials: What the origin was given when the service was created.
    """

    def __init__(self, port: int, credentials: dict[str, Any], observations: Observations) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._observations = observations
        self._line, self._second = Connection(port), Connection(port)
        self._headers = {
            "Authorization": credentials["authorization"],
            "Content-Type": "application/json",
        }
        self._device = SoftwareDevice.make(
            clock=SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=CHEAP
        )
        self._account = ""

    def bind(self, account: str, *, addresses: tuple[PushAddress, ...] = ()) -> None:
        """Bind the phone to a new account, with the addresses at which it is notified."""
        self._account = account
        with self._observations.timed("bind"):
            invited = self._shop("PUT", "/account/bind", {"accountId": account})
        enrolment = self._device.enrolment(
            invited["sessionToken"], invited["appSpaceGuid"], pin=PIN, addresses=addresses
        )
        body = json.dumps(enrolment_document(enrolment)).encode()
        with self._observations.timed("device bind"):
            bound = self._line.call(
                "POST", "/device/bind", {"Content-Type": "application/json"}, body
            )
        self._device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )

    def ask(self, **members: str) -> str:
        """Put a question to the account, with more *members*, and return its GUID."""
        question = QUESTION | {"accountId": self._account} | members
        with self._observations.timed("add"):
            reply = self._shop("POST", "/request/add", question)
        guid: str = reply["guid"]
        return guid

    def fetch(self, guid: str) -> str:
        """Return the display document that the phone fetches."""
        with self._observations.timed("pending"):
            pending = self._phone("GET", "/device/requests")
            if [request["guid"] for request in pending["requests"]] != [guid]:
                raise UnexpectedError(pending)
        with self._observations.timed("show"):
            display: str = self._phone("GET", f"/device/requests/{guid}")["display"]
        return display

    def answer(self, display: str) -> None:
        """Press the first button."""
        signed = self._device.answer(display, 0, pin=PIN).encode()
        with self._observations.timed("answer"):
            reply = self._phone("POST", "/device/answer", signed)
            if not reply["approved"]:
                raise UnexpectedError(reply["state"])

    def know(self, guid: str) -> None:
        """Ask how the question stands, which has been answered."""
        with self._observations.timed("getRequest"):
            reply = self._shop("GET", f"/request/getRequest?requestGuid={guid}")
            if reply["state"] != "ANSWERED":
                raise UnexpectedError(reply["state"])

    def wait(self, guid: str) -> None:
        """Wait on a second connection until the question has been answered."""
        target = f"/request/getRequest?requestGuid={guid}&wait={POLL_SECONDS}"
        with self._observations.timed("long poll"):
            reply = self._second.call("GET", target, self._headers)
            if reply["state"] != "ANSWERED":
                raise UnexpectedError(reply["state"])

    def cancel(self, guid: str) -> None:
        """Take a question back."""
        with self._observations.timed("cancel"):
            self._shop("PATCH", "/request/cancel", {"requestGuid": guid})

    def close(self) -> None:
        """Hang up."""
        self._line.close()
        self._second.close()

    def _shop(self, method: str, target: str, document: Any = None) -> Any:
        body = b"" if document is None else json.dumps(document).encode()
        return self._line.call(method, target, self._headers, body)

    def _phone(self, method: str, target: str, body: bytes = b"") -> Any:
        call = self._device.signed_call(method, self._base + target, body)
        headers = {"Counterseal-Proof": call.proof}
        if body:
            headers["Content-Type"] = "application/jose"
        return self._line.call(method, target, headers, body)


def minute(
    running: Running, credentials: dict[str, Any], clients: int, seconds: float
) -> Observations:
    """Let so many clients do everything, again and again, for so long."""
    observations, numbers = Observations(), itertools.count()
    end = time.monotonic() + seconds

    def client() -> None:
        person = Person(running.port, credentials, observations)
        with contextlib.closing(person), ThreadPoolExecutor(1) as helper:
            while time.monotonic() < end:
                person.bind(f"user-{next(numbers)}")
                guid = person.ask()
                polled = helper.submit(person.wait, guid)
                person.answer(person.fetch(guid))
                polled.result(PATIENCE_SECONDS)
                person.know(guid)

    together(clients, client, end)
    return observations


def asking(
    running: Running,
    credentials: dict[str, Any],
    prefix: str,
    seconds: float,
    observations: Observations,
) -> None:
    """Let a few clients ask and answer for so long."""
    numbers = itertools.count()
    end = time.monotonic() + seconds

    def client() -> None:
        person = Person(running.port, credentials, observations)
        with contextlib.closing(person):
            while time.monotonic() < end:
                person.bind(f"{prefix}-{next(numbers)}")
                person.answer(person.fetch(person.ask()))

    together(ASKERS, client, end)


def together(clients: int, call: Callable[[], None], end: float) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except (UnexpectedError, OSError, http.client.HTTPException):
            return  # it is in the table
        except BaseException as error:  # noqa: BLE001 (raised by the main thread)
            failed.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, end - time.monotonic()) + PATIENCE_SECONDS)
    if failed:
        raise failed[0]
    stuck = sum(thread.is_alive() for thread in threads)
    if stuck:
        raise AssertionError(f"{stuck} clients are stuck")


class Waiters:
    """
    Those who wait, half of them by long polls and half by Server-Sent Events.

    Args:
        credentials: What the origin was given when the service was created.
        count: How many.
    """

    def __init__(self, running: Running, credentials: dict[str, Any], count: int) -> None:
        self._running, self._credentials = running, credentials
        self._person = Person(running.port, credentials, Observations())
        self._challenges = [self._ask(f"waiting-{number}") for number in range(count)]
        self._lines: list[socket.socket] = []

    def start(self) -> None:
        """Wait, each for another request."""
        for number, guid in enumerate(self._challenges):
            poll = f"/request/getRequest?requestGuid={guid}&wait={POLL_SECONDS}"
            target = poll if number % 2 else f"/request/events?requestGuid={guid}"
            line = socket.create_connection(("127.0.0.1", self._running.port), PATIENCE_SECONDS)
            line.sendall(
                f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                f"Authorization: {self._credentials['authorization']}\r\n\r\n".encode()
            )
            self._lines.append(line)

    def go(self) -> None:
        """
        Take all questions back, and see that each of them who waited is told.

        Raises:
            UnexpectedError: Somebody was not.
        """
        for guid in self._challenges:
            self._person.cancel(guid)
        self._person.close()
        for number, line in enumerate(self._lines):
            with line:
                data = b"".join(iter(lambda line=line: line.recv(65_536), b""))
            if not data.startswith(b"HTTP/1.1 200") or b"CANCELLED" not in data:
                raise UnexpectedError(f"waiter {number}: {data[:300]!r}")

    def _ask(self, account: str) -> str:
        self._person.bind(account)
        return self._person.ask()


def waited(folder: Path, credentials: dict[str, Any]) -> tuple[Observations, Observations]:
    """Return what a few clients saw with nobody waiting, and with many."""
    alone, crowded = Observations(), Observations()
    with service(folder, threads=THREADS, waiters=WAITERS) as running:
        asking(running, credentials, "warm", 2, Observations())
        for number in range(ROUNDS):
            asking(running, credentials, f"alone-{number}", ROUND_SECONDS, alone)
            waiters = Waiters(running, credentials, WAITERS)
            waiters.start()
            asking(running, credentials, f"crowded-{number}", ROUND_SECONDS, crowded)
            waiters.go()
    return alone, crowded


def table(observations: Observations, seconds: float) -> int:
    """Print what was seen, and return how many errors there were."""
    print(
        f"{'operation':14} {'count':>7} {'a second':>9} {'p50 ms':>8} {'p99 ms':>8} {'errors':>7}"
    )
    for operation in sorted(observations.took.keys() | observations.wrong.keys()):
        took, wrong = observations.took[operation], observations.wrong[operation]
        p50, p99 = observations.p50, observations.p99
        times = (p50(operation), p99(operation)) if len(took) > 1 else (0.0, 0.0)
        print(
            f"{operation:14} {len(took):7} {len(took) / seconds:9.1f}"
            f" {times[0]:8.1f} {times[1]:8.1f} {len(wrong):7}"
        )
        for message in sorted(set(wrong))[:3]:
            print(f"  {message}")
    return sum(map(len, observations.wrong.values()))


def main() -> int:
    """Run both, and say whether something was wrong."""
    parser = argparse.ArgumentParser(prog="load")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the first part is")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        credentials = founded(folder)
        print(f"{CLIENTS} clients for {arguments.seconds:g} s, everything at its default")
        with service(folder) as running:
            observations = minute(running, credentials, CLIENTS, arguments.seconds)
        errors = table(observations, arguments.seconds)
        print(f"\n{ASKERS} clients, with nobody waiting and with {WAITERS} who wait")
        alone, crowded = waited(folder, credentials)
    over = False
    for operation in ("add", "answer"):
        ratio = crowded.p99(operation) / alone.p99(operation)
        over = over or ratio > WITHIN
        print(
            f"{operation:8} p50 {alone.p50(operation):6.1f} {crowded.p50(operation):6.1f} ms"
            f"  p99 {alone.p99(operation):6.1f} {crowded.p99(operation):6.1f} ms"
            f"  p99 by {ratio:.2f}{'  OVER' if ratio > WITHIN else ''}"
            f"  ({len(alone.took[operation])} and {len(crowded.took[operation])} calls)"
        )
    for name, observations in (("alone", alone), ("crowded", crowded)):
        for operation, wrong in observations.wrong.items():
            print(f"{name}: {operation}: {len(wrong)} errors, such as {wrong[0]}")
            errors += len(wrong)
    return int(failed(over) or bool(errors))


if __name__ == "__main__":
    sys.exit(main())
