"""
A pretend authenticator in software, with one passkey, as a browser would use it.

It makes assertions as WebAuthn says, and whatever else a test sets: a wrong origin, a flag that is
not there, another relying party. Not for production: nobody is present, and nobody is verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import attrs
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from counterseal import ijson, keys
from counterseal.keys.passkeys import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    GET,
    USER_PRESENT,
    USER_VERIFIED,
    AssertionParts,
)
from counterseal.keys.public import jwk_of
from counterseal.models import PASSKEY_ALGORITHMS, Algorithm, Passkey, PublicKey

ORIGIN = "https://auth.example.com"
"""Where passkeys are used in a service for tests."""
RP_ID = "auth.example.com"

SYNCED = USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP
"""The flags of a passkey that its owner has on several devices."""
DEVICE_BOUND = USER_PRESENT | USER_VERIFIED
"""Those of one that never leaves its authenticator."""


@attrs.define(kw_only=True, slots=False, eq=False)
class FakePasskey:
    """
    A passkey, with what its authenticator and its browser say; a test may change each.

    Attributes:
        kid: The id that the key has in the service.
        algorithm: One of `PASSKEY_ALGORITHMS`.
        flags: Of the authenticator data.
        sign_count: Its counter, which stays as it is.
        client: Members of the client data that are added, or in place of others.
    """

    kid: str = "passkey"
    algorithm: Algorithm = Algorithm.ES256
    rp_id: str = RP_ID
    origin: str = ORIGIN
    flags: int = SYNCED
    sign_count: int = 0
    client: Mapping[str, Any] = attrs.field(factory=dict)

    @cached_property
    def private(self) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey:
        """The private key, which is made when it is first needed."""
        if self.algorithm is Algorithm.ES256:
            return ec.generate_private_key(ec.SECP256R1())
        if self.algorithm is Algorithm.EDDSA:
            return ed25519.Ed25519PrivateKey.generate()
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def public(self) -> PublicKey:
        """The public key, as a service would bind it now."""
        members = jwk_of(self.private.public_key())
        passkey = Passkey(
            rp_id_hash=keys.b64url(hashlib.sha256(self.rp_id.encode()).digest()),
            origins=(self.origin,),
            credential_id=keys.b64url(hashlib.sha256(ijson.canonical(members)).digest()),
            backup_eligible=bool(self.flags & BACKUP_ELIGIBLE),
        )
        return keys.public_key(
            {**members, "kid": self.kid, "alg": PASSKEY_ALGORITHMS[self.algorithm]},
            algorithms=frozenset({self.algorithm}),
            passkey=passkey,
        )

    def get(self, challenge: bytes) -> AssertionParts:
        """Make an assertion over *challenge*, as `navigator.credentials.get()` does."""
        client: dict[str, Any] = {
            "type": GET,
            "challenge": keys.b64url(challenge),
            "origin": self.origin,
            "crossOrigin": False,
        }
        client_data = ijson.compact(client | dict(self.client))
        authenticator_data = (
            hashlib.sha256(self.rp_id.encode()).digest()
            + bytes([self.flags])
            + self.sign_count.to_bytes(4)
        )
        data = authenticator_data + hashlib.sha256(client_data).digest()
        return AssertionParts(authenticator_data, client_data, self.signature(data))

    def sign(self, data: bytes) -> bytes:
        """Return the third part of a token whose header and claims are *data*."""
        return keys.write_assertion(self.get(keys.challenge_of(data)))

    def signature(self, data: bytes) -> bytes:
        """Sign *data* as an authenticator does (WebAuthn Level 3, 6.5.5)."""
        private: Any = self.private
        if self.algorithm is Algorithm.ES256:
            return bytes(private.sign(data, ec.ECDSA(SHA256())))
        if self.algorithm is Algorithm.EDDSA:
            return bytes(private.sign(data))
        return bytes(private.sign(data, padding.PKCS1v15(), SHA256()))
