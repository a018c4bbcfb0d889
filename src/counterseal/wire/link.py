"""
The bind link of a QR code: written in one form, and read in that and the older ones.

    counterseal://bind?st=<session token>&appSpaceGuid=…&appSpaceName=…&privakeyId=…&displayName=…

Values are percent-encoded UTF-8 (RFC 3986). In the older `authwallet://st=…` forms they are not
always: there, a value that cannot be decoded is used as it is.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import attrs

from counterseal.errors import InvalidField
from counterseal.models import Guid, guid

SCHEME = "counterseal://bind?"
OLD_SCHEME = "authwallet://"
LINK_LIMIT = 4096
"""Characters; a QR code holds fewer."""

_REQUIRED = ("st", "appSpaceGuid", "appSpaceName")
_OPTIONAL = ("privakeyId", "displayName")
_OLD_SEPARATOR = re.compile(rf"&(?=(?:{'|'.join(_REQUIRED + _OPTIONAL)})=)")
"""In the old forms a value may hold a bare `&`."""

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")


@attrs.frozen(kw_only=True)
class BindLink:
    """The values that a device needs to complete a bind; older links lack the account."""

    token: str = attrs.field(repr=False)
    app_space: Guid
    app_space_name: str
    account: Guid | None = None
    display_name: str | None = None


def write_link(link: BindLink) -> str:
    """Return the link as text."""
    members = {
        "st": link.token,
        "appSpaceGuid": link.app_space,
        "appSpaceName": link.app_space_name,
        "privakeyId": link.account,
        "displayName": link.display_name,
    }
    return SCHEME + "&".join(
        f"{name}={quote(value, safe='')}" for name, value in members.items() if value is not None
    )


def read_link(text: str) -> BindLink:
    """Read a bind link in any of its forms; each member once, and known."""
    if not isinstance(text, str) or len(text) > LINK_LIMIT:
        raise InvalidField("link", "not a text, or too long")
    scheme = next((each for each in (SCHEME, OLD_SCHEME) if text.startswith(each)), None)
    if scheme is None:
        raise InvalidField("link", "not a bind link")
    members: dict[str, str] = {}
    rest = text[len(scheme) :]
    parts = rest.split("&") if scheme == SCHEME else _OLD_SEPARATOR.split(rest)
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or name not in _REQUIRED + _OPTIONAL or name in members:
            raise InvalidField("link", "a member is unknown, without a value or given twice")
        members[name] = _decoded(value, old=scheme == OLD_SCHEME)
    for name in _REQUIRED:
        if not members.get(name):
            raise InvalidField(f"link.{name}", "missing or empty")
    account = members.get("privakeyId")
    return BindLink(
        token=members["st"],
        app_space=guid.parse(members["appSpaceGuid"], field="link.appSpaceGuid"),
        app_space_name=members["appSpaceName"],
        account=None if account is None else guid.parse(account, field="link.privakeyId"),
        display_name=members.get("displayName"),
    )


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
