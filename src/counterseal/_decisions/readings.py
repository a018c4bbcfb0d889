"""
Readings: the trips that plans make, by what they read, and what counts as read.

Each verb of the store that more than one decision needs has its function here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from counterseal._decisions.plan import (
    Queries,
    Reading,
    Records,
    read,
    require,
)
from counterseal.errors import AccountUnknown, NotFound
from counterseal.models import (
    Account,
    AppSpace,
    Binding,
    Callback,
    Challenge,
    Guid,
    Record,
)
from counterseal.rules.standing import provider_of

Value = TypeVar("Value")


def nothing() -> Reading[Records]:
    """Read nothing, without a trip, for decisions that need only their arguments."""
    return Reading("", ())


def records(*guids: Guid) -> Reading[Records]:
    """Read the records of *guids*; without any, there is no trip."""
    return read(Queries.get, *guids) if guids else nothing()


def record_with_account(guid: Guid, *others: Guid) -> Reading[Records]:
    """Read the record of *guid*, the account that it is about, and the records of *others*."""
    return read(Queries.get_with_account, guid, *others)


def account_of(app_space: Guid, account_id: str) -> Reading[Account | None]:
    """Read the account that the App Space knows by *account_id*."""
    return read(Queries.account, app_space, account_id)


def accounts_from(
    app_space: Guid, prefix: str, after: str | None, limit: int
) -> Reading[tuple[Account, ...]]:
    """Read the App Space's accounts whose id begins with *prefix*, from *after* on, in order."""
    return read(Queries.search, app_space, prefix, after, limit)


def bindings_of(account: Guid) -> Reading[tuple[Binding, ...]]:
    """Read all bindings of the account, oldest first."""
    return read(Queries.bindings, account)


def pending_of(account: Guid) -> Reading[tuple[Challenge, ...]]:
    """Read the account's unfinished challenges, oldest first."""
    return read(Queries.pending, account)


def tenancy_records_of(parent: Guid | None) -> Reading[Records]:
    """Read the tenancy records under *parent*, or those that have none, oldest first."""
    return read(Queries.list, parent)


def dead_callbacks_of(origin: Guid, limit: int) -> Reading[tuple[Callback, ...]]:
    """Read the dead callbacks of the origin, oldest first, *limit* at most."""
    return read(Queries.dead, origin, limit)


def find_record(stored: Iterable[Record | None], guid: Guid) -> Record | None:
    """Return the record of *guid* among those that were read; None if it is not there."""
    return next((record for record in stored if record is not None and record.guid == guid), None)


def records_beside(stored: Iterable[Record | None], *guids: Guid) -> Reading[Records]:
    """Read the records of *guids* that are not among *stored*; the decision gets all of *guids*."""
    read_records = tuple(stored)
    missing = tuple(guid for guid in guids if find_record(read_records, guid) is None)
    return Reading(
        "get" if missing else "",
        missing,
        lambda more, _: tuple(find_record((*read_records, *more), guid) for guid in guids),
    )


def require_account(record: Record | None) -> Account:
    """Return *record* as an account that has not been erased."""
    account = require(record, Account)
    if account.erased_at is not None:
        raise NotFound
    return account


def demand_readable(challenge: Challenge, account: Record | None) -> None:
    """Refuse to return a challenge that is still stored although its account was erased."""
    if challenge.outcome is not None and require(account, Account).erased_at is not None:
        raise NotFound


def require_provider(record: Record | None) -> AppSpace:
    """Return *record* as an App Space that has an Identity Provider."""
    app_space = require(record, AppSpace)
    provider_of(app_space)
    return app_space


def require_known(account: Account | None) -> Account:
    """Return the account that an origin named."""
    if account is None:
        raise AccountUnknown
    return account
