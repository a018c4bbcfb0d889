"""
Every page of the portal over a large store: `nox -s "bench(pages)"`.

The milliseconds of the server for each page, without a socket, on SQLite and on PostgreSQL, with a
hundred thousand accounts and a million chained events: the median of twenty calls, after one that
fills the caches. It fails where a page takes longer than its goal, or an export is slower than its
own.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
from search import analyze, in_database, load_accounts
from sqlalchemy import event, insert
from verdicts import failed, scaled

from counterseal import AuditChain
from counterseal.models import AuditEvent
from counterseal_portal.portal import ROLE_ROUTES
from counterseal_sql import Database, SqlInventory, with_sql
from counterseal_sql.commits import event_row
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import EVENTS as EVENT_ROWS

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs" / "examples" / "shops"))
sys.path.append(str(ROOT / "adapters" / "counterseal-portal" / "tests"))

from portal_browser import PortalOfTests  # noqa: E402 (in the folders above)
from portal_tenants import Tenants  # noqa: E402
from postgresql import postgresql  # noqa: E402

ACCOUNTS, EVENTS = scaled((100_000, 1_000_000), (200, 2_000))
CALLS = scaled(20, 2)
BATCH = 5_000
DAYS = 90
GOAL = 300
"""Milliseconds of the server for a page."""
EXPORT_GOAL = 5_000
"""Events a second."""

PATTERNS: Sequence[tuple[str, str, str, float]] = (
    ("challenge.issue", "origin", "", 20),
    ("challenge.fetch", "device", "", 20),
    ("challenge.answered", "device", "", 18),
    ("challenge.answer", "device", "", 18),
    ("callback.succeed", "worker", "", 12),
    ("challenge.expired", "worker", "", 4),
    ("challenge.answer", "stranger", "signature_invalid", 4),
    ("challenge.push", "worker", "undelivered", 1),
    ("binding.complete", "device", "", 1),
    ("account.lock", "staff", "", 0.02),
    ("binding.complete", "stranger", "token_expired", 0.001),
)
"""What happens: the event, who does it, how it ended, and how often of a hundred."""


@attrs.frozen
class Page:
    """
    A page as somebody asks for it.

    Attributes:
        name: What the report calls it.
        path: After `MOUNT`.
        query: What is behind the question mark.
    """

    name: str
    path: str
    query: dict[str, str] = attrs.field(factory=dict)


class Store:
    """A portal over a store, and what is in it."""

    def __init__(self, database: Database) -> None:
        self.portal = PortalOfTests(adapters=lambda ports: with_sql(ports, database))
        self.service, self.database = self.portal.service, database
        self.tenants = Tenants(self.portal)
        self.browser = self.portal.global_admin()

    def fill(self) -> None:
        """Store accounts and events."""
        app_space = self.tenants.app_space
        inventory = SqlInventory(self.database, self.service.clock)
        self.ids, guids = load_accounts(inventory, app_space, ACCOUNTS)
        chance = random.Random(5)
        now = self.service.clock.now()
        names = [pattern[:3] for pattern in PATTERNS]
        weights = [pattern[3] for pattern in PATTERNS]
        step = timedelta(days=DAYS) / EVENTS
        chains = AuditChain(self.service.ports, self.service.policy)
        for first in range(0, EVENTS, BATCH):
            events = [
                AuditEvent(
                    at=now - step * (EVENTS - number),
                    event=name,
                    actor=actor,
                    reason=reason,
                    subject=chance.choice(guids),
                    app_space=app_space,
                )
                for number, (name, actor, reason) in enumerate(
                    chance.choices(names, weights, k=min(BATCH, EVENTS - first)), first
                )
            ]
            record_events(self.database, events)
            while chains.chain(BATCH):
                pass
        while not chains.sign():
            pass

    def pages(self) -> Iterator[Page]:
        """Yield every page, and what people look for in the large ones."""
        for route in ROLE_ROUTES:
            if route.method == "GET" and not route.id.startswith("app_space.provider_"):
                yield Page(route.id, self.tenants.address(route))
        account_id = self.ids[len(self.ids) // 2]
        space = {"app_space": self.tenants.app_space}
        yield Page("accounts: a prefix", "/accounts", space | {"q": account_id[:2]})
        yield Page("accounts: a part", "/accounts", space | {"q": account_id[1:5]})
        yield Page("accounts: a part of all", "/accounts", space | {"q": "@example"})
        yield Page("accounts: none", "/accounts", space | {"q": "nobody-at-all"})
        day = (self.service.clock.now() - timedelta(days=DAYS // 2)).date().isoformat()
        for name, terms in {
            "of an account": {"subject": self.tenants.account},
            "a frequent event": {"event": "challenge.issue"},
            "a rare event": {"event": "account.lock"},
            "a reason": {"reason": "signature_invalid"},
            "a rare reason": {"reason": "token_expired"},
            "a reason that there is not": {"reason": "pin_wrong"},
            "a day": {"since": day, "until": day},
            "a day and a rare reason": {"since": day, "until": day, "reason": "token_expired"},
        }.items():
            yield Page(f"audit log: {name}", "/audit", terms)

    def milliseconds(self, page: Page) -> float:
        """Return the median time of the server for *page*."""
        times = []
        for _ in range(CALLS + 1):
            begun = time.perf_counter()
            reply = self.browser.get(page.path, **page.query)
            times.append(1000 * (time.perf_counter() - begun))
            assert reply.status == HTTPStatus.OK, (page, reply.status)
        return statistics.median(times[1:])

    def export_rate(self) -> float:
        """Return how many events of the whole log are exported in a second."""
        begun = time.perf_counter()
        reply = self.browser.post("/audit/export", {"format": "csv"})
        seconds = time.perf_counter() - begun
        assert reply.status == HTTPStatus.OK
        lines = reply.text.count("\n")
        assert lines > EVENTS
        return lines / seconds


@contextmanager
def unsynced(database: Database) -> Iterator[None]:
    """Let commits wait for no disk."""
    fast = {"sqlite": "PRAGMA synchronous = OFF", "postgresql": "SET synchronous_commit = off"}

    def hasten(connection: Any, _: object) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute(fast[database.engine.dialect.name])

    database.engine.dispose()
    event.listen(database.engine, "connect", hasten)
    yield
    event.remove(database.engine, "connect", hasten)
    database.engine.dispose()


def record_events(database: Database, events: list[AuditEvent]) -> None:
    """Record *events*, in one transaction."""
    rows = [event_row(event) for event in events]
    database.write(lambda connection: connection.count(Statement(insert(EVENT_ROWS)), rows))


def main() -> int:
    """Measure every store; return 1 if a page or an export is over its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("SQLite", "PostgreSQL"), help="the only one")
    arguments = parser.parse_args()
    times: dict[str, dict[str, float]] = {}
    rates = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="counterseal-"))
        urls = {"SQLite": lambda: f"sqlite:///{folder}/pages.db"}
        urls["PostgreSQL"] = lambda: stack.enter_context(postgresql())
        for name, url in urls.items():
            if arguments.store in {None, name}:
                with in_database(url()) as database:
                    store = Store(database)
                    with unsynced(database):
                        store.fill()
                    analyze(database)
                    for page in store.pages():
                        times.setdefault(page.name, {})[name] = store.milliseconds(page)
                    rates[name] = store.export_rate()
    names = list(rates)
    print(f"| page, with {ACCOUNTS:,} accounts and {EVENTS:,} events | {' | '.join(names)} |")
    print("|---|" + "--:|" * len(names))
    for page_name, by_store in times.items():
        print(f"| {page_name} | " + " | ".join(f"{by_store[n]:.1f} ms" for n in names) + " |")
    print("| export | " + " | ".join(f"{rates[n]:,.0f} events a second" for n in names) + " |")
    slow = [
        f"{page_name} on {store_name}: {took:.0f} ms, and {GOAL} is the goal"
        for page_name, by_store in times.items()
        for store_name, took in by_store.items()
        if took > GOAL
    ]
    slow += [f"export from {n}: {rate:,.0f}" for n, rate in rates.items() if rate < EXPORT_GOAL]
    print("\n".join(slow))
    return failed(slow)


if __name__ == "__main__":
    sys.exit(main())
