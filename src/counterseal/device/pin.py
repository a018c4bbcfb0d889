"""
The PIN: how a software device stores its strong key encrypted under it.

P-256, Ed25519 and ML-DSA-44 secrets are 32 bytes of which nearly any value is a key.
The PIN, through scrypt, shifts the secret, with no check value: every PIN gives some key. Only the
service can tell the signatures of a wrong key from right ones. It counts them, and revokes the
device after the last one that it allows (`counterseal.bindings.decisions.strikes`).
So neither the public strong key nor its thumbprint may lie beside the wrapped key.

RSA cannot do this: its key is sealed, and a wrong PIN is noticed here.

Nothing here protects against a thief who also has the public key, or an answer that the key signed:
such a thief can try PINs at the speed of scrypt.
"""

from __future__ import annotations

import enum
import hashlib
from typing import Protocol

import attrs

from counterseal import keys
from counterseal.errors import InvalidField, SealBroken, WrongPin
from counterseal.keys import PrivateKey
from counterseal.keys.private import P256_ORDER
from counterseal.models import Algorithm

SALT_BYTES = 16
SCRYPT_N = 2**15
SCRYPT_N_LIMIT = 2**16
"""What fits into the memory below."""
SCRYPT_R = 8
SCRYPT_P = 1
SCRYPT_MEMORY = 2**27
STRETCHED_BYTES = 48
"""128 bits more than the order, so that the shift is even."""
_SEEDS = (Algorithm.EDDSA, Algorithm.ML_DSA_44)
"""Any 32 bytes are their private key."""


class Entropy(Protocol):
    """Randomness; `counterseal.ports.Entropy` is one."""

    def token(self, size: int, /) -> bytes:
        """Return *size* random bytes."""


class Wrapping(enum.Enum):
    """How the key's bytes are encrypted."""

    SHIFTED = "shifted"
    SEALED = "sealed"


@attrs.frozen(kw_only=True)
class WrappedKey:
    """A private key under a PIN; the cost is the N of scrypt (RFC 7914), a power of two."""

    kid: str
    algorithm: Algorithm
    wrapping: Wrapping
    cost: int = attrs.field()
    salt: bytes = attrs.field(repr=False)
    wrapped: bytes = attrs.field(repr=False)

    @cost.validator
    def _power_of_two(self, _: object, value: int) -> None:
        if type(value) is not int or not 1 < value <= SCRYPT_N_LIMIT or value & (value - 1):
            raise InvalidField("cost", f"not a power of two up to {SCRYPT_N_LIMIT}")


def wrap(key: PrivateKey, pin: str, entropy: Entropy, *, cost: int = SCRYPT_N) -> WrappedKey:
    """Encrypt *key* under *pin*."""
    algorithm = key.public.algorithm
    salt = entropy.token(SALT_BYTES)
    stretched = _stretched(pin, salt, cost)
    if algorithm is Algorithm.ES256:
        shift = int.from_bytes(stretched) % (P256_ORDER - 1)
        secret = int.from_bytes(key.scalar()) - 1
        wrapping, wrapped = Wrapping.SHIFTED, ((secret + shift) % (P256_ORDER - 1)).to_bytes(32)
    elif algorithm in _SEEDS:
        wrapping, wrapped = Wrapping.SHIFTED, _xor(key.scalar(), stretched)
    else:
        aead = keys.Aead(stretched[:32], entropy.token)
        wrapping, wrapped = Wrapping.SEALED, aead.seal(key.pkcs8(), key.public.kid)
    return WrappedKey(
        kid=key.public.kid,
        algorithm=algorithm,
        wrapping=wrapping,
        cost=cost,
        salt=salt,
        wrapped=wrapped,
    )


def unwrap(wrapped_key: WrappedKey, pin: str, entropy: Entropy) -> PrivateKey:
    """Return the key that *pin* gives: any PIN gives one; for RSA a wrong one raises WrongPin."""
    stretched = _stretched(pin, wrapped_key.salt, wrapped_key.cost)
    authenticated = False
    if wrapped_key.algorithm is Algorithm.ES256:
        shift = int.from_bytes(stretched) % (P256_ORDER - 1)
        secret = ((int.from_bytes(wrapped_key.wrapped) - shift) % (P256_ORDER - 1) + 1).to_bytes(32)
    elif wrapped_key.algorithm in _SEEDS:
        secret = _xor(wrapped_key.wrapped, stretched)
    else:
        try:
            secret = keys.Aead(stretched[:32], entropy.token).open(
                wrapped_key.wrapped, wrapped_key.kid
            )
        except SealBroken:
            raise WrongPin from None
        authenticated = True
    return keys.private_key(
        secret,
        kid=wrapped_key.kid,
        algorithm=wrapped_key.algorithm,
        authenticated=authenticated,
    )


def _stretched(pin: str, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(
        pin.encode(),
        salt=salt,
        n=cost,
        r=SCRYPT_R,
        p=SCRYPT_P,
        maxmem=SCRYPT_MEMORY,
        dklen=STRETCHED_BYTES,
    )


def _xor(secret: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(secret, mask[: len(secret)], strict=True))
