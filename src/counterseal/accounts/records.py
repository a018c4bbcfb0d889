"""Accounts, and the history of asking their person."""

from __future__ import annotations

import enum
import json
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

import attrs

from counterseal.bindings.records import PROVISIONAL, BindingState
from counterseal.models import fields
from counterseal.models.clients import Clients
from counterseal.models.guid import Guid, derive_guid
from counterseal.models.push import PushAddress
from counterseal.models.record import Gauge, GaugeKey, Index


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class Device:
    """
    One living binding, with what is needed to ask the person.

    At its deadline the binding ends if it is INVITED or UNCONFIRMED; later the deadline is ignored.
    A binding that does not answer is a passkey for authentications, and is never asked.

    Attributes:
        language: As the binding's.
        last_seen_at: Of a device that has named its language: as the binding's. Where no other
            device of the account has named one, it may be older.
    """

    binding: Guid
    state: BindingState
    deadline: datetime = attrs.field(validator=fields.utc)
    addresses: tuple[PushAddress, ...] = ()
    answers: bool = True
    language: str = ""
    last_seen_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class OpenQuestion:
    """An unfinished challenge of the account, with its origin's kind of clients when it asked."""

    challenge: Guid
    origin: Guid
    deadline: datetime = attrs.field(validator=fields.utc)
    clients: Clients = Clients.CURRENT


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class PastQuestion:
    """A question that the person was asked, with its origin's kind of clients at that time."""

    at: datetime = attrs.field(validator=fields.utc)
    origin: Guid
    clients: Clients = Clients.CURRENT


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class History:
    """
    The history that decides whether a person may be asked again.

    Attributes:
        open: The unfinished challenges.
        recent: The questions of the last while, oldest first, as far back as the policy looks.
        asked_since_approval: Times asked since the last approval.
        refusals: Refusals and unanswered challenges since the last approval.
        cooling_until: When the cool-down ends that the last refusal began.
        wrong_codes: Wrong matching codes since the last right one.
        ended: The challenges that ended last, oldest first: what a device can look up.
        codes_until: Until then a question needs a matching code: a refusal said why, and the
            policy demands codes for that reason. No approval ends it.
    """

    open: tuple[OpenQuestion, ...] = ()
    recent: tuple[PastQuestion, ...] = ()
    asked_since_approval: int = attrs.field(default=0, validator=fields.count)
    refusals: int = attrs.field(default=0, validator=fields.count)
    cooling_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    wrong_codes: int = attrs.field(default=0, validator=fields.count)
    ended: tuple[Guid, ...] = ()
    codes_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)


@attrs.frozen(kw_only=True)
class Identity:
    """
    Who the user is, as an Identity Provider says.

    Attributes:
        issuer, subject: Together the only key of an identity (OpenID Connect Core,
            5.7).
        account_id: The value of the App Space's account claim; by default the subject.
        session: The user's session at the provider (`sid`), if it says.
        grant: What the adapter needs to ask again whether the provider still vouches.
    """

    issuer: str = attrs.field(validator=fields.text)
    subject: str = attrs.field(validator=fields.text)
    account_id: str = attrs.field(validator=fields.text)
    session: str = ""
    grant: bytes = attrs.field(default=b"", repr=False)

    @account_id.default
    def _of_subject(self) -> str:
        return self.subject


@attrs.frozen(kw_only=True)
class Logout:
    """
    A message of an Identity Provider that a user has logged out.

    Attributes:
        subject, session: Whose sessions, and which; at least one is not empty.
        jti: The id of the message; each is accepted once.
        until: From then on the message is refused as too old.
    """

    issuer: str = attrs.field(validator=fields.text)
    subject: str = ""
    session: str = ""
    jti: str = attrs.field(validator=fields.text)
    until: datetime = attrs.field(validator=fields.utc)


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class MailedLink:
    """
    A link that was made to be mailed to the user, and that gets one invitation, once.

    Attributes:
        secret_hash: SHA-256 of its secret.
        origin: In whose name the invitation will be.
        deadline: From then on it is refused.
    """

    secret_hash: bytes = attrs.field(repr=False)
    origin: Guid
    deadline: datetime = attrs.field(validator=fields.utc)


@attrs.frozen(kw_only=True, field_transformer=fields.check_together)
class Account:
    """
    One user of an App Space.

    Attributes:
        account_id: The origin's own id, any text; where an IdP identifies users, the value of
            the App Space's account claim.
        issuer, subject: The identity of the user; None and empty in a `simple`
            App Space.
        sealed_grant: The identity's grant, sealed; empty after a logout, until the next log-in.
        confirmed_at: When the provider last confirmed the user, by a log-in or when asked.
        locked_at: Set while the account is locked.
        erased_at: Set once everything personal in it has been erased.
        devices: Its living bindings, oldest first, so one read shows which devices can be
            asked, and their addresses.
        receipts: How many receipts the account has.
        receipt_hash: SHA-256 of the last receipt's signed part, base64url; empty before the first.
        events: How many events of it there have been: the number of the last one.
        mailed_link: The newest one; None once it was used, or a bind, an unlocking, a revocation of
            all devices or the erasure has ended it.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    account_id: str = attrs.field(validator=fields.text)
    user_info: str = attrs.field(default="", repr=False)
    issuer: str | None = None
    subject: str = ""
    sealed_grant: bytes = attrs.field(default=b"", repr=False)
    confirmed_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    locked_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    erased_at: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)
    devices: tuple[Device, ...] = ()
    history: History = History()
    receipts: int = attrs.field(default=0, validator=fields.count)
    receipt_hash: str = ""
    events: int = attrs.field(default=0, validator=fields.count)
    mailed_link: MailedLink | None = None
    created_at: datetime = attrs.field(validator=fields.utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    keep_until: ClassVar[datetime | None] = None

    @property
    def index(self) -> Index:
        """The keys that it is found by; it is searched until it is erased."""
        key = (self.app_space, self.account_id)
        has_device = BindingState.ACTIVE in [device.state for device in self.devices]
        is_active = has_device and self.locked_at is None
        return Index(
            account_key=key,
            search_key=key if self.erased_at is None else None,
            gauge=GaugeKey(Gauge.ACTIVE_USERS, self.app_space, None) if is_active else None,
        )

    @property
    def bound_devices(self) -> tuple[Device, ...]:
        """The devices that are bound to it, including suspended ones, but no provisional ones."""
        return tuple(device for device in self.devices if device.state not in PROVISIONAL)


@attrs.frozen(kw_only=True)
class Alias:
    """
    One of a provider's own names for a user: a subject, or one of the user's sessions.

    The name itself is not stored: the GUID is derived from it.

    Attributes:
        accounts: The accounts of the user, the newest last; a user gets another account when the
            value of the account claim changes.
        keep_until: The store may delete the record after this; None while the provider may
            still use the name.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    app_space: Guid
    accounts: tuple[Guid, ...]
    created_at: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime | None = attrs.field(default=None, validator=fields.maybe_utc)

    parent: ClassVar[Guid | None] = None
    due_at: ClassVar[datetime | None] = None
    index: ClassVar[Index] = Index()


def subject_alias(app_space: Guid, issuer: str, subject: str) -> Guid:
    """Return the GUID of the alias of a subject (`sub`; OpenID Connect Core, 2)."""
    return _alias(app_space, "sub", issuer, subject)


def session_alias(app_space: Guid, issuer: str, session: str) -> Guid:
    """Return the GUID of the alias of a session (`sid`; Back-Channel Logout 1.0, 2.1)."""
    return _alias(app_space, "sid", issuer, session)


def _alias(app_space: Guid, kind: str, issuer: str, name: str) -> Guid:
    # JSON, so that different lists have different texts; ASCII, so that every text can be encoded.
    text = json.dumps(["alias", app_space, kind, issuer, name])
    return derive_guid(sha256(text.encode()).digest()[-1], text)


class LoginState(enum.Enum):
    """The states of one attempt to learn from an Identity Provider who the user is."""

    STARTED = "STARTED"
    USED = "USED"
    EXPIRED = "EXPIRED"


@attrs.frozen(kw_only=True)
class Login:
    """
    One attempt to learn from an Identity Provider who the user is.

    Attributes:
        redirect_uri: Where the provider sends the user, as in the authorization request.
        app_return: Where the user returns to the app; the same as `redirect_uri`, unless the
            provider sends users to the service.
        secret_hash: SHA-256 of the secret in the OAuth `state` parameter.
        holder_hash: SHA-256 of the secret that only the app that began the log-in has.
        sealed_verifier: The PKCE verifier (RFC 7636), sealed.
        sealed_nonce: The OpenID Connect nonce, sealed.
        test: Whether an administrator tests the provider's settings by it; nobody is invited.
    """

    guid: Guid
    version: int = attrs.field(default=1, validator=fields.count)
    state: LoginState
    app_space: Guid
    redirect_uri: str = attrs.field(validator=fields.text)
    app_return: str = attrs.field(validator=fields.text)
    secret_hash: bytes = attrs.field(repr=False)
    holder_hash: bytes = attrs.field(repr=False)
    sealed_verifier: bytes = attrs.field(repr=False)
    sealed_nonce: bytes = attrs.field(repr=False)
    created_at: datetime = attrs.field(validator=fields.utc)
    deadline: datetime = attrs.field(validator=fields.utc)
    keep_until: datetime = attrs.field(validator=fields.utc)
    test: bool = False

    parent: ClassVar[Guid | None] = None
    index: ClassVar[Index] = Index()

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to expire the attempt; None once it is used or expired."""
        return self.deadline if self.state is LoginState.STARTED else None
