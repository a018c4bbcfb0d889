"""
Signed tokens of clients: the one encoding that is accepted, and the key that has to fit.

The client's keys say which algorithm is allowed, never the token (RFC 8725, 3.1).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import attrs
from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from counterseal.errors import (
    CredentialRefused,
    EndpointAudience,
    InvalidField,
    MalformedToken,
    Refused,
    WrongAlgorithm,
    WrongKey,
    WrongSignature,
    WrongType,
)
from counterseal.ijson import parse
from counterseal.models import BackchannelClient, PublicKey
from counterseal.models.ciba import ALGORITHM_SYNONYMS

TOKEN_LIMIT = 16_384
"""Characters."""

LEEWAY = timedelta(seconds=30)
"""How much a client's clock may differ."""

LIFE_LIMIT = timedelta(hours=1)
"""The most that a token may be valid: so long its `jti` is remembered."""

JTI_LIMIT = 128
TEXT_LIMIT = 1_024
PARTS = 3


@attrs.frozen
class SignedToken:
    """
    A parsed token; nothing in it is verified.

    Attributes:
        signed: The bytes that the signature covers.
    """

    header: dict[str, Any]
    claims: dict[str, Any] = attrs.field(repr=False)
    signed: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Audiences:
    """
    What clients may name as the audience of what they sign.

    Attributes:
        issuer: The service: alone, each client may name it (draft-ietf-oauth-rfc7523bis).
        endpoints: A client with `BackchannelClient.endpoint_audiences` may name them as well.
    """

    issuer: str
    endpoints: tuple[str, ...]


def read_signed(text: str) -> SignedToken:
    """
    Parse a compact JWS without verifying it.

    Raises:
        MalformedToken: It is not the canonical encoding, or has a member twice.
    """
    parts = text.split(".")
    if len(text) > TOKEN_LIMIT or not text.isascii() or len(parts) != PARTS:
        raise MalformedToken
    header = _object(parts[0])
    if "crit" in header or "b64" in header:
        raise MalformedToken
    return SignedToken(
        header,
        _object(parts[1]),
        f"{parts[0]}.{parts[1]}".encode("ascii"),
        decode_b64url(parts[2]),
    )


def verify_signed(
    token: SignedToken, client_keys: Collection[PublicKey], types: Collection[str]
) -> None:
    """
    Verify that one of *client_keys* has signed *token*.

    Args:
        client_keys: Those of the client that the token names.
        types: What its `typ` may be, in lower case; a token without one passes.

    Raises:
        WrongType: It is of another type.
        WrongKey: No key fits its `kid` and `alg`, or several do.
        WrongAlgorithm: It is not signed, or by a shared secret.
        WrongSignature: The signature is not valid.
    """
    header = token.header
    typ, alg, kid = header.get("typ", "jwt"), header.get("alg"), header.get("kid")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in types:
        raise WrongType
    if not isinstance(alg, str) or alg.lower() == "none" or alg.startswith("HS"):
        raise WrongAlgorithm
    alg = ALGORITHM_SYNONYMS.get(alg, alg)
    fitting = [key for key in client_keys if key.alg == alg and kid in (None, key.kid)]
    if len(fitting) != 1:
        raise WrongKey
    try:
        public = jwk.import_key(json.loads(fitting[0].jwk))
        is_valid = JWSRegistry.algorithms[alg].verify(token.signed, token.signature, public)
    except (JoseError, ValueError):
        raise WrongSignature from None
    if not is_valid:
        raise WrongSignature


def require_times(claims: dict[str, Any], now: datetime, *, needs: Collection[str]) -> datetime:
    """
    Require that a token is valid now, and return when its `jti` may be forgotten.

    Args:
        claims: Of the token.
        now: The time.
        needs: Which of `iat` and `nbf` it has to have; `exp` always.

    Raises:
        InvalidField: A time is missing, malformed or out of range; it is named.
    """
    seconds, leeway = now.timestamp(), LEEWAY.total_seconds()
    expires = _number(claims, "exp", needed=True)
    if expires is None or expires <= seconds - leeway:
        raise InvalidField("exp", "in the past")
    for name in ("iat", "nbf"):
        value = _number(claims, name, needed=name in needs)
        if value is None:
            continue
        if value > seconds + leeway:
            raise InvalidField(name, "in the future")
        if expires - value > LIFE_LIMIT.total_seconds():
            raise InvalidField("exp", f"more than {int(LIFE_LIMIT.total_seconds())} s after {name}")
    if expires > seconds + LIFE_LIMIT.total_seconds() + leeway:
        raise InvalidField("exp", "too far in the future")
    return now + timedelta(seconds=expires - seconds + leeway)


def require_audience(
    claims: dict[str, Any], audiences: Audiences, client: BackchannelClient
) -> None:
    """
    Require that a token of *client* is for this service and for nobody else.

    Raises:
        EndpointAudience: It names an endpoint, and the client may name the issuer alone.
        InvalidField: It names nobody, another service, or one audience twice.
    """
    audience = claims.get("aud")
    names = audience if isinstance(audience, list) else [audience]
    accepted = (audiences.issuer, *audiences.endpoints)
    if not names or any(name not in accepted or names.count(name) > 1 for name in names):
        raise InvalidField("aud", "not this service alone")
    if names != [audiences.issuer] and not client.endpoint_audiences:
        raise EndpointAudience


def require_party(claims: dict[str, Any], name: str, client_id: str) -> None:
    """
    Require that a claim names the client.

    Raises:
        InvalidField: It is missing, or names another one.
    """
    if claims.get(name) != client_id:
        raise InvalidField(name, "another client")


def require_text(claims: dict[str, Any], name: str, limit: int = TEXT_LIMIT) -> str:
    """
    Return a claim that has to be a text.

    Raises:
        InvalidField: It is missing, empty, too long or no text.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not value or len(value) > limit:
        raise InvalidField(name, "missing, empty, too long or not a text")
    return value


def check_assertion(
    token: SignedToken,
    *,
    client_id: str,
    client: BackchannelClient,
    audiences: Audiences,
    now: datetime,
) -> tuple[str, datetime]:
    """
    Check a client assertion (RFC 7523, 3; OpenID Connect Core, 9), and return its single use.

    Raises:
        EndpointAudience: It holds, but for an endpoint as audience, which the client may not name.
        CredentialRefused: It does not hold; the reason is its cause.
    """
    try:
        verify_signed(token, client.keys, ("jwt", "client-authentication+jwt"))
        for name in ("iss", "sub"):
            require_party(token.claims, name, client_id)
        until = require_times(token.claims, now, needs=())
        jti = require_text(token.claims, "jti", JTI_LIMIT)
        require_audience(token.claims, audiences, client)
    except EndpointAudience:
        raise
    except Refused as refusal:
        raise CredentialRefused from refusal
    return jti, until


def decode_b64url(text: str) -> bytes:
    """
    Decode base64url without padding.

    Raises:
        MalformedToken: *text* is empty, or not the canonical encoding.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise MalformedToken from None
    if not text or base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii") != text:
        raise MalformedToken
    return data


def _number(claims: dict[str, Any], name: str, *, needed: bool) -> float | None:
    value = claims.get(name)
    if value is None and not needed:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise InvalidField(name, "missing, or not a time")
    return float(value)


def _object(text: str) -> dict[str, Any]:
    try:
        members = parse(decode_b64url(text))
    except InvalidField:
        raise MalformedToken from None
    if not isinstance(members, dict):
        raise MalformedToken
    return members
