"""What one commit does, as rows: made before any lock is held."""

from __future__ import annotations

import hashlib
from datetime import datetime

import attrs

from counterseal.errors import PartitionCrossed, WrongRecord
from counterseal.models import AuditEvent, Change, Guid
from counterseal.models.guid import partition_of
from counterseal_sql import records
from counterseal_sql.digest import digest
from counterseal_sql.moments import microseconds
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
    _demand_possible(changes)
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
            "fingerprint": _fingerprint(changes, rows),
            "applied_at": microseconds(now),
        },
    )


def event_row(event: AuditEvent) -> Row:
    """Return the columns of *event*."""
    return {"at": microseconds(event.at), "body": records.write(event)}


def _fingerprint(changes: tuple[Change, ...], rows: list[Row | None]) -> bytes:
    # Of the old record only its version counts: nothing else of it is ever compared.
    hashed = hashlib.sha256()
    for change, made in zip(changes, rows, strict=True):
        old = 0 if change.old is None else change.old.version
        body = "" if made is None else made["body"]
        hashed.update(f"{change.new.guid} {old} {len(body)} {body}".encode())
    return hashed.digest()


def _demand_possible(changes: tuple[Change, ...]) -> None:
    if not changes or len({change.new.guid for change in changes}) != len(changes):
        raise WrongRecord  # STORE-21
    if len({partition_of(change.new.guid) for change in changes}) > 1:
        raise PartitionCrossed  # STORE-13
    for old, new in ((change.old, change.new) for change in changes):
        if new is old:
            continue
        if new.version != (1 if old is None else old.version + 1):
            raise WrongRecord  # STORE-14
        if old is not None and (type(old), old.guid) != (type(new), new.guid):
            raise WrongRecord  # STORE-14
