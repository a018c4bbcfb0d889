"""
Goal 9 on PostgreSQL: the cost of each operation with few and with many stored challenges.

    nox -s "bench(growth)"

The adapter writes one account with a binding and five challenges. Its rows are read back, and
copied for account after account with other GUIDs. Then each operation is measured at each size, and
compared with bare statements on the same table, which has the same indexes.
A cost is the CPU time of the client's thread and of the server's processes for its connections.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import psycopg
from measure import OPERATIONS, Cost, cost, timed
from psycopg.sql import SQL
from redis_growth import Growth
from redis_stored import EACH, SAMPLE, Blank
from service import QUESTION, Service
from store_calls import Call, StoreCalls
from verdicts import FAR_MISSED, failed, ratio_verdict, scaled

import counterseal as cs
from counterseal.memory import memory_ports
from counterseal.models import Algorithm, Guid
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint
from counterseal_records import natural_key
from counterseal_sql import connect, upgrade, with_sql

sys.path.append(str(Path(__file__).parents[2] / "docs" / "examples" / "shops"))

from postgresql import postgresql

SIZES = scaled((1_000, 1_000_000), (1_000, 2_000))
ROUNDS = scaled(31, 2)
NEW = 10**9
"""The number of the first account that a bare statement adds."""
GOAL, FAILS_AT = 1.15, 1.3

COLUMNS = SQL(
    "guid, kind, version, natural_key, account, pending, parent, due_at, keep_until, body, dead,"
    " channel, search_key"
)
BODY = 9
"""The number of the column `body`."""

SELECT = SQL("SELECT version, body FROM counterseal_records WHERE guid = %s")
SELECT_ALL = SQL("SELECT {} FROM counterseal_records WHERE guid = ANY(%s)").format(COLUMNS)
UPDATE = SQL(
    "UPDATE counterseal_records SET version = %s, body = %s WHERE guid = %s AND version = %s"
)
INSERT = SQL(
    "INSERT INTO counterseal_records ({})"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
).format(COLUMNS)
COPY = SQL("COPY counterseal_records ({}) FROM STDIN").format(COLUMNS)

BESIDE = {
    "read a challenge": "SELECT",
    "read all of an account": "SELECT",
    "answer: read": "SELECT",
    "answer: commit": "UPDATE",
    "issue: commit": "INSERT",
}
"""Each operation, and the bare statement that it may grow as much as."""

FLAT = ("due check",)
"""What has to cost the same at each size."""


def _nothing(_: list[Guid]) -> list[Guid]:
    return []


@attrs.frozen
class Pattern:
    """
    The rows that the adapter wrote for one account.

    Attributes:
        app_space: The App Space of the account.
        rows: Its rows; what names a record or the account is blank.
        derive: Returns the GUIDs of the last rows, which follow from those of the others.
        derived: How many these are.
    """

    app_space: Guid
    rows: list[list[Any]]
    derive: Callable[[list[Guid]], list[Guid]] = _nothing
    derived: int = 0

    def clone(self, number: int) -> tuple[list[Guid], list[list[Any]]]:
        """Return the GUIDs and the rows of another account; the same number has the same ones."""
        account_id, chance = f"clone-{number}", random.Random(number)
        partition = account_partition(self.app_space, account_id)
        own = range(len(self.rows) - self.derived)
        guids = [mint(partition, chance.randbytes(ENTROPY_BYTES)) for _ in own]
        guids += self.derive(guids)
        names = [*(guid.encode() for guid in guids), account_id.encode()]
        key = natural_key(self.app_space, account_id)
        return guids, [[_filled(value, names, key) for value in row] for row in self.rows]


class _Key:
    """Stands for the natural key of an account."""


def _filled(value: Any, names: list[bytes], key: bytes) -> Any:
    if isinstance(value, _Key):
        return key
    if isinstance(value, tuple):
        blank, is_text = value
        filled = blank.filled(names)
        return filled.decode() if is_text else filled
    return value


def pattern(service: Service, connection: psycopg.Connection[Any]) -> Pattern:
    """Let the adapter write the rows of one account."""
    bound, _, account_id = service.account()
    challenges = cs.Challenges(service.ports, service.policy)
    question = cs.read_question(QUESTION, account_id=account_id)
    open_guids = [challenges.issue(service.party, question).challenge.guid for _ in range(EACH)]
    guids = [bound.binding.account, bound.binding.guid, *open_guids]
    space = service.party.app_space.guid
    return Pattern(space, blank_rows(connection, guids, space, account_id))


def blank_rows(
    connection: psycopg.Connection[Any], guids: list[Guid], space: Guid, account_id: str
) -> list[list[Any]]:
    """Read the rows of *guids*, all of one account, and blank what names them."""
    names = [*(guid.encode() for guid in guids), account_id.encode()]
    key = natural_key(space, account_id)
    stored = {row[0]: row for row in connection.execute(SELECT_ALL, (guids,))}

    def blank(value: Any) -> Any:
        if value == key:
            return _Key()
        if isinstance(value, str):
            return Blank.of(value.encode(), names), True
        return (Blank.of(value, names), False) if isinstance(value, bytes) else value

    return [[blank(value) for value in stored[guid]] for guid in guids]


@attrs.frozen
class Stocked:
    """
    A database with many challenges.

    Attributes:
        calls: The calls of the store on it.
        connection: A connection for bare statements.
        size: How many challenges.
        used: Bytes of the table and its indexes that they take.
        plain: Bytes of their JSON.
    """

    calls: StoreCalls
    connection: psycopg.Connection[Any]
    pattern: Pattern
    size: int
    used: int
    plain: int

    def prepared(self, name: str) -> Callable[[int], Sequence[Call]]:
        """Return a function that prepares operations, each about a random challenge."""
        bare = {"SELECT": self._select, "UPDATE": self._update, "INSERT": self._insert}
        return self.calls.prepared({**self.calls.makers(), **bare}[name])

    def _select(self, guid: Guid) -> Call:
        return lambda: self.connection.execute(SELECT, (guid,), prepare=True).fetchone()

    def _update(self, guid: Guid) -> Call:
        version, body = self.connection.execute(SELECT, (guid,)).fetchone() or (0, "")
        return lambda: self.connection.execute(UPDATE, (version, body, guid, version), prepare=True)

    def _insert(self, _: Guid) -> Call:
        _, rows = self.pattern.clone(NEW + self.calls.numbers())
        return lambda: self.connection.execute(INSERT, rows[-1], prepare=True)


def cpu_of_clients(connection: psycopg.Connection[Any]) -> int:
    """Return the nanoseconds of CPU time that the processes of a database's connections took."""
    (pids,) = connection.execute(
        "SELECT array_agg(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
    ).fetchone() or ([],)
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids)


def fill(service: Service, connection: psycopg.Connection[Any], size: int) -> Stocked:
    """Write *size* challenges, five for each account."""
    pattern_rows = pattern(service, connection)
    chance = random.Random(size)
    sample = set(chance.sample(range(size // EACH), min(size // EACH, SAMPLE // EACH)))
    guids: list[Guid] = []
    plain = 0
    before = _table_bytes(connection)
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for number in range(size // EACH):
            own, rows = pattern_rows.clone(number)
            for row in rows:
                copy.write_row(row)
            plain += sum(len(row[BODY].encode()) for row in rows)
            if number in sample:
                guids += own[2:]
    used = _table_bytes(connection) - before
    # As its autovacuum does within a minute of so many rows.
    connection.execute("VACUUM ANALYZE counterseal_records")
    return Stocked(
        StoreCalls(service.ports.store, guids),
        connection,
        pattern_rows,
        size,
        used=used,
        plain=plain,
    )


def _table_bytes(connection: psycopg.Connection[Any]) -> int:
    size: int = connection.execute(
        "SELECT pg_total_relation_size('counterseal_records')"
    ).fetchone()[0]  # type: ignore[index]
    return size


@contextmanager
def databases(sizes: Sequence[int]) -> Iterator[list[tuple[Service, psycopg.Connection[Any]]]]:
    """Start a server with a database for each size, and with a service on each."""
    with ExitStack() as stack:
        address = stack.enter_context(postgresql())
        services = []
        for size in sizes:
            with psycopg.connect(address, autocommit=True) as first:
                first.execute(f"CREATE DATABASE size_{size}")  # type: ignore[call-overload]
            url = address.replace("/postgres?", f"/size_{size}?")
            database = connect(url)
            stack.callback(database.close)
            upgrade(database)
            memory = memory_ports()
            ports = attrs.evolve(with_sql(memory, database), wake=memory.wake)
            connection = stack.enter_context(psycopg.connect(url, autocommit=True))
            services.append((Service.of(Algorithm.ES256, ports), connection))
        yield services


@contextmanager
def stocked(sizes: Sequence[int]) -> Iterator[list[Stocked]]:
    """Fill a database for each size, all on one server."""
    with databases(sizes) as services:
        stocks = []
        for size, (service, connection) in zip(sizes, services, strict=True):
            begun = time.monotonic()
            stocks.append(fill(service, connection, size))
            print(f"{size:,} challenges written in {time.monotonic() - begun:.0f} s", flush=True)
        yield stocks


Cases = dict[str, tuple[psycopg.Connection[Any], Callable[[int], Sequence[Call]]]]
"""By name: a connection to the database, and what prepares operations on it."""


def costs(cases: Cases, rounds: int = ROUNDS) -> dict[str, Cost]:
    """Measure all *cases* in random order."""
    times_by_case: dict[str, list[float]] = {name: [] for name in cases}
    names = list(cases)
    for _ in range(rounds):
        random.shuffle(names)
        for name in names:
            connection, prepare = cases[name]
            times = timed(prepare(OPERATIONS), partial(cpu_of_clients, connection))
            times_by_case[name].append(sum(times))
    return {name: cost(times) for name, times in times_by_case.items()}


def growths(stocks: Sequence[Stocked]) -> list[Growth]:
    """Measure each operation at each size."""
    names = {*BESIDE, *BESIDE.values(), *FLAT}
    few, many = stocks
    measured = costs(
        {
            f"{name} {stock.size}": (stock.connection, stock.prepared(name))
            for stock in stocks
            for name in names
        }
    )

    def pair(name: str) -> tuple[Cost, Cost]:
        return measured[f"{name} {few.size}"], measured[f"{name} {many.size}"]

    return [
        *(Growth(what, *pair(what), *pair(bare)) for what, bare in BESIDE.items()),
        *(Growth(what, *pair(what), *(pair(what)[0],) * 2) for what in FLAT),
    ]


def show(measured: Sequence[Growth], few: int, many: int, beside: dict[str, str]) -> None:
    """Print a row for each operation."""
    print(f"{'operation':24} {'beside':8} {'ratio':>6} {few:>10,} us {many:>10,} us  bare us")
    for one in measured:
        print(
            f"{one.what:24} {beside.get(one.what, 'flat'):8} {one.ratio:6.2f}"
            f" {one.few.median:13.0f} {one.many.median:13.0f}"
            f"  {one.bare_few.median:.0f} {one.bare_many.median:.0f}"
            f"  +-{one.spread:.0%}  {verdict_of(one)}"
        )


def verdict_of(growth: Growth) -> str:
    """Return what a growth means."""
    return ratio_verdict(growth.ratio / GOAL, FAILS_AT / GOAL, growth.spread)


def exit_code(measured: Sequence[Growth]) -> int:
    """Return 1 where an operation grows by far more than its statement."""
    return failed([one for one in measured if verdict_of(one) == FAR_MISSED])


def main() -> int:
    """Measure and print; return 1 where an operation grows by far more than its statement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--many", type=int, default=SIZES[1], help="the larger number")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    few, many = SIZES[0], arguments.many
    with stocked((few, many)) as stocks:
        for stock in stocks:
            print(
                f"{stock.size:,}: {stock.used / stock.size:,.0f} bytes a challenge, a fifth of an"
                f" account and a binding with it; {stock.used / stock.plain:.2f} times their JSON"
            )
        measured = growths(stocks)
    show(measured, few, many, BESIDE)
    if arguments.json:
        arguments.json.write_text(json.dumps([attrs.asdict(one) for one in measured], indent=1))
    return exit_code(measured)


if __name__ == "__main__":
    sys.exit(main())
