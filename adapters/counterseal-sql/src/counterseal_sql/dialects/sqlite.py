"""SQLite: a file with a write-ahead log, and a commit as a plain transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Table, bindparam, event, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from counterseal.errors import Conflict, OperationReused, StoreUnavailable
from counterseal.models import Guid
from counterseal_sql.commits import Commit, IndexedAccount, Update
from counterseal_sql.connections import Connection, ConnectionPool
from counterseal_sql.deferred_sync import CallScope, DeferredSync
from counterseal_sql.dialects.engine import create_engine, open_driver
from counterseal_sql.dialects.sqlite_driver import SqliteConnection
from counterseal_sql.dialects.sqlite_parts import (
    change_parts,
    misindexed,
    page_reader,
    require_full_text,
)
from counterseal_sql.failures import Failures
from counterseal_sql.group_commit import BEGIN, GroupCommitWriter
from counterseal_sql.prepared import PageReader, Statement
from counterseal_sql.rows import Row, index_row
from counterseal_sql.schema import EVENTS, GAUGES, OPERATIONS, RECORDS
from counterseal_sql.write_ahead_log import WriteAheadLog

OWNER_ONLY = 0o600

_INSERT_OPERATION = Statement(sqlite.insert(OPERATIONS).on_conflict_do_nothing())
_FINGERPRINT = Statement(
    select(OPERATIONS.c.fingerprint).where(OPERATIONS.c.operation == bindparam("operation"))
)
_VERSIONS = Statement(
    select(RECORDS.c.guid, RECORDS.c.version).where(
        RECORDS.c.guid.in_(bindparam("guids", expanding=True))
    ),
    listed="guids",
)
_INSERT_RECORD = Statement(sqlite.insert(RECORDS).on_conflict_do_nothing())
_INSERT_EVENT = Statement(insert(EVENTS))
_NEW_GAUGE = sqlite.insert(GAUGES)
_ADD_TO_GAUGE = Statement(
    _NEW_GAUGE.on_conflict_do_update(
        index_elements=list(GAUGES.primary_key),
        set_={"count": GAUGES.c.count + _NEW_GAUGE.excluded.count},
    )
)


class SqliteDialect:
    """
    One SQLite file.

    Attributes:
        engine: SQLAlchemy's, which opens every connection and keeps none.
        failures: What the driver and SQLAlchemy raise.
        begin: The statement that begins a transaction.
        pool: The open connections.
        deferred_sync: Knows which writes are synced.
        writer: Writes, for one thread at a time.
    """

    failures: Failures = (SQLAlchemyError, sqlite3.Error)
    begin = BEGIN

    def __init__(self, url: URL, *, patience: timedelta, connections: int) -> None:
        self._file = Path(str(url.database))
        self.engine = create_engine(
            url.set(drivername="sqlite"), {"timeout": patience.total_seconds()}
        )
        event.listen(self.engine, "connect", _make_durable)
        self.pool = ConnectionPool(
            lambda: SqliteConnection(open_driver(self.engine)),
            limit=connections,
            patience=patience,
            failures=self.failures,
        )
        self.deferred_sync = DeferredSync(WriteAheadLog(str(url.database)), patience)
        self.writer = GroupCommitWriter(self.pool, self.deferred_sync, patience)

    def insert(self, table: Table) -> sqlite.Insert:
        """Begin an `INSERT` that can say what to do on conflict."""
        return sqlite.insert(table)

    def call(self) -> AbstractContextManager[None]:
        """Return a context manager to make one call in, with few syncs."""
        return CallScope(self.deferred_sync)

    def create(self) -> None:
        """
        Create the file, for its owner only, with a write-ahead log.

        Raises:
            FullTextMissing: SQLite cannot have the index of parts of ids; nothing has changed.
            StoreUnavailable: The file cannot be created.
        """
        require_full_text()
        try:
            self._file.touch(mode=OWNER_ONLY)
        except OSError as error:
            raise StoreUnavailable from error
        with self.writer.exclusive() as connection:
            connection.run("PRAGMA journal_mode=WAL")

    def identity(self) -> str:
        """Return the number of the file, which all its names have; its name if there is none."""
        try:
            status = self._file.stat()
        except OSError:
            return f"sqlite {self._file.absolute()}"
        return f"sqlite {status.st_dev}:{status.st_ino}"

    def lock_schema(self, connection: sqlalchemy.Connection) -> None:
        """Do nothing: the transaction has the write lock of the file."""

    def part_reader(self, connection: Connection, app_space: Guid, part: str) -> PageReader:
        """Return what reads accounts of the App Space whose id may contain *part*."""
        return page_reader(connection, app_space, part)

    def misindexed(self, connection: Connection, accounts: Sequence[IndexedAccount]) -> set[int]:
        """Return the numbers of those that are not in the index of parts as they should be."""
        return misindexed(connection, accounts)

    def commit(self, commit: Commit) -> None:
        """
        Apply *commit*.

        Raises:
            Conflict: A record is not the one that the decision was made on.
            Indeterminate: The disk failed, and the outcome is unknown.
            StoreUnavailable: SQLite refused; nothing has changed.
            OperationReused: The operation named other changes before.
        """
        updates = list(map(_changed_columns, commit.updates))
        self.writer.write(partial(_apply, commit, updates), single=False)


def _make_durable(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")  # macOS: `fsync` leaves data in the drive's cache


def _changed_columns(change: Update) -> Row:
    """Return only the columns that differ: SQLite writes an index for each column that is set."""
    old = index_row(change.old, change.old_index)
    return {
        name: value for name, value in change.new.items() if name not in old or old[name] != value
    } | {"old_guid": change.old.guid, "old_version": change.old.version}


@cache
def _update_record(*names: str) -> Statement:  # noqa: ARG001 (a statement has one set of names)
    """Return the statement that sets the columns *names*; there are few sets of them."""
    return Statement(
        update(RECORDS)
        .prefix_with("OR IGNORE")  # another account has the natural key: not counted as updated
        .where(
            RECORDS.c.guid == bindparam("old_guid"), RECORDS.c.version == bindparam("old_version")
        )
    )


def _apply(commit: Commit, updates: list[Row], connection: Connection) -> None:
    if _is_applied(commit, connection):
        return
    if commit.unchanged:
        versions = connection.rows(_VERSIONS, {"guids": list(commit.unchanged)})
        if dict(versions) != commit.unchanged:
            raise Conflict
    for row in updates:
        if connection.count(_update_record(*row), [row]) != 1:
            raise Conflict
    if commit.inserts and connection.count(_INSERT_RECORD, commit.inserts) != len(commit.inserts):
        raise Conflict
    for change in commit.parts:
        change_parts(connection, change)
    if commit.events:
        connection.count(_INSERT_EVENT, commit.events)
    if commit.gauges:
        connection.count(_ADD_TO_GAUGE, commit.gauges)


def _is_applied(commit: Commit, connection: Connection) -> bool:
    if connection.count(_INSERT_OPERATION, [commit.operation]):
        return False
    ((fingerprint,),) = connection.rows(_FINGERPRINT, {"operation": commit.operation["operation"]})
    if fingerprint != commit.operation["fingerprint"]:
        raise OperationReused
    return True
