"""
Callbacks on the wire: Standard Webhooks 1.0. It writes `v1` signatures, and reads `v1a` too.

`webhook-id` is the callback's GUID and stays the same at every attempt,
`webhook-timestamp` is the attempt's, and `webhook-signature` lists one `v1,…` for each live key,
so that a receiver can change keys without a gap.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime

from counterseal.errors import UnfitKey
from counterseal.keys import b64url, mac, public_key
from counterseal.keys.jws import verify_bytes
from counterseal.models import Algorithm, Guid, PublicKey

SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix, not a secret)
SECRET_BYTES = 32
PUBLIC_PREFIX = "whpk_"


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


def read_public_text(text: str) -> PublicKey:
    """Read a public Ed25519 key as its receiver configures it, `whpk_…`; else raise UnfitKey."""
    try:
        data = base64.b64decode(text.removeprefix(PUBLIC_PREFIX))
    except (binascii.Error, ValueError):
        raise UnfitKey("not base64") from None
    if text != PUBLIC_PREFIX + _base64(data):
        raise UnfitKey("not whpk_ and base64")
    header = {"kid": PUBLIC_PREFIX, "alg": Algorithm.EDDSA.value}
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(data), **header}
    return public_key(jwk, algorithms=frozenset({Algorithm.EDDSA}))


def verify_asymmetric(signature: bytes, signed: bytes, key: PublicKey) -> None:
    """Verify one `v1a` signature, 64 bytes; raise WrongSignature unless it is valid."""
    verify_bytes(signature, signed, key)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
