"""
Transactions: which of Django's SQLite connections have written, and not committed yet.

A SQLite file has one writer. A call to the store after such a write, by the same thread, would wait
for a commit that comes only after it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from counterseal_django.errors import StoreInTransaction

READING = frozenset({"EXPLAIN", "PRAGMA", "RELEASE", "ROLLBACK", "SAVEPOINT", "SELECT"})
"""What takes no lock for writing; of `PRAGMA`, what Django itself uses."""

LOCKING = frozenset({"EXCLUSIVE", "IMMEDIATE"})
"""`BEGIN IMMEDIATE` has the lock at once."""

REFUSAL = (
    "this transaction has written to the same SQLite file, and has not committed: call Counterseal"
    " before the first write, or outside of `atomic` (an admin view and ATOMIC_REQUESTS open one),"
    " give the alias 'counterseal' a file of its own, or use PostgreSQL"
)

_writers: WeakSet[BaseDatabaseWrapper] = WeakSet()
"""Those whose transaction has written."""


def watch() -> None:
    """Watch the SQLite connections that Django opens from now on."""
    connection_created.connect(_watch_connection, dispatch_uid="counterseal_django")


def require_no_write(file: str) -> None:
    """
    Refuse to write to *file* where a transaction of this thread has written to it.

    Raises:
        StoreInTransaction: One has.
    """
    for connection in connections.all(initialized_only=True):
        if connection in _writers and _is_open(connection) and _is_same(connection, file):
            raise StoreInTransaction(REFUSAL)


def _watch_connection(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "sqlite" and _record not in connection.execute_wrappers:
        # First, because Django removes the last one at the end of its `execute_wrapper`.
        connection.execute_wrappers.insert(0, _record)


def _record(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    verb, kind, *_ = (*sql.upper().split(None, 2), "", "")
    connection = context["connection"]
    if verb == "BEGIN":
        _writers.discard(connection)
    if kind in LOCKING if verb == "BEGIN" else verb not in READING:
        _writers.add(connection)
    return execute(sql, params, many, context)


def _is_open(connection: BaseDatabaseWrapper) -> bool:
    driver = connection.connection
    return driver is not None and driver.in_transaction


def _is_same(connection: BaseDatabaseWrapper, file: str) -> bool:
    try:
        return Path(str(connection.settings_dict["NAME"])).samefile(file)
    except OSError:
        return False
