"""Ceremonies of WebAuthn that an origin asks for: a browser registers a passkey, or uses one."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

import attrs

from counterseal.errors import InvalidField
from counterseal.models import fields
from counterseal.models.guid import Guid, derive_guid, parse
from counterseal.models.index import Index
from counterseal.models.passkeys import PasskeyScope


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
