"""
Callbacks: what a server that says it is the service POSTs to an origin's address.

Standard Webhooks 1.0, over id, timestamp and body: `v1` is HMAC-SHA256 under a shared secret,
`whsec_…`, and `v1a` Ed25519, for which the receiver has the public key, `whpk_…`.
A callback arrives at least once: keep `Callback.id`, and do nothing at a second one.
A callback that holds tells what the service said, and no more: go on with `require_approved`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import attrs

from counterseal import Refused, read_json
from counterseal.errors import UnfitKey, WrongSignature
from counterseal.models import PublicKey
from counterseal.wire.messages import ProcessedRequest, read_processed
from counterseal.wire.webhook import PUBLIC_PREFIX, read_public_text, verify_asymmetric
from counterseal_client.errors import CallbackRefused, Unfit

TOLERANCE = timedelta(minutes=5)
"""What the libraries of Standard Webhooks allow."""

BODY_LIMIT = 2_097_152
"""Octets; a receipt of the greatest length and everything else fit."""

SECRET_PREFIX = "whsec_"  # noqa: S105 (the prefix, not a secret)
SECRET_SIZES = range(24, 65)
"""Standard Webhooks 1.0: 24 to 64 bytes."""

SIGNATURES_LIMIT = 16
"""Signatures in one header that are looked at; two secrets live at once."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""No dot: the parts of what is signed are joined by dots."""

_TIMESTAMP = re.compile(r"0|[1-9][0-9]{0,11}")
_SYMMETRIC = re.compile(r"v1,([A-Za-z0-9+/]{43}=)")
_ASYMMETRIC = re.compile(r"v1a,([A-Za-z0-9+/]{86}==)")
_NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


@attrs.frozen(kw_only=True)
class Callback:
    """
    A callback whose signature holds.

    Attributes:
        id: The same at every attempt; keep it, and do nothing at a second one.
        sent_at: The attempt's time.
        request: What the service says became of the request.
    """

    id: str
    sent_at: datetime
    request: ProcessedRequest


def verify_callback(
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: bytes,
    secrets: str | Iterable[str],
    *,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> Callback:
    """
    Return the callback that *headers* and *body* are, or raise.

    Args:
        headers: The request's, in whatever case.
        body: As it came, before anybody parsed it.
        secrets: `whsec_…` or `whpk_…`, or several while they change; any of them will do, each
            for signatures of its own kind.
        now: The time, aware.
        tolerance: How far the callback's time may be from *now*, in both directions.

    Raises:
        CallbackRefused: It is none: a header is missing, given twice or malformed, no signature
            holds, it is too old or too new, or the body is no processed request.
        Unfit: There is no secret or key, one is malformed, or *now* has no time zone.
    """
    keys = tuple(_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets))
    if not keys:
        raise Unfit("no callback secret, and no public key")
    if now.tzinfo is None:
        raise Unfit("a time without a time zone")
    given = _headers(headers)
    name, timestamp = given["webhook-id"], given["webhook-timestamp"]
    if len(body) > BODY_LIMIT:
        raise CallbackRefused("too large")
    if not _ID.fullmatch(name) or not _TIMESTAMP.fullmatch(timestamp):
        raise CallbackRefused("a malformed header")
    _require_signed(f"{name}.{timestamp}.".encode() + body, given["webhook-signature"], keys)
    if abs(now.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise CallbackRefused("too old, or too new")
    try:
        request = read_processed(read_json(body))
    except Refused:
        raise CallbackRefused("the body is no processed request") from None
    sent_at = datetime.fromtimestamp(int(timestamp), UTC)
    return Callback(id=name, sent_at=sent_at, request=request)


def _headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    found: dict[str, str] = {}
    for name, value in pairs:
        lower = name.lower()
        if lower not in _NAMES:
            continue
        if lower in found or not isinstance(value, str):
            raise CallbackRefused("a header is given twice")
        found[lower] = value
    if found.keys() != set(_NAMES):
        raise CallbackRefused("a header is missing")
    return found


def _require_signed(signed: bytes, header: str, keys: tuple[bytes | PublicKey, ...]) -> None:
    listed = header.split(" ")
    if len(listed) > SIGNATURES_LIMIT:
        raise CallbackRefused("too many signatures")
    # Signatures of other versions are others' matter.
    macs, signatures = _offered(listed, _SYMMETRIC), _offered(listed, _ASYMMETRIC)
    # All are compared, each in constant time.
    held = [
        hmac.compare_digest(hmac.new(key, signed, hashlib.sha256).digest(), theirs)
        for key in keys
        if isinstance(key, bytes)
        for theirs in macs
    ]
    held += [
        _holds(theirs, signed, key)
        for key in keys
        if isinstance(key, PublicKey)
        for theirs in signatures
    ]
    if not any(held):
        raise CallbackRefused("no signature holds")


def _offered(listed: list[str], shape: re.Pattern[str]) -> list[bytes]:
    return [base64.b64decode(match[1]) for each in listed if (match := shape.fullmatch(each))]


def _holds(signature: bytes, signed: bytes, key: PublicKey) -> bool:
    try:
        verify_asymmetric(signature, signed, key)
    except WrongSignature:
        return False
    return True


def _key(secret: str) -> bytes | PublicKey:
    if secret.startswith(PUBLIC_PREFIX):
        try:
            return read_public_text(secret)
        except UnfitKey:
            raise Unfit("not a public callback key: whpk_ and base64 of 32 bytes") from None
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in SECRET_SIZES:
        raise Unfit("not a callback secret: whsec_ and base64 of 24 to 64 bytes")
    return key
