"""Secrets: hashes, MACs, constant-time comparison and encryption at rest."""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from counterseal.errors import CountersealError, MalformedToken, SealBroken

KEY_BYTES = 32
NONCE_BYTES = 12

_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")
_ENDS = {
    0: frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    2: frozenset("AQgw"),
    3: frozenset("AEIMQUYcgkosw048"),
}
"""The last characters that leave no bits over, by the length modulo 4 (RFC 4648, 3.5)."""


def b64url(data: bytes) -> str:
    """Write *data* as base64url without padding (RFC 7515, 2)."""
    return b64url_bytes(data).decode("ascii")


def b64url_bytes(data: bytes) -> bytes:
    """Write *data* as `b64url` does, for what is to be signed or sent."""
    # Both characters are rare where JSON is encoded, and searching is faster than translating.
    standard = binascii.b2a_base64(data, newline=False).rstrip(b"=")
    return standard.replace(b"+", b"-").replace(b"/", b"_")


def unb64url(text: str) -> bytes:
    """Read base64url without padding; raise MalformedToken but for its one canonical spelling."""
    if text and text[-1] not in _ENDS.get(len(text) % 4, ()):
        raise MalformedToken
    try:
        standard = text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4)
        return binascii.a2b_base64(standard, strict_mode=True)
    except ValueError:
        raise MalformedToken from None


def digest(data: bytes) -> str:
    """Return SHA-256 of *data*, base64url."""
    return b64url(hashlib.sha256(data).digest())


def token_hash(secret: str) -> bytes:
    """Return the SHA-256 under which a session token's or log-in's secret is stored."""
    return hashlib.sha256(secret.encode()).digest()


def basic_digest(secret: str, salt: bytes) -> bytes:
    """
    Return the SHA-512 over salt and secret under which a Basic secret is stored.

    A fast hash is enough because the service generates these secrets, with 256 random bits.
    """
    return hashlib.sha512(salt + secret.encode()).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SHA256 (RFC 2104)."""
    return hmac.digest(key, data, "sha256")


def constant_time_equal(secret: bytes | str, candidate: bytes | str) -> bool:
    """Tell whether two secrets are equal, in constant time; a text is compared as its UTF-8."""
    secret = secret.encode() if isinstance(secret, str) else secret
    candidate = candidate.encode() if isinstance(candidate, str) else candidate
    return hmac.compare_digest(secret, candidate)


def require_equal(
    secret: bytes | str, candidate: bytes | str, refusal: type[CountersealError]
) -> None:
    """Raise *refusal* unless *secret* and *candidate* are equal, compared in constant time."""
    if not constant_time_equal(secret, candidate):
        raise refusal


class Aead:
    """
    Encryption at rest with AES-256-GCM under one 32-byte key; else ValueError.

    Every `seal` takes a new nonce from *entropy*, which returns that many random bytes.
    """

    def __init__(self, key: bytes, entropy: Callable[[int], bytes]) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"an AEAD key has {KEY_BYTES} bytes")
        self._aead = AESGCM(key)
        self._entropy = entropy

    def seal(self, plain: bytes, context: str) -> bytes:
        """Encrypt *plain*; only the same *context* opens it again."""
        nonce = self._entropy(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt what `seal` returned; SealBroken: another key or context, or changed bytes."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise SealBroken from None
