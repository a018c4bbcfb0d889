"""The secret that service and relay share, as Standard Webhooks spells one."""

from __future__ import annotations

import base64
import binascii

from counterseal.errors import InvalidField
from counterseal.wire.webhook import SECRET_PREFIX

SIZES = range(24, 65)
"""Standard Webhooks 1.0: 24 to 64 bytes."""


def read_secret(text: str) -> bytes:
    """
    Read `whsec_` and base64 of 24 to 64 bytes.

    Raises:
        InvalidField: It is something else.
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
    Read one secret, or two with white space between while they change.

    Raises:
        InvalidField: One is something else, or there is none.
    """
    secrets = tuple(read_secret(each) for each in text.split())
    if not secrets:
        raise InvalidField("secret", "missing")
    return secrets
