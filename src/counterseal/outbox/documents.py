"""
Webhooks on the wire: Standard Webhooks 1.0. It writes `v1` signatures, and verifies `v1a` too.

`webhook-id` is the callback's GUID and stays the same at every attempt,
`webhook-timestamp` is the attempt's, and `webhook-signature` lists one `v1,…` for each live key,
so that a receiver can change keys without a gap.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import attrs

from counterseal.errors import InvalidField, RequestStale, UnfitKey, WrongSignature
from counterseal.keys import b64url, constant_time_equal, mac, public_key
from counterseal.keys.jws import verify_bytes
from counterseal.models import Algorithm, Guid, PublicKey

SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix, not a secret)
SECRET_BYTES = 32
SECRET_SIZES = range(24, 65)
"""Standard Webhooks 1.0: 24 to 64 bytes."""

PUBLIC_PREFIX = "whpk_"

TOLERANCE = timedelta(minutes=5)
"""The default of the libraries of Standard Webhooks."""

SIGNATURES_LIMIT = 16
"""Signatures in one header; a sender that changes its key writes two."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""Without a dot: dots join the parts of what is signed."""

_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,11}")
_SYMMETRIC = re.compile(r"v1,([A-Za-z0-9+/]{43}=)")
_ASYMMETRIC = re.compile(r"v1a,([A-Za-z0-9+/]{86}==)")
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@attrs.frozen(kw_only=True)
class VerifiedWebhook:
    """
    A webhook whose signature is valid.

    Attributes:
        id: The same at every attempt.
        sent_at: The time of the attempt.
    """

    id: str
    sent_at: datetime


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


def verify_webhook(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    keys: Iterable[bytes | PublicKey],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> VerifiedWebhook:
    """
    Verify the signature of a webhook, then its time.

    Args:
        headers: The headers of the request, in any case; others than the three are ignored.
        body: The body of the request, unchanged.
        keys: Secrets for `v1` and public keys for `v1a`; a signature by one of them is enough.
        now: The time.
        tolerance: How far the webhook's time may be from *now*, in both directions.

    Raises:
        InvalidField: A header is missing, repeated or malformed, or has too many signatures.
        WrongSignature: No signature is valid.
        RequestStale: The time is outside the tolerance.
    """
    values = _read_headers(headers)
    message, timestamp = values["webhook-id"], values["webhook-timestamp"]
    for name, form in (("webhook-id", _ID), ("webhook-timestamp", _TIMESTAMP)):
        if not form.fullmatch(values[name]):
            raise InvalidField(name, "malformed")
    signatures = values["webhook-signature"].split(" ")
    if len(signatures) > SIGNATURES_LIMIT:
        raise InvalidField("webhook-signature", "too many signatures")
    signed = f"{message}.{timestamp}.".encode() + body
    # All are compared, each in constant time.
    if not any([_has_signature(signatures, signed, key) for key in keys]):  # noqa: C419
        raise WrongSignature("no signature is valid")
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise RequestStale("too old, or too new")
    return VerifiedWebhook(id=message, sent_at=datetime.fromtimestamp(int(timestamp), UTC))


def secret_text(secret: bytes) -> str:
    """Return a webhook secret as its receiver configures it."""
    return SECRET_PREFIX + _base64(secret)


def read_secret_text(text: str) -> bytes:
    """Read a webhook secret as its receiver configures it, `whsec_…`; else raise UnfitKey."""
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith(SECRET_PREFIX) or len(secret) not in SECRET_SIZES:
        raise UnfitKey("not whsec_ and base64 of 24 to 64 bytes")
    return secret


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


def _read_headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else headers:
        lower = name.lower()
        if lower in values or (lower in _HEADERS and not isinstance(value, str)):
            raise InvalidField(lower, "repeated, or not a text")
        if lower in _HEADERS:
            values[lower] = value
    for name in _HEADERS:
        if name not in values:
            raise InvalidField(name, "missing")
    return values


def _has_signature(signatures: list[str], signed: bytes, key: bytes | PublicKey) -> bool:
    if isinstance(key, bytes):
        expected = mac(key, signed)
        results = [
            constant_time_equal(signature, expected)
            for signature in _decode(signatures, _SYMMETRIC)
        ]
    else:
        results = [
            _is_valid(signature, signed, key) for signature in _decode(signatures, _ASYMMETRIC)
        ]
    return any(results)


def _decode(signatures: list[str], form: re.Pattern[str]) -> list[bytes]:
    texts = [match[1] for match in map(form.fullmatch, signatures) if match]
    # The last letter has bits that mean nothing: only one of its forms is accepted.
    decoded = [(text, base64.b64decode(text)) for text in texts]
    return [signature for text, signature in decoded if _base64(signature) == text]


def _is_valid(signature: bytes, signed: bytes, key: PublicKey) -> bool:
    try:
        verify_asymmetric(signature, signed, key)
    except WrongSignature:
        return False
    return True


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
