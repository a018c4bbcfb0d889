"""The migrations create the schema that the code reads, and leave a newer one as it is."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from counterseal.errors import StoreUnavailable
from counterseal.testing.contracts.race import race, results
from counterseal_sql import SchemaTooNew, migrations, upgrade
from counterseal_sql.migrations import NEWEST, VERSION_TABLE
from counterseal_sql.schema import METADATA


def test_the_migrations_make_the_schema(server, opened):
    database = opened(server.bare())
    upgrade(database)

    with database.inspecting() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []
        inspector = inspect(connection)
        for table in METADATA.tables.values():
            names = {index["name"] for index in inspector.get_indexes(table.name)}
            assert {index.name for index in table.indexes} == names


def test_the_newest_migration_is_known_without_a_look_at_all_of_them():
    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_heads() == [NEWEST]


def test_one_migration_makes_the_schema_until_a_release():
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert [script.revision for script in scripts.walk_revisions()] == ["0001"]


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

    with pytest.raises(SchemaTooNew):
        upgrade(database)

    with database.reading() as connection:
        assert connection.run("SELECT version_num FROM counterseal_schema") == [("9999",)]


def test_a_database_that_does_not_answer_is_unavailable(server, opened):
    with pytest.raises(StoreUnavailable):
        upgrade(opened(server.broken()))


def test_the_tables_of_others_are_not_changed(server, opened):
    database = opened(server.bare())
    with database.writing() as connection:
        connection.run("CREATE TABLE alembic_version (version_num VARCHAR(32))")

    upgrade(database)

    with database.inspecting() as connection:
        names = set(inspect(connection).get_table_names())
    ours = names - {"alembic_version"}
    assert all(name.startswith("counterseal_") for name in ours)
    assert {*METADATA.tables, VERSION_TABLE} == ours


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
