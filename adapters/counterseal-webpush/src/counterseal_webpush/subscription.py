"""
Subscriptions, as `PushSubscription.toJSON()` of a browser or a UnifiedPush library returns them.

It is the push address, as JSON: `{"endpoint": "https://…", "keys": {"p256dh": "…", "auth": "…"}}`.
Other members, such as `expirationTime`, are ignored.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

import attrs

POINT_BYTES = 65
"""An uncompressed point of P-256 (RFC 8291, 3.2)."""

AUTH_BYTES = 16
"""RFC 8291, 3.2."""

_BASE64 = re.compile(r"[A-Za-z0-9_-]*={0,2}")


class Unusable(ValueError):
    """The address is not a subscription. The text does not contain the address."""


@attrs.frozen(kw_only=True)
class Subscription:
    """
    The URL for a device's messages, and the keys by which only the device can read them.

    Attributes:
        endpoint: The URL; keep it secret, since knowing it is enough to send to it.
        point: The public key of the device, uncompressed.
        auth: A secret of the device that the push service does not know.
    """

    endpoint: str = attrs.field(repr=False)
    point: bytes = attrs.field(repr=False)
    auth: bytes = attrs.field(repr=False)


def read_subscription(text: str) -> Subscription:
    """
    Parse a push address.

    Raises:
        Unusable: *text* lacks a member, or a key is malformed.
    """
    try:
        members: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise Unusable("not JSON") from None
    keys = members.get("keys") if isinstance(members, dict) else None
    if not isinstance(keys, dict) or not isinstance(members.get("endpoint"), str):
        raise Unusable("not a subscription")
    return Subscription(
        endpoint=members["endpoint"],
        point=_key(keys.get("p256dh"), POINT_BYTES),
        auth=_key(keys.get("auth"), AUTH_BYTES),
    )


def _key(text: object, size: int) -> bytes:
    # Browsers omit the padding; some libraries for apps do not.
    if not isinstance(text, str) or not _BASE64.fullmatch(text):
        raise Unusable("not base64url")
    unpadded = text.rstrip("=")
    try:
        key = base64.urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))
    except (binascii.Error, ValueError):
        raise Unusable("not base64url") from None
    if len(key) != size:
        raise Unusable("a key of another length")
    return key
