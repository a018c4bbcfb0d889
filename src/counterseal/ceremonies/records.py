"""
Ceremonies of WebAuthn that an origin asks for: a browser registers a passkey, or uses one.

A `RegistrationResponse` is what a browser returns, and a `RegisteredPasskey` what is known once
that is verified.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any, ClassVar

import attrs

from counterseal.errors import InvalidField
from counterseal.models import fields
from counterseal.models.device_key import Algorithm
from counterseal.models.fields import count
from counterseal.models.guid import Guid, derive_guid, parse
from counterseal.models.passkeys import Passkey, PasskeyScope
from counterseal.models.record import Index

CREATE_CLIENT_DATA_LIMIT = 4_096
"""Bytes; as of the client data of an assertion."""
ATTESTATION_OBJECT_LIMIT = 32_768
"""Bytes; those of TPMs have some 5,000, most of them in certificates."""


@attrs.frozen(kw_only=True)
class RegistrationResponse:
    """
    What `navigator.credentials.create()` returned; everything in it is a claim.

    Attributes:
        client_data: `clientDataJSON` (WebAuthn Level 3, 5.8.1).
        attestation_object: `attestationObject` (6.5.4), in CBOR.

    Raises:
        InvalidField: A member is empty or too large.
    """

    client_data: bytes = attrs.field(repr=False)
    attestation_object: bytes = attrs.field(repr=False)

    @client_data.validator
    def _short_client_data(self, _: Any, value: bytes) -> None:
        if not 1 <= len(value) <= CREATE_CLIENT_DATA_LIMIT:
            raise InvalidField("clientDataJSON", f"not 1 to {CREATE_CLIENT_DATA_LIMIT} bytes")

    @attestation_object.validator
    def _short_object(self, _: Any, value: bytes) -> None:
        if not 1 <= len(value) <= ATTESTATION_OBJECT_LIMIT:
            raise InvalidField("attestationObject", f"not 1 to {ATTESTATION_OBJECT_LIMIT} bytes")


@attrs.frozen(kw_only=True)
class RegisteredPasskey:
    """
    A passkey whose registration was verified.

    Attributes:
        algorithm: Of its assertions.
        jwk: The public JWK (RFC 7517) in canonical JSON, required members only. Whether the key is
            strong enough is decided where it is bound.
        passkey: What it is pinned to; it has an `aaguid` only if an attestation has proven it.
        attestation_format: `none`, `packed` and so on (WebAuthn Level 3, 8).
        backed_up: Whether it is copied to other devices now (BS).
        sign_count: The authenticator's counter, for the audit log.
    """

    algorithm: Algorithm
    jwk: str
    passkey: Passkey
    attestation_format: str
    backed_up: bool
    sign_count: int = attrs.field(validator=count)


class RegistrationState(enum.Enum):
    """The states of a registration; `counterseal.machines` says how they follow."""

    STARTED = "STARTED"
    REGISTERED = "REGISTERED"
    EXPIRED = "EXPIRED"


class AuthenticationState(enum.Enum):
    """The states of an authentication; `counterseal.machines` says how they follow."""

    STARTED = "STARTED"
    AUTHENTICATED = "AUTHENTICATED"
    EXPIRED = "EXPIRED"


@attrs.frozen(kw_only=True)
class PasskeyRegistration:
    """
    One registration of a passkey, from the options to the browser's answer.

    Attributes:
        origin: Who asked; nobody else may finish it.
        scope: Where the passkey is to be used.
        nonce: The WebAuthn challenge is its SHA-256, and the GUID is derived from that.
        binding: What it ended in; None before.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: RegistrationState
    account: Guid
    app_space: Guid
    origin: Guid
    scope: PasskeyScope
    nonce: bytes = attrs.field(repr=False)
    binding: Guid | None = None
    created_at: datetime = attrs.field(validator=fields.utc)
    deadline: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire it; None once it has ended."""
        return self.deadline if self.state is RegistrationState.STARTED else None

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(account=self.account)


@attrs.frozen(kw_only=True)
class PasskeyAuthentication:
    """
    One authentication by a passkey, from the options to the browser's answer.

    Attributes:
        origin: Who asked; nobody else may finish it.
        rp_id: The relying party id that the browser was given.
        nonce: The WebAuthn challenge is its SHA-256, and the GUID is derived from that.
        binding: Whose passkey was used; None before.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: AuthenticationState
    account: Guid
    app_space: Guid
    origin: Guid
    rp_id: str = attrs.field(validator=fields.text)
    nonce: bytes = attrs.field(repr=False)
    binding: Guid | None = None
    created_at: datetime = attrs.field(validator=fields.utc)
    deadline: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire it; None once it has ended."""
        return self.deadline if self.state is AuthenticationState.STARTED else None

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(account=self.account)


def ceremony_guid(partition: int, challenge: str) -> Guid:
    """
    Return the GUID of the ceremony with this WebAuthn challenge, base64url.

    A browser's answer names no record: it is found by the account's partition and the challenge
    in its client data.
    """
    return derive_guid(partition, f"ceremony {challenge}")


def handle_guid(handle: bytes | None) -> Guid | None:
    """Return the account that a user handle names; None if it can name none."""
    text = (handle or b"").hex()
    guid = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    try:
        return parse(guid, field="userHandle")
    except InvalidField:
        return None


def user_handle(account: Guid) -> bytes:
    """
    Return what names an account inside of a passkey: the bytes of its GUID.

    It must not tell who the user is (WebAuthn Level 3, 14.6.1), as an origin's own id may.
    """
    return bytes.fromhex(account.replace("-", ""))
