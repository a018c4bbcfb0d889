"""
Reservations: idempotency keys, by which a repeated call gets the first result.

A call reserves the GUID of the record that it creates. A repeat with the same payload gets the same
GUID, and returns what the first call created; with another payload, it is refused. If a call dies,
its key is free once its lease ends.
"""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid


class KeyScope(enum.Enum):
    """The kind of call within which an idempotency key is unique."""

    ISSUE = "issue"
    INVITE = "invite"


@attrs.frozen(kw_only=True)
class Reservation:
    """
    An idempotency key, and the GUID that it reserves for its call.

    Attributes:
        scope: The origin that the key belongs to, and the verb.
        key: As the caller chose it.
        fingerprint: SHA-256 of the payload, base64url.
        guid: Of the record that the call creates.
        holder: Random; tells this call from others with the same key.
        lease_until: Until then, the call is assumed to be running.
        until: From then on the key is free again.
        finished: Whether the call has ended, also if it failed.
    """

    scope: tuple[KeyScope, Guid]
    key: str = attrs.field(repr=False)
    fingerprint: str
    guid: Guid
    holder: str = attrs.field(repr=False)
    lease_until: datetime = attrs.field(validator=fields.utc)
    until: datetime = attrs.field(validator=fields.utc)
    finished: bool = False
