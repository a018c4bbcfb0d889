"""Attachments: documents of an action, fetched and compared with what the person signs."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from counterseal import keys
from counterseal.errors import InvalidField
from counterseal_http.devices import ServiceUnreachable

LARGEST = 26_214_400
"""Bytes of one attachment that a device fetches; the browser device has the same limit."""

TIMEOUT = 30
"""Seconds for the connection, and for each read."""

Connect: TypeAlias = Callable[[str, int | None], HTTPSConnection]


def connect(host: str, port: int | None) -> HTTPSConnection:
    """Return a connection that requires a valid certificate, and is opened by its first request."""
    return HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())


def demand_attachments(display: Mapping[str, Any], *, connect: Connect = connect) -> None:
    """
    Fetch each attachment of a display document, and require that it is the one that it names.

    Args:
        display: A document whose form the core has checked.
        connect: Returns a connection to a host and port.

    Raises:
        InvalidField: An attachment has another size or SHA-256, is too large for a device, or its
            address is none; the field is its index.
        ServiceUnreachable: One cannot be fetched now, or was redirected.
    """
    attachments = display.get("action", {}).get("attachments", ())
    for index, attachment in enumerate(attachments):
        _demand_attachment(attachment, f"attachments[{index}]", connect)


def _demand_attachment(attachment: Mapping[str, Any], field: str, connect: Connect) -> None:
    if attachment["size"] > LARGEST:
        raise InvalidField(field, "too large for this device")
    body = _fetch(attachment["url"], attachment["size"] + 1, field, connect)
    if len(body) != attachment["size"]:
        raise InvalidField(field, "not of the size that the request names")
    if keys.b64url(hashlib.sha256(body).digest()) != attachment["sha256"]:
        raise InvalidField(field, "not of the SHA-256 that the request names")


def _fetch(url: str, limit: int, field: str, connect: Connect) -> bytes:
    """Return the first *limit* bytes; a redirect is not followed, and no credentials are sent."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidField(field, "not an address") from None
    if host is None or "@" in parts.netloc:
        raise InvalidField(field, "an address without a host, or with credentials")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with closing(connect(host, port)) as connection:
            connection.request("GET", target, headers={"Accept-Encoding": "identity"})
            response = connection.getresponse()
            if response.status != HTTPStatus.OK:
                raise ServiceUnreachable(f"{field}: the file server says {response.status}")
            return response.read(limit)
    except (OSError, HTTPException) as error:
        problem = type(error).__name__
        raise ServiceUnreachable(f"{field}: the file cannot be fetched: {problem}") from None
