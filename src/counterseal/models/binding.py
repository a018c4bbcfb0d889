"""Bindings: the life of one device's keys on one account."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid
from counterseal.models.key import DeviceKey, Role
from counterseal.models.push import PushAddress


class BindingState(enum.Enum):
    """The states of a binding; `counterseal.machines` says how they follow."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


LIVING = frozenset({BindingState.INVITED, BindingState.ACTIVE, BindingState.SUSPENDED})
"""The states in which a binding takes one of its account's places."""


class Authority(enum.Enum):
    """Who suspended a binding, and so who may resume it."""

    IDP = "idp"
    STAFF = "staff"


@attrs.frozen(kw_only=True)
class KeyChange:
    """One line of a binding's key history: which key took a role, and when."""

    at: datetime = attrs.field(validator=fields.utc)
    role: Role
    thumbprint: str


@attrs.frozen(kw_only=True)
class Binding:
    """
    The life of one device's keys on one account; its GUID is the device's.

    Attributes:
        origin: Who invited; None where an Identity Provider identified the user.
        token_hash: SHA-256 of the session token's secret.
        sealed_token: The session token, sealed, where an idempotency key may ask for it again;
            else empty.
        deadline: From then on the session token is refused.
        enrolled: Which keys the session token bound, as one hash; empty before.
        strikes: Wrong strong-key signatures since the last right one.
        suspended_by: Set while suspended.
        key_changes: The newest lines of the key history, oldest first.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: BindingState
    account: Guid
    app_space: Guid
    origin: Guid | None
    token_hash: bytes = attrs.field(repr=False)
    sealed_token: bytes = attrs.field(default=b"", repr=False)
    deadline: datetime = attrs.field(validator=fields.utc)
    enrolled: str = ""
    name: str = ""
    keys: tuple[DeviceKey, ...] = ()
    addresses: tuple[PushAddress, ...] = ()
    strikes: int = attrs.field(default=0, validator=fields.count)
    suspended_by: Authority | None = None
    key_changes: tuple[KeyChange, ...] = ()
    created_at: datetime = attrs.field(validator=fields.utc)
    bound_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    ended_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)

    parent: ClassVar[Guid | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire the invitation; None once it has none."""
        return self.deadline if self.state is BindingState.INVITED else None

    def device_key(self) -> DeviceKey | None:
        """Return the key that signs this device's proofs; None before the bind."""
        for held in self.keys:
            if held.role is Role.DEVICE:
                return held
        return None

    def key_named(self, kid: str) -> DeviceKey | None:
        """Return the key with this id, if the device holds it."""
        for held in self.keys:
            if held.key.kid == kid:
                return held
        return None
