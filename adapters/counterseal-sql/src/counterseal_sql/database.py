"""
One database: its connections, and how what fails in it is told.

SQLite is opened with a write-ahead log and full durability: a commit that was acknowledged is on
the disk.
Every connection is in autocommit, so that a read is one trip on PostgreSQL;
a transaction is begun by name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from counterseal.errors import StoreUnavailable
from counterseal_sql.debts import Debts
from counterseal_sql.errors import UnfitUrl
from counterseal_sql.lending import Lender, Pool, Rack, lent
from counterseal_sql.log import Log
from counterseal_sql.writers import Act, Free, Queued, Writers, begin, commit

T = TypeVar("T")

LOGGING_NAME = "counterseal"
PATIENCE = timedelta(seconds=5)
CONNECTIONS = 16
OWNER_ONLY = 0o600


class Database:
    """
    The connections to one database; `connect` makes it.

    Attributes:
        engine: SQLAlchemy's, for `upgrade` and for operators.
    """

    def __init__(
        self, engine: Engine, lender: Lender, writers: Writers, debts: Debts | None = None
    ) -> None:
        self.engine = engine
        self._debts = debts
        self._lender = lender
        self._writers = writers
        self._on_sqlite = engine.dialect.name == "sqlite"
        self._insert = sqlite.insert if self._on_sqlite else postgresql.insert

    def reading(self) -> AbstractContextManager[Connection]:
        """
        Lend a connection for one statement that reads.

        Raises:
            StoreUnavailable: It failed.
        """
        return lent(self._lender)

    def writing(self) -> AbstractContextManager[Connection]:
        """
        Lend a connection for one statement that writes, and is a transaction by itself.

        Raises:
            StoreUnavailable: It failed.
        """
        return self._writers.alone()

    @contextmanager
    def committing(self) -> Iterator[Connection]:
        """
        Lend a connection for a transaction, and commit it; roll it back if anything is raised.

        Raises:
            StoreUnavailable: It failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        with self._writers.alone() as connection:
            begin(connection)
            # What is raised here ends the connection's transaction when it is given back.
            yield connection
            commit(connection)

    def write(self, act: Act[T], *, single: bool = True) -> T:
        """
        Do *act* in a transaction and commit it, with those of others who wait to.

        Args:
            act: Sends statements, and has no other effects; another thread may do it.
            single: Whether it sends only one.

        Returns:
            What *act* returns.

        Raises:
            Exception: What *act* raised; nothing of it has changed.
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        return self._writers.write(act, single=single)

    def remember(self, act: Act[T]) -> T:
        """
        Do *act*, one statement, in a transaction, and commit it.

        During a `call` it is on the disk at the end of that, at the latest; else at once.

        Args:
            act: Sends a statement, and has no other effects; another thread may do it.

        Returns:
            What *act* returns.

        Raises:
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        return self._writers.write(act, single=True, lazy=True)

    def call(self) -> AbstractContextManager[None]:
        """
        Make one call within this, in one thread, and tell nobody what came of it before its end.

            with database.call():
                challenge = answers.answer(call)

        On SQLite, replay keys, counts and reservations need no sync of their own in it: the
        call's commit brings them to the disk, or the end of the call does if it commits nothing.
        Without it each has its own; on PostgreSQL it makes no difference.

        Raises:
            Indeterminate: At the end: what was written may not outlast a power cut.
        """
        return nullcontext() if self._debts is None else self._debts.call()

    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Begin an `INSERT` that can say what to do on conflict, as the dialects spell it."""
        return self._insert(table)

    def prepare(self) -> None:
        """
        Make the SQLite file, for its owner only, with a write-ahead log; elsewhere do nothing.

        Raises:
            StoreUnavailable: It cannot be made.
        """
        file = self.engine.url.database
        if not self._on_sqlite or file is None:
            return
        try:
            Path(file).touch(mode=OWNER_ONLY)
        except OSError as error:
            raise StoreUnavailable from error
        with self.writing() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")

    def close(self) -> None:
        """Close the connections that nobody uses now, and each of the others after its use."""
        self._lender.close()


def connect(
    url: str | URL, *, patience: timedelta = PATIENCE, connections: int = CONNECTIONS
) -> Database:
    """
    Make ready to use a database; nothing is opened yet.

    Args:
        url: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME` with any parameters
            of libpq.
        patience: How long to wait for a lock or a connection before it is Unavailable.
        connections: How many are open at once, at most.

    Raises:
        UnfitUrl: The address is of another kind, or the driver is not installed.
    """
    fit = _fit(url)
    sqlite = fit.get_backend_name() == "sqlite"
    seconds = patience.total_seconds()
    try:
        engine = create_engine(
            fit,
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": seconds} if sqlite else _libpq(fit, seconds),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=seconds,
            hide_parameters=True,
            logging_name=LOGGING_NAME,
        )
    except ModuleNotFoundError as error:
        raise UnfitUrl('install "counterseal-sql[postgresql]"') from error
    logging.getLogger(f"sqlalchemy.engine.Engine.{LOGGING_NAME}").addFilter(_no_rows)
    if sqlite:
        event.listen(engine, "connect", _durable)
        rack = Rack(engine, connections, patience)
        debts = Debts(Log(str(fit.database)), patience)
        return Database(engine, rack, Queued(rack, debts, patience), debts)
    pool = Pool(engine)
    return Database(engine, pool, Free(pool))


def _no_rows(line: logging.LogRecord) -> bool:
    # At DEBUG, SQLAlchemy logs the rows that are read, with all that records keep secret.
    return line.levelno > logging.DEBUG


def _fit(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UnfitUrl from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and not _elsewhere(parsed.database):
            return parsed.set(drivername="sqlite")
        case "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
    raise UnfitUrl


def _elsewhere(database: str) -> bool:
    # In memory every connection would have a database of its own; a URI could say so, too.
    return database == ":memory:" or database.startswith("file:")


def _libpq(url: URL, seconds: float) -> dict[str, Any]:
    milliseconds = int(seconds * 1000)
    # libpq takes no connect_timeout below two seconds.
    bounds = {"connect_timeout": max(2, int(seconds)), "tcp_user_timeout": milliseconds}
    # A database may have another isolation, in which what another commit changes is an error.
    settings = f"-c lock_timeout={milliseconds} -c default_transaction_isolation=read\\ committed"
    options = f"{settings} {' '.join(url.normalized_query.get('options', ()))}"
    return {name: value for name, value in bounds.items() if name not in url.query} | {
        "options": options
    }


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA fullfsync=ON")  # where `fsync` alone leaves it to the drive
    cursor.close()
