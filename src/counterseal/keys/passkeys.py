"""
Passkeys: a WebAuthn assertion (Level 3, 7.2) as the third part of a token.

A passkey cannot sign arbitrary bytes: it signs an assertion, which has a challenge. Here the
challenge is SHA-256 of the bytes that a JWS signature would cover, the token's header and claims,
and the third part of the token is the canonical JSON (RFC 8785) of three members, each base64url:

| member | value |
|---|---|
| `authenticatorData` | 37 bytes: SHA-256 of the relying party id, flags, signature counter |
| `clientDataJSON` | what the browser says: `type`, `challenge`, `origin`, and more |
| `signature` | over `authenticatorData` and SHA-256 of `clientDataJSON`; in DER for ECDSA |

Extensions and attested data are refused, although the standard allows them: nobody has to ask for
them in order to sign, and a reader without them needs no CBOR.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any

import attrs
from cryptography.exceptions import InvalidSignature

from counterseal import ijson
from counterseal.errors import (
    AssertionElsewhere,
    BackupChanged,
    CrossOrigin,
    InvalidField,
    MalformedAssertion,
    MalformedToken,
    UserAbsent,
    UserUnverified,
    WrongCeremony,
    WrongOrigin,
    WrongRpId,
    WrongSignature,
)
from counterseal.keys.private import ES256, PKCS1, SHA256
from counterseal.keys.public import load
from counterseal.keys.secret import b64url, digest, require_equal, unb64url
from counterseal.models import Algorithm, Passkey, PublicKey

GET = "webauthn.get"
_BEFORE_CHALLENGE = '{"type":"webauthn.get","challenge":"'
_AFTER_ORIGIN = ',"crossOrigin":false}'

RP_ID_HASH_BYTES = 32
AUTHENTICATOR_DATA_BYTES = 37
CLIENT_DATA_LIMIT = 4_096
"""Bytes; browsers write some 150, and an origin is a host name of 253 at most."""
SIGNATURE_LIMIT = 1_024
"""Bytes; what an RSA key of 8,192 bits needs."""
CREDENTIAL_ID_LIMIT = 1_023
"""Bytes (WebAuthn Level 3, 4)."""

USER_PRESENT = 0x01
USER_VERIFIED = 0x04
BACKUP_ELIGIBLE = 0x08
BACKED_UP = 0x10
ATTESTED_DATA = 0x40
EXTENSION_DATA = 0x80
"""The flags of authenticator data (WebAuthn Level 3, 6.1)."""


def _base64url(least: int, most: int) -> str:
    """Return the pattern of base64url of *least* to *most* bytes."""
    low, high = ((count * 4 + 2) // 3 for count in (least, most))
    return rf"([\w-]{{{low},{high}}})"


_ASSERTION = re.compile(
    rf'\{{"authenticatorData":"{_base64url(AUTHENTICATOR_DATA_BYTES, AUTHENTICATOR_DATA_BYTES)}"'
    rf',"clientDataJSON":"{_base64url(1, CLIENT_DATA_LIMIT)}"'
    rf',"signature":"{_base64url(1, SIGNATURE_LIMIT)}"\}}',
    re.ASCII,
)
"""The canonical form has no white space, and its members in this order."""


@attrs.define
class AssertionParts:
    """An assertion that has been read but not verified: everything in it is a claim."""

    authenticator_data: bytes = attrs.field(repr=False)
    client_data: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)

    @property
    def flags(self) -> int:
        """The flags of the authenticator data."""
        return self.authenticator_data[RP_ID_HASH_BYTES]

    @property
    def backup_eligible(self) -> bool:
        """Whether the passkey says that it may be copied to other devices (BE)."""
        return bool(self.flags & BACKUP_ELIGIBLE)


@attrs.define(kw_only=True)
class Assertion:
    """
    What a verified assertion says besides who signed.

    Attributes:
        origin: The web origin on which the passkey was used.
        user_verified: Whether the authenticator verified the user (UV): always, here.
        backup_eligible: Whether the passkey may be copied to other devices (BE).
        backed_up: Whether it is copied now (BS).
        sign_count: The authenticator's counter, for the audit log; many authenticators send 0.
    """

    origin: str
    user_verified: bool
    backup_eligible: bool
    backed_up: bool
    sign_count: int


def read_assertion(data: bytes) -> AssertionParts:
    """
    Read the third part of a passkey's token, without verifying it.

    Raises:
        MalformedAssertion: *data* is not spelled as this module requires, or its flags contradict
            each other.
    """
    match = _ASSERTION.fullmatch(data.decode("latin-1"))
    if match is None:
        raise MalformedAssertion
    try:
        authenticator_data, client_data, signature = map(unb64url, match.groups())
    except MalformedToken:
        raise MalformedAssertion from None
    flags = authenticator_data[RP_ID_HASH_BYTES]
    if flags & (ATTESTED_DATA | EXTENSION_DATA):
        raise MalformedAssertion("attested data or extensions")
    if flags & BACKED_UP and not flags & BACKUP_ELIGIBLE:
        raise MalformedAssertion("backed up, but not eligible for it")
    return AssertionParts(authenticator_data, client_data, signature)


def write_assertion(parts: AssertionParts) -> bytes:
    """Write the third part of a passkey's token, before base64url."""
    return ijson.canonical(
        {
            "authenticatorData": b64url(parts.authenticator_data),
            "clientDataJSON": b64url(parts.client_data),
            "signature": b64url(parts.signature),
        }
    )


def challenge_of(signed: bytes) -> bytes:
    """Return the WebAuthn challenge for the header and claims of a token."""
    return hashlib.sha256(signed).digest()


def verify_assertion(data: bytes, signed: bytes, key: PublicKey, passkey: Passkey) -> Assertion:
    """
    Verify that *key*, which is pinned as *passkey* says, signed the header and claims *signed*.

    Args:
        data: The third part of the token.

    Raises:
        MalformedAssertion: *data* cannot be read.
        WrongCeremony, AssertionElsewhere, WrongOrigin, CrossOrigin: Its client data is of another
            kind, challenge, origin, or of a frame.
        WrongRpId, UserAbsent, UserUnverified, BackupChanged: Its authenticator data is for another
            relying party, or its flags are not as they have to be.
        WrongSignature: The signature is not valid.
    """
    parts = read_assertion(data)
    origin = _require_client_data(parts.client_data, signed, passkey)
    authenticator_data = parts.authenticator_data
    flags = authenticator_data[RP_ID_HASH_BYTES]
    if authenticator_data[:RP_ID_HASH_BYTES] != _rp_id_hash(passkey.rp_id_hash):
        raise WrongRpId
    if not flags & USER_PRESENT:
        raise UserAbsent
    if not flags & USER_VERIFIED:
        raise UserUnverified
    if bool(flags & BACKUP_ELIGIBLE) is not passkey.backup_eligible:
        raise BackupChanged
    verify_signature(
        parts.signature, authenticator_data + hashlib.sha256(parts.client_data).digest(), key
    )
    return Assertion(
        origin=origin,
        user_verified=True,
        backup_eligible=passkey.backup_eligible,
        backed_up=bool(flags & BACKED_UP),
        sign_count=int.from_bytes(authenticator_data[RP_ID_HASH_BYTES + 1 :]),
    )


def _require_client_data(client_data: bytes, signed: bytes, passkey: Passkey) -> str:
    """Check the type, challenge, origin and frame in the client data; return its web origin."""
    expected_challenge = digest(signed)
    for known_origin in passkey.origins:
        # Most browsers mostly write exactly this (5.8.1.1), and comparing is faster than parsing.
        usual = f'{_BEFORE_CHALLENGE}{expected_challenge}","origin":"{known_origin}"{_AFTER_ORIGIN}'
        if client_data == usual.encode():
            return known_origin
    try:
        client: Any = ijson.parse(client_data)
    except InvalidField:
        raise MalformedAssertion from None
    if not isinstance(client, dict):
        raise MalformedAssertion
    challenge, origin = client.get("challenge"), client.get("origin")
    if not isinstance(challenge, str) or not isinstance(origin, str) or "tokenBinding" in client:
        raise MalformedAssertion
    if client.get("type") != GET:
        raise WrongCeremony
    require_equal(challenge, expected_challenge, AssertionElsewhere)
    if origin not in passkey.origins:
        raise WrongOrigin
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        raise CrossOrigin
    return origin


@lru_cache(maxsize=1024)
def _rp_id_hash(text: str) -> bytes:
    return unb64url(text)


def verify_signature(signature: bytes, data: bytes, key: PublicKey) -> None:
    """Verify a signature as WebAuthn has it (6.5.5): as in a JWS, but in DER for ECDSA."""
    loaded: Any = load(key.jwk)
    try:
        if key.algorithm is Algorithm.ES256:
            loaded.verify(signature, data, ES256)
        elif key.algorithm is Algorithm.EDDSA:
            loaded.verify(signature, data)
        else:
            loaded.verify(signature, data, PKCS1, SHA256)
    except InvalidSignature:
        raise WrongSignature from None
