"""Bindings: the life of one device's keys on one account."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar

import attrs

from counterseal.models import fields
from counterseal.models.guid import Guid, derive_guid
from counterseal.models.passkeys import Passkey


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
"""The states in which a binding counts towards the limit of devices of its account."""

SEEN_STEP = timedelta(hours=1)
"""How old a binding's `last_seen_at` is before a call of its device renews it."""


class Authority(enum.Enum):
    """Who suspended a binding, and so who may resume it."""

    IDP = "idp"
    STAFF = "staff"


@attrs.frozen(kw_only=True)
class KeyChange:
    """One entry of a binding's key history: which key took a role, and when."""

    at: datetime = attrs.field(validator=fields.utc)
    role: Role
    thumbprint: str


@attrs.frozen(kw_only=True)
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
        replaces: The device of the same account whose place it takes once it counts, if a log-in
            at the Identity Provider invited it and it has named one.
        platform, app_version: Of the app, as the device says, to recognise it by; empty where it
            says nothing. Nothing is decided by them.
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


class Algorithm(enum.Enum):
    """The JWS algorithms of RFC 7518, RFC 8037 and RFC 9964 that a key may be pinned to."""

    ES256 = "ES256"
    """ECDSA on P-256 with SHA-256; the signature is raw r||s of 64 bytes."""
    EDDSA = "EdDSA"
    """Ed25519."""
    PS256 = "PS256"
    """RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes."""
    RS256 = "RS256"
    """RSASSA-PKCS1-v1_5 with SHA-256."""
    ML_DSA_44 = "ML-DSA-44"
    """ML-DSA-44 (FIPS 204) with an empty context; the signature has 2,420 bytes."""


PASSKEY_ALGORITHMS: Mapping[Algorithm, str] = MappingProxyType(
    {
        Algorithm.ES256: "WA-ES256",
        Algorithm.EDDSA: "WA-EdDSA",
        Algorithm.RS256: "WA-RS256",
    }
)
"""
The `alg` of a passkey that signs with the algorithm.

The names are private, so an ordinary JWS library refuses a passkey's token.
"""


class Role(enum.Enum):
    """What a device's key may sign."""

    DEVICE = "device"
    """API proofs and answers with weak buttons."""
    STRONG = "strong"
    """Every answer; unlocked by PIN or biometric on the device."""


@attrs.frozen(kw_only=True)
class PublicKey:
    """
    A checked public key.

    Attributes:
        kid: A random id set when the key was made; not derived from the key.
        algorithm: Of its signatures.
        jwk: The public JWK (RFC 7517) in canonical JSON, required members only.
        thumbprint: RFC 7638 with SHA-256, base64url.
        passkey: What its assertions must be for; None for a key that signs tokens itself.
    """

    kid: str
    algorithm: Algorithm
    jwk: str
    thumbprint: str
    passkey: Passkey | None = None

    @property
    def alg(self) -> str:
        """The `alg` of its JWK and of its tokens."""
        if self.passkey is None:
            return self.algorithm.value
        return PASSKEY_ALGORITHMS[self.algorithm]


class Factor(enum.Enum):
    """
    A category of authentication factors that a signature shows (PSD2, Article 4(30)).

    `knowledge` and `inherence` are no members: no device proves by which of them it verified its
    user.
    """

    POSSESSION = "possession"
    """The signature is by a key that was bound to the device."""
    KNOWLEDGE_OR_INHERENCE = "knowledge-or-inherence"
    """The device verified its user, by a PIN or a biometric, and does not say by which."""


@attrs.frozen(kw_only=True)
class DeviceKey:
    """A public key in its role on one device."""

    role: Role
    key: PublicKey

    @property
    def factors(self) -> tuple[Factor, ...]:
        """
        The factors that a signature by the key shows.

        A strong key signs only after its device verified the user. Of a passkey, the authenticator
        signs that it did so (UV); of another key, the role is the device's own statement.
        """
        if self.role is Role.STRONG:
            return (Factor.POSSESSION, Factor.KNOWLEDGE_OR_INHERENCE)
        return (Factor.POSSESSION,)


class AddressKind(enum.Enum):
    """Which transport a push address belongs to."""

    FCM_TOKEN = "fcm_token"  # noqa: S105 - the name of a transport
    FCM_FID = "fcm_fid"
    WEBPUSH = "webpush"
    APNS = "apns"
    RELAY = "relay"


@attrs.frozen(kw_only=True)
class PushAddress:
    """Where a push service reaches a device; opaque to the core."""

    kind: AddressKind
    value: str = attrs.field(validator=fields.text, repr=False)


class Occasion(enum.Enum):
    """What devices are notified of."""

    CHALLENGE = "challenge"
    """A question is to be fetched; the subject is the challenge."""
    CHALLENGE_REMINDER = "challenge_reminder"
    """A question about an action is still open; the subject is the challenge."""
    CHALLENGE_ENDED = "challenge_ended"
    """A question needs no answer any more; the subject is the challenge."""
    DEVICE_BOUND = "device_bound"
    """Another device was bound to the account; the subject is its binding."""
    DEVICE_REVOKED = "device_revoked"
    """Another device was revoked; the subject is its binding."""
    DEVICE_UNCONFIRMED = "device_unconfirmed"
    """A new device waits to be confirmed; the subject is its binding."""
    TEST = "test"
    """An operator tests whether this very device can be notified; the subject is its binding."""

    @property
    def asks(self) -> bool:
        """Whether a question waits for the person's answer."""
        return self in {Occasion.CHALLENGE, Occasion.CHALLENGE_REMINDER}

    @property
    def about_challenge(self) -> bool:
        """Whether the subject is a challenge; otherwise it is a binding."""
        return self.asks or self is Occasion.CHALLENGE_ENDED


@attrs.frozen(kw_only=True)
class PushMessage:
    """
    What a push service delivers: that there is something to fetch, and nothing of what.

    Attributes:
        guid: The same at every attempt.
        subject: What the devices are notified of.
        account: Our own GUID of the account, `privakeyId` on the wire.
        title, body: What the person reads on the screen; neither is empty. With an origin's text,
            the title begins with the App Space's name.
        life: How long it is worth delivering.
        timeout: How long the attempt may take, for all addresses together.
    """

    guid: Guid
    occasion: Occasion
    subject: Guid
    account: Guid
    title: str = attrs.field(validator=fields.text, repr=False)
    body: str = attrs.field(validator=fields.text, repr=False)
    life: timedelta
    timeout: timedelta

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for the person: the transport's high priority."""
        return self.occasion.asks

    @property
    def about_challenge(self) -> bool:
        """Whether the subject is a challenge; otherwise it is a binding."""
        return self.occasion.about_challenge

    @property
    def collapse_key(self) -> Guid:
        """What messages share that replace each other, as those about one challenge do."""
        # A push service reads it, and the challenge's own GUID is not for it.
        return derive_guid(0, f"push {self.subject}") if self.about_challenge else self.guid


class PushResult(enum.Enum):
    """What a notifier learned of one address."""

    DELIVERED = "delivered"
    """The push service took it."""
    GONE = "gone"
    """The address will never work again: it is forgotten."""
    REJECTED = "rejected"
    """The push service refuses the message itself, which is our fault; not tried again."""
    MISCONFIGURED = "misconfigured"
    """It refuses *us*: not tried again, since an operator has to mend it."""
    LATER = "later"
    """It did not take it now, or nobody knows: tried again while there is time."""


@attrs.frozen(kw_only=True)
class PushOutcome:
    """
    What came of a push at one address.

    With LATER only, `after` is how long the push service asks to be left alone.
    """

    result: PushResult
    after: timedelta | None = None


@attrs.frozen(kw_only=True)
class DeviceCall:
    """
    One call of a device: the request as it came in, and the proof that came with it.

    Attributes:
        method: Upper case.
        uri: The full public address, as configured; never taken from a Host header.
        proof: The device proof, a compact JWS.
    """

    method: str
    uri: str
    body: bytes = attrs.field(default=b"", repr=False)
    proof: str = attrs.field(repr=False)
