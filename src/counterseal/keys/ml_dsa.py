"""
ML-DSA-44 (FIPS 204), where the installed `cryptography` has it.

`cryptography` knows it from version 48 on, and only on a library that has it too (OpenSSL 3.5,
AWS-LC); Counterseal also runs on older versions. There, each key of ML-DSA-44 is refused, even a
stored one, so that no signature by it is accepted.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm

from counterseal.errors import UnfitKey

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
except ImportError:

    class _Absent:
        """No key is an instance of it."""

        @classmethod
        def _refuse(cls, *_: Any) -> Any:
            raise UnsupportedAlgorithm("ML-DSA-44")

        generate = from_seed_bytes = from_public_bytes = _refuse

    MLDSA44PrivateKey = MLDSA44PublicKey = _Absent  # type: ignore[misc,assignment]

__all__ = [
    "SUPPORTED",
    "MLDSA44PrivateKey",
    "MLDSA44PublicKey",
    "generate_private",
    "load_private",
    "load_public",
]

PUBLIC_BYTES = 1312
SEED_BYTES = 32
"""Bytes of a private key: the seed that both keys are made of (FIPS 204, 6.1)."""

_ABSENT = "ML-DSA-44: needs cryptography 48 or newer, on a library that has it"


def load_public(data: bytes) -> MLDSA44PublicKey:
    """
    Return the public key of *data*; any 1,312 bytes are one.

    Raises:
        UnfitKey: *data* has another length, or this installation has no ML-DSA-44.
    """
    if len(data) != PUBLIC_BYTES:
        raise UnfitKey(f"not an ML-DSA-44 key of {PUBLIC_BYTES} bytes")
    try:
        return MLDSA44PublicKey.from_public_bytes(data)
    except UnsupportedAlgorithm:
        raise UnfitKey(_ABSENT) from None


def load_private(seed: bytes) -> MLDSA44PrivateKey:
    """Return the private key of a seed of 32 bytes; UnfitKey: there is no ML-DSA-44 here."""
    try:
        return MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:
        raise UnfitKey(_ABSENT) from None


def generate_private() -> MLDSA44PrivateKey:
    """Generate a private key; UnfitKey: this installation has no ML-DSA-44."""
    try:
        return MLDSA44PrivateKey.generate()
    except UnsupportedAlgorithm:
        raise UnfitKey(_ABSENT) from None


def _supported() -> bool:
    try:
        load_public(bytes(PUBLIC_BYTES))
    except UnfitKey:
        return False
    return True


SUPPORTED = _supported()
"""Whether this installation has ML-DSA-44."""
