"""What one commit does, as rows: made before any lock is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from counterseal.invariants import require_possible
from counterseal.models import AuditEvent, Change, Guid, Record
from counterseal_records import digest, fingerprint, microseconds, write
from counterseal_sql.rows import Row, row


@attrs.frozen(kw_only=True)
class Attempt:
    """
    A commit, ready to be made.

    Attributes:
        guarded: The versions that records have to have and to keep, by GUID.
        swapped: The rows that take the place of others, each with what that has to be.
        created: The rows that are new.
        told: The rows of the events.
        operation: The row by which it is known again.
    """

    guarded: dict[Guid, int]
    swapped: list[Row]
    created: list[Row]
    told: list[Row]
    operation: Row


def attempt(
    changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str, now: datetime
) -> Attempt:
    """
    Prepare a commit.

    Raises:
        PartitionCrossed: The records are not in one partition.
        WrongRecord: A version, a kind or a pairing is impossible.
    """
    require_possible(changes)
    return _attempt(changes, audit, operation, now)


def loading(records: Sequence[Record], operation: str, now: datetime) -> Attempt:
    """Prepare to create *records*, each with the version that it has."""
    return _attempt(tuple(Change(None, record) for record in records), (), operation, now)


def event_row(event: AuditEvent) -> Row:
    """Return the columns of *event*."""
    return {"at": microseconds(event.at), "body": write(event)}


def _attempt(
    changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str, now: datetime
) -> Attempt:
    rows = [None if change.new is change.old else row(change.new) for change in changes]
    written = list(zip(changes, rows, strict=True))
    return Attempt(
        guarded={
            change.new.guid: change.new.version for change in changes if change.new is change.old
        },
        swapped=[
            made | {"held": change.old.guid, "held_version": change.old.version}
            for change, made in written
            if made and change.old is not None
        ],
        created=[made for change, made in written if made and change.old is None],
        told=[event_row(event) for event in audit],
        operation={
            "operation": digest(operation),
            "fingerprint": fingerprint(
                changes, [None if made is None else made["body"] for made in rows]
            ),
            "applied_at": microseconds(now),
        },
    )
