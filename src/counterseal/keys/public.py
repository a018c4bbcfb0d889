"""
Public keys: checked when they are bound, and loaded from the store afterwards.

`public_key` requires of a JWK (RFC 7517, 7518, 8037, 9964), beyond what the libraries check:

- only the members that the key type needs, besides `kid`, `alg`, `use` and `key_ops`,
  and the last two, where given, for signatures;
- RSA of 2048 to 8192 bits with an odd e of at least 65537 and no more than 32 bits,
  and a modulus without the fingerprint of ROCA (CVE-2017-15361);
- P-256 only, with the point on the curve and its coordinates below the prime;
- Ed25519 only, in canonical encoding, on the curve and not of small order;
- ML-DSA-44 of 1,312 bytes, all of which are a key;
- no private members at all.

ROCA: the chips' library made both primes as `k * M + (65537**a mod M)`, where M is the product of
the first primes. So a modulus is a power of 65537 modulo M, and Coppersmith's method finds the
factors (Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017).
M has 39 to 225 primes, by the length of the key. Testing the first 39 is enough: another modulus
is such a power with a probability of 2**-154.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import combinations
from math import gcd
from typing import Final, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as EcKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from counterseal import ijson
from counterseal.errors import InvalidField, MalformedToken, UnfitKey
from counterseal.keys.ml_dsa import MLDSA44PublicKey, load_public
from counterseal.keys.secret import b64url, digest, unb64url
from counterseal.models import PASSKEY_ALGORITHMS, Algorithm, Passkey, PublicKey

GENERATOR: Final = 65537
PRIMES: Final = (
    *(2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71),
    *(73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)
"""The first 39 primes."""


def _logarithms(prime: int) -> dict[int, int]:
    """Return the exponent of each power of the generator modulo *prime*."""
    exponents: dict[int, int] = {}
    power = 1 % prime
    while power not in exponents:
        exponents[power] = len(exponents)
        power = power * GENERATOR % prime
    return exponents


_LOGARITHMS: Final = {prime: _logarithms(prime) for prime in PRIMES}


def require_no_fingerprint(modulus: int) -> None:
    """Refuse, as UnfitKey, an RSA modulus that has the fingerprint."""
    exponents: list[tuple[int, int]] = []
    for prime, logarithms in _LOGARITHMS.items():
        exponent = logarithms.get(modulus % prime)
        if exponent is None:
            return
        exponents.append((exponent, len(logarithms)))
    # One exponent fits all primes exactly if any two of them agree (Chinese remainder theorem).
    for (exponent, order), (other_exponent, other_order) in combinations(exponents, 2):
        if (exponent - other_exponent) % gcd(order, other_order):
            return
    raise UnfitKey("an RSA modulus that can be factored (ROCA, CVE-2017-15361)")


Loaded: TypeAlias = EcKey | Ed25519PublicKey | RSAPublicKey | MLDSA44PublicKey

KID_LIMIT = 128
_KID = re.compile(rf"[ -~]{{1,{KID_LIMIT}}}")
"""Control characters would swell in JSON past the header's limit."""

RSA_BITS = range(2048, 8192 + 1)
RSA_EXPONENT = range(65537, 2**32)
COORDINATE_BYTES = 32

_REQUIRED = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
    "AKP": ("alg", "kty", "pub"),
}
"""What RFC 7638 hashes, too; for AKP, RFC 9964 has the algorithm among it."""
_OPTIONAL = frozenset({"kid", "alg", "use", "key_ops"})
_NAMES: Mapping[Algorithm, str] = {algorithm: algorithm.value for algorithm in Algorithm}
_TYPE = {
    Algorithm.ES256: "EC",
    Algorithm.EDDSA: "OKP",
    Algorithm.PS256: "RSA",
    Algorithm.RS256: "RSA",
    Algorithm.ML_DSA_44: "AKP",
}

_P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ED25519_PRIME = 2**255 - 19
_ED25519_D = -121665 * pow(121666, -1, _ED25519_PRIME) % _ED25519_PRIME
_ED25519_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _ED25519_PRIME - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        _ED25519_PRIME
        - 2707385501144840649318225287225658788936804267575313519463743609750303402022,
    }
)
"""The y coordinates of the eight points whose order divides the cofactor."""


def public_key(
    jwk: object,
    *,
    algorithms: frozenset[Algorithm],
    field: str = "key",
    passkey: Passkey | None = None,
) -> PublicKey:
    """
    Check a public JWK from outside and pin its algorithm, one of *algorithms*.

    Args:
        passkey: What a passkey is pinned to. Without it, the JWK of a passkey (`WA-ES256` and its
            like) is refused, and with it that of any other key.

    Raises:
        InvalidField: A member is missing, unknown or not text; its name begins with *field*.
        UnfitKey: The key is weak, malformed, or of a kind that is not allowed.
    """
    if not isinstance(jwk, Mapping):
        raise InvalidField(field, "not a JSON object")
    kid, algorithm_name = jwk.get("kid"), jwk.get("alg")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise InvalidField(f"{field}.kid", f"not 1 to {KID_LIMIT} characters of ASCII")
    names = _NAMES if passkey is None else PASSKEY_ALGORITHMS
    algorithm = next(
        (each for each, name in names.items() if name == algorithm_name and each in algorithms),
        None,
    )
    if algorithm is None:
        raise UnfitKey("alg: not an allowed algorithm")
    if jwk.get("kty") != _TYPE[algorithm]:
        raise UnfitKey("kty: not the algorithm's key type")
    required = _REQUIRED[_TYPE[algorithm]]
    members = _members(jwk, required, field)
    for member in jwk:
        if member not in required and member not in _OPTIONAL:
            raise InvalidField(f"{field}.{ijson.printable(str(member))}", "not a public member")
    _require_for_signatures(jwk)
    text = ijson.canonical(members, field=field).decode()
    load(text)
    _require_hard(algorithm, members)
    return PublicKey(
        kid=kid,
        algorithm=algorithm,
        jwk=text,
        thumbprint=digest(text.encode()),
        passkey=passkey,
    )


def thumbprint_of(jwk: Mapping[str, object]) -> str:
    """
    Return the thumbprint of a public JWK (RFC 7638, SHA-256), base64url; the key is not checked.

    Raises:
        InvalidField: A member that its key type needs is missing or not text, or the type unknown.
    """
    required = _REQUIRED.get(str(jwk.get("kty")))
    if required is None:
        raise InvalidField("key.kty", "not a known key type")
    return digest(ijson.canonical(_members(jwk, required, "key")))


def _members(jwk: Mapping[str, object], required: Iterable[str], field: str) -> dict[str, str]:
    """Return the *required* members of *jwk*, which are texts."""
    members: dict[str, str] = {}
    for name in required:
        value = jwk.get(name)
        if not isinstance(value, str):
            raise InvalidField(f"{field}.{name}", "missing or not text")
        members[name] = value
    return members


def _require_hard(algorithm: Algorithm, members: Mapping[str, str]) -> None:
    """
    Refuse weak RSA keys that the library accepts.

    `load` omits this check, which takes as long as verifying a signature.
    """
    if algorithm is Algorithm.EDDSA and not _on_ed25519(members["x"]):
        raise UnfitKey("no point of Ed25519")
    if _TYPE[algorithm] == "RSA":
        require_no_fingerprint(int.from_bytes(unb64url(members["n"])))


def _require_for_signatures(jwk: Mapping[str, object]) -> None:
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig":
        raise UnfitKey("use: not for signatures")
    if not isinstance(operations, list) or "verify" not in operations:
        raise UnfitKey("key_ops: not for verifying")


@lru_cache(maxsize=8192)
def load(jwk: str) -> Loaded:
    """Return the key object of a canonical JWK; raise UnfitKey if it is weak or malformed."""
    members: dict[str, str] = ijson.parse(jwk, field="key")
    try:
        if members["kty"] == "EC":
            return _load_p256(members)
        if members["kty"] == "OKP":
            return _load_ed25519(members)
        if members["kty"] == "AKP":
            return load_public(unb64url(members["pub"]))
        return _load_rsa(members)
    except MalformedToken:
        raise UnfitKey("not canonical base64url") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnfitKey("the numbers make no key") from None


def jwks_document(keys: Iterable[PublicKey]) -> dict[str, list[dict[str, str]]]:
    """Return the JWK Set (RFC 7517, 5) of *keys*, in their order."""
    return {
        "keys": [
            {
                **ijson.parse(key.jwk),
                "kid": key.kid,
                "alg": key.algorithm.value,
                "use": "sig",
            }
            for key in keys
        ]
    }


def trusted_keys(document: object, *, field: str = "jwks") -> tuple[PublicKey, ...]:
    """
    Read a JWK Set that the reader has decided to trust.

    Raises:
        InvalidField: *document* is not a JWK Set, or a member of it is wrong.
        UnfitKey: One of its keys is unfit.
    """
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, (list, tuple)) or not keys:
        raise InvalidField(field, "not a JWK Set")
    everything = frozenset(Algorithm)
    return tuple(
        public_key(jwk, algorithms=everything, field=f"{field}.keys[{index}]")
        for index, jwk in enumerate(keys)
    )


def _load_p256(members: dict[str, str]) -> EcKey:
    x, y = unb64url(members["x"]), unb64url(members["y"])
    if members["crv"] != "P-256" or len(x) != COORDINATE_BYTES or len(y) != COORDINATE_BYTES:
        raise UnfitKey("not a P-256 point of two 32-byte coordinates")
    point = EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), SECP256R1())
    if point.x >= _P256_PRIME or point.y >= _P256_PRIME:
        raise UnfitKey("a P-256 coordinate past the prime")
    return point.public_key()


def _load_ed25519(members: dict[str, str]) -> Ed25519PublicKey:
    x = unb64url(members["x"])
    if members["crv"] != "Ed25519" or len(x) != COORDINATE_BYTES:
        raise UnfitKey("not an Ed25519 key of 32 bytes")
    y = int.from_bytes(x, "little") & (2**255 - 1)
    if y >= _ED25519_PRIME or y in _ED25519_SMALL_ORDER_Y:
        raise UnfitKey("an Ed25519 point of small order, or not canonical")
    return Ed25519PublicKey.from_public_bytes(x)


@lru_cache(maxsize=1024)
def _on_ed25519(x: str) -> bool:
    """Tell whether a canonical encoding, not of small order, is that of a point on the curve."""
    y = int.from_bytes(unb64url(x), "little") & (2**255 - 1)
    # RFC 8032, 5.1.3: x^2 = (y^2 - 1) / (d y^2 + 1), which has to be a square.
    square = (y * y - 1) * pow(_ED25519_D * y * y + 1, -1, _ED25519_PRIME)
    return pow(square, (_ED25519_PRIME - 1) // 2, _ED25519_PRIME) == 1


def _load_rsa(members: dict[str, str]) -> RSAPublicKey:
    n, e = unb64url(members["n"]), unb64url(members["e"])
    if not n or not e or n[0] == 0 or e[0] == 0:
        raise UnfitKey("an RSA number with leading zeros")
    modulus, exponent = int.from_bytes(n), int.from_bytes(e)
    if modulus.bit_length() not in RSA_BITS:
        raise UnfitKey("RSA of fewer than 2048 or more than 8192 bits")
    if exponent not in RSA_EXPONENT or modulus % 2 == 0:
        raise UnfitKey("an RSA exponent under 65537 or over 32 bits, or an even modulus")
    return RSAPublicNumbers(exponent, modulus).public_key()


def jwk_of(loaded: Loaded) -> dict[str, str]:
    """Return the members of a key object's public JWK, without `alg`; raise UnfitKey off P-256."""
    if isinstance(loaded, EcKey):
        if not isinstance(loaded.curve, SECP256R1):
            raise UnfitKey("not a P-256 key")
        point = loaded.public_numbers()
        x = b64url(point.x.to_bytes(COORDINATE_BYTES))
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": x,
            "y": b64url(point.y.to_bytes(COORDINATE_BYTES)),
        }
    if isinstance(loaded, Ed25519PublicKey):
        return {"crv": "Ed25519", "kty": "OKP", "x": b64url(loaded.public_bytes_raw())}
    if isinstance(loaded, MLDSA44PublicKey):
        return {"kty": "AKP", "pub": b64url(loaded.public_bytes_raw())}
    numbers = loaded.public_numbers()
    return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}


def _number(value: int) -> str:
    return b64url(value.to_bytes((value.bit_length() + 7) // 8))
