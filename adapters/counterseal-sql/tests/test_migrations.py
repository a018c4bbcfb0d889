"""The migrations create the schema that the code reads, and leave a newer one as it is."""

import importlib
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from attrs import evolve
from sqlalchemy import Column, MetaData, Table, insert, inspect

from counterseal import STANDARD, AuditChain
from counterseal.errors import StoreUnavailable
from counterseal.memory import SystemEntropy
from counterseal.models import BindingState, CallbackState, ChallengeState, Change
from counterseal.models.record import index_of
from counterseal_records import check
from counterseal_sql import (
    NEWEST_SCHEMA,
    FullTextMissing,
    SchemaTooNew,
    SqlInventory,
    SqlStore,
    migrations,
    schema_version,
    server_time,
    upgrade,
    with_sql,
)
from counterseal_sql.commits import event_row
from counterseal_sql.indexes import INDEXED_METADATA
from counterseal_sql.migrations import NEWEST, VERSION_TABLE
from counterseal_sql.migrations.running import Migrations
from counterseal_sql.rows import row
from counterseal_sql.schema import EVENTS, ID_PARTS, RECORDS
from counterseal_testing import START, FakeService, FrozenClock
from counterseal_testing.contracts.race import race, results
from counterseal_testing.contracts.record_factory import RecordFactory, event, next_version
from counterseal_testing.contracts.store_gauges import CREDENTIAL, count_gauges, device

V0002 = "counterseal_sql.migrations.versions.v0002_search_key"
V0005 = "counterseal_sql.migrations.versions.v0005_id_parts"
V0004 = "counterseal_sql.migrations.versions.v0004_gauges"


def test_the_version_is_read_and_nothing_is_created(server, opened):
    database = opened(server.bare())

    assert schema_version(database) is None
    with database.inspecting() as connection:
        assert inspect(connection).get_table_names() == []
    upgrade(database)
    assert schema_version(database) == NEWEST_SCHEMA


def test_the_time_of_a_server_is_read(server, opened):
    database = opened(server.bare())
    before, time, after = datetime.now(UTC), server_time(database), datetime.now(UTC)

    if database.engine.dialect.name == "sqlite":
        assert time is None
    else:
        assert before <= time <= after


def test_the_migrations_make_the_schema(server, opened):
    database = opened(server.bare())
    upgrade(database)

    with database.inspecting() as connection:
        is_sqlite = connection.dialect.name == "sqlite"

        def is_of_both(_, name, kind, *__):
            return not (is_sqlite and kind == "table" and name.startswith("counterseal_id_"))

        opts = {"version_table": VERSION_TABLE, "include_object": is_of_both}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, INDEXED_METADATA) == []
        inspector = inspect(connection)
        for table in tables_of(connection):
            names = {index["name"] for index in inspector.get_indexes(table.name)}
            assert {index.name for index in table.indexes} == names


def tables_of(connection):
    """Return the tables of the schema: SQLite has an index in place of the parts of ids."""
    tables = INDEXED_METADATA.tables.values()
    return [one for one in tables if connection.dialect.name != "sqlite" or one is not ID_PARTS]


def test_the_newest_migration_is_known_without_a_look_at_all_of_them():
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_heads() == [NEWEST]


def test_migrations_are_numbered_one_after_the_other():
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    revisions = list(reversed([script.revision for script in scripts.walk_revisions()]))
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]


@pytest.fixture
def old_database(server, opened):
    """Return a function that makes a database whose schema is of a past migration."""

    def new(revision):
        return migrate(opened(server.bare()), revision)

    return new


def migrate(database, revision):
    database.dialect.create()
    with database.migrating() as connection:
        command.upgrade(Migrations(connection).config, revision)
    return database


def insert_records(database, *records):
    """Store records in the columns that the schema has at the time."""
    with database.migrating() as connection:
        names = [one["name"] for one in inspect(connection).get_columns(RECORDS.name)]
        table = Table(RECORDS.name, MetaData(), *map(Column, names))
        for record in records:
            columns = row(record, index_of(record)).items()
            values = {name: value for name, value in columns if name in names}
            connection.execute(insert(table).values(values))


def test_accounts_of_the_first_schema_are_searched_after_the_upgrade(old_database, monkeypatch):
    monkeypatch.setattr(importlib.import_module(V0002), "BATCH", 2)
    database, factory = old_database("0001"), RecordFactory()
    texts = ("zoe", "adam", "zoé", "zo\x00", "Zoe", "zo\U0010ffff")
    accounts = {text: factory.account(text) for text in texts}
    erased = factory.account("zoe was here", erased_at=START)
    insert_records(database, *accounts.values(), erased, factory.binding(erased), factory.login())
    with database.writing() as connection:
        connection.run("UPDATE counterseal_records SET body = '{' WHERE body LIKE '%adam%'")

    upgrade(database)

    store = SqlStore(database, FrozenClock())
    expected = [accounts[text] for text in ("zo\x00", "zoe", "zoé", "zo\U0010ffff")]
    assert store.search(factory.space, "zo", None, 99) == tuple(expected)
    assert len(store.search(factory.space, "", None, 99)) == 5
    with database.writing() as connection:
        connection.run("DELETE FROM counterseal_records WHERE body = '{'")
    assert check(SqlInventory(database, FrozenClock()), FrozenClock(), max).violations == ()


@pytest.mark.parametrize("revision", ["0001", "0004"])
def test_accounts_of_an_older_schema_are_searched_by_a_part_after_the_upgrade(
    old_database, monkeypatch, revision
):
    monkeypatch.setattr(importlib.import_module(V0005), "BATCH", 2)
    database, factory = old_database(revision), RecordFactory()
    space = factory.guid(1)
    ids = ("Zoe@Example", "adam@example", "broken@example", "STRASSE", "e\x00XAMPLE", "zo")
    accounts = [factory.account(one) for one in ids]
    other = factory.account("zoe@example", app_space=space)
    erased = factory.account("erased@example", erased_at=START)
    insert_records(database, *accounts, other, erased, factory.binding(erased))
    with database.writing() as connection:
        connection.run("UPDATE counterseal_records SET body = '{' WHERE body LIKE '%broken%'")

    upgrade(database)

    store = SqlStore(database, FrozenClock())
    assert store.search_part(factory.space, "EXAMPLE", None, 9) == tuple(accounts[:2])
    assert store.search_part(factory.space, "straße", None, 9) == (accounts[3],)
    assert store.search_part(factory.space, "\0xa", None, 9) == (accounts[4],)
    assert store.search_part(space, "example", None, 9) == (other,)
    # What the migration has added is what a commit takes away.
    erased_one = next_version(accounts[0], erased_at=START)
    store.commit((Change(accounts[0], erased_one),), (), "erase")
    assert store.search_part(factory.space, "zoe", None, 9) == ()
    assert store.search_part(factory.space, "example", None, 9) == (accounts[1],)


@pytest.mark.parametrize("revision", [None, "0004"])
def test_sqlite_without_fts5_is_refused_and_not_changed(
    sqlite_server, opened, monkeypatch, revision
):
    database = opened(sqlite_server.bare())
    if revision is not None:
        migrate(database, revision)
    file = Path(database.engine.url.database)
    database.close()
    before = file.read_bytes() if file.exists() else None
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=WithoutFts5))

    with pytest.raises(FullTextMissing) as raised:
        upgrade(database)

    assert str(raised.value) == (
        f"SQLite {sqlite3.sqlite_version} lacks FTS5 with its tokenizer trigram: use a Python whose"
        " SQLite is built with FTS5, and 3.34 or newer; nothing was changed"
    )
    assert raised.value.code == "full_text_missing"
    assert (file.read_bytes() if file.exists() else None) == before


class WithoutFts5(sqlite3.Connection):
    """A connection of a SQLite that was built without FTS5."""

    def execute(self, statement, parameters=()):
        if "USING fts5" in statement:
            raise sqlite3.OperationalError("no such module: fts5")
        return super().execute(statement, parameters)


@pytest.mark.parametrize("revision", ["0001", "0003"])
def test_records_of_an_older_schema_count_in_gauges_after_the_upgrade(
    old_database, monkeypatch, revision
):
    monkeypatch.setattr(importlib.import_module(V0004), "BATCH", 3)
    database, factory = old_database(revision), RecordFactory()
    locked = factory.account("locked", devices=(device(),), locked_at=START)
    accounts = [
        *(factory.account(f"{state}", devices=(device(state),)) for state in BindingState),
        *(factory.account(f"{number}", devices=(device(),)) for number in range(3)),
        locked,
    ]
    account = accounts[0]
    records = [
        *accounts,
        factory.origin(factory.space),
        *(factory.origin(factory.space, credentials=(CREDENTIAL,)) for _ in range(2)),
        *(factory.challenge(account, state=state) for state in ChallengeState),
        *(factory.callback(account, state=state) for state in CallbackState),
        factory.callback(account, app_space=factory.space),
        factory.login(),
    ]
    insert_records(database, *records, factory.account("broken", devices=(device(),)))
    with database.writing() as connection:
        connection.run("UPDATE counterseal_records SET body = '{' WHERE body LIKE '%broken%'")

    upgrade(database)

    store = SqlStore(database, FrozenClock())
    assert store.gauges(None) == count_gauges(records)
    assert len(count_gauges(records)) == 6
    unlocked = next_version(locked, locked_at=None)
    store.commit((Change(locked, unlocked),), (), "unlock")
    assert store.gauges(None) == count_gauges([*records, unlocked])
    with database.writing() as connection:
        connection.run("DELETE FROM counterseal_records WHERE body = '{'")
    flaws = check(SqlInventory(database, FrozenClock()), FrozenClock(), max).violations
    assert not any("gauge" in flaw.problem for flaw in flaws)


def test_events_of_an_older_schema_are_chained_after_the_upgrade(old_database):
    database = old_database("0002")
    events = [event(str(number)) for number in range(3)]
    with database.migrating() as connection:
        connection.execute(insert(EVENTS), [event_row(one) for one in events])

    upgrade(database)

    chain = AuditChain(with_sql(FakeService().ports, database), STANDARD)
    assert chain.chain() == 3
    assert chain.sign()
    assert (chain.verify().chained, chain.verify().tamperings) == (3, ())


def test_alembic_is_not_imported_if_there_is_nothing_to_migrate(sqlite_server):
    start = "import sys; from counterseal_sql import connect, upgrade"
    call = "upgrade(connect(sys.argv[1]))"
    report = "print(any(name.partition('.')[0] == 'alembic' for name in sys.modules))"

    for url, loaded in ((sqlite_server.bare(), "True"), (sqlite_server.emptied(), "False")):
        command = [sys.executable, "-c", f"{start}; {call}; {report}", url]
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
        assert run.stdout.strip() == loaded


def test_upgrading_again_does_nothing(server, opened):
    database = opened(server.emptied())

    upgrade(database)
    upgrade(database)


def test_programs_that_start_at_once_wait_for_each_other(server, opened):
    url = server.bare()

    assert results(race([lambda: upgrade(opened(url))] * 3)) == [None] * 3


def test_a_newer_schema_is_refused_and_not_changed(server, opened):
    database = opened(server.emptied())
    with database.writing() as connection:
        connection.run("UPDATE counterseal_schema SET version_num = '9999'")

    with pytest.raises(SchemaTooNew) as raised:
        upgrade(database)

    release = f"counterseal-sql {version('counterseal-sql')}"
    assert str(raised.value).startswith(
        f"the database has schema 9999, and {release} reads up to {migrations.NEWEST}: "
    )
    with database.reading() as connection:
        assert connection.run("SELECT version_num FROM counterseal_schema") == [("9999",)]


def test_a_database_that_does_not_answer_is_unavailable(server, opened):
    with pytest.raises(StoreUnavailable):
        upgrade(opened(server.broken()))


def test_a_database_without_an_encoding_has_the_same_text(postgres_server, opened):
    options = "ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
    database = opened(postgres_server.bare(options))
    upgrade(database)
    world = FakeService(
        adapters=lambda ports: evolve(with_sql(ports, database), entropy=SystemEntropy())
    )
    world.bind("zoë-早")

    issued = world.ask("zoë-早", "Pay 12 €?")

    assert world.ports.store.get(issued.challenge.guid) == (issued.challenge,)
    account = world.ports.store.account(world.app_space.guid, "zoë-早")
    assert world.ports.store.pending(account.guid) == (issued.challenge,)
    assert schema_version(database) == NEWEST


def test_the_tables_of_others_are_not_changed(server, opened):
    database = opened(server.bare())
    with database.writing() as connection:
        connection.run("CREATE TABLE alembic_version (version_num VARCHAR(32))")

    upgrade(database)

    with database.inspecting() as connection:
        names = set(inspect(connection).get_table_names())
        tables = {table.name for table in tables_of(connection)}
        if connection.dialect.name == "sqlite":
            texts = "counterseal_id_texts"
            tables |= {texts, *(f"{texts}_{part}" for part in ("config", "data", "idx"))}
    ours = names - {"alembic_version"}
    assert all(name.startswith("counterseal_") for name in ours)
    assert {*tables, VERSION_TABLE} == ours


def test_a_new_sqlite_file_is_private_and_has_a_write_ahead_log(sqlite_server, opened):
    database = opened(sqlite_server.bare(), durable=True)
    upgrade(database)

    with database.reading() as connection:
        assert connection.run("SELECT count(*) FROM counterseal_records") == [(0,)]
        assert connection.run("PRAGMA journal_mode") == [("wal",)]
        assert connection.run("PRAGMA synchronous") == [(2,)]
        for end in ("", "-wal"):
            file = Path(database.engine.url.database + end)
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
