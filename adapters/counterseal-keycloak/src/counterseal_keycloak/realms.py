"""Realms: their URLs, as Keycloak makes them."""

from __future__ import annotations

from urllib.parse import urlsplit

from counterseal.errors import InvalidField

CALLBACK = "/protocol/openid-connect/ext/ciba/auth/callback"
"""Below the realm's URL (`CibaRootEndpoint`, `BackchannelAuthenticationCallbackEndpoint`)."""


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
