"""
Rules of addresses: which callback addresses an origin may use, and where users may return.

- `https` only; `http` where the entry itself says `http://`, for development.
- An entry without a scheme, as clients of the CX service write it, means `https`; it means `http`
  too where the policy says that callbacks may go by it.
- An entry matches exactly. If the origin allows wildcards, `{*}` as a whole segment of the path
  matches one segment that is neither empty nor a dot-segment.
- No credentials, no fragment, no backslash, no white space or control characters, no
  percent-encoded slash, dot or percent, no percent sign that encodes nothing, no dot-segment
  even with parameters, no IP address but in its usual form, no port with zeros in front:
  nothing that two parsers could read differently, or that no sender could call.

The sender checks at each delivery which address the host name resolves to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from counterseal.errors import CallbackForbidden, InvalidField, ReturnForbidden
from counterseal.models import ClientAuth, IdpSettings, Origin, entry_addresses
from counterseal.models.passkeys import ORIGINS_LIMIT, rp_id_at
from counterseal.policy import Policy

ANY_SEGMENT = "{*}"

_PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%{}]+")
_AMBIGUOUS = re.compile(r"%(?:2e|2f|5c|25|(?![0-9a-f]{2}))", re.IGNORECASE)
_NETLOC = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?", re.IGNORECASE)
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""The last label of a name that some parsers read as an IPv4 address (WHATWG URL, 3.5)."""

_DOTS = {".", ".."}


def callback_allowed(url: str, allow_list: Iterable[str]) -> None:
    """
    Refuse *url*, which an origin names, unless an address of `allow_list` covers it.

    CallbackForbidden is raised for an address that is not spelled plainly, too.
    """
    url_parts = _split(url)
    if url_parts is None or "{" in url or "}" in url:
        raise CallbackForbidden
    for entry in allow_list:
        allowed = _split(entry)
        if allowed is not None and _covers(allowed, url_parts):
            return
    raise CallbackForbidden


def allow_list(origin: Origin, policy: Policy) -> tuple[str, ...]:
    """
    Return the addresses of the allow-list of *origin*, each with a scheme.

    Entries with a wildcard are left out unless the origin allows wildcards.
    """
    return tuple(
        address
        for entry in origin.callbacks
        if origin.wildcards or not _wild(entry)
        for address in entry_addresses(entry, plain_http=policy.callback_plain_http)
    )


def require_wildcards(entry: str, origin: Origin, *, field: str) -> None:
    """Refuse an entry with a wildcard for an origin without: it would cover nothing."""
    if _wild(entry) and not origin.wildcards:
        raise InvalidField(field, "a wildcard, which this origin is not set to")


def entry_fits(entry: str, *, field: str) -> None:
    """Refuse an entry that is no plain address, or has a wildcard but as a whole path segment."""
    (address,) = entry_addresses(entry, plain_http=False)
    parts = _split(address)
    if parts is None:
        raise InvalidField(field, "not a plain http or https address")
    for segment in parts.path.split("/"):
        if segment != ANY_SEGMENT and ("{" in segment or "}" in segment):
            raise InvalidField(field, "a wildcard that is not a whole path segment")
    if "{" in parts.query or "}" in parts.query:
        raise InvalidField(field, "a wildcard outside the path")


def domain_fits(entry: str, origin: Origin, *, field: str) -> None:
    """Refuse an entry, in its normal form, that is one too many of its domain."""
    other_entries = {each for each in origin.domains if rp_id_at(each) == rp_id_at(entry)} - {entry}
    if len(other_entries) >= ORIGINS_LIMIT:
        raise InvalidField(field, f"more than {ORIGINS_LIMIT} ports of one domain")


def _wild(entry: str) -> bool:
    return ANY_SEGMENT in entry


@lru_cache(maxsize=1_024)
def _split(url: str) -> SplitResult | None:
    if not _PLAIN.fullmatch(url) or _AMBIGUOUS.search(url):
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises if the port is invalid)
    except ValueError:
        return None
    host = _NETLOC.fullmatch(parts.netloc)
    if parts.scheme not in {"http", "https"} or host is None or not _read_alike(host[1].lower()):
        return None
    if _DOTS & {segment.partition(";")[0] for segment in parts.path.split("/")}:
        return None
    return parts


def _read_alike(host: str) -> bool:
    """Tell whether every parser reads *host* as the same name or address."""
    try:
        if host.startswith("["):
            IPv6Address(host[1:-1])
        elif _NUMERIC.fullmatch(host):
            IPv4Address(host)
    except ValueError:
        return False
    return host.startswith("[") or _DOMAIN.fullmatch(host) is not None


def _covers(allowed: SplitResult, url_parts: SplitResult) -> bool:
    if (allowed.scheme, allowed.hostname, _port(allowed), allowed.query) != (
        url_parts.scheme,
        url_parts.hostname,
        _port(url_parts),
        url_parts.query,
    ):
        return False
    patterns, segments = (allowed.path or "/").split("/"), (url_parts.path or "/").split("/")
    return len(patterns) == len(segments) and all(
        bool(segment) if pattern == ANY_SEGMENT else pattern == segment
        for pattern, segment in zip(patterns, segments, strict=True)
    )


def _port(parts: SplitResult) -> int:
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


RETURN_BYTES = 1_024
RETURNS_LIMIT = 10

_PRIVATE = re.compile(
    r"[a-z][a-z0-9+\-]*(?:\.[a-z0-9+\-]+)+:/(?:/(?=[A-Za-z0-9]))?[A-Za-z0-9\-._~]*(?:/[A-Za-z0-9\-._~]+)*"
)
_WEB = re.compile(r"https?://[A-Za-z0-9\-._~:/\[\]@!$&'()*+,;=%]+")
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?((?:/.*)?)")
_LOCALHOST = re.compile(r"http://localhost(?::[0-9]{1,5})?(?:/.*)?")


def return_allowed(uri: str, allowed: Iterable[str], policy: Policy) -> None:
    """Refuse a return address that is not in *allowed*; a loopback address may differ in port."""
    try:
        return_fits(uri, policy, field="redirectUri")
    except InvalidField:
        raise ReturnForbidden from None
    if _anywhere(uri) not in {_anywhere(each) for each in allowed}:
        raise ReturnForbidden


def return_fits(uri: str, policy: Policy, *, field: str) -> None:
    """
    Refuse a return address that is too long, not plain, or of a scheme open to any app.

    The name `localhost` is for development, since a machine may resolve it to another address (RFC
    8252, 8.3).
    """
    if len(uri) > RETURN_BYTES:
        raise InvalidField(field, "too long")
    if _PRIVATE.fullmatch(uri):
        return
    if not _WEB.fullmatch(uri):
        raise InvalidField(field, "neither https, nor loopback, nor a scheme with a dot")
    entry_fits(uri, field=field)
    if urlsplit(uri).scheme != "http" or _LOOPBACK.fullmatch(uri):
        return
    if not _LOCALHOST.fullmatch(uri):
        raise InvalidField(field, "http leads to 127.0.0.1 or [::1] only")
    if not policy.return_localhost:
        raise InvalidField(
            field, "localhost is for services that allow Identity Providers at private addresses"
        )


def idp_fits(settings: IdpSettings, policy: Policy) -> None:
    """Refuse settings of a provider with which log-ins would fail or be unsafe."""
    if settings.redirect_uri:
        entry_fits(settings.redirect_uri, field="idp.redirectUri")
    if len(settings.returns) > RETURNS_LIMIT:
        raise InvalidField("idp.returns", "too many")
    for number, uri in enumerate(settings.returns):
        return_fits(uri, policy, field=f"idp.returns[{number}]")
    if "openid" not in settings.scopes:
        raise InvalidField("idp.scopes", "without `openid`")
    if not settings.algorithms:
        raise InvalidField("idp.algorithms", "none")
    if bool(settings.sealed_secret) is (settings.client_auth is ClientAuth.NONE):
        raise InvalidField("idp.clientSecret", "goes with another way to authenticate")


def _anywhere(uri: str) -> str:
    loopback = _LOOPBACK.fullmatch(uri)
    return uri if loopback is None else loopback[1] + loopback[2]
