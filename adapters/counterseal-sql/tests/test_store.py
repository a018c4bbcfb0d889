"""The store keeps every clause, on both databases."""

from functools import partial

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.testing import FrozenClock, StoreContract
from counterseal.testing.contracts import StoreHistory
from counterseal.testing.contracts.race import bounded_shrinking
from counterseal.testing.contracts.record_factory import RecordFactory
from counterseal_sql import SqlAudit, SqlStore, forget

SHARE = 2
"""SQLite, whose statements are mostly the same, and the kit's own play three times as many."""


class SqlStoreContract(StoreContract):
    can_forget = True
    survives_a_crash = True

    @pytest.fixture
    def new_store(self, server, opened):
        self.opened = opened
        return lambda: SqlStore(opened(server.made()), FrozenClock())

    @pytest.fixture
    def broken_store(self, server, opened):
        return lambda: SqlStore(opened(server.broken()), FrozenClock())

    def recorded(self, store):
        return [entry.event for entry in SqlAudit(store._database).read()]

    def forget(self, store, before):
        forget(store._database, before)

    def reopened(self, store):
        return SqlStore(self.opened(store._database.engine.url), FrozenClock())


class TestSqlite(SqlStoreContract):
    """A library in this process, whose replies do not get lost."""

    @pytest.fixture
    def server(self, sqlite_server):
        return sqlite_server


class TestPostgres(SqlStoreContract):
    can_lose_replies = True

    def test_store_17_holds_in_every_history(self, new_store):
        """STORE-17."""
        with bounded_shrinking("STORE-17"):
            run_state_machine_as_test(
                partial(StoreHistory, new_store, self.recorded, self.reopened),
                settings=settings(
                    settings.default,
                    max_examples=settings.default.max_examples // SHARE,
                    stateful_step_count=30,
                ),
            )

    @pytest.fixture
    def server(self, postgres_server):
        return postgres_server

    @pytest.fixture(autouse=True)
    def have_proxies(self, proxied):
        self.proxied = proxied

    def lose_reply(self, store, *, applied):
        proxy, url = self.proxied(store._database.engine.url)
        store._database = self.opened(url)
        store.get(
            RecordFactory().guid()
        )  # so that the connection is made, and its commit comes next
        proxy.cut(applied=applied)
