"""A commit as rows, which are prepared before any lock is taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from counterseal.invariants import require_possible
from counterseal.models import AuditEvent, Change, Guid, Record
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
        operation: The row by which a repeated commit is recognised.
    """

    unchanged: dict[Guid, int]
    updates: list[Update]
    inserts: list[Row]
    events: list[Row]
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


def _prepare(
    changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str, now: datetime
) -> Commit:
    rows = [None if change.new is change.old else row(change.new) for change in changes]
    pairs = list(zip(changes, rows, strict=True))
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
        operation={
            "operation": digest(operation),
            "fingerprint": fingerprint(
                changes, [None if new is None else new["body"] for new in rows]
            ),
            "applied_at": microseconds(now),
        },
    )
