"""
The connections to one database, which its threads share.

A connection is the driver's own, without SQLAlchemy around it. For most statements SQLAlchemy takes
longer than SQLite, and on PostgreSQL a third of the time of a call.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from counterseal_sql.dialects.sqlite_driver import SqliteConnection
from counterseal_sql.failures import Failures, overdue, unavailable

if TYPE_CHECKING:
    from counterseal_sql.dialects.postgresql_driver import PostgresqlConnection

Connection: TypeAlias = "SqliteConnection | PostgresqlConnection"
C = TypeVar("C", bound="SqliteConnection | PostgresqlConnection")


class ConnectionPool(Generic[C]):
    """
    Keeps connections open; the one that was returned last is used first.

    On SQLite, its cache has the newest pages.

    Args:
        connect: Opens a connection.
        limit: How many are open at once, at most.
        patience: How long to wait for one.
        failures: What the driver raises.
    """

    def __init__(
        self, connect: Callable[[], C], *, limit: int, patience: timedelta, failures: Failures
    ) -> None:
        self.failures = failures
        self._connect = connect
        self._patience = patience.total_seconds()
        self._permits: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(limit):
            self._permits.put(None)
        self._idle: list[C] = []
        self._closed = False

    def acquire(self) -> C:
        """
        Return a connection that only the caller uses, until `release`.

        Raises:
            StoreUnavailable: All connections were in use for too long.
            Exception: One of the driver's errors: no connection can be opened.
        """
        try:
            self._permits.get(timeout=self._patience)
        except queue.Empty:
            raise overdue() from None
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self._connect()
        except BaseException:
            self._permits.put(None)
            raise

    def release(self, connection: C, *, failed: bool) -> None:
        """
        Take a connection back.

        Args:
            connection: What `acquire` returned.
            failed: Whether its use ended with an error; then it is rolled back or closed.
        """
        try:
            if failed and not connection.reset():
                if connection.lost:
                    # The database may have been restarted, and the idle connections lost too.
                    self._close_idle()
                connection.close()
                return
            self._idle.append(connection)
            if self._closed:
                self._close_idle()
        finally:
            self._permits.put(None)

    def close(self) -> None:
        """Close the idle connections now, and each of the others after its use."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return
            connection.close()


class Checkout(Generic[C]):
    """
    A context manager: in it, a connection of *pool* is used.

    Raises:
        StoreUnavailable: The database failed, or all connections were in use for too long.
    """

    __slots__ = ("_connection", "_pool")

    _connection: C

    def __init__(self, pool: ConnectionPool[C]) -> None:
        self._pool = pool

    def __enter__(self) -> C:
        try:
            self._connection = self._pool.acquire()
        except self._pool.failures as error:
            raise unavailable(error) from error
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._pool.release(self._connection, failed=kind is not None)
        if error is not None and isinstance(error, self._pool.failures):
            raise unavailable(error) from error
