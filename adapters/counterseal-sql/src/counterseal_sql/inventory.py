"""All records and events of a database, for checks and copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from counterseal.invariants import Violation
from counterseal.models import AuditEvent, Callback, Record
from counterseal.ports import Clock
from counterseal_records import (
    NumberedRecord,
    PartitionContents,
    RecordUnreadable,
    read_as,
    read_record,
)
from counterseal_sql.audit import SqlAudit
from counterseal_sql.commits import event_row, gauge_rows, prepare_load
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.rows import Row, row
from counterseal_sql.schema import EVENTS, GAUGES, RECORDS

PAGE = 1_000

_guid = RECORDS.c.guid
_PARTITION = Statement(
    select(RECORDS)
    .where(_guid >= bindparam("first"), _guid < bindparam("end"))
    .order_by(RECORDS.c.number)
)
_GAUGES = Statement(select(GAUGES).where(GAUGES.c.partition == bindparam("of")))
_COUNT_EVENTS = Statement(select(func.count()).select_from(EVENTS))
_INSERT_EVENT = Statement(insert(EVENTS))
_COLUMNS = tuple(column.name for column in RECORDS.c)


class SqlInventory:
    """
    All records and events that one service stores in a database.

    Args:
        database: The database.
        clock: Dates operations, so that `forget` can delete them.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def identity(self) -> str:
        """Return which file it is, or which table of which database of which running server."""
        return self._database.dialect.identity()

    def read_partition(self, partition: int) -> PartitionContents:
        """Return one partition, as it was at one moment."""
        first = f"{partition:02x}"
        values = {"first": first, "end": f"{first}g"}  # g comes after every digit
        with self._database.reading() as connection:
            rows = connection.rows(_PARTITION, values)
            gauges = connection.rows(_GAUGES, {"of": partition})
        records: list[NumberedRecord] = []
        violations: list[Violation] = []
        for row_values in rows:
            stored_row = dict(zip(_COLUMNS, row_values, strict=True))
            try:
                record = read_record(stored_row["body"])
            except RecordUnreadable:
                violations.append(Violation(stored_row["guid"], "it cannot be read"))
                continue
            records.append(NumberedRecord(stored_row["number"], record))
            violations += _violations_in(stored_row, record)
        violations += _wrong_gauges(gauges, [numbered.record for numbered in records])
        return PartitionContents(tuple(records), tuple(violations))

    def load(self, records: Sequence[Record], operation: str) -> None:
        """
        Create *records*, each with the version that it has.

        Raises:
            Conflict: One of them exists already.
            Indeterminate: The reply was lost.
        """
        self._database.dialect.commit(prepare_load(records, operation, self._clock.now()))

    def events(self) -> Iterator[Sequence[AuditEvent]]:
        """Return the audit log in pages: what is chained, and then what is not yet."""
        audit, after = SqlAudit(self._database), 0
        for page in audit.all_chained():
            yield [read_as(AuditEvent, chained.body) for chained in page]
        while entries := audit.read(after=after, limit=PAGE):
            yield [entry.event for entry in entries]
            after = entries[-1].number

    def append_events(self, events: Sequence[AuditEvent], first: int) -> None:
        """Append those of *events* that are not there yet; *first* events come before them."""
        with self._database.committing() as connection:
            ((count,),) = connection.rows(_COUNT_EVENTS, {})
            missing = events[max(0, count - first) :]
            if missing:
                connection.count(_INSERT_EVENT, [event_row(event) for event in missing])


def _wrong_gauges(
    rows: Sequence[tuple[Any, ...]], records: Sequence[Record]
) -> Iterator[Violation]:
    columns = tuple(column.name for column in GAUGES.c)
    stored = [dict(zip(columns, row_values, strict=True)) for row_values in rows]
    expected = gauge_rows((None, record) for record in records)
    counts = {_gauge_name(one): one["count"] for one in stored if one["count"]}
    expected_counts = {_gauge_name(one): one["count"] for one in expected}
    for name in sorted(counts.keys() | expected_counts.keys()):
        count, right = counts.get(name, 0), expected_counts.get(name, 0)
        if count != right:
            app_space, origin, gauge = name
            yield Violation(
                origin or app_space, f"the gauge {gauge} is {count}, and {right} records count"
            )


def _gauge_name(values: Row) -> tuple[str, str, str]:
    return values["app_space"], values["origin"], values["gauge"]


def _violations_in(stored_row: Row, record: Record) -> Iterator[Violation]:
    for column, value in row(record).items():
        # An older release may have written the same record as another body, and writes a callback
        # without its queue.
        is_older = column == "body" or (
            column == "channel" and stored_row[column] is None and isinstance(record, Callback)
        )
        if not is_older and stored_row[column] != value:
            yield Violation(stored_row["guid"], f"the column {column} is not what the record says")
