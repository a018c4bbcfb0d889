"""Device keys: what a device signs with, and the calls that it signs."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from counterseal.models.passkeys import Passkey


class Algorithm(enum.Enum):
    """The JWS algorithms of RFC 7518, RFC 8037 and RFC 9964 that a key may be pinned to."""

    ES256 = "ES256"
    """ECDSA on P-256 with SHA-256; the signature is raw r||s of 64 bytes."""
    EDDSA = "EdDSA"
    """Ed25519."""
    PS256 = "PS256"
    """RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes."""
    RS256 = "RS256"
    """RSASSA-PKCS1-v1_5 with SHA-256."""
    ML_DSA_44 = "ML-DSA-44"
    """ML-DSA-44 (FIPS 204) with an empty context; the signature has 2,420 bytes."""


PASSKEY_ALGORITHMS: Mapping[Algorithm, str] = MappingProxyType(
    {
        Algorithm.ES256: "WA-ES256",
        Algorithm.EDDSA: "WA-EdDSA",
        Algorithm.RS256: "WA-RS256",
    }
)
"""
The `alg` of a passkey that signs with the algorithm.

The names are private, so an ordinary JWS library refuses a passkey's token.
"""


class Role(enum.Enum):
    """What a device's key may sign."""

    DEVICE = "device"
    """API proofs and answers with weak buttons."""
    STRONG = "strong"
    """Every answer; unlocked by PIN or biometric on the device."""


@attrs.frozen(kw_only=True)
class PublicKey:
    """
    A checked public key.

    Attributes:
        kid: A random id set when the key was made; not derived from the key.
        algorithm: Of its signatures.
        jwk: The public JWK (RFC 7517) in canonical JSON, required members only.
        thumbprint: RFC 7638 with SHA-256, base64url.
        passkey: What its assertions must be for; None for a key that signs tokens itself.
    """

    kid: str
    algorithm: Algorithm
    jwk: str
    thumbprint: str
    passkey: Passkey | None = None

    @property
    def alg(self) -> str:
        """The `alg` of its JWK and of its tokens."""
        if self.passkey is None:
            return self.algorithm.value
        return PASSKEY_ALGORITHMS[self.algorithm]


class Factor(enum.Enum):
    """
    A category of authentication factors that a signature shows (PSD2, Article 4(30)).

    `knowledge` and `inherence` are no members: no device proves by which of them it verified its
    user.
    """

    POSSESSION = "possession"
    """The signature is by a key that was bound to the device."""
    KNOWLEDGE_OR_INHERENCE = "knowledge-or-inherence"
    """The device verified its user, by a PIN or a biometric, and does not say by which."""


@attrs.frozen(kw_only=True)
class DeviceKey:
    """A public key in its role on one device."""

    role: Role
    key: PublicKey

    @property
    def factors(self) -> tuple[Factor, ...]:
        """
        The factors that a signature by the key shows.

        A strong key signs only after its device verified the user. Of a passkey, the authenticator
        signs that it did so (UV); of another key, the role is the device's own statement.
        """
        if self.role is Role.STRONG:
            return (Factor.POSSESSION, Factor.KNOWLEDGE_OR_INHERENCE)
        return (Factor.POSSESSION,)


@attrs.frozen(kw_only=True)
class DeviceCall:
    """
    One call of a device: the request as it came in, and the proof that came with it.

    Attributes:
        method: Upper case.
        uri: The full public address, as configured; never taken from a Host header.
        proof: The device proof, a compact JWS.
    """

    method: str
    uri: str
    body: bytes = attrs.field(default=b"", repr=False)
    proof: str = attrs.field(repr=False)
