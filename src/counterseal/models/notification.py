"""Notifications: whom a bell is still to be rung for, and of what."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid
from counterseal.models.push import AddressKind, News


class NotificationState(enum.Enum):
    """The states of a notification; `counterseal.machines` says how they follow."""

    QUEUED = "QUEUED"
    RUNG = "RUNG"
    OVER = "OVER"


class Silence(enum.Enum):
    """Why nobody was rung."""

    ENDED = "ended"
    """The challenge had ended."""
    LATE = "late"
    """No time was left for another attempt."""
    UNHEARD = "unheard"
    """No address took it: they are gone, or the push service refuses the message or us."""
    NOBODY = "nobody"
    """No active device had an address of this kind any more."""
    FORGOTTEN = "forgotten"
    """What was to be told has been forgotten or erased."""


@attrs.frozen(kw_only=True)
class Notification:
    """
    One piece of news for one account's devices, on one transport.

    It holds no address: those are rung that a device has when it is rung.

    Attributes:
        guid: What the bell is called, the same at every attempt.
        subject: What the news is of, a challenge or a binding.
        kind: Of the addresses that are rung at.
        devices: The bindings that are still to be rung.
        heard: Whether one was rung.
        attempts: Attempts whose outcome is known.
        next_at: When the next attempt is due.
        lease_until: While it lasts, a worker has claimed the attempt.
        ends_at: From then on nobody is rung.
        silence: Why it is OVER; None while it is not.
        keep_until: The store may forget the record after this.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: NotificationState
    news: News
    subject: Guid
    account: Guid
    app_space: Guid
    kind: AddressKind
    devices: tuple[Guid, ...]
    heard: bool = False
    attempts: int = attrs.field(default=0, validator=fields.count)
    next_at: datetime = attrs.field(validator=fields.utc)
    lease_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    ends_at: datetime = attrs.field(validator=fields.utc)
    silence: Silence | None = None
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to look at it: the next attempt, or the end of a lease."""
        if self.state is not NotificationState.QUEUED:
            return None
        return self.next_at if self.lease_until is None else max(self.next_at, self.lease_until)
