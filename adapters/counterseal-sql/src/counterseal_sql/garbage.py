"""Rows that are no longer needed, deleted a few at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Delete,
    Table,
    bindparam,
    case,
    delete,
    select,
    update,
)

from counterseal.models import Record
from counterseal.models.record import index_of
from counterseal_records import RecordUnreadable, microseconds, read_record
from counterseal_sql.commits import gauge_rows
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.rows import Row
from counterseal_sql.schema import (
    COUNTS,
    GAUGES,
    OPERATIONS,
    RECORDS,
    REPLAY_KEYS,
    RESERVATIONS,
)

BATCH = 500
"""Rows in one transaction; on SQLite, all other writers wait meanwhile."""

OPERATION_RETENTION = timedelta(hours=1)
"""Longer than a commit whose reply was lost is repeated."""


def _delete(table: Table, has_ended: ColumnElement[bool]) -> Delete:
    (key,) = table.primary_key.columns
    batch = select(key).where(has_ended).limit(BATCH)
    # The condition is checked twice: a row may have changed since it was selected.
    return delete(table).where(key.in_(batch), has_ended)


_END: BindParameter[int] = bindparam("end")
_DELETE_RECORDS = Statement(
    _delete(RECORDS, (RECORDS.c.keep_until < _END) & RECORDS.c.due_at.is_(None)).returning(
        # Of what has ended, only a dead callback counts in a gauge.
        case((RECORDS.c.dead.is_not(None), RECORDS.c.body))
    )
)
_DELETE_OPERATIONS = Statement(_delete(OPERATIONS, OPERATIONS.c.applied_at < _END))
_DELETE_GUARDS = [
    Statement(_delete(table, table.c.until < _END)) for table in (REPLAY_KEYS, COUNTS, RESERVATIONS)
]
_TAKE_FROM_GAUGE = Statement(
    update(GAUGES)
    .where(*(column == bindparam(f"{column.name}_of_one") for column in GAUGES.primary_key))
    .values(count=GAUGES.c.count + bindparam("added"))
)
_DELETE_GAUGES = Statement(delete(GAUGES).where(GAUGES.c.count == 0))


def forget(database: Database, before: datetime) -> int:
    """
    Delete what ended before *before*; return the number of rows.

    These are records after their `keep_until`, unless they are still due; replay keys, counts and
    reservations after their end; and operations an hour after they were applied.

    Raises:
        StoreUnavailable: The database did not answer; some rows may be deleted.
    """
    with database.writing() as connection:
        connection.count(_DELETE_GAUGES, [{}])
    return (
        _delete_records(database, before)
        + _delete_all(database, _DELETE_OPERATIONS, before - OPERATION_RETENTION)
        + sum(_delete_all(database, statement, before) for statement in _DELETE_GUARDS)
    )


def _delete_records(database: Database, before: datetime) -> int:
    """Delete records that have ended; those that count in a gauge are taken from it with that."""
    total = 0
    while True:
        with database.committing() as connection:
            rows = connection.rows(_DELETE_RECORDS, {"end": microseconds(before)})
            records = filter(None, map(_record_in, rows))
            gauges = gauge_rows((record.guid, index_of(record), -1) for record in records)
            if gauges:
                connection.count(_TAKE_FROM_GAUGE, list(map(_gauge_values, gauges)))
        total += len(rows)
        if len(rows) < BATCH:
            return total


def _record_in(row: tuple[Any, ...]) -> Record | None:
    try:
        return None if row[0] is None else read_record(row[0])
    except RecordUnreadable:
        return None


def _gauge_values(row: Row) -> Row:
    added = row.pop("count")
    return {f"{name}_of_one": value for name, value in row.items()} | {"added": added}


def _delete_all(database: Database, statement: Statement, end: datetime) -> int:
    total = 0
    while True:
        with database.writing() as connection:
            count = connection.count(statement, [{"end": microseconds(end)}])
        total += count
        if count < BATCH:
            return total
