"""
Outbox: the records that workers send.

Callbacks deliver a finished challenge or an event to the origin's URL, and notifications reach an
account's devices.

A callback has the trace context of the request that led to it. The core makes no traces. Who does,
such as counterseal-otel, sets `TRACE` while a request is served; the core stores it with a
callback, and sends it on in the callback's headers. Trace Context of the W3C (Recommendation of
23 November 2021) says what the headers look like.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

import attrs

from counterseal.errors import InvalidField
from counterseal.models import fields
from counterseal.models.guid import Guid
from counterseal.models.push import AddressKind, Occasion
from counterseal.models.record import Gauge, GaugeKey, Index, Listing

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

STATE_LIMIT = 512
"""Characters of a `tracestate` that everybody has to propagate (Trace Context, 3.3.1.5)."""

_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_STATE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


def _parent(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    if not isinstance(value, str) or not _PARENT.fullmatch(value):
        raise InvalidField(attribute.name, "not a traceparent of version 00")


def _state(_: Any, attribute: attrs.Attribute[str], value: str) -> None:
    fits = isinstance(value, str) and len(value) <= STATE_LIMIT and _STATE.fullmatch(value)
    if value != "" and not fits:
        raise InvalidField(attribute.name, "not a tracestate of at most 512 characters")


@attrs.frozen(kw_only=True)
class TraceContext:
    """
    The span in which something happens.

    Attributes:
        parent: The value of `traceparent`: the ids of the trace and of the span, and its flags.
        state: The value of `tracestate`, which programs that make traces add; empty without one.

    Raises:
        InvalidField: A value does not have the form of its header.
    """

    parent: str = attrs.field(validator=_parent)
    state: str = attrs.field(default="", validator=_state)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that carry it."""
        parent = (TRACEPARENT, self.parent)
        return (parent, (TRACESTATE, self.state)) if self.state else (parent,)


TRACE: ContextVar[TraceContext | None] = ContextVar("counterseal_trace", default=None)
"""The span that this thread or task works in; None if nobody makes traces."""


class CallbackState(enum.Enum):
    """The states of a callback; `counterseal.machines` says how they follow."""

    QUEUED = "QUEUED"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"
    DROPPED = "DROPPED"


CALLBACK_GAUGES: Mapping[CallbackState, Gauge] = MappingProxyType(
    {
        CallbackState.QUEUED: Gauge.QUEUED_CALLBACKS,
        CallbackState.DEAD: Gauge.DEAD_CALLBACKS,
    }
)
"""The gauge of a callback in each state; without a gauge once it is delivered or dropped."""


class DeadReason(enum.Enum):
    """Why a callback is dead."""

    EXHAUSTED = "exhausted"
    """The last attempt failed: there is one more than the policy has waits, or no time is left."""
    GONE = "gone"
    """The receiver said 410."""
    FINAL = "final"
    """The sender said that no attempt would ever succeed."""
    FORBIDDEN = "forbidden"
    """The address is no longer on the origin's allow-list, or it wants no such event any more."""
    FORGOTTEN = "forgotten"
    """The record that it is about has been forgotten or erased."""
    UNKNOWN = "unknown"
    """It may have arrived, and is sent at most once."""


@attrs.frozen(kw_only=True)
class Callback:
    """
    The delivery of one finished challenge, or of one event of an account, to one origin.

    Attributes:
        guid: The `webhook-id` of a challenge, the same at every attempt.
        challenge: The challenge; None if it is about an event.
        event: The `LoggedEvent`; None if it is about a challenge.
        waits_for: The callback of the account's earlier event, while that is neither delivered
            nor dead.
        successor: The callback of the account's next event.
        once: Whether it is sent at most once, so that only an attempt of which nothing was sent is
            followed by another.
        begun_at: When the attempt began whose request may have been sent; of those that are sent
            at most once. From then on no attempt begins.
        attempts: Attempts since it was queued or requeued whose outcome is known.
        next_at: When the next attempt is due.
        lease_until: While it lasts, a worker has claimed the attempt.
        cause: Why it is dead; None while it is not.
        app_space: The App Space of its origin; None in records of older releases.
        trace: The request that led to it; None without one, or if nobody makes traces.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: CallbackState
    challenge: Guid | None = None
    event: Guid | None = None
    waits_for: Guid | None = None
    successor: Guid | None = None
    account: Guid
    origin: Guid
    url: str = attrs.field(repr=False)
    once: bool = False
    begun_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    attempts: int = attrs.field(default=0, validator=fields.count)
    next_at: datetime = attrs.field(validator=fields.utc)
    lease_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    last_status: int | None = None
    cause: DeadReason | None = None
    app_space: Guid | None = None
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)
    trace: TraceContext | None = None

    parent: ClassVar[Guid | None] = None

    @property
    def subject(self) -> Guid:
        """The record that it is about: the event, or the challenge."""
        subject = self.challenge if self.event is None else self.event
        assert subject is not None  # noqa: S101 (every callback has one; for the type checker)
        return subject

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to look at it: the next attempt, or the end of a lease."""
        if self.state is not CallbackState.QUEUED:
            return None
        return self.next_at if self.lease_until is None else max(self.next_at, self.lease_until)

    @property
    def index(self) -> Index:
        """The keys that it is found by: it is due in its origin's queue, and listed once dead."""
        gauge = CALLBACK_GAUGES.get(self.state)
        return Index(
            # An event is delivered from the App Space's partition.
            account=self.account if self.event is None else None,
            listing=Listing.DEAD,
            owner=self.origin,
            listed=self.state is CallbackState.DEAD,
            queue=self.origin,
            gauge=None if gauge is None else GaugeKey(gauge, self.app_space, self.origin),
        )


@attrs.frozen(kw_only=True)
class Delivery:
    """
    One attempt, ready to be sent within `timeout`; headers as pairs (Standard Webhooks 1.0).

    `once` says that no other attempt follows unless nothing of this one was sent, and no other
    follows an answer with one of `final_statuses`.
    """

    url: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    timeout: timedelta
    once: bool = False
    final_statuses: frozenset[int] = frozenset()


@attrs.frozen(kw_only=True)
class DeliveryOutcome:
    """
    The outcome of one attempt.

    Attributes:
        status: The HTTP status; None if there was no answer.
        retry_after: How long the receiver asks to wait; None if it does not say.
        final: Whether no further attempt is to be made, whatever the schedule says.
        may_have_arrived: Whether a byte of the request may have left; False only where none has.
    """

    status: int | None
    retry_after: timedelta | None = None
    final: bool = False
    may_have_arrived: bool = True


class NotificationState(enum.Enum):
    """The states of a notification; `counterseal.machines` says how they follow."""

    QUEUED = "QUEUED"
    DELIVERED = "DELIVERED"
    OVER = "OVER"


class SkipReason(enum.Enum):
    """Why no device was notified."""

    ENDED = "ended"
    """The challenge had ended, or somebody had decided on the new device."""
    LATE = "late"
    """No time was left for another attempt."""
    UNDELIVERED = "undelivered"
    """No push service took it: the addresses are gone, or it refuses the message or us."""
    NOBODY = "nobody"
    """No active device had an address of this kind any more."""
    FORGOTTEN = "forgotten"
    """The record that it is about has been forgotten or erased."""


@attrs.frozen(kw_only=True)
class Notification:
    """
    A message to an account's devices about one occasion, over one kind of address.

    It holds no address: an attempt goes to those that a device has by then.

    Attributes:
        guid: Names the push message, the same at every attempt.
        subject: What the devices are notified of, a challenge or a binding.
        kind: The kind of address that it goes to.
        devices: The bindings that are still to be notified.
        delivered: Whether a device was notified.
        attempts: Attempts whose outcome is known.
        next_at: When the next attempt is due.
        lease_until: While it lasts, a worker has claimed the attempt.
        ends_at: From then on nobody is notified.
        skip_reason: Why it is OVER; None while it is not.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: NotificationState
    occasion: Occasion
    subject: Guid
    account: Guid
    app_space: Guid
    kind: AddressKind
    devices: tuple[Guid, ...]
    delivered: bool = False
    attempts: int = attrs.field(default=0, validator=fields.count)
    next_at: datetime = attrs.field(validator=fields.utc)
    lease_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    ends_at: datetime = attrs.field(validator=fields.utc)
    skip_reason: SkipReason | None = None
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When the next attempt may begin: not before a lease ends; None if none will."""
        if self.state is not NotificationState.QUEUED:
            return None
        return self.next_at if self.lease_until is None else max(self.next_at, self.lease_until)

    @property
    def index(self) -> Index:
        """The keys that it is found by: it is due in the queue of its addresses' kind."""
        return Index(account=self.account, queue=self.kind)
