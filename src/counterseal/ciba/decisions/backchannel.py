"""
Backchannel: challenges that CIBA clients request, wait for, and redeem (CIBA Core 1.0).

A secret id, which an `auth_req_id` and an access token are, is the challenge's GUID and 192 random
bits, in base64url. The GUID finds the record; the bits are the secret, and only their hash is
stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal._input_limits import text_fits
from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Signing,
    Tools,
    records,
    require,
    require_account,
)
from counterseal.accounts.rules import (
    answers_for,
    may_authenticate,
    token_generation,
    unlocked,
)
from counterseal.challenges.records import FINISHED
from counterseal.credentials.decisions.authentication import load_party
from counterseal.credentials.decisions.credentials import registered_keys
from counterseal.errors import (
    ApproverInactive,
    CredentialRefused,
    DeadlinePassed,
    Foreign,
    InvalidField,
    MalformedToken,
    NotApproved,
    NotFound,
    TokenSpent,
    WrongState,
)
from counterseal.models import (
    UNFINISHED,
    ActionState,
    Administrator,
    Algorithm,
    ApprovedAction,
    BackchannelClient,
    BackchannelRequest,
    Callback,
    Challenge,
    DeadReason,
    DeliveryMode,
    Guid,
    Origin,
    PublicKey,
    Record,
    RelyingParty,
    replace,
    revise,
)
from counterseal.models.ciba import ALGORITHM_SYNONYMS
from counterseal.models.guid import parse
from counterseal.models.sealing import backchannel_context
from counterseal.outbox.decisions.callbacks import Composed, compose_with_token, is_forbidden
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.decisions.tenancy import edit_record
from counterseal.tenancy.rules.addresses import allow_list, callback_allowed
from counterseal.tenancy.rules.authorization import Permission

SECRET_BYTES = 24
"""192 bits; CIBA Core 1.0, 7.3, demands 128 and recommends 160."""

GUID_BYTES = 16

INTERVAL = timedelta(seconds=5)
"""Between two token requests, until the client is told to slow down (7.3)."""

SLOWER = timedelta(seconds=5)
"""What a token request that comes too early adds to the interval, for good (11)."""

KEYS_LIMIT = 8
"""Keys of one client: some for assertions, some for requests, each with a successor."""

HALF_HASHES = {
    Algorithm.ES256: hashlib.sha256,
    Algorithm.PS256: hashlib.sha256,
    Algorithm.RS256: hashlib.sha256,
    Algorithm.EDDSA: hashlib.sha512,
}
"""The hash of `at_hash` by the algorithm of the ID token (OpenID Connect Core, 3.1.3.6)."""


@attrs.frozen(kw_only=True)
class SecretId:
    """A secret id as it came, not verified: the challenge that it names, and its secret's hash."""

    challenge: Guid
    secret_hash: str = attrs.field(repr=False)


@attrs.define(kw_only=True)
class BackchannelDraft:
    """
    What a question has that a CIBA client requests.

    Attributes:
        repeatable: Whether the client may send the request again, and then gets the same
            `auth_req_id`.
    """

    secret: bytes = attrs.field(repr=False)
    notification_token: str | None = attrs.field(default=None, repr=False)
    repeatable: bool = False

    def extend(self, tools: Tools, challenge: Challenge) -> Challenge:
        """Return *challenge* as the client's request, which is pinged at each ending."""
        guid, sealed_id = challenge.guid, b""
        if self.repeatable or self.notification_token is not None:
            members = {
                "auth_req_id": write_secret_id(guid, self.secret),
                "client_notification_token": self.notification_token,
            }
            sealed_id = tools.seal(ijson.compact(members), backchannel_context(guid))
        request = BackchannelRequest(
            secret_hash=keys.digest(self.secret),
            interval=int(INTERVAL.total_seconds()),
            sealed_id=sealed_id,
        )
        return replace(challenge, callback_states=FINISHED, backchannel=request)

    def document(self) -> dict[str, Any]:
        """Return what a repeated request must have in common besides the question."""
        return {"backchannel": {"notificationToken": self.notification_token}}


@attrs.frozen(kw_only=True)
class PolledRequest:
    """
    A request as its client's token request found it.

    Attributes:
        challenge: With its state now.
        interval: How long the client has to wait between two token requests from now on.
        too_early: Whether it came before the interval was over.
    """

    challenge: Challenge
    interval: timedelta
    too_early: bool


@attrs.frozen(kw_only=True)
class RedeemedRequest:
    """The tokens of an approved request, which its client gets once."""

    challenge: Challenge
    access_token: str = attrs.field(repr=False)
    id_token: str = attrs.field(repr=False)


def write_secret_id(challenge: Guid, secret: bytes) -> str:
    """Return the secret id of *challenge*."""
    return keys.b64url(bytes.fromhex(challenge.replace("-", "")) + secret)


def read_secret_id(text: str) -> SecretId:
    """
    Read a secret id.

    Raises:
        NotFound: *text* is not a secret id.
    """
    try:
        data = keys.unb64url(text)
        raw = data[:GUID_BYTES].hex()
        name = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        challenge = parse(name, field="auth_req_id")
    except (MalformedToken, InvalidField):
        raise NotFound from None
    if len(data) != GUID_BYTES + SECRET_BYTES:
        raise NotFound
    return SecretId(challenge=challenge, secret_hash=keys.digest(data[GUID_BYTES:]))


def compose_ping(
    tools: Tools, callback: Callback, origin: Origin, request: BackchannelRequest
) -> Composed:
    """
    Compose the ping about a request that has ended (CIBA Core 1.0, 10.2).

    10.2 leaves 4xx and 5xx to the provider. A client that refuses the token will refuse it again,
    and polls.
    """
    client = origin.backchannel
    if client is None or client.notification_endpoint != callback.url:
        return DeadReason.FORBIDDEN
    if is_forbidden(tools, callback, origin):
        return DeadReason.FORBIDDEN
    ping = ijson.parse(tools.open(request.sealed_id, backchannel_context(callback.subject)))
    headers: tuple[tuple[str, str], ...] = (
        ("content-type", "application/json"),
        ("authorization", f"Bearer {ping['client_notification_token']}"),
    )
    if callback.trace is not None:
        headers += callback.trace.headers()
    body = ijson.compact({"auth_req_id": ping["auth_req_id"]})
    return compose_with_token(tools, callback, headers, body)


def require_client(origin: Origin) -> BackchannelClient:
    """Return what makes *origin* a CIBA client, or raise CredentialRefused."""
    if origin.backchannel is None:
        raise CredentialRefused
    return origin.backchannel


# What clients do


def poll(stored: Records, tools: Tools, origin: Guid, secret: SecretId) -> Decision[PolledRequest]:
    """Return a request with its state now; note the time of the token request while it waits."""
    challenge, request = _requested(stored, origin, secret)
    state = challenge.state_at(tools.now)
    interval = timedelta(seconds=request.interval)
    if state not in UNFINISHED:
        ended_challenge = replace(challenge, state=state)
        return Decision(
            result=PolledRequest(challenge=ended_challenge, interval=interval, too_early=False)
        )
    next_at = None if request.polled_at is None else request.polled_at + interval
    too_early = next_at is not None and tools.now < next_at
    if next_at is not None and next_at >= challenge.deadline:
        # It is too early until the end, however often the client comes: nothing has to be stored.
        return Decision(
            result=PolledRequest(challenge=challenge, interval=interval, too_early=too_early)
        )
    if too_early:
        interval += SLOWER
    polled_request = replace(request, polled_at=tools.now, interval=int(interval.total_seconds()))
    polled_challenge = revise(challenge, backchannel=polled_request)
    return Decision(
        result=PolledRequest(challenge=polled_challenge, interval=interval, too_early=too_early),
        writes=(polled_challenge,),
    )


async def redeem(
    stored: Records,
    tools: Tools,
    client: Origin,
    secret: SecretId,
    *,
    claims: Mapping[str, Any],
    life: timedelta,
) -> Decision[RedeemedRequest]:
    """
    Decide to issue the tokens of an approved request, whose ID token the service signs.

    An ID token logs in by itself, so what ends the use of an approval ends this, too.

    Args:
        stored: The challenge, its account, the client as it is now, and the approved action.
        client: As it was when it authenticated.
        claims: The ID token's claims, but for its times and the hash of the access token.
        life: Of the ID token.
    """
    challenge, request = _requested(stored[:2], client.guid, secret)
    _require_unrevoked(stored[2], client.token_generation, tools)
    if not challenge.approved:
        raise WrongState("not approved")
    approvals = _require_approvals(challenge, stored[3])
    if challenge.action is not None and tools.now >= challenge.action.valid_until:
        raise DeadlinePassed
    account = require_account(stored[1])
    unlocked(account)
    if not answers_for(account, None if challenge.outcome is None else challenge.outcome.device):
        raise ApproverInactive
    token_secret = tools.entropy(SECRET_BYTES)
    access_token = write_secret_id(challenge.guid, token_secret)
    id_token = await Signing(
        typ="JWT",
        payload=lambda issuer: ijson.compact(
            {
                **claims,
                "iat": int(tools.now.timestamp()),
                "exp": int((tools.now + life).timestamp()),
                **_access_token_hash(access_token, issuer),
            }
        ),
    )
    redeemed_request = replace(
        request,
        redeemed_at=tools.now,
        token_hash=keys.digest(token_secret),
        token_generation=client.token_generation,
    )
    redeemed_challenge = revise(challenge, backchannel=redeemed_request)
    return Decision(
        result=RedeemedRequest(
            challenge=redeemed_challenge, access_token=access_token, id_token=id_token
        ),
        writes=(redeemed_challenge,),
        # A lock of the account, a device that is revoked, or a withdrawal of the approval
        # comes before or after.
        guards=(account, *approvals),
        audit=(AuditEntry(challenge.guid),),
    )


def _require_approvals(challenge: Challenge, stored: Record | None) -> tuple[ApprovedAction, ...]:
    """Return the approved action that *challenge* asked for, if any; refuse a withdrawn one."""
    if challenge.action is None:
        return ()
    approval = require(stored, ApprovedAction)
    if approval.state is ActionState.WITHDRAWN:
        # By its origin, or by a service that was restored: then tokens may have been issued.
        raise NotApproved("withdrawn")
    return (approval,)


def _access_token_hash(access_token: str, issuer: PublicKey) -> dict[str, str]:
    half_hash = HALF_HASHES.get(issuer.algorithm)
    if half_hash is None:
        return {}
    digest = half_hash(access_token.encode()).digest()
    return {"at_hash": keys.b64url(digest[: len(digest) // 2])}


async def find_bearer(stored: Records, tools: Tools, secret: SecretId) -> Decision[RelyingParty]:
    """Decide to return the client that an access token was issued to."""
    challenge = stored[0]
    request = challenge.backchannel if isinstance(challenge, Challenge) else None
    if not isinstance(challenge, Challenge) or request is None or not request.token_hash:
        raise CredentialRefused
    keys.require_equal(request.token_hash, secret.secret_hash, CredentialRefused)
    clients = await records(challenge.origin)
    # When the client's secrets and keys are revoked, so are its tokens.
    _require_unrevoked(clients[0], request.token_generation, tools)
    return await load_party(clients, tools, "backchannel")


def _require_unrevoked(client: Record | None, generation: int, tools: Tools) -> None:
    """Refuse a client whose secrets and keys were revoked since it had *generation*."""
    if not (
        isinstance(client, Origin)
        and may_authenticate(client, tools.now)
        and client.token_generation == generation
    ):
        raise CredentialRefused


def _requested(
    stored: Records, origin: Guid, secret: SecretId
) -> tuple[Challenge, BackchannelRequest]:
    record, account = stored
    challenge = require(record, Challenge)
    if challenge.origin != origin:
        raise Foreign
    request = challenge.backchannel
    if request is None:
        raise NotFound
    keys.require_equal(request.secret_hash, secret.secret_hash, NotFound)
    require_account(account)
    if request.redeemed_at is not None:
        raise TokenSpent
    return challenge, request


# What administrators do


async def register(
    stored: Records,
    tools: Tools,
    by: Administrator,
    *,
    mode: DeliveryMode,
    notification_endpoint: str | None,
    jwks: Mapping[str, Any] | None,
    endpoint_audiences: bool | None,
) -> Decision[Origin]:
    """Decide to register an origin as a CIBA client; keys or audiences that are None stay."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    client = _client(tools, origin, mode, notification_endpoint, jwks)
    if endpoint_audiences is not None:
        client = replace(client, endpoint_audiences=endpoint_audiences)
    generation = token_generation(origin, replace(origin, backchannel=client), tools.now)
    return edit_record(origin, admin, {"backchannel": client, "token_generation": generation})


async def unregister(stored: Records, _: Tools, by: Administrator) -> Decision[Origin]:
    """Decide to make an origin a CIBA client no longer."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    return edit_record(origin, admin, {"backchannel": None})


def _client(
    tools: Tools,
    origin: Origin,
    mode: DeliveryMode,
    notification_endpoint: str | None,
    jwks: Mapping[str, Any] | None,
) -> BackchannelClient:
    if (mode is DeliveryMode.PING) != (notification_endpoint is not None):
        raise InvalidField("notificationEndpoint", "the mode ping has one, and poll has none")
    if notification_endpoint is not None:
        text_fits(notification_endpoint, tools.policy.callback_bytes, "notificationEndpoint")
        callback_allowed(notification_endpoint, allow_list(origin, tools.policy))
    client = replace(
        origin.backchannel or BackchannelClient(),
        mode=mode,
        notification_endpoint=notification_endpoint,
    )
    return client if jwks is None else replace(client, keys=_client_keys(jwks))


def _client_keys(jwks: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    members = jwks.get("keys")
    if not isinstance(members, list) or jwks.keys() != {"keys"} or len(members) > KEYS_LIMIT:
        raise InvalidField("jwks", f"not a JWK Set of at most {KEYS_LIMIT} keys")
    return registered_keys(dict(enumerate(_renamed(members))))


def _renamed(members: list[Any]) -> list[Any]:
    """Return the members of a JWK Set, with the names that our keys have for their algorithms."""
    return [
        {**jwk, "alg": ALGORITHM_SYNONYMS[jwk["alg"]]}
        if isinstance(jwk, Mapping) and jwk.get("alg") in [*ALGORITHM_SYNONYMS]
        else jwk
        for jwk in members
    ]
