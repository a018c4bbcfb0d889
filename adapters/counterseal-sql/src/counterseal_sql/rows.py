"""A record as a row: its body, and what it is looked up by."""

from __future__ import annotations

from typing import Any, TypeAlias

from counterseal.models import Record
from counterseal_records import KINDS, lookup, microseconds, write

Row: TypeAlias = dict[str, Any]


def row(record: Record) -> Row:
    """Return the columns of *record*."""
    found = lookup(record)
    return {
        "guid": record.guid,
        "kind": KINDS[type(record)].name,
        "version": record.version,
        "natural_key": found.natural_key,
        "account": found.account,
        "pending": found.pending,
        "parent": found.parent,
        "dead": found.dead,
        "due_at": None if record.due_at is None else microseconds(record.due_at),
        "keep_until": None if record.keep_until is None else microseconds(record.keep_until),
        "body": write(record),
    }
