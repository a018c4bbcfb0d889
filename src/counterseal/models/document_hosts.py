"""Document hosts: the web origins from which the documents of actions come."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

HOSTS_LIMIT = 16
"""The most web origins that one App Space lists; nearly every call reads them."""

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
"""From 1 to 65535."""

DOCUMENT_ORIGIN = rf"https://[a-z0-9_-]{{1,63}}(\.[a-z0-9_-]{{1,63}}){{0,9}}(:({_PORT}))?"
"""
A web origin by https, in lower case and without a slash at its end; JSON Schema reads it, too.

It is no IPv6 address, which no Content Security Policy names.
"""

EXAMPLE = "a web origin like https://files.example.com"

_DEFAULT_PORT = 443


def is_document_origin(text: object) -> bool:
    """Return whether *text* is a web origin from which browsers can fetch documents."""
    return isinstance(text, str) and re.fullmatch(DOCUMENT_ORIGIN, text) is not None


def document_host(address: str) -> str:
    """
    Return the host of *address*, an https address, with its port unless that is 443.

    It is as browsers write it (URL Standard, `host`), but for an IP address that they would spell
    in another way, such as `0x7f.1`: that stays as it is.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return host if parts.port in {None, _DEFAULT_PORT} else f"{host}:{parts.port}"


def hosts_beyond(addresses: Iterable[str], origins: Iterable[str]) -> tuple[tuple[int, str], ...]:
    """
    Return the index and the host of each of *addresses* that is at none of the web *origins*.

    Args:
        addresses: Of documents, by https.
        origins: Such as `is_document_origin` accepts.
    """
    hosts = {document_host(origin) for origin in origins}
    return tuple(
        (index, host)
        for index, host in enumerate(map(document_host, addresses))
        if host not in hosts
    )
