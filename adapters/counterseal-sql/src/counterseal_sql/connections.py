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

    Attributes:
        permits: One for each connection that may be used or opened now.
        idle: The open connections that nobody uses.
        closed: Whether `close` was called.
    """

    def __init__(
        self, connect: Callable[[], C], *, limit: int, patience: timedelta, failures: Failures
    ) -> None:
        self.connect = connect
        self.patience = patience.total_seconds()
        self.failures = failures
        self.permits: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(limit):
            self.permits.put(None)
        self.idle: list[C] = []
        self.closed = False

    def close(self) -> None:
        """Close the idle connections now, and each of the others after its use."""
        self.closed = True
        self.close_idle()

    def close_idle(self) -> None:
        """Close the idle connections."""
        while True:
            try:
                connection = self.idle.pop()
            except IndexError:
                return
            connection.close()


class Checkout(Generic[C]):
    """
    A context manager: in it, only the caller uses a connection of *pool*.

    If it ends with an error, the connection is rolled back or closed.

    Raises:
        StoreUnavailable: The database failed, or all connections were in use for too long.
    """

    __slots__ = ("_connection", "_pool")

    _connection: C

    def __init__(self, pool: ConnectionPool[C]) -> None:
        self._pool = pool

    def __enter__(self) -> C:
        pool = self._pool
        try:
            pool.permits.get(timeout=pool.patience)
        except queue.Empty:
            raise overdue() from None
        try:
            self._connection = pool.idle.pop()
        except IndexError:
            self._connection = self._open()
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        pool = self._pool
        try:
            if error is None or self._connection.reset():
                pool.idle.append(self._connection)
                if pool.closed:
                    pool.close_idle()
            else:
                if self._connection.lost:
                    # The database may have been restarted, and the idle connections lost too.
                    pool.close_idle()
                self._connection.close()
        finally:
            pool.permits.put(None)
        if error is not None and isinstance(error, pool.failures):
            raise unavailable(error) from error

    def _open(self) -> C:
        pool = self._pool
        try:
            return pool.connect()
        except BaseException as error:
            pool.permits.put(None)
            if isinstance(error, pool.failures):
                raise unavailable(error) from error
            raise
