"""
Realm requests: challenges that a realm of Keycloak requests, and the callback to the realm.

The callback says how the challenge ended. It is sent at most once: Keycloak removes a request for
which a second one comes (`BackchannelAuthenticationCallbackEndpoint.verifyAuthenticationRequest`).
So the outbox stores that an attempt begins before it sends (`callbacks.begin_once`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal._input_limits import text_fits
from counterseal._plan import AuditEntry, Decision, Records, Tools, require, require_account
from counterseal.challenges.records import FINISHED
from counterseal.credentials.decisions.credentials import registered_keys
from counterseal.errors import CredentialRefused, Foreign, InvalidField, NotFound, WrongState
from counterseal.models import (
    UNFINISHED,
    Administrator,
    Callback,
    CancelReason,
    Challenge,
    ChallengeState,
    ChannelRealm,
    ChannelRequest,
    DeadReason,
    Origin,
    PublicKey,
    replace,
    revise,
)
from counterseal.models.ciba import CLIENT_ALGORITHMS
from counterseal.models.sealing import bearer_context
from counterseal.outbox.decisions.callbacks import Composed, compose_with_token, is_forbidden
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.decisions.tenancy import edit_record
from counterseal.tenancy.rules.addresses import allow_list, callback_allowed
from counterseal.tenancy.rules.authorization import Permission
from counterseal.wire.members import format_time

MARGIN = timedelta(seconds=5)
"""How long before its bearer token expires a request ends, so that the callback still counts."""

KEYS_LIMIT = 8
"""Keys for signatures of one realm: one for each algorithm, and those before a rotation."""

KEY_MEMBERS = frozenset({"kid", "alg", "kty", "crv", "x", "y", "n", "e"})
"""Of a key; Keycloak publishes certificates beside them."""


@attrs.define(kw_only=True)
class RealmRequestDraft:
    """What a question has that a realm requests, or a challenge that it names."""

    bearer: str = attrs.field(repr=False)
    until: datetime

    def extend(self, tools: Tools, challenge: Challenge) -> Challenge:
        """Return *challenge* as the request of the realm, which is called back at each ending."""
        request = ChannelRequest(
            sealed_bearer=tools.seal(self.bearer.encode(), bearer_context(challenge.guid)),
            until=self.until,
        )
        return replace(challenge, callback_states=FINISHED, channel=request)

    def document(self) -> dict[str, Any]:
        """Return what a repeated request must have in common besides the question."""
        bearer_hash = keys.digest(self.bearer.encode())
        return {"channel": {"bearer": bearer_hash, "until": format_time(self.until)}}


def compose_outcome(
    tools: Tools, callback: Callback, origin: Origin, challenge: Challenge, request: ChannelRequest
) -> Composed:
    """
    Compose the callback about a challenge that has ended.

    Source: `AuthenticationChannelResponse`. Members besides `status` are texts, which become notes
    of the client's session when it succeeds.
    """
    if tools.now >= request.until:
        return DeadReason.EXHAUSTED
    realm = origin.realm
    if realm is None or realm.callback != callback.url or is_forbidden(tools, callback, origin):
        return DeadReason.FORBIDDEN
    bearer = tools.open(request.sealed_bearer, bearer_context(challenge.guid)).decode()
    headers = (("content-type", "application/json"), ("authorization", f"Bearer {bearer}"))
    document = {"status": status_of(challenge), "counterseal_request": challenge.guid}
    receipt = None if challenge.outcome is None else challenge.outcome.receipt
    if receipt is not None:
        document["counterseal_receipt_sha256"] = keys.digest(receipt.encode())
    return compose_with_token(tools, callback, headers, ijson.compact(document))


def status_of(challenge: Challenge) -> str:
    """Return the status of a challenge that has ended, as Keycloak names it."""
    if challenge.approved:
        return "SUCCEED"
    reason = None if challenge.outcome is None else challenge.outcome.reason
    withdrawn = challenge.state is ChallengeState.CANCELLED and reason is not CancelReason.REFUSED
    if withdrawn or challenge.state is ChallengeState.EXPIRED:
        return "CANCELLED"
    return "UNAUTHORIZED"


def require_realm(origin: Origin) -> ChannelRealm:
    """Return the realm whose authentication channel *origin* is, or raise CredentialRefused."""
    if origin.realm is None:
        raise CredentialRefused
    return origin.realm


# What realms do


def attach(
    stored: Records,
    tools: Tools,
    origin: Origin,
    draft: RealmRequestDraft,
    *,
    account_id: str,
    client: str,
) -> Decision[Challenge]:
    """Decide to let a challenge that *origin* has issued be the request of its realm, too."""
    record, account = stored
    challenge, realm = require(record, Challenge), require_realm(origin)
    if challenge.origin != origin.guid:
        raise Foreign
    # One refusal: a client learns nothing of another's, and nothing of another person's.
    if (require_account(account).account_id, challenge.transaction_id) != (account_id, client):
        raise NotFound
    if challenge.state_at(tools.now) not in UNFINISHED:
        raise WrongState("it has ended")
    if challenge.callback or challenge.backchannel:
        raise WrongState("its outcome is sent elsewhere")
    if challenge.deadline > draft.until - MARGIN:
        raise InvalidField("duration", "the challenge may be answered after the bearer token")
    callback_allowed(realm.callback, allow_list(origin, tools.policy))
    attached_challenge = draft.extend(tools, revise(challenge, callback=realm.callback))
    return Decision(
        result=attached_challenge,
        writes=(attached_challenge,),
        audit=(AuditEntry(challenge.guid),),
    )


# What administrators do


async def register(
    stored: Records,
    tools: Tools,
    by: Administrator,
    *,
    issuer: str,
    callback: str,
    jwks: Mapping[str, Any],
    registered_only: bool,
) -> Decision[Origin]:
    """Decide to make an origin the authentication channel of a realm."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    realm = _realm(tools, origin, issuer, callback, jwks)
    return edit_record(origin, admin, {"realm": replace(realm, registered_only=registered_only)})


async def unregister(stored: Records, _: Tools, by: Administrator) -> Decision[Origin]:
    """Decide to make an origin the authentication channel of no realm."""
    origin = require(stored[0], Origin)
    admin = await permission_to(Permission.ORIGINS, by, origin)
    return edit_record(origin, admin, {"realm": None})


def _realm(
    tools: Tools, origin: Origin, issuer: str, callback: str, jwks: Mapping[str, Any]
) -> ChannelRealm:
    text_fits(issuer, tools.policy.callback_bytes, "issuer")
    text_fits(callback, tools.policy.callback_bytes, "callback")
    callback_allowed(callback, allow_list(origin, tools.policy))
    return ChannelRealm(issuer=issuer, callback=callback, keys=realm_keys(jwks))


def realm_keys(jwks: Mapping[str, Any]) -> tuple[PublicKey, ...]:
    """
    Return the keys of a realm's JWK Set that verify signatures by an allowed algorithm.

    Raises:
        InvalidField: It is no JWK Set, has no such key, too many, or two with one `kid`.
        UnfitKey: One of those keys is weak or malformed.
    """
    members = jwks.get("keys")
    if not isinstance(members, list):
        raise InvalidField("jwks", "not a JWK Set")
    names = {algorithm.value for algorithm in CLIENT_ALGORITHMS}
    fitting = {
        index: jwk
        for index, jwk in enumerate(members)
        if isinstance(jwk, Mapping)
        and jwk.get("use", "sig") == "sig"
        and isinstance(jwk.get("alg"), str)
        and jwk["alg"] in names
    }
    if not 1 <= len(fitting) <= KEYS_LIMIT:
        raise InvalidField("jwks", f"not 1 to {KEYS_LIMIT} keys for signatures by {sorted(names)}")
    return registered_keys(
        {
            index: {name: value for name, value in jwk.items() if name in KEY_MEMBERS}
            for index, jwk in fitting.items()
        }
    )
