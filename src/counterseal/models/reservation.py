"""Reservations: an idempotency key and the GUID that it reserved."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid


class KeyScope(enum.Enum):
    """What an idempotency key is unique in."""

    ISSUE = "issue"
    INVITE = "invite"


@attrs.frozen(kw_only=True)
class Reservation:
    """
    An idempotency key and the GUID it reserved.

    Attributes:
        scope: The origin that the key belongs to, and the verb.
        fingerprint: SHA-256 of the payload, base64url.
        holder: Random; tells this attempt from others with the same key.
        lease_until: While it lasts, the attempt counts as running.
        until: From then on the key is free again.
    """

    scope: tuple[KeyScope, Guid]
    key: str = attrs.field(repr=False)
    fingerprint: str
    guid: Guid
    holder: str = attrs.field(repr=False)
    lease_until: datetime = attrs.field(validator=fields.utc)
    until: datetime = attrs.field(validator=fields.utc)
    finished: bool = False
