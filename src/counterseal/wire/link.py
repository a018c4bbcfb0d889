"""
The bind link of a QR code: written in two forms, and read in these and the older ones.

    https://auth.example.com/app/#bind?st=<session token>&appSpaceGuid=…&appSpaceName=…&service=…
    counterseal://bind?st=<session token>&appSpaceGuid=…&appSpaceName=…&privakeyId=…&displayName=…

The first opens a device in the browser: its members are in the fragment, which no browser sends to
a server. Values are percent-encoded UTF-8 (RFC 3986). In the older `authwallet://st=…` forms they
are not always: there, a value that cannot be decoded is used as it is.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Guid, guid

SCHEME = "counterseal://bind?"
OLD_SCHEME = "authwallet://"
FRAGMENT = "/#bind?"
"""Between the address of an app in the browser and the members."""

LINK_LIMIT = 4096
"""Characters; a QR code holds fewer."""

_REQUIRED = ("st", "appSpaceGuid", "appSpaceName")
_OPTIONAL = ("privakeyId", "displayName")
_SERVICE = "service"
_OLD_SEPARATOR = re.compile(rf"&(?=(?:{'|'.join(_REQUIRED + _OPTIONAL)})=)")
"""In the old forms a value may hold a bare `&`."""

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")


@attrs.frozen(kw_only=True)
class BindLink:
    """
    The values that a device needs to complete a bind; older links lack the account.

    Attributes:
        app: The address of the app in the browser that opens the link; None for an app that
            handles `counterseal:` links.
        service: The address of the service; None where the device knows it.
    """

    token: str = attrs.field(repr=False)
    app_space: Guid
    app_space_name: str
    account: Guid | None = None
    display_name: str | None = None
    app: str | None = None
    service: str | None = None


def write_link(link: BindLink) -> str:
    """
    Return the link as text.

    Raises:
        InvalidField: `link.app` or `link.service` is not a base address.
    """
    for name, address in (("app", link.app), (_SERVICE, link.service)):
        if address is not None and not is_base(address):
            raise InvalidField(f"link.{name}", "not an address like https://auth.example.com")
    members = {
        "st": link.token,
        "appSpaceGuid": link.app_space,
        "appSpaceName": link.app_space_name,
        "privakeyId": link.account,
        "displayName": link.display_name,
        _SERVICE: link.service,
    }
    return (SCHEME if link.app is None else f"{link.app}{FRAGMENT}") + "&".join(
        f"{name}={quote(value, safe='')}" for name, value in members.items() if value is not None
    )


def read_link(text: str) -> BindLink:
    """Read a bind link in any of its forms; each member once, and known."""
    if not isinstance(text, str) or len(text) > LINK_LIMIT:
        raise InvalidField("link", "not a text, or too long")
    app, rest, old = _split(text)
    members: dict[str, str] = {}
    names = _REQUIRED + _OPTIONAL if old else (*_REQUIRED, *_OPTIONAL, _SERVICE)
    for part in _OLD_SEPARATOR.split(rest) if old else rest.split("&"):
        name, equals, value = part.partition("=")
        if not equals or name not in names or name in members:
            raise InvalidField("link", "a member is unknown, without a value or given twice")
        members[name] = _decoded(value, old=old)
    for name in _REQUIRED:
        if not members.get(name):
            raise InvalidField(f"link.{name}", "missing or empty")
    account, service = members.get("privakeyId"), members.get(_SERVICE)
    if service is not None and not is_base(service):
        raise InvalidField(f"link.{_SERVICE}", "not an address like https://auth.example.com")
    return BindLink(
        token=members["st"],
        app_space=guid.parse(members["appSpaceGuid"], field="link.appSpaceGuid"),
        app_space_name=members["appSpaceName"],
        account=None if account is None else guid.parse(account, field="link.privakeyId"),
        display_name=members.get("displayName"),
        app=app,
        service=service,
    )


def _split(text: str) -> tuple[str | None, str, bool]:
    """Return the app's address if there is one, the members, and whether the form is an old one."""
    for scheme in (SCHEME, OLD_SCHEME):
        if text.startswith(scheme):
            return None, text[len(scheme) :], scheme == OLD_SCHEME
    app, fragment, members = text.partition(FRAGMENT)
    # A base address has no query, so no member is in one.
    if not fragment or not is_base(app):
        raise InvalidField("link", "not a bind link")
    return app, members, False


def _decoded(value: str, *, old: bool) -> str:
    try:
        if not _BROKEN.search(value):
            return unquote(value, errors="strict")
    except UnicodeDecodeError:
        pass
    if old:
        return value
    raise InvalidField("link", "a value is not percent-encoded UTF-8")


PORTS = range(1, 2**16)

_BASE = re.compile(
    r"https?://"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*"
)


def is_base(text: str) -> bool:
    """Tell whether *text* is a base address."""
    match = _BASE.fullmatch(text)
    return match is not None and (match["port"] is None or int(match["port"]) in PORTS)
