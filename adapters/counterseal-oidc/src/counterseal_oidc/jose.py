"""
Signed tokens in the one encoding that is accepted, and the algorithms that may sign them.

The App Space's settings and the key say which algorithm is allowed, never the token
(RFC 8725, 3.1).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from counterseal_oidc.errors import TokenAlgorithm, TokenMalformed

TOKEN_LIMIT = 16_384
"""Characters of a token; one with many groups has some 4,000."""

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}

ALGORITHMS: Mapping[str, str] = MappingProxyType(
    {
        **{f"{family}{size}": "RSA" for family in ("RS", "PS") for size in _HASHES},
        "ES256": "P-256",
        "ES384": "P-384",
        "ES512": "P-521",
        "EdDSA": "Ed25519",
        "Ed25519": "Ed25519",
    }
)
"""The kind of key of each accepted algorithm; `none` and those of shared secrets are absent."""


@attrs.frozen(kw_only=True)
class Token:
    """
    A parsed token; nothing in it is verified.

    Attributes:
        signed: The octets that the signature covers.
    """

    header: dict[str, Any]
    claims: dict[str, Any] = attrs.field(repr=False)
    signed: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)

    @property
    def algorithm(self) -> str:
        """The header's `alg`."""
        return str(self.header.get("alg"))

    @property
    def kid(self) -> str | None:
        """The header's `kid`, if there is one."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


def read_token(text: str) -> Token:
    """
    Parse a compact JWS without verifying it.

    Raises:
        TokenMalformed: *text* is not the canonical encoding, or has a member twice.
        TokenAlgorithm: The token needs an extension (RFC 7515, 4.1.11).
    """
    if len(text) > TOKEN_LIMIT or not text.isascii():
        raise TokenMalformed
    parts = text.split(".")
    if len(parts) != 3:  # noqa: PLR2004 (RFC 7515, 3.1)
        raise TokenMalformed
    header = _object(parts[0])
    if "crit" in header or "b64" in header:
        raise TokenAlgorithm
    return Token(
        header=header,
        claims=_object(parts[1]),
        signed=f"{parts[0]}.{parts[1]}".encode("ascii"),
        signature=decode_b64url(parts[2]),
    )


def require_algorithm(token: Token, allowed: tuple[str, ...]) -> None:
    """
    Require that the token names one of the *allowed* algorithms.

    Raises:
        TokenAlgorithm: It names another algorithm, or one that does not sign with a key pair.
    """
    if token.algorithm not in allowed or token.algorithm not in ALGORITHMS:
        raise TokenAlgorithm


def half_hash(text: str, algorithm: str) -> str:
    """Return `at_hash` of an access token (OpenID Connect Core, 3.1.3.6)."""
    # The hash is the algorithm's own; that of Ed25519 is SHA-512.
    digest = _HASHES.get(algorithm[2:], hashlib.sha512)(text.encode()).digest()
    return b64url(digest[: len(digest) // 2])


def b64url(data: bytes) -> str:
    """Encode *data* as base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_b64url(text: str) -> bytes:
    """
    Decode base64url without padding.

    Raises:
        TokenMalformed: *text* is empty, or not the canonical encoding.
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise TokenMalformed from None
    if not text or b64url(data) != text:
        raise TokenMalformed
    return data


def _object(text: str) -> dict[str, Any]:
    try:
        members: Any = json.loads(decode_b64url(text), object_pairs_hook=_unique_members)
    except (ValueError, RecursionError):
        raise TokenMalformed from None
    if not isinstance(members, dict):
        raise TokenMalformed
    return members


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise TokenMalformed
    return members
