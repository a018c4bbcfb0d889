"""
Searching accounts by the beginning of their ids: `nox -s "bench(search)"`.

The 99th percentile of a full page, as its caller's clock sees it, among a thousand accounts and
among a hundred thousand, on each store. It fails where the larger number takes more than twice as
long. With `--portal`, of the portal's page that shows it, by its handler without a socket.

Both services do the same work: each page is full, the longest there is, and the searches of the two
alternate, so that what else the machine does falls on both. The figures are the medians of rounds.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs
from redis_setup import REDIS, Server, binary
from verdicts import failed, scaled

import counterseal_web
from counterseal import OPERATOR
from counterseal.models import Account, Admin, Guid
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint, partition_of
from counterseal_portal import MOUNT, Portal, Visitor
from counterseal_redis import Keyspace, RedisInventory, with_redis
from counterseal_redis import upgrade as upgrade_keyspace
from counterseal_sql import Database, SqlInventory, connect, upgrade, with_sql
from counterseal_testing import START, FakeService, FrozenClock

SHOPS = Path(__file__).parents[2] / "docs" / "examples" / "shops"
sys.path.append(str(SHOPS))

from postgresql import postgresql  # noqa: E402 (in the folder above)

FEW, MANY = scaled((1_000, 100_000), (1_000, 2_000))
ROUNDS, SEARCHES = scaled((15, 200), (2, 20))
"""Searches in each round, of each service; its 99th percentile is the second longest."""
PAGE = 25
"""Accounts, as of a page of the portal."""
BATCH = 200
WITHIN = 2.0
LETTERS = "abcdefghijklmnopqrstuvwxyz"
Search = Callable[[str, str | None], None]
"""A search of a full page by a prefix, after an id; it fails where it is not the right one."""


@attrs.frozen
class Stocked:
    """
    A service with accounts.

    Attributes:
        service: Its use cases.
        ids: The ids of the accounts, sorted.
    """

    service: FakeService
    ids: list[str]


def stocked(service: FakeService, inventory: Any, number: int) -> Stocked:
    """Store so many accounts, and return the service."""
    ids, _ = load_accounts(inventory, service.app_space.guid, number)
    return Stocked(service, sorted(ids))


def load_accounts(inventory: Any, app_space: Guid, number: int) -> tuple[list[str], list[Guid]]:
    """Store so many accounts; return their ids and GUIDs."""
    chance = random.Random(17)
    ids = ["".join(chance.choices(LETTERS, k=6)) + f"{each}@example.com" for each in range(number)]
    accounts = sorted((_account(chance, app_space, each) for each in ids), key=_partition)
    names = count()
    for _, accounts_of_one in _by_partition(accounts):
        for first in range(0, len(accounts_of_one), BATCH):
            inventory.load(accounts_of_one[first : first + BATCH], f"load {next(names)}")
    return ids, [account.guid for account in accounts]


def _account(chance: random.Random, space: Guid, account_id: str) -> Account:
    guid = mint(account_partition(space, account_id), chance.randbytes(ENTROPY_BYTES))
    return Account(guid=guid, app_space=space, account_id=account_id, created_at=START)


def _partition(account: Account) -> int:
    return partition_of(account.guid)


def _by_partition(accounts: list[Account]) -> Iterator[tuple[int, list[Account]]]:
    groups: dict[int, list[Account]] = {}
    for account in accounts:
        groups.setdefault(_partition(account), []).append(account)
    yield from groups.items()


def full_pages(ids: list[str], shortest: int) -> Iterator[tuple[str, str | None]]:
    """Yield prefixes, and ids or None, after which there is at least one full page."""
    chance = random.Random(29)
    while True:
        first = chance.randrange(len(ids) - PAGE)
        prefix = ids[first][: chance.randint(shortest, 1)]
        if ids[first + PAGE].startswith(prefix):
            yield prefix, ids[first] if chance.random() < 1 / 3 else None


def measured(searches: list[tuple[Stocked, Search]], shortest: int) -> list[list[float]]:
    """
    Search by turns in each service; return the 50th and 99th percentile of each, in milliseconds.

    Each is the median of those of the rounds.
    """
    pages = [full_pages(store.ids, shortest) for store, _ in searches]
    rounds: list[list[list[float]]] = [[] for _ in searches]
    for number in range(ROUNDS + 1):
        times: list[list[float]] = [[] for _ in searches]
        gc.collect()
        for _ in range(SEARCHES):
            for (_, search), page, own_times in zip(searches, pages, times, strict=True):
                prefix, after = next(page)
                begun = time.perf_counter()
                search(prefix, after)
                own_times.append(1000 * (time.perf_counter() - begun))
        if number:
            # The first one fills the caches.
            for own_rounds, own_times in zip(rounds, times, strict=True):
                own_rounds.append(statistics.quantiles(own_times, n=100))
    return [
        [statistics.median(each[percent - 1] for each in own_rounds) for percent in (50, 99)]
        for own_rounds in rounds
    ]


def use_case(store: Stocked) -> Search:
    """Return a search by the use case."""
    space, service = store.service.app_space.guid, store.service

    def search(prefix: str, after: str | None) -> None:
        page = service.accounts.search(space, prefix, after=after, limit=PAGE, by=OPERATOR)
        assert all(each.account_id.startswith(prefix) for each in page.accounts)
        assert len(page.accounts) == PAGE

    return search


@attrs.frozen
class OneVisitor:
    """Visitors of whom all are the same administrator."""

    only: Visitor

    def visitor(self, _: counterseal_web.Request, /) -> Visitor:
        """Return that administrator."""
        return self.only


def portal_page(store: Stocked) -> Search:
    """Return a search by the portal's page, for an administrator of all companies."""
    service = store.service
    issued = service.credentials.create_admin("Bench", all_companies=True)
    admin = service.administration.get(issued.guid, Admin)
    visitor = Visitor(admin=admin, session=admin.guid, csrf_token="", stepped_up=False)
    settings = counterseal_web.Settings(public_url="https://auth.example")
    web = counterseal_web.Service(service.ports, service.policy, settings)
    portal = Portal(web, OneVisitor(visitor))
    space = service.app_space.guid

    def search(prefix: str, after: str | None) -> None:
        terms = {"app_space": space, "q": prefix} | ({} if after is None else {"after": after})
        request = counterseal_web.Request(
            method="GET",
            path=f"{MOUNT}/accounts",
            query=urlencode(terms).encode(),
            headers={},
            read_body=lambda _: b"",
        )
        response = portal.respond(request)
        assert response.status == HTTPStatus.OK
        assert response.body.count(f"<bdi>{prefix}".encode()) >= PAGE

    return search


@contextmanager
def in_database(url: str) -> Iterator[Database]:
    """Return a database with Counterseal's tables."""
    database = connect(url)
    upgrade(database)
    yield database
    database.close()


def analyze(database: Database) -> None:
    """Do what PostgreSQL's autovacuum does within a minute of so many rows."""
    if database.engine.dialect.name == "postgresql":
        with database.writing() as connection:
            connection.run("ANALYZE")


@contextmanager
def in_sql(url: str, number: int) -> Iterator[Stocked]:
    """Return a service in a database."""
    with in_database(url) as database:
        service = FakeService(adapters=lambda ports: with_sql(ports, database))
        store = stocked(service, SqlInventory(database, FrozenClock()), number)
        analyze(database)
        yield store


@contextmanager
def in_redis(server: Any, number: int) -> Iterator[Stocked]:
    """Return a service on a server of Redis."""
    keyspace = Keyspace(server.client(), prefix=f"cs{number}")
    upgrade_keyspace(keyspace)
    service = FakeService(
        adapters=lambda ports: attrs.evolve(with_redis(ports, keyspace), wake=ports.wake)
    )
    yield stocked(service, RedisInventory(keyspace, FrozenClock()), number)


def main() -> int:
    """Measure every store; return 1 if one is slower among many accounts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, default=MANY, help="the larger number of accounts")
    parser.add_argument("--store", help="the only store that is measured")
    parser.add_argument("--portal", action="store_true", help="measure the portal's page")
    arguments = parser.parse_args()
    many = arguments.many
    slow = False
    print(f"| store | {FEW:,}: p50 | p99 | {many:,}: p50 | p99 | p99 many / few |")
    print("|---|---|---|---|---|---|", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterseal-")))
        stores: dict[str, Any] = {
            "SQLite": lambda number: in_sql(f"sqlite:///{folder}/{number}.db", number)
        }
        address = stack.enter_context(postgresql())
        stores["PostgreSQL"] = lambda number: in_sql(_of(address, number), number)
        server = Server(binary(REDIS), str(folder))
        stack.callback(server.stop)
        stores["Redis"] = lambda number: in_redis(server, number)
        for name, store in stores.items():
            if arguments.store not in {None, name}:
                continue
            with store(FEW) as few, store(many) as more:
                find = portal_page if arguments.portal else use_case
                searches = [(each, find(each)) for each in (few, more)]
                few_times, more_times = measured(searches, shortest=int(arguments.portal))
            ratio = more_times[1] / few_times[1]
            slow |= ratio > WITHIN
            print(
                f"| {name} | {few_times[0]:.2f} ms | {few_times[1]:.2f} ms |"
                f" {more_times[0]:.2f} ms | {more_times[1]:.2f} ms | {ratio:.2f} |",
                flush=True,
            )
    return failed(slow)


def _of(address: str, number: int) -> str:
    """Create a database beside that of *address*; return its address."""
    database = connect(address)
    with database.writing() as connection:
        connection.run(f"CREATE DATABASE accounts_{number}")
    database.close()
    return address.replace("/postgres?", f"/accounts_{number}?")


if __name__ == "__main__":
    sys.exit(main())
