"""
ROCA: recognise RSA moduli that can be factored, by the fingerprint of CVE-2017-15361.

The chips' library made both primes as `k * M + (65537**a mod M)`, where M is the product of the
first primes. So a modulus is a power of 65537 modulo M, and Coppersmith's method finds the
factors (Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017).
M has 39 to 225 primes, by the length of the key. Testing the first 39 is enough: another modulus
is such a power with a probability of 2**-154.
"""

from __future__ import annotations

from itertools import combinations
from math import gcd
from typing import Final

from counterseal.errors import UnfitKey

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
