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

from counterseal.errors import InvalidField
from counterseal_http import Forbidden
from counterseal_http.target import read_target

POINT_BYTES = 65
"""An uncompressed point of P-256 (RFC 8291, 3.2)."""

AUTH_BYTES = 16
"""RFC 8291, 3.2."""

POINT_FIELD = "value.keys.p256dh"
"""What a malformed `point` is called in an error."""

_BASE64 = re.compile(r"[A-Za-z0-9_-]*={0,2}")


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

    Whether `p256dh` is a point of P-256 is not checked, nor whether the endpoint may be called.

    Raises:
        InvalidField: *text* lacks a member, the endpoint is no URL, or a key is malformed. The
            field is `value` or a member of it, and the error does not contain *text*.
    """
    try:
        members: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidField("value", "not JSON") from None
    if not isinstance(members, dict):
        raise InvalidField("value", "not a JSON object")
    endpoint, keys = members.get("endpoint"), members.get("keys")
    if not isinstance(endpoint, str):
        raise InvalidField("value.endpoint", "missing or not a text")
    try:
        read_target(endpoint)
    except Forbidden as error:
        raise InvalidField("value.endpoint", str(error)) from None
    if not isinstance(keys, dict):
        raise InvalidField("value.keys", "missing or not a JSON object")
    return Subscription(
        endpoint=endpoint,
        point=_key(keys.get("p256dh"), POINT_BYTES, POINT_FIELD),
        auth=_key(keys.get("auth"), AUTH_BYTES, "value.keys.auth"),
    )


def _key(text: object, size: int, field: str) -> bytes:
    # Browsers omit the padding; some libraries for apps do not.
    if not isinstance(text, str) or not _BASE64.fullmatch(text):
        raise InvalidField(field, "missing or not base64url")
    unpadded = text.rstrip("=")
    try:
        key = base64.urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))
    except (binascii.Error, ValueError):
        raise InvalidField(field, "not base64url") from None
    if len(key) != size:
        raise InvalidField(field, f"not {size} bytes")
    return key
