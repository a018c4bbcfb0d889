"""
Events as origins read them: in a callback, and in the reply to `GET /events`.

| record | in |
|---|---|
| `DescribedEvent` | a callback's body, and each of `events` |
| `AccountEventPage` | the reply to `GET /events` |

An event's `guid` is the `webhook-id` of its callback, so a receiver knows one that it has read.
`wire.members` writes and reads both.

A cursor is opaque: it names a place in the log of one App Space, and never a time.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import attrs

from counterseal import keys
from counterseal.errors import InvalidField, MalformedToken
from counterseal.models import AccountEventKind, Guid
from counterseal.wire.members import (
    COUNT,
    FLAG,
    GUID,
    OPTIONAL_GUID,
    OPTIONAL_TEXT,
    TEXT,
    TIME,
    member,
    records,
)

NUMBER_BYTES = 8
CHECK_BYTES = 8
CURSOR_LENGTH = 22
"""Characters of a cursor: base64url of 16 bytes."""


@attrs.frozen(kw_only=True)
class DescribedEvent:
    """
    An event as the service says that it is, which proves nothing.

    Attributes:
        type: What happened; a newer service may know types that `kind` does not.
        guid: The same each time that the event is sent or read.
        sequence: The account's events are numbered from 1.
        account: The account's GUID, `privakeyId` on the wire.
        account_id: The origin's own id; None once the account is erased.
        device: The device that it is about; None if it is about none.
        request: The request that it is about; None if it is about none.
    """

    type: str = attrs.field(metadata=member("type", TEXT))
    guid: Guid = attrs.field(metadata=member("guid", GUID))
    happened_at: datetime = attrs.field(metadata=member("at", TIME))
    sequence: int = attrs.field(metadata=member("sequence", COUNT))
    account: Guid = attrs.field(metadata=member("privakeyId", GUID))
    account_id: str | None = attrs.field(metadata=member("accountId", OPTIONAL_TEXT))
    app_space: Guid = attrs.field(metadata=member("appSpaceGuid", GUID))
    device: Guid | None = attrs.field(metadata=member("deviceGuid", OPTIONAL_GUID))
    request: Guid | None = attrs.field(metadata=member("requestGuid", OPTIONAL_GUID))

    @property
    def kind(self) -> AccountEventKind | None:
        """What happened; None if this release does not know the type."""
        return _KINDS.get(self.type)


_KINDS = {kind.value: kind for kind in AccountEventKind}


@attrs.frozen(kw_only=True)
class AccountEventPage:
    """
    A part of the log of an App Space's events.

    Attributes:
        events: Those that the origin wants, in the order in which they were published.
        next: The cursor for the part that follows.
        more: Whether that part has events already.
        gap: Whether events after the cursor that was given are no longer kept, so that the origin
            may have missed some.
    """

    events: tuple[DescribedEvent, ...] = attrs.field(
        metadata=member("events", records(DescribedEvent))
    )
    next: str = attrs.field(metadata=member("next", TEXT))
    more: bool = attrs.field(metadata=member("more", FLAG))
    gap: bool = attrs.field(metadata=member("gap", FLAG))


def write_cursor(number: int, app_space: Guid) -> str:
    """Return the cursor for what follows the entry *number* of the App Space's log."""
    raw = number.to_bytes(NUMBER_BYTES, "big")
    return keys.b64url(raw + _check(raw, app_space))


def read_cursor(text: str, app_space: Guid) -> int:
    """
    Return the number in a cursor.

    Raises:
        InvalidField: *text* is no cursor of this App Space; the field is `after`.
    """
    try:
        raw = keys.unb64url(text) if len(text) == CURSOR_LENGTH else b""
    except MalformedToken:
        raw = b""
    number, check = raw[:NUMBER_BYTES], raw[NUMBER_BYTES:]
    if len(raw) != NUMBER_BYTES + CHECK_BYTES:
        raise InvalidField("after", "not a cursor of this service")
    if check != _check(number, app_space):
        raise InvalidField("after", "not a cursor of this App Space")
    return int.from_bytes(number, "big")


def _check(number: bytes, app_space: Guid) -> bytes:
    # Against a cursor of another App Space, and a slip; its owner may read the whole log.
    text = b"event cursor " + app_space.encode() + number
    return hashlib.sha256(text).digest()[:CHECK_BYTES]
