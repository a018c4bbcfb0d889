"""Garbage: rows whose time is over, dropped a few at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, select

from counterseal_records import microseconds
from counterseal_sql.database import Database
from counterseal_sql.schema import COUNTS, OPERATIONS, RECORDS, RESERVATIONS, SEEN

BATCH = 500
"""Rows in one transaction: SQLite has one writer, and others wait for it meanwhile."""

OPERATIONS_KEPT = timedelta(hours=1)
"""Longer than anybody asks again for a commit whose reply was lost."""


def forget(database: Database, before: datetime) -> int:
    """
    Drop what was over before *before*; return how many rows.

    That is: records by their `keep_until`, unless they are still due; replay keys, counts and
    reservations by their own end; and operations an hour after they were applied.

    Raises:
        StoreUnavailable: The database did not answer; some may be gone.
    """
    end, applied = microseconds(before), microseconds(before - OPERATIONS_KEPT)
    return (
        _purge(database, RECORDS, (RECORDS.c.keep_until < end) & RECORDS.c.due_at.is_(None))
        + _purge(database, OPERATIONS, OPERATIONS.c.applied_at < applied)
        + sum(_purge(database, one, one.c.until < end) for one in (SEEN, COUNTS, RESERVATIONS))
    )


def _purge(database: Database, table: Table, over: ColumnElement[bool]) -> int:
    (key,) = table.primary_key.columns
    # Asked twice: a row may have changed since it was chosen.
    batch = delete(table).where(key.in_(select(key).where(over).limit(BATCH)), over)
    gone = 0
    while True:
        with database.writing() as connection:
            count = connection.execute(batch).rowcount
        gone += count
        if count < BATCH:
            return gone
