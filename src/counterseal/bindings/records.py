"""Bindings: the life of one device's keys on one account."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.device_key import DeviceKey, Role
from counterseal.models.guid import Guid
from counterseal.models.push import PushAddress
from counterseal.models.record import Index, Listing


class BindingState(enum.Enum):
    """The states of a binding; `counterseal.machines` says how they follow."""

    INVITED = "INVITED"
    UNCONFIRMED = "UNCONFIRMED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


PROVISIONAL = (BindingState.INVITED, BindingState.UNCONFIRMED)
"""The states of a binding that is no device of its account yet, and expires at its deadline."""

LIVING = frozenset({*PROVISIONAL, BindingState.ACTIVE, BindingState.SUSPENDED})
"""The states in which a binding is one of the devices that the policy limits for an account."""

SEEN_STEP = timedelta(hours=1)
"""How old a binding's `last_seen_at` is before a call of its device renews it."""


class Authority(enum.Enum):
    """Who suspended a binding, and so who may resume it."""

    IDP = "idp"
    STAFF = "staff"


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class KeyChange:
    """One entry of a binding's key history: which key took a role, and when."""

    at: datetime = attrs.field(validator=fields.utc)
    role: Role
    thumbprint: str


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class Binding:
    """
    The life of one device's keys on one account; its GUID is the device's.

    Attributes:
        origin: Who invited; None where an Identity Provider identified the user, or a device did.
        endorser: The device of the account that invited; None for every other.
        token_hash: SHA-256 of the session token's secret.
        sealed_token: The session token, sealed, where a repeated call with an idempotency key
            may return it again; else empty.
        deadline: From then on the session token is refused; of an unconfirmed binding, when it
            ends unless it is confirmed; of a passkey that a link registered, when it ends unless
            it has opened the link's session.
        enrolled: A hash of the keys that the session token bound; empty before.
        replaces: The device of the same account that it replaces once it is active, if a log-in
            at the Identity Provider invited it and it has named one.
        platform, app_version: Of the app, as the device says, to recognise it by; empty where it
            says nothing. Nothing is decided by them.
        language: The tag of the language that the device has chosen; empty where it has none.
            Actions are displayed in it.
        strikes: Wrong strong-key signatures since the last right one.
        wrong_codes: Wrong comparison codes of the origin that was to confirm it.
        confirmer: The device or origin that confirmed or refused it; None if nobody did.
        confirmation: What the device signed for that, a compact JWS; empty where an origin did.
        suspended_by: Set while suspended.
        session: The one-time link's session that registered it, until it is known to have opened
            that; of an administrator's device, the session that invited it, until it is bound and
            confirmed; None for every other.
        suspensions: How often it was suspended; counted for administrators only.
        sessions_end_at: From then on a worker ends the administrator's sessions that it has
            opened or stepped up; None if there is nothing to end.
        admin: Whose sessions these are, where the account was erased; otherwise None.
        key_changes: The newest entries of the key history, oldest first.
        answers: Whether it is a device, which can be asked; not if it is a passkey that a browser
            has registered for an origin.
        last_seen_at: When the device last made a call, at most `SEEN_STEP` out of date; None if it
            has made none.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: BindingState
    account: Guid
    app_space: Guid
    origin: Guid | None
    endorser: Guid | None = None
    token_hash: bytes = attrs.field(repr=False)
    sealed_token: bytes = attrs.field(default=b"", repr=False)
    deadline: datetime = attrs.field(validator=fields.utc)
    enrolled: str = ""
    replaces: Guid | None = None
    name: str = ""
    platform: str = ""
    app_version: str = ""
    language: str = ""
    keys: tuple[DeviceKey, ...] = ()
    addresses: tuple[PushAddress, ...] = ()
    strikes: int = attrs.field(default=0, validator=fields.count)
    wrong_codes: int = attrs.field(default=0, validator=fields.count)
    confirmer: Guid | None = None
    confirmation: str = attrs.field(default="", repr=False)
    suspended_by: Authority | None = None
    session: Guid | None = None
    suspensions: int = attrs.field(default=0, validator=fields.count)
    sessions_end_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    admin: Guid | None = None
    key_changes: tuple[KeyChange, ...] = ()
    answers: bool = True
    created_at: datetime = attrs.field(validator=fields.utc)
    bound_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    ended_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    last_seen_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)

    parent: ClassVar[Guid | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def by_login(self) -> bool:
        """Whether a log-in at the Identity Provider invited it."""
        return self.origin is None and self.endorser is None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to end it, or sessions of it; None if there is nothing to end."""
        if self.sessions_end_at is not None:
            return self.sessions_end_at
        states = PROVISIONAL if self.session is None else LIVING
        return self.deadline if self.state in states else None

    @property
    def index(self) -> Index:
        """The keys that it is found by: it is listed whatever its state."""
        return Index(
            account=self.account, listing=Listing.BINDINGS, owner=self.account, listed=True
        )

    def device_key(self) -> DeviceKey | None:
        """Return the key that signs this device's proofs; None before the bind."""
        for device_key in self.keys:
            if device_key.role is Role.DEVICE:
                return device_key
        return None

    def key_named(self, kid: str) -> DeviceKey | None:
        """Return the key with this id, if the device holds it."""
        for device_key in self.keys:
            if device_key.key.kid == kid:
                return device_key
        return None
