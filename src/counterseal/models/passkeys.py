"""Passkeys: the web origins that each is pinned to, and whether a policy allows passkeys."""

from __future__ import annotations

import enum
import re
from typing import Any
from urllib.parse import urlsplit

import attrs

from counterseal.errors import InvalidField

ORIGINS_LIMIT = 8
"""Web origins of one App Space; every receipt of a passkey's answer has them."""

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PORT = r"(?::(?!443\Z)[1-9][0-9]{0,4})?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?!(?:.*\.)?[0-9]+\Z){_LABEL}(?:\.{_LABEL})*")
"""An IPv4 address does not match: its last label is a number."""
_ORIGIN = re.compile(rf"https://({_LABEL}(?:\.{_LABEL})*){_PORT}")
_LOCAL = re.compile(r"http://((?:[a-z0-9-]+\.)*localhost)(?::(?!80\Z)[1-9][0-9]{0,4})?")
"""A browser treats it as secure, without TLS (WebAuthn needs a secure context)."""
_ENTRY = re.compile(r"(?:([^:/?#]*)://)?([^/?#]*)([^?#]*)(.*)", re.DOTALL)
"""Scheme, authority, path, and what follows (RFC 3986, appendix B)."""
_DEFAULT_PORTS = {"https": "443", "http": "80"}
_LAST_PORT = 65535
_ANDROID_APP = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""What Android says for an app: SHA-256 of the certificate that signed it, base64url."""


class PasskeyUse(enum.Enum):
    """Whether a device's strong key may be a passkey."""

    REFUSE = "refuse"
    """No passkey is bound, and none that was bound answers."""
    WITH_DEVICE_KEY = "with_device_key"
    """A passkey that may be copied is a strong key only if its answer names a device key, too."""
    ALLOW = "allow"
    """Each passkey is a strong key like any other."""


@attrs.frozen(kw_only=True)
class Passkey:
    """
    What a passkey is pinned to when it is bound (WebAuthn Level 3, 7.2).

    Attributes:
        rp_id_hash: SHA-256 of the relying party id, base64url.
        origins: The web origins where it may be used, each compared whole.
        backup_eligible: Whether it may be copied to other devices (BE).
        credential_id: base64url; a browser finds the passkey by it, and it decides nothing. Empty
            in a passkey that was read from a receipt.
        aaguid: The authenticator's model, a UUID, where an attestation has proven it.
    """

    rp_id_hash: str
    origins: tuple[str, ...]
    backup_eligible: bool
    credential_id: str = ""
    aaguid: str | None = None


@attrs.frozen(kw_only=True)
class PasskeyScope:
    """
    Where an App Space's passkeys are used.

    Attributes:
        rp_id: The relying party id (WebAuthn Level 3, 4): the host of each origin, or a domain
            above it.
        origins: Web origins, as browsers write them: `https://`, host, and the port unless it is
            443; `http://` for `localhost` only. Or `android:apk-key-hash:` for an Android app,
            which Android lets use the relying party id by the domain's Digital Asset Links.

    Raises:
        InvalidField: It names the member that is not so.
    """

    rp_id: str = attrs.field()
    origins: tuple[str, ...] = attrs.field()

    @rp_id.validator
    def _domain(self, _: Any, value: str) -> None:
        if not isinstance(value, str) or not _HOST.fullmatch(value):
            raise InvalidField("passkeys.rpId", "not a domain in lower case")

    @origins.validator
    def _within_rp_id(self, _: Any, value: tuple[str, ...]) -> None:
        field = "passkeys.origins"
        if not 1 <= len(value) <= ORIGINS_LIMIT:
            raise InvalidField(field, f"not 1 to {ORIGINS_LIMIT} of them")
        for origin in value:
            if _ANDROID_APP.fullmatch(origin):
                continue
            host = host_of(origin)
            if host is None:
                raise InvalidField(field, "not a web origin in lower case, by https")
            if host != self.rp_id and not host.endswith(f".{self.rp_id}"):
                raise InvalidField(field, "a host that is not within rpId")


def host_of(origin: str) -> str | None:
    """Return the host of a web origin on which browsers have passkeys; None for another text."""
    match = _ORIGIN.fullmatch(origin) or _LOCAL.fullmatch(origin)
    return match[1] if match is not None and _HOST.fullmatch(match[1]) else None


def read_domain(text: str, *, field: str) -> str:
    """
    Return the normal form of a domain where passkeys of an origin's users are used.

    It is the host in lower case, and the port unless it is the scheme's own: `shop.example.com`,
    `localhost:3000`. *text* is that, or its web origin as a URL: `https://`, and `http://` at and
    below `localhost`, where browsers have passkeys without TLS. Letters of a scheme and of a host
    mean the same in upper case, and a URL means the same with `/` as its path (RFC 3986, 6.2).

    Raises:
        InvalidField: *text* means no such web origin, or more than one, by *field*.
    """
    if not text.isascii() or (match := _ENTRY.fullmatch(text.lower())) is None:
        raise _no_domain(field)
    scheme, authority, path, rest = match.groups()
    host, colon, port = authority.partition(":")
    expected_scheme = _scheme_at(host)
    if rest:
        raise _no_domain(field, "a query or a fragment")
    if path and (path != "/" or scheme is None):
        raise _no_domain(field, "a path")
    if "@" in authority:
        raise _no_domain(field, "a user name")
    if scheme not in {None, expected_scheme}:
        raise _no_domain(field, f"another scheme than {expected_scheme}")
    entry = host if colon and port == _DEFAULT_PORTS[expected_scheme] else authority
    if host_of(web_origin_at(entry)) is None or int(port or 0) > _LAST_PORT:
        raise _no_domain(field)
    return entry


def _no_domain(field: str, part: str = "") -> InvalidField:
    problem = "not a domain, like shop.example.com, localhost:3000 or https://shop.example.com"
    return InvalidField(field, f"{problem}: it has {part}" if part else problem)


def rp_id_at(entry: str) -> str:
    """Return the relying party id for a domain of an allow-list: its host."""
    return entry.partition(":")[0]


def web_origin_at(entry: str) -> str:
    """Return the web origin that a domain of an allow-list means."""
    return f"{_scheme_at(rp_id_at(entry))}://{entry}"


def _scheme_at(host: str) -> str:
    return "http" if host == "localhost" or host.endswith(".localhost") else "https"


def origin_of(url: str) -> str:
    """Return the web origin of *url*; empty if browsers have no passkeys there."""
    try:
        parts = urlsplit(url)
        default = {"https": 443, "http": 80}.get(parts.scheme)
        port = "" if parts.port in {None, default} else f":{parts.port}"
        origin = f"{parts.scheme}://{parts.hostname}{port}"
    except ValueError:
        return ""
    return origin if host_of(origin) is not None else ""


def scope_of(origin: str) -> PasskeyScope | None:
    """Return the scope of one web origin alone; None if it is empty."""
    return PasskeyScope(rp_id=host_of(origin) or "", origins=(origin,)) if origin else None
