"""A record as a row: its body, and what it is looked up by."""

from __future__ import annotations

from typing import Any, TypeAlias

from counterseal.models import (
    UNFINISHED,
    Account,
    Admin,
    AppSpace,
    Binding,
    Callback,
    Challenge,
    Company,
    Guid,
    Origin,
    Record,
)
from counterseal_sql.digest import digest
from counterseal_sql.moments import microseconds
from counterseal_sql.records import KINDS, write

Row: TypeAlias = dict[str, Any]

ROOT = ""
"""The parent of what has none: a column of NULL is found under nothing."""


def row(record: Record) -> Row:
    """Return the columns of *record*."""
    return {
        "guid": record.guid,
        "kind": KINDS[type(record)].name,
        "version": record.version,
        "natural_key": None,
        "account": None,
        "pending": False,
        "parent": None,
        "due_at": None if record.due_at is None else microseconds(record.due_at),
        "keep_until": None if record.keep_until is None else microseconds(record.keep_until),
        "body": write(record),
    } | _found_by(record)


def natural_key(app_space: Guid, account_id: str) -> bytes:
    """Return what an account is found by, besides its GUID."""
    return digest(app_space, account_id)


def _found_by(record: Record) -> Row:
    match record:
        case Account():
            return {"natural_key": natural_key(record.app_space, record.account_id)}
        case Challenge():
            return {"account": record.account, "pending": record.state in UNFINISHED}
        case Binding() | Callback():
            return {"account": record.account}
        case Company() | AppSpace() | Origin() | Admin():
            return {"parent": record.parent or ROOT}
    return {}
