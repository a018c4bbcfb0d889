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
    ActionUse,
    AddressKind,
    Admin,
    ApprovedAction,
    AppSpace,
    Binding,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    Company,
    Gauge,
    GaugeKey,
    Guid,
    Notification,
    Origin,
    PasskeyAuthentication,
    PasskeyRegistration,
    Record,
    Session,
)
from counterseal.models.gauges import CALLBACK_GAUGES


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
        gauge: What the record counts in, in `Store.gauges`; None if in nothing.
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
    match record:
        case Account():
            key = (record.app_space, record.account_id)
            has_device = BindingState.ACTIVE in [device.state for device in record.devices]
            return Index(
                account_key=key,
                search_key=key if record.erased_at is None else None,
                gauge=(
                    GaugeKey(Gauge.ACTIVE_USERS, record.app_space, None)
                    if has_device and record.locked_at is None
                    else None
                ),
            )
        case Challenge():
            is_pending = record.state in UNFINISHED
            return Index(
                account=record.account,
                listing=Listing.PENDING,
                owner=record.account,
                listed=is_pending,
                gauge=(
                    GaugeKey(Gauge.PENDING_CHALLENGES, record.app_space, record.origin)
                    if is_pending
                    else None
                ),
            )
        case Binding():
            return Index(
                account=record.account,
                listing=Listing.BINDINGS,
                owner=record.account,
                listed=True,
            )
        case Callback():
            gauge = CALLBACK_GAUGES.get(record.state)
            return Index(
                # An event is delivered from the App Space's partition.
                account=record.account if record.event is None else None,
                listing=Listing.DEAD,
                owner=record.origin,
                listed=record.state is CallbackState.DEAD,
                queue=record.origin,
                gauge=(None if gauge is None else GaugeKey(gauge, record.app_space, record.origin)),
            )
        case Company() | AppSpace() | Origin() | Admin() | Session():
            listed = not isinstance(record, Session) or record.state in LIVING_SESSIONS
            gauge_key = None
            if isinstance(record, Origin) and (
                any(credential.ends_at is None for credential in record.credentials)
                or (record.backchannel is not None and record.backchannel.keys)
            ):
                gauge_key = GaugeKey(Gauge.ACTIVE_ORIGINS, record.app_space, None)
            return Index(
                listing=Listing.CHILDREN, owner=record.parent, listed=listed, gauge=gauge_key
            )
    kinds = (
        *(Notification, PasskeyRegistration, PasskeyAuthentication, AccountEvent),
        *(ApprovedAction, ActionUse),
    )
    account = record.account if isinstance(record, kinds) else None
    return Index(account=account, queue=record.kind if isinstance(record, Notification) else None)
