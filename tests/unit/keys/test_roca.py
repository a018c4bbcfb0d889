"""RSA moduli with the fingerprint of CVE-2017-15361 are refused, and no others."""

import json
import random
from math import gcd, lcm, prod
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given
from hypothesis import strategies as st

from counterseal.errors import UnfitKey
from counterseal.keys import public, public_key
from counterseal.keys.secret import b64url
from counterseal.models import Algorithm

STRANGERS = json.loads((Path(__file__).parent / "roca.json").read_text())["moduli"]
"""What the authors of the fingerprint test their own program with; the file names its source."""

# Sieved here, and not taken from the module.
FEW = [number for number in range(2, 168) if all(number % d for d in range(2, number))]
MANY = [number for number in range(2, 702) if all(number % d for d in range(2, number))]
"""The product of 126 primes is what the library used for keys of 2048 bits."""


def bound(modulus, algorithm="PS256"):
    n = b64url(modulus.to_bytes((modulus.bit_length() + 7) // 8))
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "kid": "rsa-1", "alg": algorithm}
    return public_key(jwk, algorithms=frozenset(Algorithm))


def refused(modulus, algorithm="PS256"):
    with pytest.raises(UnfitKey) as caught:
        bound(modulus, algorithm)
    return "CVE-2017-15361" in str(caught.value)


def probably_prime(number, seed):
    """Miller and Rabin's test with 16 bases."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(16):
        power = pow(seed.randrange(2, number - 1), odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def weak_prime(seed, bits=1024):
    """Make a prime as the library did: `k * M + (65537**a mod M)`."""
    m = prod(MANY[:126])
    while True:
        remainder = pow(65537, seed.getrandbits(256), m)
        # The two highest bits are set, so that two of them have a product of twice the length.
        lowest = (3 << (bits - 2)) // m + 1
        candidate = seed.randrange(lowest, (1 << bits) // m) * m + remainder
        if probably_prime(candidate, seed):
            return candidate


def order(prime):
    """The smallest exponent whose power of 65537 is 1."""
    return next(e for e in range(1, prime) if pow(65537, e, prime) == 1 % prime)


def with_remainders(remainders, bits, seed):
    """Return a number of *bits* with those remainders modulo the first primes (Garner's way)."""
    number, modulus = 0, 1
    for prime, remainder in zip(FEW, remainders, strict=True):
        number += (remainder - number) * pow(modulus, -1, prime) % prime * modulus
        modulus *= prime
    return (
        number + seed.randrange((1 << (bits - 1)) // modulus + 1, (1 << bits) // modulus) * modulus
    )


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda stranger: stranger["name"])
def test_the_fingerprints_own_vectors(stranger):
    modulus = int(stranger["n"], 16)

    if stranger["marked"]:
        with pytest.raises(UnfitKey, match="CVE-2017-15361"):
            public.require_no_fingerprint(modulus)
    else:
        public.require_no_fingerprint(modulus)


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
@pytest.mark.parametrize(
    "stranger",
    [one for one in STRANGERS if len(one["n"]) >= 512],
    ids=lambda stranger: stranger["name"],
)
def test_a_key_with_the_fingerprint_is_not_bound(stranger, algorithm):
    modulus = int(stranger["n"], 16)

    if stranger["marked"]:
        assert refused(modulus, algorithm)
    else:
        assert bound(modulus, algorithm)


@pytest.mark.parametrize("seed", range(3))
def test_a_key_made_as_the_library_made_them_is_not_bound(seed):
    seed = random.Random(seed)  # noqa: S311 (no key that anybody uses)
    p, q = weak_prime(seed), weak_prime(seed)

    # The library `cryptography` finds nothing wrong with it.
    private = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=pow(65537, -1, lcm(p - 1, q - 1)),
        dmp1=pow(65537, -1, p - 1),
        dmq1=pow(65537, -1, q - 1),
        iqmp=pow(q, -1, p),
        public_numbers=rsa.RSAPublicNumbers(65537, p * q),
    ).private_key()

    assert private.key_size == 2048
    assert refused(p * q)


@given(st.integers(0, 2**256), st.randoms(use_true_random=False))
@example(0, random.Random(0))  # noqa: S311 (no key that anybody uses)
def test_every_power_of_the_generator_is_refused(exponent, seed):
    modulus = with_remainders([pow(65537, exponent, prime) for prime in FEW], 2048, seed)

    assert refused(modulus)


@given(st.lists(st.integers(0, 2**32), min_size=39, max_size=39), st.randoms(use_true_random=False))
def test_powers_that_no_one_exponent_explains_are_not_refused(exponents, seed):
    modulus = with_remainders(
        [pow(65537, e, prime) for e, prime in zip(exponents, FEW, strict=True)], 2048, seed
    )
    orders = {prime: order(prime) for prime in FEW}
    explained = all(
        (e - f) % gcd(orders[p], orders[q]) == 0
        for e, p in zip(exponents, FEW, strict=True)
        for f, q in zip(exponents, FEW, strict=True)
    )

    if explained:
        assert refused(modulus)
    else:
        assert bound(modulus)


def test_no_other_key_is_refused():
    seed = random.Random(15361)  # noqa: S311 (no key that anybody uses)
    tried = 0
    while tried < 20_000:
        modulus = seed.getrandbits(2048) | 1 << 2047 | 1
        if gcd(modulus, prod(FEW)) == 1:  # as any product of two large primes
            public.require_no_fingerprint(modulus)
            tried += 1
    for _ in range(8):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert bound(key.public_key().public_numbers().n)


@pytest.mark.parametrize("prime", FEW)
def test_the_logarithms_are_of_all_powers_of_the_generator(prime):
    """Computed when the module is imported, and here again."""
    powers = [pow(65537, exponent, prime) for exponent in range(prime)]
    logarithms = public._logarithms(prime)
    assert set(logarithms) == set(powers)
    assert all(powers.index(power) == exponent for power, exponent in logarithms.items())
