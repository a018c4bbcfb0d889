"""
Signed tokens, in the one spelling that is accepted, and the keys that verify them.

joserfc verifies signatures and reads keys.
Which algorithm counts is told by the settings and the key, never by the token (RFC 8725, 3.1),
and a key comes from the provider's key set, never from the token's `jku`, `x5u` or `jwk`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from counterseal_oidc.errors import (
    TokenAlgorithm,
    TokenKeyUnknown,
    TokenMalformed,
    TokenSignature,
)

TOKEN_LIMIT = 16_384
"""Characters of a token that is read; one with many groups has some 4,000."""

KEYS_LIMIT = 100
"""Keys of a set that are looked at; large providers publish about ten."""

RSA_BITS = range(2_048, 8_193)
"""RFC 7518, 3.3; and a key of ten times the size takes a hundred times as long."""

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
"""Which kind of key each signs with. None is by a shared secret, and none is `none`."""


@attrs.frozen(kw_only=True)
class Token:
    """
    A token as it came: read, and not believed.

    Attributes:
        signed: What the signature is over.
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


@attrs.frozen(kw_only=True)
class Key:
    """
    One of a provider's public keys.

    Attributes:
        algorithm: The only one that it is for, if it says.
        kind: As in `ALGORITHMS`.
    """

    kid: str | None
    algorithm: str | None
    kind: str
    public: jwk.Key = attrs.field(repr=False)

    def serves(self, token: Token) -> bool:
        """Tell whether the token may be signed with it."""
        named = token.kid is None or token.kid == self.kid
        fits = self.algorithm is None or self.algorithm == token.algorithm
        return named and fits and ALGORITHMS.get(token.algorithm) == self.kind


def read_token(text: str) -> Token:
    """
    Read a compact JWS without believing it.

    Raises:
        TokenMalformed: It is not spelled canonically, or a member stands there twice.
        TokenAlgorithm: It needs an extension (RFC 7515, 4.1.11).
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
        signature=_octets(parts[2]),
    )


def demand_algorithm(token: Token, allowed: tuple[str, ...]) -> None:
    """
    Demand one of the algorithms that the settings name.

    Raises:
        TokenAlgorithm: It is another, or none that signs with a key pair.
    """
    if token.algorithm not in allowed or token.algorithm not in ALGORITHMS:
        raise TokenAlgorithm


def key_of(token: Token, keys: tuple[Key, ...]) -> Key | None:
    """Return the only key that may have signed the token, or None."""
    found = [key for key in keys if key.serves(token)]
    return found[0] if len(found) == 1 else None


def has_key_for(token: Token, keys: tuple[Key, ...]) -> bool:
    """
    Tell whether *keys* have the key of the token.

    A token that names its key is taken at its word.
    Of one that does not, only the signature shows that it is by a key of the set, and not by one
    that the provider has changed to since.
    """
    if token.kid is not None:
        return key_of(token, keys) is not None
    try:
        verify(token, keys)
    except (TokenKeyUnknown, TokenSignature):
        return False
    return True


def verify(token: Token, keys: tuple[Key, ...]) -> None:
    """
    Verify the token's signature; `demand_algorithm` comes before.

    Raises:
        TokenKeyUnknown: None of the keys may have signed it, or several may.
        TokenSignature: It does not hold.
    """
    key = key_of(token, keys)
    if key is None:
        raise TokenKeyUnknown
    try:
        holds = JWSRegistry.algorithms[token.algorithm].verify(
            token.signed, token.signature, key.public
        )
    except (JoseError, ValueError):
        raise TokenSignature from None
    if not holds:
        raise TokenSignature


def read_keys(members: Mapping[str, Any]) -> tuple[Key, ...] | None:
    """Read a JWK set; keys that are not for verifying, or no good, are passed over."""
    listed = members.get("keys")
    if not isinstance(listed, list):
        return None
    found = (_key(entry) for entry in listed[:KEYS_LIMIT] if isinstance(entry, dict))
    return tuple(key for key in found if key is not None)


def half_hash(text: str, algorithm: str) -> str:
    """Return `at_hash` of an access token (OpenID Connect Core, 3.1.3.6)."""
    # Of the algorithm's own hash; Ed25519's is SHA-512.
    made = _HASHES.get(algorithm[2:], hashlib.sha512)(text.encode()).digest()
    return b64url(made[: len(made) // 2])


def sign(private: jwk.Key, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Write a JWT; the header says how, and the key has to fit."""
    return jwt.encode(header, claims, private, algorithms=[header["alg"]])


def b64url(data: bytes) -> str:
    """Write *data* as base64url without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _octets(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise TokenMalformed from None
    if not text or b64url(data) != text:
        raise TokenMalformed
    return data


def _object(text: str) -> dict[str, Any]:
    try:
        members: Any = json.loads(_octets(text), object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise TokenMalformed from None
    if not isinstance(members, dict):
        raise TokenMalformed
    return members


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise TokenMalformed
    return members


def _key(entry: dict[str, Any]) -> Key | None:
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    if entry.get("use", "sig") != "sig" or "d" in entry:
        return None  # a secret that is published is nobody's
    kind = _kind(entry)
    kid, algorithm = entry.get("kid"), entry.get("alg")
    if kind is None or not (isinstance(kid, str) or kid is None):
        return None
    try:
        public = jwk.import_key(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return Key(kid=kid, algorithm=algorithm, kind=kind, public=public)


def _kind(entry: dict[str, Any]) -> str | None:
    curve, modulus = entry.get("crv"), entry.get("n")
    if entry.get("kty") in ["EC", "OKP"]:
        return curve if isinstance(curve, str) and curve in ALGORITHMS.values() else None
    if entry.get("kty") != "RSA":
        return None
    try:
        bits = int.from_bytes(_octets(modulus)).bit_length() if isinstance(modulus, str) else 0
    except TokenMalformed:
        return None
    return "RSA" if bits in RSA_BITS else None
