"""
Lending: who has a connection, and what becomes of it afterwards.

To PostgreSQL, SQLAlchemy's pool lends, and notices when a connection was lost.
SQLite's are not lost, and most statements take it less time than the pool takes around them: there
connections stay open on a rack.
"""

from __future__ import annotations

import queue
from contextlib import AbstractContextManager
from datetime import timedelta
from types import TracebackType
from typing import Protocol

from sqlalchemy import Connection, Engine

from counterseal_sql.failures import FAILURES, overdue, unavailable


class Lender(Protocol):
    """Lends connections, each to one thread at a time."""

    def take(self) -> Connection:
        """
        Lend one.

        Raises:
            SQLAlchemyError: The database did not answer, or none came back in time.
            StoreUnavailable: None came back in time.
        """

    def give_back(self, connection: Connection, *, failed: bool) -> None:
        """Take one back; if its borrower has *failed*, what was begun on it is rolled back."""

    def close(self) -> None:
        """Close those that nobody has now, and each of the others when it comes back."""


def lent(lender: Lender) -> AbstractContextManager[Connection]:
    """
    Have a connection for a while.

    Raises:
        StoreUnavailable: It failed, or there was none in time.
    """
    return _Loan(lender)


class _Loan:
    """What `lent` gives; a generator in its place would take twice as long, at every trip."""

    __slots__ = ("_connection", "_lender")

    _connection: Connection

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    def __enter__(self) -> Connection:
        try:
            self._connection = self._lender.take()
        except FAILURES as error:
            raise unavailable(error) from error
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            self._lender.give_back(self._connection, failed=kind is not None)
        except FAILURES as failure:
            raise unavailable(failure) from failure
        if isinstance(error, FAILURES):
            raise unavailable(error) from error


class Pool:
    """Lends from SQLAlchemy's pool."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._closed = False

    def take(self) -> Connection:
        """
        Lend one.

        Raises:
            SQLAlchemyError: The database did not answer, or none came back in time.
        """
        return self._engine.connect()

    def give_back(self, connection: Connection, *, failed: bool) -> None:  # noqa: ARG002
        """Take one back; the pool rolls back whatever was begun on it."""
        _close(connection, for_good=self._closed)

    def close(self) -> None:
        """Close those that nobody has now, and each of the others when it comes back."""
        self._closed = True
        self._engine.dispose()


class Rack:
    """
    Keeps connections, and lends first what came back last: it knows the most pages.

    Args:
        engine: Opens them, and closes what its borrower has failed on.
        places: How many are lent at once, at most.
        patience: How long to wait for one.
    """

    def __init__(self, engine: Engine, places: int, patience: timedelta) -> None:
        self._engine = engine
        self._patience = patience.total_seconds()
        self._places: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(places):
            self._places.put(None)
        self._free: list[Connection] = []
        self._closed = False

    def take(self) -> Connection:
        """
        Lend one.

        Raises:
            SQLAlchemyError: It cannot be opened.
            StoreUnavailable: None came back in time.
        """
        try:
            self._places.get(timeout=self._patience)
        except queue.Empty:
            raise overdue() from None
        try:
            return self._free.pop()
        except IndexError:
            pass
        try:
            return self._engine.connect()
        except BaseException:
            self._places.put(None)
            raise

    def give_back(self, connection: Connection, *, failed: bool) -> None:
        """Take one back; if its borrower has *failed*, it is closed, and rolled back with that."""
        try:
            if failed:
                _close(connection, for_good=self._closed)
                return
            if connection.in_transaction():
                connection.rollback()  # what SQLAlchemy begins by itself, in autocommit
            self._free.append(connection)
            if self._closed:
                self._close_free()
        finally:
            self._places.put(None)

    def close(self) -> None:
        """Close those that nobody has now, and each of the others when it comes back."""
        self._closed = True
        self._close_free()
        self._engine.dispose()

    def _close_free(self) -> None:
        while True:
            try:
                connection = self._free.pop()
            except IndexError:
                return
            _close(connection, for_good=True)


def _close(connection: Connection, *, for_good: bool) -> None:
    """Give it back to SQLAlchemy's pool, or close it: a pool that was replaced would keep it."""
    if for_good and not connection.invalidated:
        connection.detach()
    connection.close()
