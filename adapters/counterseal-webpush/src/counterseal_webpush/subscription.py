"""
Subscriptions: what a browser's `PushSubscription.toJSON()` gives, or an app's UnifiedPush library.

It is the address, as JSON: `{"endpoint": "https://…", "keys": {"p256dh": "…", "auth": "…"}}`.
Other members, such as `expirationTime`, are left alone.
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
    """It is no subscription, and will never be one. Says nothing of what it is."""


@attrs.frozen(kw_only=True)
class Subscription:
    """
    Where a message goes, and for whom alone it can be read.

    Attributes:
        endpoint: Where to POST; whoever knows it can push.
        point: The device's public key, uncompressed.
        auth: What push service and device do not share.
    """

    endpoint: str = attrs.field(repr=False)
    point: bytes = attrs.field(repr=False)
    auth: bytes = attrs.field(repr=False)


def read_subscription(text: str) -> Subscription:
    """
    Read a push address.

    Raises:
        Unusable: It lacks something, or its keys are none.
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
    # Browsers leave the padding out, and some libraries for apps do not.
    if not isinstance(text, str) or not _BASE64.fullmatch(text):
        raise Unusable("not base64url")
    bare = text.rstrip("=")
    try:
        key = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        raise Unusable("not base64url") from None
    if len(key) != size:
        raise Unusable("a key of another length")
    return key
