"""Public keys as the store holds them, each with the one algorithm it is pinned to."""

from __future__ import annotations

import enum

import attrs


class Algorithm(enum.Enum):
    """The JWS algorithms of RFC 7518 and RFC 8037 that a key may be pinned to."""

    ES256 = "ES256"
    """ECDSA on P-256 with SHA-256; the signature is raw r||s of 64 bytes."""
    EDDSA = "EdDSA"
    """Ed25519."""
    PS256 = "PS256"
    """RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes."""
    RS256 = "RS256"
    """RSASSA-PKCS1-v1_5 with SHA-256."""


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
        jwk: The public JWK (RFC 7517) in canonical JSON, required members only.
        thumbprint: RFC 7638 with SHA-256, base64url.
    """

    kid: str
    algorithm: Algorithm
    jwk: str
    thumbprint: str


@attrs.frozen(kw_only=True)
class DeviceKey:
    """A public key in its role on one device."""

    role: Role
    key: PublicKey
