"""All records and events of a database, for checks and copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from counterseal.invariants import Violation
from counterseal.models import Account, AuditEvent, Callback, GaugeKey, Record
from counterseal.models.record import index_of
from counterseal.ports import Clock
from counterseal_records import (
    NumberedRecord,
    PartitionContents,
    RecordUnreadable,
    read_as,
    read_record,
)
from counterseal_sql.audit import SqlAudit
from counterseal_sql.commits import IndexedAccount, event_row, gauge_row, prepare_load
from counterseal_sql.database import Database
from counterseal_sql.prepared import Statement
from counterseal_sql.rows import Row, index_row
from counterseal_sql.schema import EVENTS, GAUGES, RECORDS

PAGE = 1_000

_REPAIR = 'see "Parts of ids" in docs/how-to/upgrade.md'
NOT_INDEXED = f"a search by a part of its id does not find it: {_REPAIR}"
INDEXED = f"it is erased, and the index of parts of ids has it: {_REPAIR}"

_guid = RECORDS.c.guid
_COMPARED = tuple(column for column in RECORDS.c if column.name not in {"number", "body"})
"""What the record says; an older release may have written the same record as another body."""
_NAMES = tuple(column.name for column in _COMPARED)
_GUID = _NAMES.index("guid")
_in_order = itemgetter(*_NAMES)
_PARTITION = Statement(
    select(RECORDS.c.number, RECORDS.c.body, *_COMPARED)
    .where(_guid >= bindparam("first"), _guid < bindparam("end"))
    .order_by(RECORDS.c.number)
)
_GAUGES = Statement(select(GAUGES).where(GAUGES.c.partition == bindparam("of")))
_COUNT_EVENTS = Statement(select(func.count()).select_from(EVENTS))
_INSERT_EVENT = Statement(insert(EVENTS))


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

    def read_partitions(self, partitions: Sequence[int]) -> Iterator[PartitionContents]:
        """Return the contents of each of *partitions*, each as it was at one moment."""
        return map(self._read_partition, partitions)

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

    def _read_partition(self, partition: int) -> PartitionContents:
        first = f"{partition:02x}"
        values = {"first": first, "end": f"{first}g"}  # g comes after every digit
        with self._database.reading() as connection:
            rows = connection.rows(_PARTITION, values)
            gauges = connection.rows(_GAUGES, {"of": partition})
        records: list[NumberedRecord] = []
        violations: list[Violation] = []
        gauge_keys: Counter[GaugeKey] = Counter()
        for number, body, *columns in rows:
            try:
                record = read_record(body)
            except RecordUnreadable:
                violations.append(Violation(columns[_GUID], "it cannot be read"))
                continue
            records.append(NumberedRecord(number, record))
            index = index_of(record)
            if index.gauge is not None:
                gauge_keys[index.gauge] += 1
            expected = _in_order(index_row(record, index))
            if (*columns,) != expected:
                violations += _wrong_columns(columns, expected, record)
        violations += self._misindexed(records)
        violations += _wrong_gauges(gauges, partition, gauge_keys)
        return PartitionContents(tuple(records), tuple(violations))

    def _misindexed(self, records: Sequence[NumberedRecord]) -> Iterator[Violation]:
        """Yield the accounts that are not in the index of parts of ids as they should be."""
        accounts = {
            numbered.number: numbered.record
            for numbered in records
            if isinstance(numbered.record, Account)
        }
        expected = list(starmap(_indexed_account, accounts.items()))
        for begin in range(0, len(expected), PAGE):
            page = expected[begin : begin + PAGE]
            with self._database.reading() as connection:
                numbers = self._database.dialect.misindexed(connection, page)
            for account in page:
                if account.number in numbers:
                    problem = INDEXED if account.account_id is None else NOT_INDEXED
                    yield Violation(accounts[account.number].guid, problem)


def _indexed_account(number: int, account: Account) -> IndexedAccount:
    search_key = index_of(account).search_key
    account_id = None if search_key is None else search_key[1]
    return IndexedAccount(number, account.app_space, account_id)


def _wrong_gauges(
    rows: Sequence[tuple[Any, ...]], partition: int, gauge_keys: Mapping[GaugeKey, int]
) -> Iterator[Violation]:
    columns = tuple(column.name for column in GAUGES.c)
    stored = [dict(zip(columns, row_values, strict=True)) for row_values in rows]
    counts = {_gauge_name(one): one["count"] for one in stored if one["count"]}
    expected_counts = {
        _gauge_name(gauge_row(key, partition)): count for key, count in gauge_keys.items()
    }
    for name in sorted(counts.keys() | expected_counts.keys()):
        count, right = counts.get(name, 0), expected_counts.get(name, 0)
        if count != right:
            app_space, origin, gauge = name
            yield Violation(
                origin or app_space, f"the gauge {gauge} is {count}, and {right} records count"
            )


def _gauge_name(values: Row) -> tuple[str, str, str]:
    return values["app_space"], values["origin"], values["gauge"]


def _wrong_columns(
    columns: Sequence[Any], expected: Sequence[Any], record: Record
) -> Iterator[Violation]:
    for name, value, right in zip(_NAMES, columns, expected, strict=True):
        # An older release writes a callback without its queue.
        is_older = name == "channel" and value is None and isinstance(record, Callback)
        if value != right and not is_older:
            yield Violation(columns[_GUID], f"the column {name} is not what the record says")
