"""The roster: an account's list of its living devices, kept in step with their bindings."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import attrs

from counterseal.errors import NotFound
from counterseal.models import LIVING, Account, Binding, Device, Guid, Record
from counterseal.ports import Store
from counterseal.rules.standing import living

R = TypeVar("R")


def enlisted(account: Account, binding: Binding, now: datetime) -> Account:
    """Return *account*, a version on, with *binding* on its roster as far as it lives."""
    others = tuple(held for held in living(account, now) if held.binding != binding.guid)
    line = Device(
        binding=binding.guid,
        state=binding.state,
        deadline=binding.deadline,
        addresses=binding.addresses,
    )
    return attrs.evolve(
        account,
        version=account.version + 1,
        devices=(*others, line) if binding.state in LIVING else others,
    )


def found(record: Record | None, kind: type[R]) -> R:
    """
    Return *record* as what it has to be.

    Raises:
        NotFound: There is none, or it is of another kind.
    """
    if not isinstance(record, kind):
        raise NotFound
    return record


def read(store: Store, guid: Guid, kind: type[R]) -> R:
    """
    Read one record.

    Raises:
        NotFound: There is none of this kind.
        Unavailable: The store did not answer.
    """
    (record,) = store.get(guid)
    return found(record, kind)
