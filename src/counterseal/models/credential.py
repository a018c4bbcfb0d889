"""Credentials: secrets of origins and administrators, in the form in which they are kept."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from counterseal.models import fields


class Scheme(enum.Enum):
    """How the holder of a credential authenticates."""

    BASIC = "basic"
    HMAC = "hmac"
    """CX1-HMAC-SHA256."""
    SIGNATURE = "signature"
    """HTTP Message Signatures (RFC 9421)."""


@attrs.frozen(kw_only=True)
class Credential:
    """
    One secret of an origin or administrator, in the form in which it is kept.

    Attributes:
        salt, digest: For Basic: SHA-512 over salt and secret.
        sealed: For the others, whose check needs the secret: sealed by the Sealer.
        ends_at: From then on it is refused; None means no end.
    """

    scheme: Scheme
    salt: bytes = attrs.field(default=b"", repr=False)
    digest: bytes = attrs.field(default=b"", repr=False)
    sealed: bytes = attrs.field(default=b"", repr=False)
    created_at: datetime = attrs.field(validator=fields.utc)
    ends_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)


@attrs.frozen(kw_only=True)
class WebhookKey:
    """One sealed secret that signs an origin's callbacks."""

    sealed: bytes = attrs.field(repr=False)
    created_at: datetime = attrs.field(validator=fields.utc)
    ends_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
