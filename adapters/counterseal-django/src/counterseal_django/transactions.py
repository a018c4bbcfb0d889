"""
Transactions of the project: what they lock, and that the store is not written to inside one.

A SQLite file has one writer. After a write in a transaction, the store would wait for a commit that
comes only after the call; after a read, what the store commits makes the transaction's own write
fail (`SQLITE_BUSY_SNAPSHOT`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

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


def lock_rows(model: Any, keys: Iterable[str], using: str) -> None:
    """
    Let nobody else change the objects of *model* with *keys* until the transaction ends.

    SQLite locks all of the file: a transaction that reads first, and then writes, fails at once if
    somebody else has written in between.

    Args:
        keys: Primary keys, as text.
        using: The alias of the database, in which a transaction is open.
    """
    connection = connections[using]
    if connection.vendor == "sqlite":
        quote, opts = connection.ops.quote_name, model._meta  # noqa: SLF001 (Django's public name for it)
        table, key = quote(opts.db_table), quote(opts.pk.column)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {key} = {key} WHERE 0")  # noqa: S608 (Django's own names)
    rows = model._base_manager.using(using)  # noqa: SLF001 (the same)
    list(rows.select_for_update().filter(pk__in=keys).values_list("pk"))


def _is_open(connection: BaseDatabaseWrapper) -> bool:
    # Django's `in_atomic_block` leaves out what is begun without `atomic`.
    driver = connection.connection
    return driver is not None and bool(driver.in_transaction)


def _is_same(connection: BaseDatabaseWrapper, file: str) -> bool:
    try:
        return Path(str(connection.settings_dict["NAME"])).samefile(file)
    except OSError:
        return False
