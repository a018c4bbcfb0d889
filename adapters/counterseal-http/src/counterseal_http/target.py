"""
Targets: an address that is called, read once and strictly.

What is read here is what is connected to and what is sent; there is no second reading.
So nothing is accepted that two readers could take for two things:
no credentials, no fragment, no backslash, no white space or control characters, no dot at the
end of a name, and no IP address in decimal, octal, hexadecimal or short form.
Names become A-labels (IDNA 2008, RFC 5891) in lower case; nothing else is mapped.
"""

from __future__ import annotations

import re

import attrs
import idna

from counterseal_http.addresses import read_address
from counterseal_http.errors import Forbidden

DEFAULT_PORTS = {"http": 80, "https": 443}

URL_LIMIT = 8192
"""Twice what HTTP asks every receiver to bear (RFC 9110, 4.1: 8000 octets is the advice)."""

NAME_LIMIT = 253
"""RFC 1035, 2.3.4: 255 octets on the wire, with a length before each label and one at the end."""

OTHER_DOTS = frozenset("\u3002\uff0e\uff61")
"""What some readers take for a full stop (RFC 3490, 3.1)."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<host>\[[0-9A-Fa-f:.]*\]|[^\[\]/?#:@]*)(?::(?P<port>[0-9]*))?"
    r"(?P<path>(?:/[^?#]*)?(?:\?[^#]*)?)"
)
_SENT = re.compile(r"[!-~]*")
"""Printable ASCII, no space: what a request line carries as it is."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, 2.1."""

_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes readers take the whole name for an IPv4 address (WHATWG URL, 3.5)."""


@attrs.frozen(kw_only=True)
class Target:
    """
    One address that can be called.

    Attributes:
        host: A name in A-labels, or an IP address without brackets.
        path: With the query, as it is sent.
    """

    scheme: str
    host: str
    port: int
    path: str = attrs.field(repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port, in ASCII and with the default port left out (RFC 6454, 6.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        """The address, in ASCII and with its default port left out."""
        return f"{self.origin}{self.path}"


def read_target(url: str) -> Target:
    """
    Read an address.

    Raises:
        Forbidden: It is not a plain `http` or `https` address.
    """
    parts = _URL.fullmatch(url) if len(url) <= URL_LIMIT else None
    if parts is None:
        raise _odd("not a plain address")
    scheme, path = parts["scheme"].lower(), parts["path"]
    if scheme not in DEFAULT_PORTS:
        raise _odd("neither http nor https")
    if not _SENT.fullmatch(path) or "\\" in path:
        raise _odd("a path that cannot be sent as it is")
    return Target(
        scheme=scheme,
        host=read_host(parts["host"]),
        port=_port(parts["port"], scheme),
        path=path if path.startswith("/") else f"/{path}",
    )


def read_host(text: str) -> str:
    """
    Read the host of an address: a name, an IPv4 address, or an IPv6 address in brackets.

    Raises:
        Forbidden: It is none, or is spelled in a way that not everybody reads alike.
    """
    if text.startswith("["):
        literal = read_address(text[1:-1])
        if literal is None or literal.version == 4:  # noqa: PLR2004 (the version)
            raise _odd("not an IPv6 address in brackets")
        return str(literal)
    if not text.isascii():
        return _name(_a_labels(text))
    literal = read_address(text)
    if literal is not None:
        return str(literal)
    return _name(text.lower())


def _name(text: str) -> str:
    labels = text.split(".")
    if len(text) > NAME_LIMIT or not all(_LABEL.fullmatch(label) for label in labels):
        raise _odd("not a host name")
    if _NUMERIC.fullmatch(labels[-1]):
        raise _odd("an odd spelling of an IP address")
    return text


def _a_labels(text: str) -> str:
    if len(text) > NAME_LIMIT or OTHER_DOTS & set(text):
        raise _odd("not a host name")
    try:
        return idna.encode(text.lower(), std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise _odd("a name that has no A-label") from None


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return DEFAULT_PORTS[scheme]
    port = int(text) if re.fullmatch(r"[1-9][0-9]{0,4}", text) else 0
    if not 0 < port < 2**16:
        raise _odd("not a port")
    return port


def _odd(reason: str) -> Forbidden:
    return Forbidden(reason, final=True)
