"""
Migrations of the schema, by Alembic: each is one file in `versions`, numbered.

A migration is one transaction, on SQLite too.
A file never changes once it has been released: a later change takes the next number.
Alembic is imported only if there is something to migrate, because the import is slow.
"""

from __future__ import annotations

import threading
from datetime import datetime
from importlib.metadata import version

from sqlalchemy import Column, Connection, MetaData, String, Table, func, inspect, select

from counterseal_sql.database import Database
from counterseal_sql.failures import SchemaTooNew
from counterseal_sql.schema import PREFIX

VERSION_TABLE = f"{PREFIX}schema"
NEWEST = "0005"
"""The last migration of this release."""

_APPLIED = Table(VERSION_TABLE, MetaData(), Column("version_num", String))

_ALEMBIC = threading.Lock()
"""Alembic stores its state in global variables."""


def upgrade(database: Database) -> None:
    """
    Migrate the schema to this release; do nothing if that was done before.

    Programs that start at the same moment wait for each other.

    Raises:
        FullTextMissing: This SQLite cannot have the index of parts of ids; nothing has changed.
        SchemaTooNew: A newer release has migrated it; nothing has changed.
        Unavailable: The database did not answer.
    """
    database.dialect.create()
    with database.inspecting() as connection:
        if _applied(connection) == {NEWEST}:
            return
    from counterseal_sql.migrations.running import Migrations  # noqa: PLC0415 (the import is slow)

    with _ALEMBIC, database.migrating() as connection:
        migrations = Migrations(connection)
        unknown = _applied(connection) - migrations.revisions()
        if unknown:
            raise schema_too_new("the database", max(unknown))
        migrations.run()


def schema_too_new(what: str, schema: str) -> SchemaTooNew:
    """Return the error that names the schema that *what* has, and the one of this release."""
    return SchemaTooNew(
        f"{what} has schema {schema}, and counterseal-sql {version('counterseal-sql')} reads up to"
        f" {NEWEST}: install the release that migrated it, or restore the backup from before;"
        " nothing was changed"
    )


def schema_version(database: Database) -> str | None:
    """
    Return the number of the last migration that the database has had; None if it has no schema.

    Nothing is changed. `NEWEST_SCHEMA` is that of this release.

    Raises:
        Unavailable: The database did not answer.
    """
    with database.inspecting() as connection:
        return max(_applied(connection), default=None)


def server_time(database: Database) -> datetime | None:
    """
    Return the time of the database's server, with its time zone; None for SQLite, which has none.

    Raises:
        Unavailable: The database did not answer.
    """
    with database.inspecting() as connection:
        if connection.dialect.name == "sqlite":
            return None
        time: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return time


def _applied(connection: Connection) -> set[str]:
    if not inspect(connection).has_table(VERSION_TABLE):
        return set()
    return set(connection.execute(select(_APPLIED.c.version_num)).scalars())
