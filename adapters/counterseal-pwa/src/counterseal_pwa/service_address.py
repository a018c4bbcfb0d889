"""Addresses that the app calls: its service, if that is elsewhere, and hosts of documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from counterseal.errors import InvalidField
from counterseal.wire.link import is_base

LOOPBACK = frozenset({"localhost", "127.0.0.1"})
"""The hosts that a page on HTTPS may call by plain HTTP (Secure Contexts, 3.1)."""

_DOCUMENTS = re.compile(r"https://[a-z0-9_-]+(\.[a-z0-9_-]+)*(:[1-9][0-9]{0,4})?")


def require_service(service: str) -> str:
    """
    Return *service*, if a browser can call it from an app on HTTPS.

    Raises:
        InvalidField: It is not an address like https://auth.example.com; it is plain HTTP, and not
            on this machine; or its host is an IPv6 address, which no Content Security Policy names.
    """
    if not is_base(service) or service != service.lower():
        message = "not an address like https://auth.example.com, without a slash at its end"
        raise InvalidField("service", message)
    parts = urlsplit(service)
    if parts.hostname is None or ":" in parts.hostname:
        raise InvalidField("service", "an IPv6 address, which no Content Security Policy names")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise InvalidField("service", "not https")
    return service


def require_documents(origins: Iterable[str]) -> tuple[str, ...]:
    """
    Return *origins*, if a browser can fetch documents from each.

    Raises:
        InvalidField: One is not a web origin like https://files.example.com, in lower case and
            without a slash at its end.
    """
    checked = (origins,) if isinstance(origins, str) else tuple(origins)
    for origin in checked:
        if not _DOCUMENTS.fullmatch(origin):
            raise InvalidField("documents", f"{origin!r} is not like https://files.example.com")
    return checked


def origin_of(service: str) -> str:
    """Return the web origin of a service's address."""
    parts = urlsplit(service)
    return f"{parts.scheme}://{parts.netloc}"
