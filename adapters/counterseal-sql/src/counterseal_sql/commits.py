"""A commit as rows, which are prepared before any lock is taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import attrs

from counterseal.models import AuditEvent, Change, GaugeKey, Guid, Record
from counterseal.models.guid import partition_of
from counterseal.models.record import Index, index_of, require_possible
from counterseal_records import digest, fingerprint, microseconds, write
from counterseal_sql.rows import Row, row

_NO_INDEX = Index()


@attrs.frozen(kw_only=True)
class Update:
    """A row *new* that replaces the row of the record *old*, which has *old_index*."""

    old: Record
    old_index: Index
    new: Row


@attrs.frozen(kw_only=True)
class PartsChange:
    """
    The id by whose parts an account is searched no longer, and the one by which it is.

    Attributes:
        guid: The account's.
        old: The App Space and the id as they were; None if it was not searched.
        new: The App Space and the id as they are; None if it is not searched any more.
    """

    guid: Guid
    old: tuple[Guid, str] | None
    new: tuple[Guid, str] | None


@attrs.frozen
class IndexedAccount:
    """
    What the index of parts of ids should have of an account.

    Attributes:
        number: Of its row.
        app_space: Whose account it is.
        account_id: None if it is not searched.
    """

    number: int
    app_space: Guid
    account_id: str | None


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
        parts: The accounts whose parts change: those that are new, erased or renamed.
        operation: The row by which a repeated commit is recognised.
    """

    unchanged: dict[Guid, int]
    updates: list[Update]
    inserts: list[Row]
    events: list[Row]
    gauges: list[Row]
    parts: list[PartsChange]
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


def gauge_rows(counted: Iterable[tuple[Guid, Index, int]]) -> list[Row]:
    """
    Return what to add to the gauges, in one order for all callers.

    Args:
        counted: The GUID and the index of each record that begins to count, with 1, or that no
            longer counts as it did, with -1.
    """
    added: defaultdict[tuple[GaugeKey, int], int] = defaultdict(int)
    for guid, index, count in counted:
        if index.gauge is not None:
            added[index.gauge, partition_of(guid)] += count
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
    unchanged: dict[Guid, int] = {}
    updates: list[Update] = []
    inserts: list[Row] = []
    bodies: list[str | None] = []
    counted: list[tuple[Guid, Index, int]] = []
    parts: list[PartsChange] = []
    for change in changes:
        old, new = change.old, change.new
        if new is old:
            unchanged[new.guid] = new.version
            bodies.append(None)
            continue
        index = index_of(new)
        new_row = row(new, index)
        bodies.append(new_row["body"])
        counted.append((new.guid, index, 1))
        if old is None:
            inserts.append(new_row)
            old_index = _NO_INDEX
        else:
            old_index = index_of(old)
            updates.append(Update(old=old, old_index=old_index, new=new_row))
            counted.append((new.guid, old_index, -1))
        if index.search_key != old_index.search_key:
            parts.append(PartsChange(guid=new.guid, old=old_index.search_key, new=index.search_key))
    name = digest(operation)
    return Commit(
        unchanged=unchanged,
        updates=updates,
        inserts=inserts,
        events=[event_row(event) for event in audit],
        gauges=gauge_rows(counted),
        parts=parts,
        operation={
            "operation": name,
            "fingerprint": fingerprint(changes, bodies, name),
            "applied_at": microseconds(now),
        },
    )
