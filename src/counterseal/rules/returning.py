"""
Rules of returning: where an app may take its user back after a log-in (RFC 8252, 7).

- A private-use scheme with a dot in it, as `com.example.app:/login` has: one that its maker's
  domain gave it.
- `https`, for addresses that the system leaves to one app.
- `http` at 127.0.0.1 or [::1] only, at any port where the allowed one names none that counts;
  `localhost` may lead elsewhere.
- Else letter for letter, without a query, a fragment, credentials or anything that two parsers
  could read differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from counterseal.errors import InvalidField, ReturnForbidden
from counterseal.models import ClientAuth, IdpSettings
from counterseal.rules.addresses import entry_fits

RETURN_BYTES = 1_024
RETURNS_LIMIT = 10

_PRIVATE = re.compile(
    r"[a-z][a-z0-9+\-]*(?:\.[a-z0-9+\-]+)+:/(?:/(?=[A-Za-z0-9]))?[A-Za-z0-9\-._~]*(?:/[A-Za-z0-9\-._~]+)*"
)
_WEB = re.compile(r"https?://[A-Za-z0-9\-._~:/\[\]@!$&'()*+,;=%]+")
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:/.*)?)")


def return_allowed(uri: str, allowed: Iterable[str]) -> None:
    """
    Refuse to take a user back where the App Space does not say.

    Raises:
        ReturnForbidden: None of *allowed* is it, but for the port of a loopback address.
    """
    try:
        return_fits(uri, field="redirectUri")
    except InvalidField:
        raise ReturnForbidden from None
    if _anywhere(uri) not in {_anywhere(known) for known in allowed}:
        raise ReturnForbidden


def return_fits(uri: str, *, field: str) -> None:
    """
    Refuse what no app may take its user back to.

    Raises:
        InvalidField: It is too long, not plain, or of a kind that any app could catch.
    """
    if len(uri) > RETURN_BYTES:
        raise InvalidField(field, "too long")
    if _PRIVATE.fullmatch(uri):
        return
    if not _WEB.fullmatch(uri):
        raise InvalidField(field, "neither https, nor loopback, nor a scheme with a dot")
    entry_fits(uri, field=field)
    if urlsplit(uri).scheme == "http" and not _LOOPBACK.fullmatch(uri):
        raise InvalidField(field, "http leads to 127.0.0.1 or [::1] only")


def idp_fits(settings: IdpSettings) -> None:
    """
    Refuse settings of a provider that no log-in could be begun with, or that let one go astray.

    Raises:
        InvalidField: A field does not fit.
    """
    if settings.redirect_uri:
        entry_fits(settings.redirect_uri, field="idp.redirectUri")
    if len(settings.returns) > RETURNS_LIMIT:
        raise InvalidField("idp.returns", "too many")
    for number, uri in enumerate(settings.returns):
        return_fits(uri, field=f"idp.returns[{number}]")
    if "openid" not in settings.scopes:
        raise InvalidField("idp.scopes", "without `openid`")
    if not settings.algorithms:
        raise InvalidField("idp.algorithms", "none")
    if bool(settings.sealed_secret) is (settings.client_auth is ClientAuth.NONE):
        raise InvalidField("idp.clientSecret", "goes with another way to authenticate")


def _anywhere(uri: str) -> str:
    loopback = _LOOPBACK.fullmatch(uri)
    return uri if loopback is None else loopback[1] + loopback[2]
