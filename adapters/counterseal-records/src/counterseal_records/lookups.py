"""What a record is looked up by, besides its GUID."""

from __future__ import annotations

import attrs

from counterseal.models import (
    UNFINISHED,
    Account,
    Admin,
    AppSpace,
    Binding,
    Callback,
    CallbackState,
    Challenge,
    Company,
    Guid,
    Notification,
    Origin,
    Record,
)
from counterseal_records.digest import digest

ROOT = ""
"""The parent of what has none: in a column, NULL is found under nothing."""


@attrs.frozen(kw_only=True)
class Lookup:
    """
    What one record is looked up by.

    Attributes:
        natural_key: Of an account, what `account` asks for.
        account: Whom it is about.
        pending: Whether it is one of the account's unfinished challenges.
        parent: What `list` finds it under; `ROOT` where that is nothing.
        dead: The origin whose dead callback it is.
    """

    natural_key: bytes | None = None
    account: Guid | None = None
    pending: bool = False
    parent: str | None = None
    dead: Guid | None = None


def natural_key(app_space: Guid, account_id: str) -> bytes:
    """Return what an account is found by, besides its GUID."""
    return digest(app_space, account_id)


def lookup(record: Record) -> Lookup:
    """Return what *record* is looked up by."""
    match record:
        case Account():
            return Lookup(natural_key=natural_key(record.app_space, record.account_id))
        case Challenge():
            return Lookup(account=record.account, pending=record.state in UNFINISHED)
        case Binding() | Notification():
            return Lookup(account=record.account)
        case Callback():
            dead = record.origin if record.state is CallbackState.DEAD else None
            return Lookup(account=record.account, dead=dead)
        case Company() | AppSpace() | Origin() | Admin():
            return Lookup(parent=record.parent or ROOT)
    return Lookup()
