"""
Writers: the threads that want to write, and how they get to.

SQLite has one writer at a time, and to bring a commit to the disk takes longer than what is in it.
Its own waiting is a sleep that others overtake; so the threads of this process wait here, and
whoever has its turn commits for all who wait: each in a savepoint of its own, so that none loses
by what another one may not do, and all of them with one sync of the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import attrs
from sqlalchemy import Connection

from counterseal.errors import Indeterminate
from counterseal_sql.debts import Debts
from counterseal_sql.failures import FAILURES, indeterminate, overdue, unavailable
from counterseal_sql.lending import Lender, lent
from counterseal_sql.log import Unsynced
from counterseal_sql.statements import cursor

T = TypeVar("T")
Act = Callable[[Connection], T]

TOGETHER = 32
"""How many commit together, at most: the first of them waits for the last."""


class Writers(Protocol):
    """Lets threads write."""

    def write(self, act: Act[T], *, single: bool, lazy: bool = False) -> T:
        """
        Do *act* in a transaction, commit it, and return what it returns.

        Args:
            act: Sends statements, and has no other effects; another thread may do it.
            single: Whether it sends only one, which is a transaction by itself.
            lazy: Whether it is enough if it is on the disk at the end of this thread's call.

        Raises:
            CountersealError: What *act* raised; nothing of it has changed.
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """
        Have a connection, and let nobody else of this process write meanwhile.

        Raises:
            StoreUnavailable: It failed, or there was none in time.
        """


class Free:
    """Writers that need not wait for each other: PostgreSQL's."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    def write(self, act: Act[T], *, single: bool, lazy: bool = False) -> T:  # noqa: ARG002
        """
        Do *act* in a transaction, commit it, and return what it returns.

        Raises:
            CountersealError: What *act* raised; nothing of it has changed.
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        with lent(self._lender) as connection:
            return act(connection) if single else committed(connection, act)

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """
        Have a connection.

        Raises:
            StoreUnavailable: It failed, or there was none in time.
        """
        with lent(self._lender) as connection:
            yield connection


@attrs.define(eq=False)
class _Wish:
    """
    What one thread wants to write, and what became of it.

    Attributes:
        owed: The number of the debt that it is; 0 if it is none.
    """

    act: Act[Any]
    single: bool
    lazy: bool = False
    owed: int = 0
    done: bool = False
    value: Any = None
    error: Exception | None = None

    def end(self, value: Any = None, error: Exception | None = None) -> None:
        self.value, self.error, self.done = value, error, True


class Queued:
    """
    Writers that take turns: SQLite's.

    Args:
        lender: Lends the connection of whoever has its turn.
        debts: What they owe the disk.
        patience: How long to wait for a turn.
    """

    def __init__(self, lender: Lender, debts: Debts, patience: timedelta) -> None:
        self._lender = lender
        self._debts = debts
        self._patience = patience.total_seconds()
        self._turn = threading.Lock()
        self._waiting: deque[_Wish] = deque()

    def write(self, act: Act[T], *, single: bool, lazy: bool = False) -> T:
        """
        Do *act* in a transaction, commit it, and return what it returns.

        Raises:
            CountersealError: What *act* raised; nothing of it has changed.
            StoreUnavailable: The database failed, and nothing has changed.
            Indeterminate: The reply to the commit was lost.
        """
        wish = _Wish(act, single, lazy and self._debts.within)
        self._waiting.append(wish)
        if self._turn.acquire(timeout=self._patience):
            try:
                while not wish.done:
                    self._serve(self._together())
            finally:
                self._turn.release()
        else:
            self._withdraw(wish)
        if wish.owed:
            self._debts.owe(wish.owed)
        if wish.error is not None:
            raise wish.error
        value: T = wish.value
        return value

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """
        Have a connection, and let nobody else of this process write meanwhile.

        Raises:
            StoreUnavailable: It failed, or there was none in time.
        """
        if not self._turn.acquire(timeout=self._patience):
            raise overdue()
        try:
            with lent(self._lender) as connection:
                yield connection
        finally:
            self._turn.release()

    def _withdraw(self, wish: _Wish) -> None:
        try:
            self._waiting.remove(wish)
        except ValueError:
            # Another thread has taken it, and may be done or not.
            if not wish.done:
                raise Indeterminate from overdue()
        else:
            raise overdue()

    def _together(self) -> list[_Wish]:
        taken: list[_Wish] = []
        while self._waiting and len(taken) < TOGETHER:
            try:
                taken.append(self._waiting.popleft())
            except IndexError:  # withdrawn
                break
        return taken

    def _serve(self, wishes: Sequence[_Wish]) -> None:
        try:
            with lent(self._lender) as connection:
                if all(wish.lazy for wish in wishes) and self._debts.log.holds(connection):
                    self._owing(connection, wishes)
                else:
                    self._synced(connection, wishes)
        except Exception as error:  # noqa: BLE001 (raised where it belongs)
            for wish in wishes:
                if not wish.done:
                    wish.end(error=error if len(wishes) == 1 else type(error)())
        finally:
            for wish in wishes:
                if not wish.done:
                    wish.end(error=Indeterminate())

    def _synced(self, connection: Connection, wishes: Sequence[_Wish]) -> None:
        before = _changes(connection)
        _write(connection, wishes)
        # Who has changed nothing has written nothing, and synced nothing.
        if _changes(connection) > before:
            self._debts.synced()

    def _owing(self, connection: Connection, wishes: Sequence[_Wish]) -> None:
        number = self._debts.next
        for wish in wishes:
            wish.owed = number
        try:
            with Unsynced(connection):
                _write(connection, wishes)
        finally:
            self._debts.incur()


def committed(connection: Connection, act: Act[T]) -> T:
    """
    Do *act* in a transaction, and commit it.

    Raises:
        Indeterminate: The reply to the commit was lost.
    """
    begin(connection)
    value = act(connection)
    commit(connection)
    return value


def begin(connection: Connection) -> None:
    """Begin a transaction; on SQLite it takes the write lock, which a reader can be refused."""
    _said(connection, "BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")


def commit(connection: Connection) -> None:
    """
    Commit what was begun.

    Raises:
        Indeterminate: The reply was lost.
    """
    try:
        _said(connection, "COMMIT")
    except FAILURES as error:
        raise indeterminate(error) from error


def _write(connection: Connection, wishes: Sequence[_Wish]) -> None:
    if len(wishes) == 1:
        (wish,) = wishes
        wish.end(wish.act(connection) if wish.single else committed(connection, wish.act))
    else:
        _many(connection, wishes)


def _many(connection: Connection, wishes: Sequence[_Wish]) -> None:
    begin(connection)
    values = {}
    for wish in wishes:
        _said(connection, "SAVEPOINT one")
        try:
            values[wish] = wish.act(connection)
        except Exception as error:  # noqa: BLE001 (raised where it belongs)
            # If SQLite has given up the whole transaction, this fails, and so do all.
            _said(connection, "ROLLBACK TO one")
            wish.end(error=unavailable(error) if isinstance(error, FAILURES) else error)
        _said(connection, "RELEASE one")
    commit(connection)
    for wish, value in values.items():
        wish.end(value)


def _changes(connection: Connection) -> int:
    """Return how many rows the connection has ever changed."""
    driver: Any = connection.connection.dbapi_connection
    return int(driver.total_changes)


def _said(connection: Connection, words: str) -> None:
    if connection.dialect.name == "sqlite":
        cursor(connection).execute(words)
    else:
        connection.exec_driver_sql(words)
