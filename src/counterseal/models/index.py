"""
The keys that a record is looked up by, besides its GUID.

Every store maintains these entries; this module alone decides which ones a record has.
"""

from __future__ import annotations

import enum

import attrs

from counterseal.models import (
    LIVING_SESSIONS,
    UNFINISHED,
    Account,
    AccountEvent,
    AddressKind,
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
    PasskeyAuthentication,
    PasskeyRegistration,
    Record,
    Session,
)


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
        channel: For a notification, the kind of its addresses, which `Store.due` may ask for.
    """

    account_key: tuple[Guid, str] | None = None
    search_key: tuple[Guid, str] | None = None
    account: Guid | None = None
    listing: Listing | None = None
    owner: Guid | None = None
    listed: bool = False
    channel: AddressKind | None = None


def index_of(record: Record) -> Index:
    """Return the keys of *record*."""
    match record:
        case Account():
            key = (record.app_space, record.account_id)
            return Index(account_key=key, search_key=key if record.erased_at is None else None)
        case Challenge():
            return Index(
                account=record.account,
                listing=Listing.PENDING,
                owner=record.account,
                listed=record.state in UNFINISHED,
            )
        case Binding():
            return Index(
                account=record.account,
                listing=Listing.BINDINGS,
                owner=record.account,
                listed=True,
            )
        case Callback():
            return Index(
                # An event is delivered from the App Space's partition.
                account=record.account if record.event is None else None,
                listing=Listing.DEAD,
                owner=record.origin,
                listed=record.state is CallbackState.DEAD,
            )
        case Company() | AppSpace() | Origin() | Admin() | Session():
            listed = not isinstance(record, Session) or record.state in LIVING_SESSIONS
            return Index(listing=Listing.CHILDREN, owner=record.parent, listed=listed)
    kinds = (Notification, PasskeyRegistration, PasskeyAuthentication, AccountEvent)
    account = record.account if isinstance(record, kinds) else None
    return Index(account=account, channel=record.kind if isinstance(record, Notification) else None)
