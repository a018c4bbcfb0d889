"""
Goal 11: open waiting calls on one ASGI process, what each costs, and what they cost other calls.

    python tests/bench/asgi_waiters.py                  # 10,000 long polls
    python tests/bench/asgi_waiters.py --waiters 1000

Each waits over a connection of its own; there are as many as the limit of open files allows.
The service is on the memory adapters, in a process and on a core of its own (`asgi_service.py`).
A request is loaded when it is woken, and not by time, unless `--look` says after how many seconds.
It prints the threads and the memory for each waiter, and the 99th percentile of
`POST /request/add` without and with the waiters, where everything else is stored alike.
At the end each request is answered by a device, and each call has to return that.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import select
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import asgi_service
import attrs
from goals import Row, row
from load import Connection
from measure import Cost
from phones import Phone, bind
from running import PATIENCE_SECONDS, Running, free_port
from verdicts import FAR_MISSED, MISSED, failed, scaled

from counterseal_asgi import DEFAULT_THREADS

WAITERS = scaled(10_000, 200)
ADDS = scaled(1_000, 100)
"""Of each part: without waiters, with them, and when they have returned."""

EACH = 40
"""Open requests of one account; the policy allows a few more."""

CLIENTS = 8
ROW = row("11", "p99 of add with waiters")
SPARE_FILES = 200
WAIT_SECONDS = 3_600
CENT = 100
PATIENCE = 240
"""Seconds until all have to wait, and until all have to have returned."""

RECEIVED = 65_536


@attrs.frozen
class Figures:
    """
    What was measured.

    Attributes:
        threads: How many more there are while the calls wait.
        bytes_each: Memory of the service for each.
        before, beside, after: Milliseconds of each add: without waiters, with them, and when they
            have returned.
        cpu_before, cpu_beside: Milliseconds of the service's CPU time for an add.
        idle: Share of a core that the waiters take while nothing happens.
        seconds: Until all were answered and had returned.
    """

    waiters: int
    threads: int
    bytes_each: float
    before: list[float]
    beside: list[float]
    after: list[float]
    cpu_before: float
    cpu_beside: float
    idle: float
    seconds: float

    @property
    def ratio(self) -> float:
        """Return the 99th percentile with waiters over that without."""
        return p99(self.beside) / p99(self.before + self.after)

    @property
    def without(self) -> Cost:
        """
        The 99th percentile without waiters, in microseconds.

        Its spread is half the distance between those before and after the waiters.
        """
        before, after = p99(self.before), p99(self.after)
        return Cost(1000 * p99(self.before + self.after), abs(before - after) / (before + after))

    @property
    def verdict(self) -> str:
        """What the ratio means."""
        return ROW.verdict(self.ratio, self.without.spread)

    def row(self) -> tuple[Row, float, Cost, Cost]:
        """Return the row of the table, its figure, and the costs that it is made of."""
        return ROW, self.ratio, Cost(1000 * p99(self.beside), 0), self.without

    def show(self) -> None:
        """Print them."""
        without = self.before + self.after
        middles = [statistics.median(durations) for durations in (without, self.beside)]
        print(
            f"11    {self.waiters:,} waiters: {self.threads} more threads,"
            f" {self.bytes_each / 1024:.1f} KiB each, {self.idle:.1%} of a core while idle\n"
            f"11    p99 of add: {p99(without):.2f} ms without, {p99(self.beside):.2f} ms with them:"
            f" x {self.ratio:.2f}, limit {ROW.limit} {self.verdict}\n"
            f"      p50 {middles[0]:.2f} and {middles[1]:.2f} ms,"
            f" worst {max(without):.1f} and {max(self.beside):.1f} ms,"
            f" CPU {self.cpu_before:.2f} and {self.cpu_beside:.2f} ms\n"
            f"11    all {self.waiters:,} answered and returned in {self.seconds:.1f} s"
        )


class Shop:
    """An origin, with a connection to the service."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = Connection(port)
        self.call = self._connection.call
        self.headers = {
            "Authorization": self.state()["authorization"],
            "Content-Type": "application/json",
        }

    def state(self, query: str = "") -> dict[str, Any]:
        """Return the state of the service's process."""
        state: dict[str, Any] = self.call("GET", f"/state?{query}", {})
        return state

    def bind(self, account: str) -> Phone:
        """Bind a phone to a new account."""
        return bind(self.call, f"http://127.0.0.1:{self.port}", self.headers, account)

    def add(self, account: str) -> str:
        """Ask the user of *account*, and return the GUID of the request."""
        body = json.dumps({"accountId": account, "content": "Pay 10 EUR?"}).encode()
        guid: str = self.call("POST", "/request/add", self.headers, body)["guid"]
        return guid

    def wait(self, guid: str) -> socket.socket:
        """Send a long poll over a connection of its own."""
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        connection.sendall(
            f"GET /request/{guid}?wait={WAIT_SECONDS} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: {self.headers['Authorization']}\r\n\r\n".encode()
        )
        return connection

    def reconnect(self) -> None:
        """Take a new connection for the next call: the server closes one that is idle for long."""
        self._connection.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@attrs.define
class User:
    """
    A user of the shop.

    Attributes:
        phone: It is bound to the account.
        guids: What the user is asked.
    """

    account: str
    phone: Phone | None = None
    guids: list[str] = attrs.field(factory=list)

    def bind(self, shop: Shop) -> None:
        """Bind a new phone."""
        self.phone = shop.bind(self.account)

    def ask(self, shop: Shop) -> None:
        """Ask as often as the policy allows, or nearly."""
        self.guids = [shop.add(self.account) for _ in range(EACH)]

    def answer(self, shop: Shop) -> None:
        """Answer each request."""
        for guid in self.guids:
            self.phone.answer(shop.call, guid)


def p99(durations: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(durations, n=CENT)[CENT - 2]


def possible_waiters(most: int) -> int:
    """Return how many connections this process, and one that it starts, may open each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    possible = most if hard == resource.RLIM_INFINITY else min(most, hard - SPARE_FILES)
    if possible < most:
        print(f"only {possible:,} waiters: a process may open {hard:,} files")
    return possible


@contextmanager
def started(waiters: int, look_seconds: float) -> Iterator[tuple[Running, Shop]]:
    """Start the service on the last core, and move this process to the first."""
    cores, port = sorted(os.sched_getaffinity(0)), free_port()
    arguments = (str(port), str(waiters), str(look_seconds))
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, asgi_service.__file__, *arguments)
        running = Running(command, port, Path(folder) / "service.log", {cores[-1]})
        os.sched_setaffinity(0, {cores[0]})
        try:
            with running, closing(Shop(port)) as shop:
                yield running, shop
        finally:
            os.sched_setaffinity(0, cores)


def timed_adds(
    running: Running, shop: Shop, accounts: Iterator[str], count: int
) -> tuple[list[float], float]:
    """Make *count* adds; return milliseconds: of each, and of the service's CPU time for one."""
    durations, cpu = [], running.cpu()
    for _ in range(count):
        account, begin = next(accounts), time.perf_counter()
        shop.add(account)
        durations.append(1000 * (time.perf_counter() - begin))
    return durations, 1000 * (running.cpu() - cpu) / len(durations)


def measure(most: int = WAITERS, adds: int = ADDS, look_seconds: float = WAIT_SECONDS) -> Figures:
    """Measure adds without waiters and with them, and answer all."""
    waiters = possible_waiters(most)
    with ExitStack() as stack:
        running, shop = stack.enter_context(started(waiters, look_seconds))
        users = [User(f"user-{number}") for number in range(-(-waiters // EACH))]
        others = [User(f"other-{number}") for number in range(-(-3 * adds // EACH) + 1)]
        at_once(shop.port, User.bind, [*users, *others])
        at_once(shop.port, User.ask, users)
        shop.reconnect()
        guids = [guid for user in users for guid in user.guids][:waiters]
        accounts = (user.account for user in others for _ in range(EACH))
        for _ in range(EACH):
            shop.add(next(accounts))
        before, cpu_before = timed_adds(running, shop, accounts, adds)

        state = shop.state("collect")
        connections = [stack.enter_context(closing(shop.wait(guid))) for guid in guids]
        until_all_wait(shop, connections)
        state_beside = shop.state()
        threads = state_beside["threads"] - state["threads"]
        assert threads <= DEFAULT_THREADS, threads
        idle = idle_share(running)
        beside, cpu_beside = timed_adds(running, shop, accounts, adds)
        assert not readable(connections), "one did not wait"

        begin = time.perf_counter()
        at_once(shop.port, User.answer, users)
        shop.reconnect()
        statuses = [status_of(connection) for connection in connections]
        seconds = time.perf_counter() - begin
        assert statuses == ["ANSWERED"] * waiters
        assert shop.state()["waiting"] == 0
        after, _ = timed_adds(running, shop, accounts, adds)
    return Figures(
        waiters=waiters,
        threads=threads,
        bytes_each=(state_beside["bytes"] - state["bytes"]) / waiters,
        before=before,
        beside=beside,
        after=after,
        cpu_before=cpu_before,
        cpu_beside=cpu_beside,
        idle=idle,
        seconds=seconds,
    )


def idle_share(running: Running, seconds: float = 2.0) -> float:
    """Return the share of a core that the service takes while no one calls."""
    cpu = running.cpu()
    time.sleep(seconds)
    return (running.cpu() - cpu) / seconds


def at_once(port: int, operation: Callable[[User, Shop], None], users: list[User]) -> None:
    """Have each of *users* do one thing, over several connections at once."""

    def work(number: int) -> None:
        with closing(Shop(port)) as shop:
            for user in users[number::CLIENTS]:
                operation(user, shop)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))


def until_all_wait(shop: Shop, connections: list[socket.socket]) -> None:
    """Return as soon as each of *connections* waits."""
    end = time.monotonic() + PATIENCE
    while shop.state()["waiting"] < len(connections):
        assert not readable(connections), "one did not wait"
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


def readable(connections: list[socket.socket]) -> int:
    """Return how many of *connections* have something to read."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    return len(poll.poll(0))


def status_of(connection: socket.socket) -> str:
    """Return the status of the request that a long poll returned."""
    connection.settimeout(PATIENCE)
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    document = json.loads(reply.read())
    assert reply.status == http.HTTPStatus.OK, document
    status: str = document["status"]
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiters", type=int, default=WAITERS)
    parser.add_argument("--adds", type=int, default=ADDS)
    parser.add_argument("--look", type=float, default=WAIT_SECONDS, metavar="SECONDS")
    arguments = parser.parse_args()
    figures = measure(arguments.waiters, arguments.adds, arguments.look)
    figures.show()
    sys.exit(failed(figures.verdict in {MISSED, FAR_MISSED}))
