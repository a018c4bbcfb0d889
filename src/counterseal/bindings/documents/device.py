"""
What a device sends to bind by a log-in, and what the service replies to a device.

| record | in |
|---|---|
| `Peeked` | the reply to `invitation` |
| `LoginStart`, `LoginRedirect` | the body of `login/redirect`, and its reply |
| `LoginReturn`, `LoggedIn` | the body of `login/authenticate`, and its reply |
| `Bond` | the reply to `bind` |
| `InvitedDevice` | the reply to `invitations` |
| `DeviceStatus` | the replies to `update` and `rotate` |
| `AccountStatus` | the reply to `status` |
| `OpenRequests` | the reply to `requests` |
| `EndedRequests` | the reply to `history` |
| `ShownRequest` | the reply to `requests/{guid}` |
| `AnswerReply` | the replies to `answer` and `disown` |
| `Endorsements` | the reply to `keys` |

Each field names its member; `wire.members.write_record` and `read_record` write and read them.
What else a device sends is in `bindings.documents.enrolment`, `challenges.documents.answer` and
`wire.telemetry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs

from counterseal import keys
from counterseal.bindings.documents.enrolment import Bound, InvitationTarget
from counterseal.models import (
    Binding,
    BindingState,
    Challenge,
    ChallengeState,
    DeviceKey,
    Guid,
    PasskeyUse,
    PublicKey,
    Role,
)
from counterseal.models.passkeys import scope_of
from counterseal.narrowing import policy_within
from counterseal.policy import Policy
from counterseal.wire.members import (
    ABSENT_TEXT,
    COUNT,
    EMPTY_TEXT,
    FLAG,
    GUID,
    NAMED_TEXTS,
    OPTIONAL_COUNT,
    OPTIONAL_GUID,
    OPTIONAL_TEXT,
    OPTIONAL_TEXTS,
    OPTIONAL_TIME,
    TEXT,
    TIME,
    MemberType,
    choice,
    member,
    records,
)
from counterseal.wire.recognition import (
    ACCOUNT_ID,
    ACCOUNT_NAME,
    COLOR,
    COMPANY_NAME,
    LOGO,
    VERIFIED_NAME,
    names_of,
)

KEY_SET = MemberType(
    lambda members, name: keys.trusted_keys(members.document.get(name), field=name),
    keys.jwks_document,
)
LANGUAGES = member("languages", OPTIONAL_TEXTS, omitted=True)


@attrs.frozen(kw_only=True)
class Peeked:
    """
    The App Space that a session token is for, and the account until a device has used the token.

    Attributes:
        account: With it, a device can revoke itself if its call to bind had no reply; None if the
            service does not say it.
        company_name: As the company calls itself; None if the service does not say.
        verified_name: As an operator of the service calls the company; None if it is not verified.
        account_name: As `recognition.account_name` returns it.
        color: Of the App Space's brand, `#RRGGBB`; None if it has none.
        logo: SHA-256, base64url, of its logo, which is at `logo_path`; None if it has none.
        rp_id: The relying party id for passkeys; None if none can be bound.
        languages: In which the service displays actions; None if it takes no device's language.
    """

    app_space: Guid = attrs.field(metadata=member("appSpace", GUID))
    app_space_name: str = attrs.field(metadata=member("appSpaceName", TEXT))
    account: Guid | None = attrs.field(
        default=None, metadata=member("account", OPTIONAL_GUID, omitted=True)
    )
    company_name: str | None = attrs.field(default=None, metadata=COMPANY_NAME)
    verified_name: str | None = attrs.field(default=None, metadata=VERIFIED_NAME)
    account_id: str | None = attrs.field(default=None, metadata=ACCOUNT_ID)
    account_name: str | None = attrs.field(default=None, metadata=ACCOUNT_NAME)
    color: str | None = attrs.field(default=None, metadata=COLOR)
    logo: str | None = attrs.field(default=None, metadata=LOGO)
    rp_id: str | None = attrs.field(
        default=None, metadata=member("rpId", OPTIONAL_TEXT, omitted=True)
    )
    languages: tuple[str, ...] | None = attrs.field(default=None, metadata=LANGUAGES)

    @classmethod
    def of(
        cls, target: InvitationTarget, policy: Policy, languages: tuple[str, ...] | None = None
    ) -> Peeked:
        """Return what a device learns of *target* before it binds."""
        app_space = target.app_space
        scope = app_space.passkeys or scope_of(policy.passkey_origin)
        policy = policy_within(policy, app_space, None)
        if policy.passkeys is PasskeyUse.REFUSE:
            scope = None
        return cls(
            app_space=app_space.guid,
            account=None if target.account is None else target.account.guid,
            **names_of(app_space, target.company, target.account),
            color=app_space.brand_color,
            logo=app_space.logo_digest,
            rp_id=None if scope is None else scope.rp_id,
            languages=languages,
        )


@attrs.frozen(kw_only=True)
class LoginStart:
    """The request to begin a log-in; the GUID of the App Space is not checked yet."""

    app_space: str = attrs.field(metadata=member("appSpaceGuid", TEXT))
    redirect_uri: str = attrs.field(metadata=member("redirectUri", TEXT))


@attrs.frozen(kw_only=True)
class LoginRedirect:
    """Where to send the user, and the secret that the app keeps until the user comes back."""

    url: str = attrs.field(repr=False, metadata=member("url", TEXT))
    secret: str = attrs.field(repr=False, metadata=member("secret", TEXT))
    expires_at: datetime = attrs.field(metadata=member("expiresAt", TIME))


@attrs.frozen(kw_only=True)
class LoginReturn:
    """The request to complete a log-in: the Identity Provider's answer, and the app's secret."""

    state: str = attrs.field(repr=False, metadata=member("state", TEXT))
    code: str = attrs.field(repr=False, metadata=member("code", TEXT))
    secret: str = attrs.field(repr=False, metadata=member("secret", TEXT))
    issuer: str | None = attrs.field(metadata=member("iss", OPTIONAL_TEXT, omitted=True))


@attrs.frozen(kw_only=True)
class BoundDevice:
    """A device of a user who has logged in, which the new one may replace."""

    device: Guid = attrs.field(metadata=member("device", GUID))
    name: str = attrs.field(metadata=member("name", EMPTY_TEXT))
    bound_at: datetime = attrs.field(metadata=member("boundAt", TIME))

    @classmethod
    def of(cls, binding: Binding) -> BoundDevice:
        """Return *binding* as its user learns it after a log-in."""
        return cls(
            device=binding.guid,
            name=binding.name,
            bound_at=binding.bound_at or binding.created_at,
        )


@attrs.frozen(kw_only=True)
class LoggedIn:
    """
    The invitation of a user who has logged in; its token is a secret.

    Attributes:
        devices: The user's bound devices, oldest first; empty where none may be replaced.
    """

    token: str = attrs.field(repr=False, metadata=member("sessionToken", TEXT))
    expires_at: datetime = attrs.field(metadata=member("sessionTokenExpiration", TIME))
    app_space: Guid = attrs.field(metadata=member("appSpaceGuid", GUID))
    app_space_name: str = attrs.field(metadata=member("appSpaceName", TEXT))
    devices: tuple[BoundDevice, ...] = attrs.field(
        default=(), metadata=member("devices", records(BoundDevice))
    )


@attrs.frozen(kw_only=True)
class Bond:
    """
    What a device learns when its binding is completed.

    Attributes:
        app_space_name: None if the service does not say.
        company_name, verified_name, account_name: As `Peeked` has them.
        confirm_by: When the device ends unless it is confirmed; None if it need not be.
        keys_at: When the service endorsed its keys, seconds since the epoch; 0 at the bind.
    """

    device: Guid = attrs.field(metadata=member("device", GUID))
    account: Guid = attrs.field(metadata=member("account", GUID))
    app_space: Guid = attrs.field(metadata=member("appSpace", GUID))
    app_space_name: str | None = attrs.field(
        default=None, metadata=member("appSpaceName", OPTIONAL_TEXT, omitted=True)
    )
    company_name: str | None = attrs.field(default=None, metadata=COMPANY_NAME)
    verified_name: str | None = attrs.field(default=None, metadata=VERIFIED_NAME)
    account_id: str | None = attrs.field(default=None, metadata=ACCOUNT_ID)
    account_name: str | None = attrs.field(default=None, metadata=ACCOUNT_NAME)
    service_keys: tuple[PublicKey, ...] = attrs.field(metadata=member("serviceKeys", KEY_SET))
    confirm_by: datetime | None = attrs.field(
        default=None, metadata=member("confirmBy", OPTIONAL_TIME, omitted=True)
    )
    keys_at: int = 0

    @classmethod
    def of(cls, bound: Bound) -> Bond:
        """Return what the device of a completed binding learns."""
        return cls(
            device=bound.binding.guid,
            account=bound.account.guid,
            app_space=bound.app_space.guid,
            **names_of(bound.app_space, bound.company, bound.account),
            service_keys=bound.service_keys,
            confirm_by=bound.binding.due_at,
        )


@attrs.frozen(kw_only=True)
class InvitedDevice:
    """The invitation that a device has made; its token, which the link has too, is a secret."""

    device: Guid = attrs.field(metadata=member("device", GUID))
    token: str = attrs.field(repr=False, metadata=member("sessionToken", TEXT))
    expires_at: datetime = attrs.field(metadata=member("sessionTokenExpiration", TIME))
    link: str = attrs.field(repr=False, metadata=member("link", TEXT))


@attrs.frozen(kw_only=True)
class KeyName:
    """A key of a device, by its role and its `kid`."""

    role: Role = attrs.field(metadata=member("role", choice(Role)))
    kid: str = attrs.field(metadata=member("kid", TEXT))

    @classmethod
    def of(cls, device_key: DeviceKey) -> KeyName:
        """Return the name of *device_key*."""
        return cls(role=device_key.role, kid=device_key.key.kid)


@attrs.frozen(kw_only=True)
class DeviceStatus:
    """
    A device as it may see itself.

    Attributes:
        addresses: How many push addresses the service has.
        platform, app_version, language: As the device has said; empty or None if it has not.
        last_seen_at: When the service last stored that the device made a call.
    """

    device: Guid = attrs.field(metadata=member("device", GUID))
    state: BindingState = attrs.field(metadata=member("status", choice(BindingState)))
    name: str = attrs.field(metadata=member("name", EMPTY_TEXT))
    addresses: int = attrs.field(metadata=member("addresses", COUNT))
    attempts_left: int = attrs.field(metadata=member("attemptsLeft", COUNT))
    keys: tuple[KeyName, ...] = attrs.field(metadata=member("keys", records(KeyName)))
    platform: str = attrs.field(default="", metadata=member("platform", ABSENT_TEXT))
    app_version: str = attrs.field(default="", metadata=member("appVersion", ABSENT_TEXT))
    last_seen_at: datetime | None = attrs.field(
        default=None, metadata=member("lastSeenAt", OPTIONAL_TIME)
    )
    language: str | None = attrs.field(
        default=None, metadata=member("language", OPTIONAL_TEXT, omitted=True)
    )

    @classmethod
    def of(cls, binding: Binding, *, attempts_left: int, **more: Any) -> Self:
        """Return *binding* as its device may see it, with *more* where the class has more."""
        return cls(
            device=binding.guid,
            state=binding.state,
            name=binding.name,
            addresses=len(binding.addresses),
            attempts_left=attempts_left,
            keys=tuple(map(KeyName.of, binding.keys)),
            platform=binding.platform,
            app_version=binding.app_version,
            last_seen_at=binding.last_seen_at,
            language=binding.language or None,
            **more,
        )


@attrs.frozen(kw_only=True)
class AccountStatus(DeviceStatus):
    """
    A device as it may see itself, with the account and the App Space that it is bound to.

    Attributes:
        web_push_key: The public key to subscribe to Web Push with, an uncompressed point of P-256
            in base64url (RFC 8292, 3.2); None if the service sends no Web Push.
        company_name, verified_name, account_name, color, logo, languages: As `Peeked` has them.
    """

    account: Guid = attrs.field(metadata=member("account", GUID))
    app_space: Guid = attrs.field(metadata=member("appSpace", GUID))
    app_space_name: str = attrs.field(metadata=member("appSpaceName", TEXT))
    company_name: str | None = attrs.field(default=None, metadata=COMPANY_NAME)
    verified_name: str | None = attrs.field(default=None, metadata=VERIFIED_NAME)
    account_id: str | None = attrs.field(default=None, metadata=ACCOUNT_ID)
    account_name: str | None = attrs.field(default=None, metadata=ACCOUNT_NAME)
    web_push_key: str | None = attrs.field(
        default=None, metadata=member("webPushKey", OPTIONAL_TEXT, omitted=True)
    )
    color: str | None = attrs.field(default=None, metadata=COLOR)
    logo: str | None = attrs.field(default=None, metadata=LOGO)
    languages: tuple[str, ...] | None = attrs.field(default=None, metadata=LANGUAGES)


@attrs.frozen(kw_only=True)
class OpenRequest:
    """One challenge that the device may answer, by its GUID only."""

    guid: Guid = attrs.field(metadata=member("guid", GUID))
    issued_at: datetime = attrs.field(metadata=member("issuedAt", TIME))
    expires_at: datetime = attrs.field(metadata=member("expiresAt", TIME))

    @classmethod
    def of(cls, challenge: Challenge) -> OpenRequest:
        """Return *challenge* by its GUID only."""
        return cls(
            guid=challenge.guid, issued_at=challenge.issued_at, expires_at=challenge.deadline
        )


@attrs.frozen(kw_only=True)
class OpenRequests:
    """The challenges that the device may answer, oldest first."""

    requests: tuple[OpenRequest, ...] = attrs.field(
        metadata=member("requests", records(OpenRequest))
    )


@attrs.frozen(kw_only=True)
class EndedRequest:
    """
    One challenge that has ended, as a device of its account may see it.

    Attributes:
        ended_at: When it was answered, cancelled or found to be expired.
        button_selected: Index of the chosen button; None unless it was answered.
        answered_here: Whether the device that asks answered or disowned it.
    """

    guid: Guid = attrs.field(metadata=member("guid", GUID))
    state: ChallengeState = attrs.field(metadata=member("state", choice(ChallengeState)))
    approved: bool = attrs.field(metadata=member("approved", FLAG))
    button_selected: int | None = attrs.field(metadata=member("buttonSelected", OPTIONAL_COUNT))
    answered_here: bool = attrs.field(metadata=member("answeredHere", FLAG))
    issued_at: datetime = attrs.field(metadata=member("issuedAt", TIME))
    ended_at: datetime = attrs.field(metadata=member("endedAt", TIME))

    @classmethod
    def of(cls, challenge: Challenge, *, device: Guid) -> EndedRequest:
        """Return how *challenge* ended, for *device*."""
        outcome = challenge.outcome
        return cls(
            guid=challenge.guid,
            state=challenge.state,
            approved=challenge.approved,
            button_selected=None if outcome is None else outcome.button,
            answered_here=outcome is not None and outcome.device == device,
            issued_at=challenge.issued_at,
            ended_at=challenge.deadline if outcome is None else outcome.at,
        )


@attrs.frozen(kw_only=True)
class EndedRequests:
    """The challenges of the account that ended last, newest first."""

    requests: tuple[EndedRequest, ...] = attrs.field(
        metadata=member("requests", records(EndedRequest))
    )


@attrs.frozen(kw_only=True)
class ShownRequest:
    """One challenge, with the display document that the device shows and signs."""

    guid: Guid = attrs.field(metadata=member("guid", GUID))
    state: ChallengeState = attrs.field(metadata=member("state", choice(ChallengeState)))
    expires_at: datetime = attrs.field(metadata=member("expiresAt", TIME))
    display: str = attrs.field(repr=False, metadata=member("display", TEXT))

    @classmethod
    def of(cls, challenge: Challenge, *, now: datetime) -> ShownRequest:
        """Return *challenge* as it is at *now*."""
        return cls(
            guid=challenge.guid,
            state=challenge.state_at(now),
            expires_at=challenge.deadline,
            display=challenge.display,
        )


@attrs.frozen(kw_only=True)
class AnswerReply:
    """How a challenge ended, for the device that ended it."""

    guid: Guid = attrs.field(metadata=member("guid", GUID))
    state: ChallengeState = attrs.field(metadata=member("state", choice(ChallengeState)))
    approved: bool = attrs.field(metadata=member("approved", FLAG))
    receipt: str | None = attrs.field(repr=False, metadata=member("receipt", OPTIONAL_TEXT))

    @classmethod
    def of(cls, challenge: Challenge) -> AnswerReply:
        """Return how *challenge* ended."""
        outcome = challenge.outcome
        return cls(
            guid=challenge.guid,
            state=challenge.state,
            approved=challenge.approved,
            receipt=None if outcome is None else outcome.receipt,
        )


@attrs.frozen(kw_only=True)
class Endorsements:
    """Endorsed key sets, by the `kid` of the key that signed each."""

    endorsed: Mapping[str, str] = attrs.field(metadata=member("endorsed", NAMED_TEXTS))
