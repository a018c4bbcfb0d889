"""A commit as rows, which are prepared before any lock is taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import attrs

from counterseal.models import AuditEvent, Change, GaugeKey, Guid, Record
from counterseal.models.guid import partition_of
from counterseal.models.record import index_of, require_possible
from counterseal_records import digest, fingerprint, microseconds, write
from counterseal_sql.rows import Row, row


@attrs.frozen(kw_only=True)
class Update:
    """A row *new* that replaces the row of the record *old*."""

    old: Record
    new: Row


@attrs.frozen(kw_only=True)
class Commit:
    """
    A commit, ready to be applied.

    Attributes:
        unchanged: The versions of records that must not change, by GUID.
        updates: The rows that replace others.
        inserts: The rows that are new.
        events: The rows of the audit events.
        gauges: What is added to the gauges, in the order in which their rows are locked.
        operation: The row by which a repeated commit is recognised.
    """

    unchanged: dict[Guid, int]
    updates: list[Update]
    inserts: list[Row]
    events: list[Row]
    gauges: list[Row]
    operation: Row


def prepare_commit(
    changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str, now: datetime
) -> Commit:
    """
    Prepare a commit.

    Raises:
        PartitionCrossed: The records are not in one partition.
        WrongRecord: A version, a kind or a pairing is impossible.
    """
    require_possible(changes)
    return _prepare(changes, audit, operation, now)


def prepare_load(records: Sequence[Record], operation: str, now: datetime) -> Commit:
    """Prepare to create *records*, each with the version that it has."""
    return _prepare(tuple(Change(None, record) for record in records), (), operation, now)


def event_row(event: AuditEvent) -> Row:
    """Return the columns of *event*."""
    return {"at": microseconds(event.at), "body": write(event)}


def gauge_rows(changes: Iterable[tuple[Record | None, Record | None]]) -> list[Row]:
    """
    Return what to add to the gauges, in one order for all callers.

    Args:
        changes: Each record as it was, and as it is; None where there is none.
    """
    added: Counter[tuple[GaugeKey, int]] = Counter()
    for pair in changes:
        for record, count in zip(pair, (-1, 1), strict=True):
            key = None if record is None else index_of(record).gauge
            if record is not None and key is not None:
                added[key, partition_of(record.guid)] += count
    return [
        gauge_row(key, partition) | {"count": count}
        for (key, partition), count in sorted(added.items(), key=_gauge_order)
        if count
    ]


def gauge_row(key: GaugeKey, partition: int) -> Row:
    """Return the primary key of a gauge's row."""
    return {
        "app_space": key.app_space or "",
        "origin": key.origin or "",
        "gauge": key.gauge.value,
        "partition": partition,
    }


def _gauge_order(item: tuple[tuple[GaugeKey, int], int]) -> tuple[object, ...]:
    (key, partition), _ = item
    return key.app_space or "", key.origin or "", key.gauge, partition


def _prepare(
    changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str, now: datetime
) -> Commit:
    rows = [None if change.new is change.old else row(change.new) for change in changes]
    pairs = list(zip(changes, rows, strict=True))
    name = digest(operation)
    return Commit(
        unchanged={
            change.new.guid: change.new.version for change in changes if change.new is change.old
        },
        updates=[
            Update(old=change.old, new=new)
            for change, new in pairs
            if new and change.old is not None
        ],
        inserts=[new for change, new in pairs if new and change.old is None],
        events=[event_row(event) for event in audit],
        gauges=gauge_rows(
            (change.old, change.new) for change in changes if change.new is not change.old
        ),
        operation={
            "operation": name,
            "fingerprint": fingerprint(
                changes, [None if new is None else new["body"] for new in rows], name
            ),
            "applied_at": microseconds(now),
        },
    )
