"""The secrets that service and relay share, in the form of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii

from counterseal.errors import InvalidField
from counterseal.wire.webhook import SECRET_PREFIX

SIZES = range(24, 65)
"""Standard Webhooks 1.0: 24 to 64 bytes."""


def read_secret(text: str) -> bytes:
    """
    Parse a secret: `whsec_` and base64 of 24 to 64 bytes.

    Raises:
        InvalidField: *text* is not a secret.
    """
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(SECRET_PREFIX) or len(secret) not in SIZES:
        raise InvalidField("secret", "not whsec_ and base64 of 24 to 64 bytes")
    return secret


def read_secrets(text: str) -> tuple[bytes, ...]:
    """
    Parse one secret, or two, separated by white space, while they change.

    Raises:
        InvalidField: *text* has no secret, or a malformed one.
    """
    secrets = tuple(read_secret(each) for each in text.split())
    if not secrets:
        raise InvalidField("secret", "missing")
    return secrets
