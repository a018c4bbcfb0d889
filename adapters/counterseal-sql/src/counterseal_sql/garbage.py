"""Rows that are no longer needed, deleted a few at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, Table, bindparam, delete, select

from counterseal_records import microseconds
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import COUNTS, OPERATIONS, RECORDS, REPLAY_KEYS, RESERVATIONS

BATCH = 500
"""Rows in one transaction; on SQLite, all other writers wait meanwhile."""

OPERATION_RETENTION = timedelta(hours=1)
"""Longer than a commit whose reply was lost is repeated."""


def _delete(table: Table, has_ended: ColumnElement[bool]) -> Statement:
    (key,) = table.primary_key.columns
    batch = select(key).where(has_ended).limit(BATCH)
    # The condition is checked twice: a row may have changed since it was selected.
    return Statement(delete(table).where(key.in_(batch), has_ended))


_END: BindParameter[int] = bindparam("end")
_DELETE_RECORDS = _delete(RECORDS, (RECORDS.c.keep_until < _END) & RECORDS.c.due_at.is_(None))
_DELETE_OPERATIONS = _delete(OPERATIONS, OPERATIONS.c.applied_at < _END)
_DELETE_GUARDS = [
    _delete(table, table.c.until < _END) for table in (REPLAY_KEYS, COUNTS, RESERVATIONS)
]


def forget(database: Database, before: datetime) -> int:
    """
    Delete what ended before *before*; return the number of rows.

    These are records after their `keep_until`, unless they are still due; replay keys, counts and
    reservations after their end; and operations an hour after they were applied.

    Raises:
        StoreUnavailable: The database did not answer; some rows may be deleted.
    """
    return (
        _delete_all(database, _DELETE_RECORDS, before)
        + _delete_all(database, _DELETE_OPERATIONS, before - OPERATION_RETENTION)
        + sum(_delete_all(database, statement, before) for statement in _DELETE_GUARDS)
    )


def _delete_all(database: Database, statement: Statement, end: datetime) -> int:
    total = 0
    while True:
        with database.writing() as connection:
            count = connection.count(statement, [{"end": microseconds(end)}])
        total += count
        if count < BATCH:
            return total
