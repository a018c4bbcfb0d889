"""
Compact JWS (RFC 7515, 7.1): the strict reader, the verifier and the writer.

A token that this reader accepts has exactly one spelling:

- three parts of canonical base64url, the signature not empty;
- a header with exactly `alg`, `typ` and `kid`, all text: a token that brings its own
  key (`jwk`, `jku`, `x5c`, `x5u`), `crit` or `b64` is always refused;
- JSON objects without duplicate members.

Only its signature may have several forms: in ECDSA (r, n - s) is as valid as (r, s), and RSA-PSS
and ML-DSA signatures are random.
So a token is identified by its signed part (`digest_signed`), never by its whole text.

The verifier compares `typ`, `kid` and `alg` with the key's record before any cryptography.
The writer raises InvalidField for claims that JSON cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from counterseal import ijson, keys
from counterseal.errors import (
    InvalidField,
    MalformedToken,
    WrongAlgorithm,
    WrongKey,
    WrongSignature,
    WrongType,
)
from counterseal.keys.private import ES256, P256_ORDER, PKCS1, PSS, SHA256
from counterseal.keys.public import load
from counterseal.keys.secret import b64url_bytes, digest, unb64url
from counterseal.models import Algorithm, PublicKey

HEADER_LIMIT = 512
"""Characters; three short members need far less."""

P256_SIGNATURE_BYTES = 64


@attrs.frozen
class Header:
    """The three members that a token's header has."""

    alg: str
    typ: str
    kid: str


@attrs.define
class Jws:
    """
    A token that has been read but not verified: everything in it is a claim.

    Attributes:
        signed: The bytes that the signature covers: header and payload as received.
    """

    header: Header
    claimed: dict[str, Any] = attrs.field(repr=False)
    signed: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)


def read(token: str, *, limit: int) -> Jws:
    """
    Read a compact JWS of at most *limit* characters, without verifying it.

    Raises:
        MalformedToken: *token* is not spelled as this module requires.
    """
    if not isinstance(token, str) or len(token) > limit or not token.isascii():
        raise MalformedToken
    signed, _, signature = token.rpartition(".")
    header, dot, payload = signed.partition(".")
    if not dot or not signature or len(header) > HEADER_LIMIT:
        raise MalformedToken
    return Jws(
        _read_header(header),
        _object(unb64url(payload)),
        signed.encode("ascii"),
        unb64url(signature),
    )


def verify(jws: Jws, key: PublicKey, *, expected_typ: str) -> dict[str, Any]:
    """
    Return the payload of a token that the holder of *key*, which is no passkey, signed.

    Raises:
        WrongType: The header names another kind than *expected_typ* (RFC 8725, 3.11).
        WrongKey: It names another key.
        WrongAlgorithm: It names another algorithm than the key's, or the key is a passkey.
        WrongSignature: The signature is not valid.
    """
    if key.passkey is not None:
        raise WrongAlgorithm("a passkey")
    verify_by_device(jws, key, expected_typ=expected_typ)
    return jws.claimed


def verify_by_device(jws: Jws, key: PublicKey, *, expected_typ: str) -> keys.Assertion | None:
    """
    Verify that the holder of *key*, which a device may have as a passkey, signed a token.

    Returns:
        What the passkey's assertion says; None for another key.

    Raises:
        Refused: As `verify`, and for a passkey as `passkeys.verify_assertion`.
    """
    if jws.header.typ != expected_typ:
        raise WrongType
    if jws.header.kid != key.kid:
        raise WrongKey
    passkey = key.passkey
    if passkey is None:
        if jws.header.alg != key.algorithm.value:
            raise WrongAlgorithm
        verify_bytes(jws.signature, jws.signed, key)
        return None
    if jws.header.alg != key.alg:
        raise WrongAlgorithm
    return keys.verify_assertion(jws.signature, jws.signed, key, passkey)


def verify_bytes(signature: bytes, data: bytes, key: PublicKey) -> None:
    """
    Verify a bare signature as JWS carries it.

    Raises:
        WrongAlgorithm: The key is a passkey, which signs assertions only.
        WrongSignature: The signature is not valid.
    """
    if key.passkey is not None:
        raise WrongAlgorithm("a passkey")
    # The algorithm says of which class the key object is; asking the object takes longer.
    loaded: Any = load(key.jwk)
    try:
        if key.algorithm is Algorithm.ES256:
            if len(signature) != P256_SIGNATURE_BYTES:
                raise WrongSignature
            r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
            loaded.verify(encode_dss_signature(r, s), data, ES256)
        elif key.algorithm is Algorithm.EDDSA or key.algorithm is Algorithm.ML_DSA_44:
            loaded.verify(signature, data)
        else:
            pss = key.algorithm is Algorithm.PS256
            loaded.verify(signature, data, PSS if pss else PKCS1, SHA256)
    except InvalidSignature:
        raise WrongSignature from None


class SigningKey(Protocol):
    """What signs for one public key: a `PrivateKey`, or a passkey in its authenticator."""

    @property
    def public(self) -> PublicKey:
        """The public key."""

    def sign(self, data: bytes, /) -> bytes:
        """Return the third part of a token whose header and claims are *data*."""


def sign(key: SigningKey, *, typ: str, claims: dict[str, Any]) -> str:
    """Write a compact JWS with *key*."""
    return sign_with(key.sign, key.public, typ=typ, claims=claims)


def sign_with(
    signer: Callable[[bytes], bytes],
    public: PublicKey,
    *,
    typ: str,
    claims: dict[str, Any],
) -> str:
    """Write a compact JWS with a function that signs for *public*."""
    return sign_bytes(signer, public, typ=typ, payload=ijson.compact(claims, field="claims"))


def sign_bytes(
    signer: Callable[[bytes], bytes],
    public: PublicKey,
    *,
    typ: str,
    payload: bytes,
) -> str:
    """
    Write a compact JWS over a payload that is already encoded.

    An ES256 signature is written in its low-s form, whatever *signer* returned; that of a passkey
    is an assertion, as `passkeys.write_assertion` writes it.
    """
    header = _write_header(public.alg, public.kid, typ)
    signed = b".".join((header, b64url_bytes(payload)))
    signature = signer(signed)
    if public.algorithm is Algorithm.ES256 and public.passkey is None:
        signature = low_s(signature)
    return b".".join((signed, b64url_bytes(signature))).decode("ascii")


_HALF_ORDER = (P256_ORDER // 2).to_bytes(32)


def low_s(signature: bytes) -> bytes:
    """Return r and s (RFC 7518, 3.4) in the form whose s is at most half the order of P-256."""
    if signature[32:] <= _HALF_ORDER:
        return signature
    s = int.from_bytes(signature[32:])
    return signature[:32] + min(s, (P256_ORDER - s) % P256_ORDER).to_bytes(32)


def digest_signed(token: str) -> str:
    """Return SHA-256, base64url, of the signed part of a token that this module accepts."""
    signed, _, _ = token.rpartition(".")
    return digest(signed.encode("ascii"))


@lru_cache(maxsize=4096)
def _write_header(alg: str, kid: str, typ: str) -> bytes:
    return b64url_bytes(ijson.compact({"alg": alg, "kid": kid, "typ": typ}))


@lru_cache(maxsize=4096)
def _read_header(text: str) -> Header:
    # A device's header never changes, so it is parsed once.
    members = _object(unb64url(text))
    if members.keys() != {"alg", "typ", "kid"}:
        raise MalformedToken
    if not all(isinstance(value, str) for value in members.values()):
        raise MalformedToken
    return Header(**members)


def _object(data: bytes) -> dict[str, Any]:
    try:
        members = ijson.parse(data)
    except InvalidField:
        raise MalformedToken from None
    if not isinstance(members, dict):
        raise MalformedToken
    return members
