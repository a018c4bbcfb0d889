"""Private keys: devices and the service's signers generate, export and use them."""

from __future__ import annotations

from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from counterseal.errors import UnfitKey
from counterseal.keys.ml_dsa import MLDSA44PrivateKey, generate_private, load_private
from counterseal.keys.public import jwk_of, public_key
from counterseal.models import Algorithm, PublicKey

_Key: TypeAlias = (
    ec.EllipticCurvePrivateKey | Ed25519PrivateKey | rsa.RSAPrivateKey | MLDSA44PrivateKey
)

RSA_BITS_MADE = 2048
SCALAR_BYTES = 32
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""FIPS 186-5 by SP 800-186, 3.2.1.3: private keys are between 1 and this number minus 1."""
SHA256 = hashes.SHA256()
PSS = padding.PSS(mgf=padding.MGF1(SHA256), salt_length=32)
PKCS1 = padding.PKCS1v15()
ES256 = ec.ECDSA(SHA256)
_ONE_STEP = (Algorithm.EDDSA, Algorithm.ML_DSA_44)
"""They hash and pad by themselves."""


class PrivateKey:
    """A private key in its one algorithm, with its public key."""

    def __init__(self, key: _Key, *, kid: str, algorithm: Algorithm) -> None:
        self._key = key
        self.public: PublicKey = public_key(
            {**jwk_of(key.public_key()), "kid": kid, "alg": algorithm.value},
            algorithms=frozenset({algorithm}),
        )

    def __repr__(self) -> str:
        """Show the public key only."""
        kid, algorithm = self.public.kid, self.public.algorithm.name
        return f"PrivateKey({kid=}, {algorithm=!s})"

    def sign(self, data: bytes) -> bytes:
        """Return the signature as JWS carries it (RFC 7518, 3; RFC 8037, 3.1; RFC 9964)."""
        key: Any = self._key
        algorithm = self.public.algorithm
        if algorithm is Algorithm.ES256:
            r, s = decode_dss_signature(key.sign(data, ES256))
            return r.to_bytes(32) + s.to_bytes(32)
        signature: bytes
        if algorithm in _ONE_STEP:
            signature = key.sign(data)
        else:
            signature = key.sign(data, PSS if algorithm is Algorithm.PS256 else PKCS1, SHA256)
        return signature

    def pkcs8(self, passphrase: bytes | None = None) -> bytes:
        """Return the key as PKCS #8 DER, encrypted if there is a *passphrase*; not an empty one."""
        encryption = (
            serialization.BestAvailableEncryption(passphrase)
            if passphrase is not None
            else serialization.NoEncryption()
        )
        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption
        )

    def scalar(self) -> bytes:
        """Return the 32 secret bytes of a key; raise UnfitKey for an RSA key."""
        if isinstance(self._key, (Ed25519PrivateKey, MLDSA44PrivateKey)):
            return self._key.private_bytes_raw()
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.private_numbers().private_value.to_bytes(SCALAR_BYTES)
        raise UnfitKey("an RSA key has no 32-byte form")


def generate(algorithm: Algorithm, *, kid: str) -> PrivateKey:
    """
    Generate a new key.

    Raises:
        InvalidField: *kid* is not a valid key id.
        UnfitKey: This installation has no ML-DSA-44.
    """
    key: _Key
    if algorithm is Algorithm.ES256:
        key = ec.generate_private_key(ec.SECP256R1())
    elif algorithm is Algorithm.EDDSA:
        key = Ed25519PrivateKey.generate()
    elif algorithm is Algorithm.ML_DSA_44:
        key = generate_private()
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS_MADE)
    return PrivateKey(key, kid=kid, algorithm=algorithm)


def private_key(
    data: bytes,
    *,
    kid: str,
    algorithm: Algorithm,
    passphrase: bytes | None = None,
    authenticated: bool = False,
) -> PrivateKey:
    """
    Load a key from PKCS #8 DER, or from the 32 secret bytes of a key that is not RSA.

    Args:
        data: The key.
        kid: The key's id.
        algorithm: What it signs by.
        passphrase: What PKCS #8 is encrypted with; None if it is not.
        authenticated: Whether *data* is known to be what this package wrote, as by an AEAD's tag.
            If so, the numbers of an RSA key are not checked again, which takes 44 ms of CPU.

    Raises:
        InvalidField: *kid* is not a valid key id.
        UnfitKey: The bytes are not such a key, the passphrase is wrong, or this installation has
            no ML-DSA-44.
    """
    try:
        key: object
        if len(data) == SCALAR_BYTES and algorithm is Algorithm.ES256:
            key = ec.derive_private_key(int.from_bytes(data), ec.SECP256R1())
        elif len(data) == SCALAR_BYTES and algorithm is Algorithm.EDDSA:
            key = Ed25519PrivateKey.from_private_bytes(data)
        elif len(data) == SCALAR_BYTES and algorithm is Algorithm.ML_DSA_44:
            key = load_private(data)
        else:
            key = serialization.load_der_private_key(
                data, passphrase, unsafe_skip_rsa_key_validation=authenticated
            )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnfitKey("no private key in these bytes, or a wrong passphrase") from None
    if not isinstance(key, _Key):
        raise UnfitKey("a private key of another kind")
    return PrivateKey(key, kid=kid, algorithm=algorithm)
