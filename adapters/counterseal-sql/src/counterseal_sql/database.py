"""
One database, and its connections.

SQLite is opened with a write-ahead log and full durability: a commit that was acknowledged is on
the disk.
Every connection is in autocommit, so that a read is one trip on PostgreSQL. A transaction begins
with an explicit `BEGIN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import sqlalchemy
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from counterseal_records import digest, microseconds
from counterseal_sql.connections import Checkout, Connection, ConnectionPool
from counterseal_sql.dialects.sqlite import SqliteDialect
from counterseal_sql.failures import UnfitUrl, indeterminate, unavailable
from counterseal_sql.group_commit import Work, commit
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import OPERATIONS

if TYPE_CHECKING:
    from counterseal_sql.dialects.postgresql import PostgresqlDialect

Dialect: TypeAlias = "SqliteDialect | PostgresqlDialect"
T = TypeVar("T")

PATIENCE = timedelta(seconds=5)
CONNECTIONS = 16

ROW = digest("counterseal", "probe")
"""The key of its row: no operation has it, and the row is deleted as old operations are."""


class Database:
    """
    The connections to one database; `connect` makes it.

    Attributes:
        dialect: What differs between SQLite and PostgreSQL.
        engine: SQLAlchemy's, which opens every connection: for `upgrade`, and for programs that
            listen to its events. It has no pool; the dialect has one.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.engine = dialect.engine
        self.dialect = dialect
        self._pool: ConnectionPool[Any] = dialect.pool
        self._writer = dialect.writer

    def reading(self) -> AbstractContextManager[Connection]:
        """Use a connection for one statement that reads."""
        return Checkout(self._pool)

    def writing(self) -> AbstractContextManager[Connection]:
        """Use a connection for one statement that writes, and is a transaction by itself."""
        return self._writer.exclusive()

    @contextmanager
    def committing(self) -> Iterator[Connection]:
        """
        Use a connection for a transaction, and commit it; roll it back if anything is raised.

        Raises:
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        with self._writer.exclusive() as connection:
            connection.run(self.dialect.begin)
            # If this raises, the connection is rolled back when it is returned.
            yield connection
            commit(connection, self.dialect.failures)

    @contextmanager
    def inspecting(self) -> Iterator[sqlalchemy.Connection]:
        """Open a connection of SQLAlchemy's, to inspect the schema."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except self.dialect.failures as error:
            raise unavailable(error) from error

    @contextmanager
    def migrating(self) -> Iterator[sqlalchemy.Connection]:
        """
        Open a connection of SQLAlchemy's for a transaction that changes the schema; commit it.

        Programs that start at the same moment wait for each other.

        Raises:
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        with self.inspecting() as connection:
            connection.exec_driver_sql(self.dialect.begin)
            self.dialect.lock_schema(connection)
            yield connection
            try:
                connection.exec_driver_sql("COMMIT")
            except self.dialect.failures as error:
                raise indeterminate(error) from error

    def write(self, work: Work[T], *, single: bool = True) -> T:
        """
        Do *work* in a transaction and commit it; on SQLite, together with that of waiting threads.

        Args:
            work: Executes statements, and has no other effects; another thread may call it.
            single: Whether it executes only one statement.

        Returns:
            What *work* returns.

        Raises:
            Exception: What *work* raised; nothing has changed.
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        return self._writer.write(work, single=single)

    def remember(self, work: Work[T]) -> T:
        """
        Do *work*, one statement, in a transaction, and commit it.

        It is on the disk when this returns or, within a `call`, when the call ends.

        Args:
            work: Executes a statement, and has no other effects; another thread may call it.

        Returns:
            What *work* returns.

        Raises:
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        return self._writer.write(work, single=True, deferrable=True)

    def call(self) -> AbstractContextManager[None]:
        """
        Return a context manager to make one call in; send its result after the end.

            with database.call():
                challenge = answers.answer(call)

        On SQLite, replay keys, counts and reservations need no sync of their own in it: the
        call's commit syncs them or, if it commits nothing, the end of the call.
        Without it, each of them has its own sync. On PostgreSQL it makes no difference.
        It applies to this thread, and to threads and tasks that run in a copy of its context.

        Raises:
            Indeterminate: At the end: what was written may not outlast a power cut.
        """
        return self.dialect.call()

    def close(self) -> None:
        """Close the idle connections now, and each of the others after its use."""
        self._pool.close()


def connect(
    url: str | URL, *, patience: timedelta = PATIENCE, connections: int = CONNECTIONS
) -> Database:
    """
    Return the database at *url*; nothing is opened yet.

    Args:
        url: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME` with any parameters
            of libpq; `pooler=on` if a pooler shares sessions between transactions.
            The driver is always psycopg, so `postgresql+asyncpg://` is the same address.
        patience: How long to wait for a lock or a connection, before `Unavailable` is raised.
        connections: How many are open at once, at most; `upgrade` opens one more.

    Raises:
        UnfitUrl: The address is of another kind, or the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UnfitUrl from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and not _is_special(parsed.database):
            return Database(SqliteDialect(parsed, patience=patience, connections=connections))
        case "postgresql":
            try:
                from counterseal_sql.dialects.postgresql import PostgresqlDialect  # noqa: PLC0415 (its driver is an extra)
            except ModuleNotFoundError as error:
                raise UnfitUrl('install "counterseal-sql[postgresql]"') from error
            return Database(PostgresqlDialect(parsed, patience=patience, connections=connections))
        case "postgres":
            raise UnfitUrl("begin the address with postgresql://, not with postgres://")
    raise UnfitUrl


def _is_special(database: str) -> bool:
    # In memory, every connection would have a database of its own; a URI can ask for that too.
    return database == ":memory:" or database.startswith("file:")


def probe(database: Database, data: bytes, now: datetime) -> None:
    """
    Write *data* into a row of its own, in place of what was there, and commit.

    A database whose disk is full may still change a number in place, but finds no page for this.

    Raises:
        StoreFull: The disk is full.
        StoreUnavailable: The database failed.
        Indeterminate: The reply to the commit was lost.
    """
    new = database.dialect.insert(OPERATIONS)
    write = Statement(
        new.on_conflict_do_update(
            index_elements=[OPERATIONS.c.operation],
            set_={
                "fingerprint": new.excluded.fingerprint,
                "applied_at": new.excluded.applied_at,
            },
        )
    )
    values = {"operation": ROW, "fingerprint": data, "applied_at": microseconds(now)}
    database.write(lambda connection: connection.count(write, [values]))
