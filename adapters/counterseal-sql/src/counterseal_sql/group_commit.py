"""
Group commit: one transaction, and so one sync of the disk, for all threads that want to commit.

SQLite has one writer at a time, and to sync a commit takes longer than to execute it.
SQLite makes a waiting writer sleep and try again, so a thread that comes later can write first.
So the threads of a process wait for a lock here, and the thread that has it commits for all of
them: each request in a savepoint of its own, so that one that fails undoes no other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import attrs

from counterseal.errors import Indeterminate
from counterseal_sql.connections import Checkout, Connection, ConnectionPool
from counterseal_sql.deferred_sync import CallScope, DeferredSync
from counterseal_sql.dialects.sqlite_driver import SqliteConnection
from counterseal_sql.failures import Failures, indeterminate, overdue, unavailable
from counterseal_sql.write_ahead_log import Unsynced

T = TypeVar("T")
Work = Callable[[Connection], T]

BATCH = 32
"""The largest number of requests that commit together; the first of them waits for the last."""

BEGIN = "BEGIN IMMEDIATE"
"""Takes the write lock at once: one that takes it later can be refused, whatever the timeout."""


class DirectWriter:
    """A writer whose threads need not wait for each other: PostgreSQL's."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool

    def write(self, work: Work[T], *, single: bool, deferrable: bool = False) -> T:  # noqa: ARG002
        """Do *work* in a transaction, commit it, and return what it returns: see `Database`."""
        with Checkout(self._pool) as connection:
            if single:
                return work(connection)
            connection.run("BEGIN")
            value = work(connection)
            commit(connection, self._pool.failures)
            return value

    def exclusive(self) -> AbstractContextManager[Connection]:
        """Use a connection."""
        return Checkout(self._pool)


@attrs.define(eq=False)
class WriteRequest:
    """
    The write of one thread, and its result.

    Attributes:
        work: Executes the statements.
        single: Whether *work* executes only one statement.
        scope: The call whose end syncs the write; None if its commit syncs it.
        deferred: The number of the write that `scope` has to sync; 0 if there is none.
        done: Whether there is a result.
        value: What *work* returned.
        error: What the thread raises instead.
    """

    work: Work[Any]
    single: bool
    scope: CallScope | None = None
    deferred: int = 0
    done: bool = False
    value: Any = None
    error: Exception | None = None

    def finish(self, value: Any = None, error: Exception | None = None) -> None:
        """Set the result."""
        self.value, self.error, self.done = value, error, True


class GroupCommitWriter:
    """
    A writer whose threads commit together: SQLite's.

    Args:
        pool: The connections.
        deferred_sync: Knows which writes are synced.
        patience: How long to wait for other threads.
    """

    def __init__(
        self,
        pool: ConnectionPool[SqliteConnection],
        deferred_sync: DeferredSync,
        patience: timedelta,
    ) -> None:
        self._pool = pool
        self._deferred_sync = deferred_sync
        self._patience = patience.total_seconds()
        self._lock = threading.Lock()
        self._requests: deque[WriteRequest] = deque()

    def write(self, work: Work[T], *, single: bool, deferrable: bool = False) -> T:
        """Do *work* in a transaction, commit it, and return what it returns: see `Database`."""
        request = WriteRequest(work, single, self._deferred_sync.scope if deferrable else None)
        self._requests.append(request)
        if self._lock.acquire(timeout=self._patience):
            try:
                while not request.done:
                    self._execute(self._next_batch())
            finally:
                self._lock.release()
        else:
            self._withdraw(request)
        if request.scope is not None and request.deferred:
            self._deferred_sync.defer(request.scope, request.deferred)
        if request.error is not None:
            raise request.error
        value: T = request.value
        return value

    @contextmanager
    def exclusive(self) -> Iterator[SqliteConnection]:
        """
        Use a connection while no other thread of this process writes.

        Raises:
            StoreUnavailable: SQLite failed, or others wrote for too long.
        """
        if not self._lock.acquire(timeout=self._patience):
            raise overdue()
        try:
            with Checkout(self._pool) as connection:
                yield connection
        finally:
            self._lock.release()

    def _withdraw(self, request: WriteRequest) -> None:
        try:
            self._requests.remove(request)
        except ValueError:
            # It is in the batch of another thread, which may have executed it or not.
            if not request.done:
                raise Indeterminate from overdue()
        else:
            raise overdue()

    def _next_batch(self) -> list[WriteRequest]:
        batch: list[WriteRequest] = []
        while self._requests and len(batch) < BATCH:
            try:
                batch.append(self._requests.popleft())
            except IndexError:  # the last one was withdrawn
                break
        return batch

    def _execute(self, batch: Sequence[WriteRequest]) -> None:
        try:
            with Checkout(self._pool) as connection:
                is_deferrable = None not in [request.scope for request in batch]
                if is_deferrable and self._deferred_sync.log.is_used(connection):
                    self._execute_deferred(connection, batch)
                else:
                    self._execute_synced(connection, batch)
        except Exception as error:  # noqa: BLE001 (raised in the thread that made the request)
            for request in batch:
                if not request.done:
                    request.finish(error=error if len(batch) == 1 else type(error)())
        finally:
            for request in batch:
                if not request.done:
                    request.finish(error=Indeterminate())

    def _execute_synced(self, connection: SqliteConnection, batch: Sequence[WriteRequest]) -> None:
        changes = connection.total_changes
        self._execute_on(connection, batch)
        # A transaction that has changed no row has written and synced nothing.
        if connection.total_changes > changes:
            self._deferred_sync.record_sync()

    def _execute_deferred(
        self, connection: SqliteConnection, batch: Sequence[WriteRequest]
    ) -> None:
        write = self._deferred_sync.next_write
        for request in batch:
            request.deferred = write
        try:
            with Unsynced(connection):
                self._execute_on(connection, batch)
        finally:
            self._deferred_sync.record_write()

    def _execute_on(self, connection: SqliteConnection, batch: Sequence[WriteRequest]) -> None:
        if len(batch) > 1:
            self._execute_together(connection, batch)
            return
        (request,) = batch
        if request.single:
            request.finish(request.work(connection))
            return
        connection.run(BEGIN)
        value = request.work(connection)
        commit(connection, self._pool.failures)
        request.finish(value)

    def _execute_together(
        self, connection: SqliteConnection, batch: Sequence[WriteRequest]
    ) -> None:
        connection.run(BEGIN)
        values = {}
        for request in batch:
            connection.run("SAVEPOINT one")
            try:
                values[request] = request.work(connection)
            except Exception as error:  # noqa: BLE001 (raised in the thread that made the request)
                # If SQLite has rolled back the transaction, this fails, and so do all requests.
                connection.run("ROLLBACK TO one")
                failed = isinstance(error, self._pool.failures)
                request.finish(error=unavailable(error) if failed else error)
            connection.run("RELEASE one")
        commit(connection, self._pool.failures)
        for request, value in values.items():
            request.finish(value)


def commit(connection: Connection, failures: Failures) -> None:
    """
    Commit the transaction.

    Raises:
        Indeterminate: The reply was lost.
    """
    try:
        connection.run("COMMIT")
    except failures as error:
        raise indeterminate(error) from error
