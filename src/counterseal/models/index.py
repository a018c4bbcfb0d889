"""
The keys that a record is looked up by, besides its GUID.

Every store maintains these entries; a record alone says, by its `index`, which ones it has.
"""

from __future__ import annotations

import enum

import attrs

from counterseal.models.gauges import GaugeKey
from counterseal.models.guid import Guid
from counterseal.models.push import AddressKind
from counterseal.models.record import Record


class Listing(enum.Enum):
    """A list of records in order of age, named after the store method that returns it."""

    BINDINGS = "bindings"
    """All bindings of an account."""
    PENDING = "pending"
    """The unfinished challenges of an account."""
    CHILDREN = "list"
    """
    The tenancy records under a parent, and the living sessions under an administrator; None is the
    parent of those at the top.
    """
    DEAD = "dead"
    """The dead callbacks of an origin."""


@attrs.define(kw_only=True)
class Index:
    """
    The keys of one record.

    Attributes:
        account_key: For an account, the App Space and the account id that `Store.account` takes.
        search_key: For an account that has not been erased, the App Space whose accounts
            `Store.search` finds it among, and the account id that it compares.
        account: The account that the record is about; None if there is none.
        listing: The list that the record can be in; a record is in at most one.
        owner: The record whose list that is.
        listed: Whether the record is in it now.
        queue: For a notification, the kind of its addresses, and for a callback, its origin: what
            `Store.due` may ask for.
        gauge: The gauge of `Store.gauges` that counts the record; None if no gauge does.
    """

    account_key: tuple[Guid, str] | None = None
    search_key: tuple[Guid, str] | None = None
    account: Guid | None = None
    listing: Listing | None = None
    owner: Guid | None = None
    listed: bool = False
    queue: AddressKind | Guid | None = None
    gauge: GaugeKey | None = None


def queue_name(queue: AddressKind | Guid) -> str:
    """Return the name of a queue, as a store may write it."""
    return queue.value if isinstance(queue, AddressKind) else queue


def index_of(record: Record) -> Index:
    """Return the keys of *record*."""
    return record.index
