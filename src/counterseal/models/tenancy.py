"""Tenancy: companies, their App Spaces, and Request Origins."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.challenge import FINISHED, ChallengeState
from counterseal.models.clients import (
    NO_OWN_LIMITS,
    PROFILES,
    ClientProfile,
    Clients,
    Codes,
    OwnLimits,
    TokenForm,
)
from counterseal.models.credential import Credential, WebhookKey
from counterseal.models.guid import Guid, named, partition_of
from counterseal.models.provider import IdpSettings


class CallbackType(enum.Enum):
    """What an entry of an origin's allow-list stands for."""

    ADDRESS = 1
    """Where callbacks may go."""
    DOMAIN = 2
    """A WebAuthn domain: refused, since nothing uses it; earlier versions have stored some."""


@attrs.frozen(kw_only=True)
class Company:
    """A tenant; owns App Spaces."""

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    name: str = attrs.field(validator=fields.text)
    created_at: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None


@attrs.frozen(kw_only=True)
class Texts:
    """
    What an App Space's bells say; the policy's text stands for each that is empty.

    Attributes:
        title: Above each of the others.
        challenge: That a question is waiting, unless its origin has its own words.
        device_bound: That another device was bound.
        device_revoked: That another device was revoked.
    """

    title: str = ""
    challenge: str = ""
    device_bound: str = ""
    device_revoked: str = ""


@attrs.frozen(kw_only=True)
class AppSpace:
    """One deployed app plus exactly one way to identify its users."""

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    company: Guid
    name: str = attrs.field(validator=fields.text)
    idp: IdpSettings | None = None
    """None means `simple`: a Request Origin says who the user is."""
    brand_logo: str | None = None
    brand_color: str | None = None
    universal_app: bool = False
    texts: Texts = Texts()
    created_at: datetime = attrs.field(validator=fields.utc)

    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def parent(self) -> Guid:
        """The company."""
        return self.company


@attrs.frozen(kw_only=True)
class CallbackEntry:
    """
    One entry of an origin's allow-list.

    Attributes:
        guid: Follows from the rest: the same entry has the same name again.
    """

    guid: Guid
    type: CallbackType
    text: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Origin:
    """
    A relying party's server inside one App Space.

    Attributes:
        credentials: At most two live ones, of one scheme; none means revoked.
        callbacks: The allow-list of callback addresses.
        wildcards: Whether an entry with `{*}` covers anything.
        domains: WebAuthn domains that earlier versions have put on its list; unused.
        callback_states: The endings that ring a callback, of challenges that are issued from
            now on.
        webhook_keys: At most two live ones; the first signs first.
        clients: For which programs it is set up.
        token_form: How its invitations give the session token.
        limits: Its own limits of asking.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    name: str = attrs.field(validator=fields.text)
    codes: Codes = Codes.TYPED
    credentials: tuple[Credential, ...] = ()
    callbacks: tuple[str, ...] = attrs.field(default=(), repr=False)
    wildcards: bool = False
    domains: tuple[str, ...] = attrs.field(default=(), repr=False)
    callback_states: tuple[ChallengeState, ...] = FINISHED
    webhook_keys: tuple[WebhookKey, ...] = ()
    clients: Clients = Clients.CURRENT
    token_form: TokenForm = TokenForm.TEXT
    limits: OwnLimits = NO_OWN_LIMITS
    created_at: datetime = attrs.field(validator=fields.utc)

    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def parent(self) -> Guid:
        """The App Space."""
        return self.app_space

    @property
    def profile(self) -> ClientProfile:
        """What its clients need."""
        return PROFILES[self.clients]

    @property
    def entries(self) -> tuple[CallbackEntry, ...]:
        """The allow-list, each entry with its name: addresses, then domains."""
        texts = [(CallbackType.ADDRESS, text) for text in self.callbacks]
        texts += [(CallbackType.DOMAIN, text) for text in self.domains]
        place = partition_of(self.guid)
        return tuple(
            CallbackEntry(
                guid=named(place, f"{self.guid} {kind.value} {text}"), type=kind, text=text
            )
            for kind, text in texts
        )


@attrs.frozen(kw_only=True)
class RelyingParty:
    """An origin that has authenticated, in its App Space; what its use cases are asked with."""

    origin: Origin
    app_space: AppSpace
