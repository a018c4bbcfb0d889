"""
Bearers: the tokens by which a realm authenticates a request, and is called back.

Keycloak makes them in `HttpAuthenticationChannelProvider.createBearerToken`: issuer and audience
are the realm, `jti` names the authentication, `sub` the user, and `azp` the client.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import attrs

from counterseal import keys
from counterseal.errors import CredentialRefused, InvalidField, Refused, WrongKey
from counterseal.models import ChannelRealm

BEARER_LIMIT = 8_192
"""Characters; one with a key of 4096 bits has about 1,200."""

TEXT_LIMIT = 255
"""Characters of an id."""

LEEWAY = timedelta(seconds=30)
"""How much later than ours the realm's clock may be; `exp` has none, as in Keycloak."""

LIFE_LIMIT = timedelta(days=1)
"""The most that a bearer may still be valid: so long its `jti` is remembered."""

TYPE = "Bearer"
"""The claim `typ`: Keycloak's refresh tokens have the same audience, and another type."""

CALLBACK = "/protocol/openid-connect/ext/ciba/auth/callback"
"""Below the realm's URL (`CibaRootEndpoint`, `BackchannelAuthenticationCallbackEndpoint`)."""


@attrs.frozen(kw_only=True)
class Bearer:
    """
    A verified bearer.

    Attributes:
        token: The token itself, the key to the callback.
        account_id: Whom the realm asks.
        client: The client id, at Keycloak, of the program that asks.
        request: Names the authentication.
        until: When it expires.
    """

    token: str = attrs.field(repr=False)
    account_id: str
    client: str
    request: str
    until: datetime


def read_bearer(authorization: str) -> str:
    """
    Return the token of a header `Authorization`.

    Raises:
        CredentialRefused: The header has none.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise CredentialRefused
    return token.strip()


def verify_bearer(token: str, realm: ChannelRealm, now: datetime) -> Bearer:
    """
    Verify a bearer by the keys of its realm, whose algorithms are pinned.

    Raises:
        CredentialRefused: It does not hold; the reason is its cause.
    """
    try:
        return _verified(token, realm, now)
    except Refused as refusal:
        raise CredentialRefused from refusal


def _verified(token: str, realm: ChannelRealm, now: datetime) -> Bearer:
    jws = keys.read(token, limit=BEARER_LIMIT)
    key = next((key for key in realm.keys if key.kid == jws.header.kid), None)
    if key is None:
        raise WrongKey
    claims = keys.verify(jws, key, expected_typ="JWT")
    if claims.get("iss") != realm.issuer:
        raise InvalidField("iss", "another realm")
    if claims.get("aud") not in (realm.issuer, [realm.issuer]):
        raise InvalidField("aud", "not the realm alone")
    if claims.get("typ") != TYPE:
        raise InvalidField("typ", f"not {TYPE}")
    until = _time(claims, "exp")
    if until <= now:
        raise InvalidField("exp", "in the past")
    if until > now + LIFE_LIMIT:
        raise InvalidField("exp", "too far in the future")
    for name in ("iat", "nbf"):
        if name in claims and _time(claims, name) > now + LEEWAY:
            raise InvalidField(name, "in the future")
    return Bearer(
        token=token,
        account_id=_text(claims, "sub"),
        client=_text(claims, "azp"),
        request=_text(claims, "jti"),
        until=until,
    )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_LIMIT:
        raise InvalidField(name, "missing, empty, too long or not a text")
    return value


def _time(claims: dict[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if type(value) is not int or not 0 <= value < 2**33:
        raise InvalidField(name, "missing, or not a time")
    return datetime.fromtimestamp(value, UTC)


def require_issuer(issuer: str) -> str:
    """
    Return the issuer of a realm, such as `https://keycloak.example/realms/shop`.

    Raises:
        InvalidField: It is no URL by http or https that ends with `/realms/` and a name.
    """
    try:
        parts = urlsplit(issuer)
    except ValueError:
        parts = urlsplit("")
    before, _, name = parts.path.rpartition("/")
    is_realm = bool(name) and before.endswith("/realms")
    if parts.scheme not in {"http", "https"} or not parts.netloc or not is_realm:
        raise InvalidField("issuer", "no URL that ends with /realms/ and the name of a realm")
    if issuer != f"{parts.scheme}://{parts.netloc}{parts.path}":
        raise InvalidField("issuer", "it has more than a host and a path")
    return issuer


def callback_of(issuer: str) -> str:
    """
    Return where a realm is called back.

    Raises:
        InvalidField: As `require_issuer`.
    """
    return require_issuer(issuer) + CALLBACK
