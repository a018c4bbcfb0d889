"""Attachments: documents of an action, fetched and compared with what the person signs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx2

from counterseal import keys
from counterseal.errors import InvalidField
from counterseal_demo.device_words import say
from counterseal_http import Authorities, Forbidden, Guard
from counterseal_http.client import GuardedClient, guarded_client
from counterseal_http.devices import ServiceUnreachable

LARGEST = 26_214_400
"""Bytes of one attachment that a device fetches; the browser device has the same limit."""

TIMEOUT = timedelta(minutes=2)
"""For one attachment, from resolving the name to the last byte."""

Announce: TypeAlias = Callable[[str], None]
"""Tells the person one line: what is fetched, and from where."""


def attachment_client(*, tls: Authorities | None = None) -> GuardedClient:
    """
    Return a client that fetches from public addresses, by https only.

    The origin chooses the addresses: without this guard it could reach what only this machine can.

    Args:
        tls: The authorities that servers' certificates need; by default the machine's.
    """
    return guarded_client(Guard(ports=None), timeout=TIMEOUT, response_limit=2 * LARGEST, tls=tls)


def demand_attachments(
    display: Mapping[str, Any],
    announce: Announce,
    *,
    new_client: Callable[[], GuardedClient] = attachment_client,
) -> None:
    """
    Fetch each attachment of a display document, and require that it is the one that it names.

    Args:
        display: A document whose form the core has checked.
        announce: Tells the person what is fetched, before it is.
        new_client: Makes the client that fetches.

    Raises:
        InvalidField: An attachment has another size or SHA-256, is too large for a device, or its
            address may not be called; the field is its index.
        ServiceUnreachable: One cannot be fetched now, or was redirected.
    """
    attachments = display.get("action", {}).get("attachments", ())
    if not attachments:
        return
    with new_client() as client:
        for index, attachment in enumerate(attachments):
            _demand_attachment(attachment, f"attachments[{index}]", announce, client)


def _demand_attachment(
    attachment: Mapping[str, Any], field: str, announce: Announce, client: GuardedClient
) -> None:
    size = attachment["size"]
    if size > LARGEST:
        raise InvalidField(field, "too large for this device")
    host = _authority(attachment, field)
    announce(say("fetching", name=attachment["name"], size=size, host=host))
    body = _fetch(attachment["url"], size, field, client)
    if len(body) != size:
        raise InvalidField(field, "not of the size that the request names")
    if keys.b64url(hashlib.sha256(body).digest()) != attachment["sha256"]:
        raise InvalidField(field, "not of the SHA-256 that the request names")


def _authority(attachment: Mapping[str, Any], field: str) -> str:
    try:
        return urlsplit(str(attachment["url"])).netloc
    except ValueError:
        raise InvalidField(field, "not an address") from None


def _fetch(url: str, size: int, field: str, client: GuardedClient) -> bytes:
    """Return the body, or more than *size* bytes of a longer one; no credentials are sent."""
    body = bytearray()
    try:
        with client.stream("GET", url) as response:
            if response.status_code != HTTPStatus.OK:
                status = response.status_code
                raise ServiceUnreachable(f"{field}: the file server says {status}")
            for part in response.iter_raw():
                body += part
                if len(body) > size:
                    break
    except (Forbidden, httpx2.InvalidURL) as error:
        raise InvalidField(field, f"an address that is not fetched: {error}") from None
    except httpx2.RequestError as error:
        problem = str(error) or type(error).__name__
        raise ServiceUnreachable(f"{field}: the file cannot be fetched: {problem}") from None
    return bytes(body)
