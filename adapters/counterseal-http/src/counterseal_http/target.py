"""
Targets: URLs to call, parsed once and strictly.

The result decides both where a connection goes and what is sent; the URL is not parsed again.
What two parsers could read differently is refused: credentials, a fragment, a backslash, white
space, control characters, a dot at the end of a name, and an IP address in decimal, octal,
hexadecimal or short form.
Names become A-labels (IDNA 2008, RFC 5891) in lower case; nothing else is mapped.
"""

from __future__ import annotations

import re
from functools import lru_cache

import attrs
import idna

from counterseal_http.addresses import read_address
from counterseal_http.errors import Forbidden

DEFAULT_PORTS = {"http": 80, "https": 443}

URL_LIMIT = 8192
"""About what HTTP recommends that every receiver supports (RFC 9110, 4.1: 8000 octets)."""

NAME_LIMIT = 253
"""RFC 1035, 2.3.4: 255 octets on the wire, with a length before each label and one at the end."""

OTHER_DOTS = frozenset("\u3002\uff0e\uff61")
"""Characters that some parsers take for a full stop (RFC 3490, 3.1)."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<host>\[[0-9A-Fa-f:.]*\]|[^\[\]/?#:@]*)(?::(?P<port>[0-9]*))?"
    r"(?P<path>(?:/[^?#]*)?(?:\?[^#]*)?)"
)
_REQUEST_TARGET = re.compile(r"[!-~]*")
"""Printable ASCII without space, which a request line can contain unchanged."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123, 2.1."""

_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes parsers take the whole name for an IPv4 address (WHATWG URL, 3.5)."""


@attrs.frozen(kw_only=True)
class Target:
    """
    A URL that can be called.

    Attributes:
        host: A name in A-labels, or an IP address without brackets.
        path: Path and query, as they are sent.
    """

    scheme: str
    host: str
    port: int
    path: str = attrs.field(repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port, in ASCII and without a default port (RFC 6454, 6.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        """The URL, in ASCII and without a default port."""
        return f"{self.origin}{self.path}"


@lru_cache(maxsize=1_024)
def read_target(url: str) -> Target:
    """
    Parse *url*.

    Raises:
        Forbidden: *url* is not an `http` or `https` URL in the accepted form.
    """
    parts = _URL.fullmatch(url) if len(url) <= URL_LIMIT else None
    if parts is None:
        raise _refusal("not a plain address")
    scheme, path = parts["scheme"].lower(), parts["path"]
    if scheme not in DEFAULT_PORTS:
        raise _refusal("neither http nor https")
    if not _REQUEST_TARGET.fullmatch(path) or "\\" in path:
        raise _refusal("a path that cannot be sent as it is")
    return Target(
        scheme=scheme,
        host=read_host(parts["host"]),
        port=_port(parts["port"], scheme),
        path=path if path.startswith("/") else f"/{path}",
    )


def read_host(text: str) -> str:
    """
    Parse the host of a URL: a name, an IPv4 address, or an IPv6 address in brackets.

    Raises:
        Forbidden: *text* is not a host, or not in a form that all parsers read alike.
    """
    if text.startswith("["):
        literal = read_address(text[1:-1])
        if literal is None or literal.version == 4:  # noqa: PLR2004 (the version)
            raise _refusal("not an IPv6 address in brackets")
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
        raise _refusal("not a host name")
    if _NUMERIC.fullmatch(labels[-1]):
        raise _refusal("an odd spelling of an IP address")
    return text


def _a_labels(text: str) -> str:
    if len(text) > NAME_LIMIT or OTHER_DOTS & set(text):
        raise _refusal("not a host name")
    try:
        return idna.encode(text.lower(), std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise _refusal("a name that has no A-label") from None


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return DEFAULT_PORTS[scheme]
    port = int(text) if re.fullmatch(r"[1-9][0-9]{0,4}", text) else 0
    if not 0 < port < 2**16:
        raise _refusal("not a port")
    return port


def _refusal(reason: str) -> Forbidden:
    return Forbidden(reason, final=True)
