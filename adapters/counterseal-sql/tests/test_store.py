"""The store keeps every clause, on both databases."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from older_process import commit_without_parts
from sqlalchemy import event

from counterseal.models import Change
from counterseal_sql import SqlAudit, SqlStore, forget
from counterseal_testing import START, FrozenClock, StoreContract
from counterseal_testing.contracts import StoreHistory
from counterseal_testing.contracts.race import bounded_shrinking
from counterseal_testing.contracts.record_factory import RecordFactory, next_version

PATIENCE = 60
"""Seconds for a commit to get as far as it can, on a busy machine."""

EVERY_SERVER = "EVERY_SERVER" in os.environ
SHARE, CRASH_STRIDE = (1, 1) if EVERY_SERVER else (5, 7)
"""SQLite, whose statements are mostly the same, has every example and a crash at every line."""

PLANNED = 8
"""PostgreSQL plans a prepared statement five times, and may then use one plan for all values."""

FILL = """
    INSERT INTO counterseal_records (guid, kind, version, pending, body)
    SELECT gen_random_uuid(), kind, 1, pending, repeat('x', 1500)
    FROM counterseal_records, generate_series(1, 1000)
"""
LOCK = "SELECT 1 FROM counterseal_gauges WHERE gauge = 'queued_callbacks' FOR UPDATE"
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"
UNLOCKED = "SELECT gauge FROM counterseal_gauges FOR UPDATE SKIP LOCKED"

USES = """
    SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'counterseal_records'
"""


def indexed_bytes(database):
    """Return what is in the pages of the index of SQLite."""
    with database.reading() as connection:
        return b"".join(
            row[0] for row in connection.run("SELECT block FROM counterseal_id_texts_data")
        )


class SqlStoreContract(StoreContract):
    can_forget = True
    finds_parts = True
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

    def test_accounts_are_erased_that_are_not_in_the_index_of_parts(self, new_store):
        store, records = new_store(), RecordFactory()
        accounts = [records.account(f"zoe {number}") for number in range(4)]
        first, second, indexed, third = accounts
        for account in (first, second, third):
            commit_without_parts(store._database, Change(None, account))

        self.erase(store, first)
        store.commit((Change(None, indexed),), (), "create")
        self.erase(store, second)
        assert store.search_part(records.space, "zoe", None, 9) == (indexed,)
        self.erase(store, indexed)
        self.erase(store, third)

        assert store.search_part(records.space, "zoe", None, 9) == ()

    def erase(self, store, account):
        erased = next_version(account, account_id=f"erased {account.guid}", erased_at=START)
        store.commit((Change(account, erased),), (), f"erase {account.guid}")


class TestSqlite(SqlStoreContract):
    """A library in this process, whose replies do not get lost."""

    @pytest.fixture
    def server(self, sqlite_server):
        return sqlite_server

    def test_the_index_of_parts_loses_the_text_of_an_erased_account_at_once(self, server, opened):
        database = opened(server.emptied())
        store, records = SqlStore(database, FrozenClock()), RecordFactory()
        account, other = records.account("zq-qz@example"), records.account("zoe")
        store.commit((Change(None, account),), (), "create")
        store.commit((Change(None, other),), (), "create another")
        assert b"q-q" in indexed_bytes(database)
        changed = next_version(account, receipts=1)
        store.commit((Change(account, changed),), (), "change")

        erased = next_version(changed, account_id="erased", erased_at=START)
        store.commit((Change(changed, erased),), (), "erase")

        for part in (b"zq-", b"q-q", b"-qz", b"exa"):
            assert part not in indexed_bytes(database)
        assert b"zoe" in indexed_bytes(database)
        with database.reading() as connection:
            check = "INSERT INTO counterseal_id_texts (counterseal_id_texts) VALUES "
            assert connection.run(f"{check} ('integrity-check')") == []

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
    crash_stride = CRASH_STRIDE

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

    def test_an_erased_account_has_no_parts(self, new_store):
        store, records = new_store(), RecordFactory()
        account, other = records.account("zoe@example"), records.account("adam@example")
        store.commit((Change(None, account),), (), "create")
        store.commit((Change(None, other),), (), "create another")
        renamed = next_version(account, account_id="zoe@elsewhere")
        store.commit((Change(account, renamed),), (), "rename")

        erased = next_version(renamed, account_id="erased", erased_at=START)
        store.commit((Change(renamed, erased),), (), "erase")

        with store._database.reading() as connection:
            rows = connection.run(
                "SELECT count(*), count(DISTINCT number) FROM counterseal_id_parts"
            )
        assert rows == [(len("adam@example") - 2, 1)]

    def test_a_commit_scans_no_table_that_has_a_thousand_records(self, new_store):
        store, records = new_store(), RecordFactory()
        account = records.account("zoe")
        store.commit((Change(None, account),), (), "create")
        with store._database.writing() as connection:
            connection.run(FILL)
        with store._database.writing() as connection:
            connection.run("ANALYZE counterseal_records")
        scans, look_ups = self.uses_of_the_table(store)

        for _ in range(PLANNED):
            challenge, updated = records.challenge(account), next_version(account)
            store.commit((Change(None, challenge), Change(account, account)), (), challenge.guid)
            store.commit((Change(account, updated),), (), f"{updated.version}")
            account = updated

        scans_after, look_ups_after = self.uses_of_the_table(store)
        assert look_ups_after - look_ups >= 2 * PLANNED
        assert scans_after == scans

    def test_commits_lock_gauges_in_one_order_whatever_that_of_their_changes(self, new_store):
        """Else each of two commits would hold the row for which the other one waits."""
        store, records = new_store(), RecordFactory()
        account = records.account("zoe")

        def new_changes():
            challenge, callback = records.challenge(account), records.callback(account)
            return [Change(None, challenge), Change(None, callback)]

        store.commit((Change(None, account), *new_changes()), (), "create")
        orders = new_changes(), new_changes()[::-1]
        first, second = (self.unlocked_gauges(store, tuple(changes)) for changes in orders)
        assert first == second

    def unlocked_gauges(self, store, changes):
        """Return which gauges a commit has not locked while it waits for that of callbacks."""
        with ThreadPoolExecutor(1) as threads:
            with store._database.committing() as holder:
                holder.run(LOCK)
                commit = threads.submit(store.commit, changes, (), changes[0].new.guid)
                deadline = time.monotonic() + PATIENCE
                while not holder.run(WAITING):
                    assert time.monotonic() < deadline, "no commit waits"
                unlocked = set(holder.run(UNLOCKED))
            commit.result(PATIENCE)
        return unlocked

    def uses_of_the_table(self, store):
        """Return how often the server scanned the table, and how often it used an index of it."""
        with store._database.writing() as connection:
            connection.run("SELECT pg_stat_force_next_flush()")
        with store._database.writing() as connection:
            ((scans, look_ups),) = connection.run(USES)
        return scans, look_ups

    def lose_reply(self, store, *, applied):
        proxy, url = self.proxied(store._database.engine.url)
        store._database = self.opened(url)
        store.get(
            RecordFactory().guid()
        )  # so that the connection is made, and its commit comes next
        proxy.cut(applied=applied)
