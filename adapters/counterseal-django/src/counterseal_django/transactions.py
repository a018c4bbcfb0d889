"""
Transactions: on SQLite, the store is not written to inside a transaction of the project.

A SQLite file has one writer. After a write in a transaction, the store would wait for a commit that
comes only after the call; after a read, what the store commits makes the transaction's own write
fail (`SQLITE_BUSY_SNAPSHOT`).
"""

from __future__ import annotations

from pathlib import Path

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from counterseal_django.errors import StoreInTransaction

REFUSAL = (
    "a transaction of this thread is open on the same SQLite file, which has one writer: call"
    " Counterseal before or after `atomic` (for ATOMIC_REQUESTS, decorate the view with"
    " transaction.non_atomic_requests), give the alias 'counterseal' a file of its own, or use"
    " PostgreSQL"
)


def require_no_transaction(file: str) -> None:
    """
    Refuse to write to the SQLite database *file* inside a transaction of this thread.

    Raises:
        StoreInTransaction: One of Django's connections of this thread has begun one on *file*.
    """
    for connection in connections.all(initialized_only=True):
        if connection.vendor == "sqlite" and _is_open(connection) and _is_same(connection, file):
            raise StoreInTransaction(REFUSAL)


def _is_open(connection: BaseDatabaseWrapper) -> bool:
    # Django's `in_atomic_block` leaves out what is begun without `atomic`.
    driver = connection.connection
    return driver is not None and bool(driver.in_transaction)


def _is_same(connection: BaseDatabaseWrapper, file: str) -> bool:
    try:
        return Path(str(connection.settings_dict["NAME"])).samefile(file)
    except OSError:
        return False
