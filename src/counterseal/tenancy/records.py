"""Tenancy: companies, their App Spaces, and Request Origins."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar, TypeAlias

import attrs

from counterseal import models
from counterseal.challenges.records import FINISHED, ChallengeState
from counterseal.errors import InvalidField
from counterseal.identity.records import IdpSettings
from counterseal.models import fields
from counterseal.models.clients import (
    CLIENT_PROFILES,
    NO_OWN_LIMITS,
    ClientProfile,
    Clients,
    Codes,
    OriginRole,
    OwnLimits,
    TokenForm,
)
from counterseal.models.events import AccountEventKind
from counterseal.models.guid import RESERVED, Guid, derive_guid, partition_of
from counterseal.models.passkeys import PasskeyScope, read_domain
from counterseal.models.policies import AppSpacePolicy, OriginPolicy
from counterseal.models.record import Gauge, GaugeKey, Index, Listing


class CallbackType(enum.Enum):
    """What an entry of an origin's allow-list allows."""

    ADDRESS = 1
    """Where callbacks may go."""
    DOMAIN = 2
    """A WebAuthn domain, where passkeys of the origin's users are used; no callback goes there."""


@attrs.frozen(kw_only=True)
class Company:
    """
    A tenant; owns App Spaces.

    Attributes:
        name: As its administrators call it.
        verified_name: As an operator has found out who it is; None means not verified.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    name: str = attrs.field(validator=fields.text)
    verified_name: str | None = None
    created_at: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def reserved(self) -> bool:
        """Whether it is the service's own: nobody else edits it, or acts for it."""
        return self.guid in RESERVED

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(listing=Listing.CHILDREN, owner=self.parent, listed=True)


@attrs.frozen(kw_only=True)
class Texts:
    """
    What an App Space's push messages say; the policy's text replaces each empty one.

    Attributes:
        title: Above each of the others.
        challenge: That a question is waiting, unless its origin has its own words.
        challenge_ended: That a question needs no answer any more.
        device_bound: That another device was bound.
        device_revoked: That another device was revoked.
        device_unconfirmed: That a new device waits to be confirmed.
    """

    title: str = ""
    challenge: str = ""
    device_bound: str = ""
    device_revoked: str = ""
    challenge_ended: str = ""
    device_unconfirmed: str = ""


class NewDeviceRule(enum.Enum):
    """When a device that an origin or an Identity Provider invited becomes active."""

    AT_ONCE = "at_once"
    CONFIRMED = "confirmed"
    """Once its origin, or another device of the account, has confirmed it."""


class HtmlUse(enum.Enum):
    """Whether the origins of an App Space may ask in HTML."""

    REFUSE = "refuse"
    """A question whose content is HTML is refused."""
    SHOW = "show"
    """It is asked; each device decides how much of it to render."""


@attrs.frozen(kw_only=True)
class AppSpace:
    """One deployed app plus exactly one way to identify its users."""

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    company: Guid
    name: str = attrs.field(validator=fields.text)
    idp: IdpSettings | None = None
    """None means `simple`: a Request Origin says who the user is."""
    brand_url: str | None = None
    """Where a client of the Privakey CX service says that the logo is: only stored and returned."""
    brand_color: str | None = None
    """`#RRGGBB`."""
    logo_digest: str | None = None
    """SHA-256 of its `Logo`, base64url."""
    html: HtmlUse = HtmlUse.SHOW
    universal_app: bool = False
    """What a client of the Privakey CX service says about the app: only stored and returned."""
    texts: Texts = Texts()
    passkeys: PasskeyScope | None = None
    """Where its passkeys are used; None means at the policy's `passkey_origin`."""
    new_devices: NewDeviceRule | None = None
    """When a new device becomes active, if later than the policy says; None means as it says."""
    device_invitations: bool = True
    """Whether its users' devices may invite others, where the policy lets them."""
    document_hosts: tuple[str, ...] = ()
    """The web origins from which documents of actions may come; none means any."""
    policy: AppSpacePolicy | None = None
    """What else it narrows of the service's policy; None if nothing."""
    created_at: datetime = attrs.field(validator=fields.utc)

    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def parent(self) -> Guid:
        """The company."""
        return self.company

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(listing=Listing.CHILDREN, owner=self.parent, listed=True)

    @property
    def reserved(self) -> bool:
        """Whether it is the service's own: nobody else edits it, or acts for it."""
        return self.guid in RESERVED


@attrs.frozen(kw_only=True)
class Logo:
    """
    The logo of an App Space, apart from its record, which nearly every call reads.

    Attributes:
        png: The picture, as it was checked; empty once it is removed.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    png: bytes = attrs.field(repr=False)
    created_at: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None
    index: ClassVar[Index] = Index()


def logo_guid(app_space: Guid) -> Guid:
    """Return the GUID of an App Space's logo: the same for each logo that it ever has."""
    return derive_guid(partition_of(app_space), f"logo {app_space}")


@attrs.frozen(kw_only=True)
class CallbackEntry:
    """One entry of an origin's allow-list; the same entry has the same GUID again."""

    guid: Guid
    type: CallbackType
    text: str = attrs.field(repr=False)

    def is_spelled(self, text: str) -> bool:
        """Return whether *text* means this entry: a domain has more than one spelling."""
        if self.type is CallbackType.ADDRESS:
            return text == self.text
        try:
            return read_domain(text, field="text") == self.text
        except InvalidField:
            return False


def entry_addresses(entry: str, *, plain_http: bool) -> tuple[str, ...]:
    """
    Return the addresses that an entry of an allow-list means, each with a scheme.

    With a scheme it means itself; without one an `https` address, and with *plain_http*, which is
    the policy's `callback_plain_http`, an `http` address too.
    """
    if "://" in entry:
        return (entry,)
    schemes = ("https", "http") if plain_http else ("https",)
    return tuple(f"{scheme}://{entry}" for scheme in schemes)


@attrs.frozen(kw_only=True)
class Origin:
    """
    A relying party's server inside one App Space.

    Attributes:
        credentials: At most two live ones, of one scheme; none means revoked.
        callbacks: The allow-list of callback addresses.
        wildcards: Whether an entry with `{*}` covers anything.
        domains: WebAuthn domains where its users' passkeys are used, each with a port or without.
        callback_states: The endings that queue a callback, of challenges that are issued from
            now on.
        webhook_keys: At most two live ones; the first signs first.
        events: What it hears of accounts; None means what its clients' profile says.
        events_url: Where events are sent, by an address of the allow-list; None means nowhere,
            and it can read them.
        clients: For which programs it is set up.
        token_form: How its invitations give the session token.
        limits: Its own limits of asking.
        policy: What else it narrows of its App Space's policy; None if nothing.
        backchannel: Its registration as a CIBA client; None if it is not a client.
        token_generation: The generation of its access tokens of CIBA; only those of it are valid.
        realm: The realm whose authentication channel it is; None without a realm.
        role: What it may do, with each of its credentials.
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
    events: tuple[AccountEventKind, ...] | None = None
    events_url: str | None = attrs.field(default=None, repr=False)
    policy: OriginPolicy | None = None
    backchannel: models.BackchannelClient | None = None
    token_generation: int = attrs.field(default=0, validator=fields.count)
    realm: models.ChannelRealm | None = None
    role: OriginRole = OriginRole.FULL
    created_at: datetime = attrs.field(validator=fields.utc)

    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def parent(self) -> Guid:
        """The App Space."""
        return self.app_space

    @property
    def index(self) -> Index:
        """The keys that it is found by; a gauge has it while a credential of it has no end."""
        is_active = any(credential.ends_at is None for credential in self.credentials) or (
            self.backchannel is not None and self.backchannel.keys
        )
        return Index(
            listing=Listing.CHILDREN,
            owner=self.app_space,
            listed=True,
            gauge=GaugeKey(Gauge.ACTIVE_ORIGINS, self.app_space, None) if is_active else None,
        )

    @property
    def reserved(self) -> bool:
        """Whether it is the service's own: nobody else edits it, or acts for it."""
        return self.guid in RESERVED

    @property
    def profile(self) -> ClientProfile:
        """What its clients need."""
        return CLIENT_PROFILES[self.clients]

    @property
    def event_kinds(self) -> tuple[AccountEventKind, ...]:
        """What it hears of accounts; one that only asks hears nothing."""
        if self.role is OriginRole.ASKING:
            return ()
        return self.profile.events if self.events is None else self.events

    @property
    def entries(self) -> tuple[CallbackEntry, ...]:
        """The allow-list, each entry with its name: addresses, then domains."""
        texts = [(CallbackType.ADDRESS, text) for text in self.callbacks]
        texts += [(CallbackType.DOMAIN, text) for text in self.domains]
        partition = partition_of(self.guid)
        return tuple(
            CallbackEntry(
                guid=derive_guid(partition, f"{self.guid} {kind.value} {text}"),
                type=kind,
                text=text,
            )
            for kind, text in texts
        )

    def credential_guid(self, credential: Credential) -> Guid:
        """Return the name of one of its credentials, which stays the same until it is gone."""
        secret = credential.salt + credential.digest + credential.sealed
        text = f"{self.guid} credential {credential.created_at.isoformat()} {secret.hex()}"
        return derive_guid(partition_of(self.guid), text)


@attrs.frozen(kw_only=True)
class RelyingParty:
    """An origin that has authenticated, in its App Space; what its use cases are asked with."""

    origin: Origin
    app_space: AppSpace


class AdminRole(enum.Enum):
    """What an administrator is there for."""

    COMPANY = "company_admin"
    """A company and everything in it, or all companies."""
    APP_SPACE = "app_space_admin"
    """One App Space's origins, users and support staff."""
    SUPPORT = "user_support"
    """One App Space's users and their devices."""


@attrs.frozen(kw_only=True)
class Admin:
    """
    Who administers all companies, one, or one App Space: a credential, a person, or both.

    Attributes:
        company: The only company it reaches; None reaches all and may create more.
        app_space: The only App Space it reaches, for the roles below a company's; else None.
        person: Whether it is in force without credentials: a person, who logs in. Revoking it
            makes this False.
        ends_at: From then on it is refused; None means no end.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    company: Guid | None
    role: AdminRole = AdminRole.COMPANY
    app_space: Guid | None = None
    name: str = attrs.field(validator=fields.text)
    credentials: tuple[Credential, ...] = ()
    person: bool = False
    created_at: datetime = attrs.field(validator=fields.utc)
    ends_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)

    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def parent(self) -> Guid | None:
        """The App Space or the company, where there is one."""
        return self.company if self.app_space is None else self.app_space

    @property
    def index(self) -> Index:
        """The keys that it is found by."""
        return Index(listing=Listing.CHILDREN, owner=self.parent, listed=True)

    @property
    def actor(self) -> str:
        """What the audit log calls it: its GUID."""
        return self.guid


@attrs.frozen(kw_only=True)
class Operator:
    """The operator of the service, who may do everything; the audit log shows the name."""

    name: str = attrs.field(default="staff", validator=fields.text)

    @property
    def actor(self) -> str:
        """What the audit log calls it: its name."""
        return self.name


OPERATOR = Operator()
"""For a program that does not tell its operators apart."""

Administrator: TypeAlias = Admin | Operator
"""Who may administer."""


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
