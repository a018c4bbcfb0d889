"""The address of the service that the app calls, where the app is on an origin of its own."""

from __future__ import annotations

from urllib.parse import urlsplit

from counterseal.errors import InvalidField
from counterseal.wire.link import is_base

LOOPBACK = frozenset({"localhost", "127.0.0.1"})
"""The hosts that a page on HTTPS may call by plain HTTP (Secure Contexts, 3.1)."""


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


def origin_of(service: str) -> str:
    """Return the web origin of a service's address."""
    parts = urlsplit(service)
    return f"{parts.scheme}://{parts.netloc}"
