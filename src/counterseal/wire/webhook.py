"""
Callbacks on the wire: Standard Webhooks 1.0, `v1` signatures.

`webhook-id` is the callback's GUID and stays the same at every attempt,
`webhook-timestamp` is the attempt's, and `webhook-signature` lists one `v1,…` for each live key,
so that a receiver can change keys without a gap.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime

from counterseal.keys import mac
from counterseal.models import Guid

SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix, not a secret)
SECRET_BYTES = 32


def webhook_headers(
    secrets: Iterable[bytes], *, message: Guid, at: datetime, body: bytes
) -> tuple[tuple[str, str], ...]:
    """Return the headers of one attempt, signed with each of *secrets*."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message}.{timestamp}.".encode() + body
    signatures = " ".join(f"v1,{_base64(mac(secret, signed))}" for secret in secrets)
    headers = [
        ("content-type", "application/json"),
        ("webhook-id", message),
        ("webhook-timestamp", timestamp),
    ]
    if signatures:
        headers.append(("webhook-signature", signatures))
    return tuple(headers)


def secret_text(secret: bytes) -> str:
    """Return a webhook secret as its receiver configures it."""
    return SECRET_PREFIX + _base64(secret)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
