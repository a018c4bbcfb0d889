"""
Events: what happened to accounts, and the log in which the origins of an App Space read it.

An `AccountEvent` is committed with the change, in the account's partition. A worker publishes it
in the App Space's partition: as a `LoggedEvent`, under the next number of the `EventLog`, and as a
callback for each origin that wants it. None of these records holds a text of the account.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid, derive_guid, partition_of
from counterseal.models.record import Index


class AccountEventKind(enum.Enum):
    """What can happen to an account that its origins hear of."""

    BOUND = "bound"
    """The account's first device was bound."""
    DEVICE_ADDED = "device_added"
    """A further device was bound."""
    REVOKED = "revoked"
    """A device that was bound was revoked, by whomever."""
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    STRIKE = "strike"
    """A signature by a device's strong key was wrong: most likely a wrong PIN."""
    DISOWNED = "disowned"
    """The person says that a request was not theirs."""
    REPORTED = "reported"
    """The person refused a request for a reason of which the policy alerts the origins."""
    ERASED = "erased"
    """The account was erased, and all its devices with it."""


class AccountEventState(enum.Enum):
    """The states of an account event; `counterseal.machines` says how they follow."""

    UNPUBLISHED = "UNPUBLISHED"
    PUBLISHED = "PUBLISHED"


@attrs.frozen(kw_only=True)
class AccountEvent:
    """
    What happened to an account, such as a lock, committed with the change itself.

    Attributes:
        number: The account's events are numbered from 1, without a gap.
        device: The device that it is about, if it is about one.
        challenge: The request that it is about, if it is about one.
        created_at: When it happened.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: AccountEventState
    kind: AccountEventKind
    account: Guid
    app_space: Guid
    number: int = attrs.field(validator=fields.count)
    device: Guid | None = None
    challenge: Guid | None = None
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to publish it: at once; None once it is published."""
        return self.created_at if self.state is AccountEventState.UNPUBLISHED else None

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(account=self.account)


@attrs.frozen(kw_only=True)
class EventLog:
    """
    The head of an App Space's log of events.

    Attributes:
        last: The number of the last event; 0 before the first.
        newest_end: The latest `keep_until` of an event: no later event has an earlier one.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    last: int = attrs.field(default=0, validator=fields.count)
    newest_end: datetime = attrs.field(validator=fields.utc)
    created_at: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None
    index: ClassVar[Index] = Index()


@attrs.frozen(kw_only=True)
class EventStream:
    """
    What the log of an App Space knows of one account.

    Attributes:
        last: The account's number of its last event that was published.
        deliveries: Of each origin, its callback of the account's last event that it wanted.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    account: Guid
    last: int = attrs.field(validator=fields.count)
    deliveries: tuple[tuple[Guid, Guid], ...] = ()
    created_at: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None
    index: ClassVar[Index] = Index()


@attrs.frozen(kw_only=True)
class LoggedEvent:
    """
    One published event, as an entry of its App Space's log.

    Attributes:
        number: Its place in the log, from 1, without a gap.
        event: The GUID of the account event: the `webhook-id` of its callbacks.
        sequence: The account's number of the event.
        happened_at: When it happened.
        created_at: When it was published.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    number: int = attrs.field(validator=fields.count)
    event: Guid
    kind: AccountEventKind
    account: Guid
    sequence: int = attrs.field(validator=fields.count)
    device: Guid | None = None
    challenge: Guid | None = None
    happened_at: datetime = attrs.field(validator=fields.utc)
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    index: ClassVar[Index] = Index()


def account_event_guid(account: Guid, number: int) -> Guid:
    """Return the GUID of an account's event with this *number*."""
    return derive_guid(partition_of(account), f"event {account} {number}")


def event_log_guid(app_space: Guid) -> Guid:
    """Return the GUID of the head of an App Space's log."""
    return derive_guid(partition_of(app_space), f"event log {app_space}")


def logged_event_guid(app_space: Guid, number: int) -> Guid:
    """Return the GUID of the entry with this *number* in an App Space's log."""
    return derive_guid(partition_of(app_space), f"logged event {app_space} {number}")


def event_stream_guid(app_space: Guid, account: Guid) -> Guid:
    """Return the GUID of what an App Space's log knows of an account."""
    return derive_guid(partition_of(app_space), f"event stream {account}")


def event_callback_guid(app_space: Guid, event: Guid, origin: Guid) -> Guid:
    """Return the GUID of the callback that delivers *event* to *origin*, of this App Space."""
    return derive_guid(partition_of(app_space), f"event callback {event} {origin}")
