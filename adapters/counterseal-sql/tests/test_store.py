"""The store keeps every clause, on both databases."""

import re
from functools import partial

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import event

from counterseal.models import Change
from counterseal.testing import FrozenClock, StoreContract
from counterseal.testing.contracts import StoreHistory
from counterseal.testing.contracts.race import bounded_shrinking
from counterseal.testing.contracts.record_factory import RecordFactory, next_version
from counterseal_sql import SqlAudit, SqlStore, forget

SHARE = 5
"""SQLite, whose statements are mostly the same, and the kit's own play all of them."""


class SqlStoreContract(StoreContract):
    can_forget = True
    survives_a_crash = True

    @pytest.fixture
    def new_store(self, server, opened):
        self.opened = opened
        return lambda: SqlStore(opened(server.emptied()), FrozenClock())

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

    def test_an_update_sets_only_the_columns_that_differ(self, server, opened):
        database = opened(server.emptied())
        texts = []
        event.listen(
            database.engine, "connect", lambda driver, _: driver.set_trace_callback(texts.append)
        )
        store, records = SqlStore(database, FrozenClock()), RecordFactory()
        company = records.company()
        store.commit((Change(None, company),), (), "create")

        store.commit((Change(company, next_version(company)),), (), "update")

        (statement,) = (text for text in texts if text.startswith("UPDATE"))
        assignments = statement.partition(" SET ")[2].partition(" WHERE ")[0]
        assert re.findall(r"(\w+)=", assignments) == ["version", "body"]


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
