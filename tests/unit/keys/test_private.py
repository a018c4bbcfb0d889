"""Private keys: made, kept, and used; whatever is no such key is refused."""

import json
from functools import partial

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    dsa,
    ec,
    ed448,
    ed25519,
    padding,
    rsa,
    utils,
    x25519,
)
from forged_tokens import SUPPORTED
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal.errors import InvalidField, UnfitKey
from counterseal.keys import generate, private_key
from counterseal.keys.public import load
from counterseal.models import Algorithm

SHORT = [Algorithm.ES256, Algorithm.EDDSA]
PUBLIC_MEMBERS = {"kty", "crv", "x", "y", "n", "e", "alg", "pub"}
RSA_ALGORITHMS = [Algorithm.PS256, Algorithm.RS256]
# FIPS 186-5: the order of P-256.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def pkcs8(key):
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def unfit(data, algorithm, **changes):
    with pytest.raises(UnfitKey) as caught:
        private_key(data, kid="k", algorithm=algorithm, **changes)
    return str(caught.value)


# Signatures, as the library below sees them


def test_an_es256_signature_is_r_and_s_of_32_bytes_each(signers):
    signer = signers[Algorithm.ES256]
    loaded = load(signer.public.jwk)

    for n in range(300):  # about two of these have a short r or s
        signature = signer.sign(b"%d" % n)
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        assert len(signature) == 64
        loaded.verify(utils.encode_dss_signature(r, s), b"%d" % n, ec.ECDSA(hashes.SHA256()))


@given(data=st.binary())
def test_an_eddsa_signature_is_ed25519s_own(signers, data):
    signer = signers[Algorithm.EDDSA]
    other = ed25519.Ed25519PrivateKey.from_private_bytes(signer.scalar())

    assert signer.sign(data) == other.sign(data)


def test_rfc_8037_appendix_a_4(signers):
    """A signature over the RFC's own header, which our reader would not take."""
    signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"

    assert signers[Algorithm.EDDSA].sign(signed).hex() == (
        "860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e"
        "9d59b8628dc351e248b88b29468e0e41855b0fb7d83bb15be902bfccb8cd0a02"
    )


def test_a_ps256_signature_has_a_salt_of_32_bytes(signers):
    signer = signers[Algorithm.PS256]
    signature = signer.sign(b"data")
    sha256 = hashes.SHA256()

    load(signer.public.jwk).verify(
        signature,
        b"data",
        padding.PSS(mgf=padding.MGF1(sha256), salt_length=32),
        sha256,
    )
    assert signer.sign(b"data") != signature


def test_an_rs256_signature_is_pkcs_1_v1_5(signers):
    """RFC 8017, 9.2: the whole block, raised by hand."""
    signer = signers[Algorithm.RS256]
    numbers = load(signer.public.jwk).public_numbers()
    block = pow(int.from_bytes(signer.sign(b"data")), numbers.e, numbers.n)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(b"data")
    tail = bytes.fromhex("3031300d060960864801650304020105000420") + digest.finalize()

    assert block.to_bytes(256) == (b"\0\1" + b"\xff" * (256 - 3 - len(tail)) + b"\0" + tail)


# Made and kept


@pytest.mark.parametrize("algorithm", SHORT)
def test_no_two_made_keys_are_alike(algorithm):
    generated = [generate(algorithm, kid="k") for _ in range(3)]

    assert len({key.public.thumbprint for key in generated}) == 3
    assert {key.public.algorithm for key in generated} == {algorithm}


@pytest.mark.parametrize("algorithm", RSA_ALGORITHMS)
def test_rsa_is_made_with_2048_bits(algorithm):
    numbers = load(generate(algorithm, kid="rsa").public.jwk).public_numbers()

    assert numbers.n.bit_length() == 2048
    assert numbers.e == 65537


@pytest.mark.parametrize("algorithm", SUPPORTED)
@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_an_exported_key_is_the_same_key(signers, algorithm, passphrase):
    signer = signers[algorithm]
    exported = signer.pkcs8(passphrase)
    again = private_key(exported, kid="other", algorithm=algorithm, passphrase=passphrase)

    assert again.public.thumbprint == signer.public.thumbprint
    assert again.public.kid == "other"
    assert again.pkcs8() == signer.pkcs8()


@given(scalar=st.integers(1, ORDER - 1))
def test_any_p_256_scalar_in_range_is_a_key(scalar):
    secret = scalar.to_bytes(32)

    assert private_key(secret, kid="k", algorithm=Algorithm.ES256).scalar() == secret


@given(seed=st.binary(min_size=32, max_size=32))
def test_any_32_bytes_are_an_ed25519_key(seed):
    """Unwrapping with a wrong PIN yields such bytes, and must not tell."""
    assert private_key(seed, kid="k", algorithm=Algorithm.EDDSA).scalar() == seed


@pytest.mark.parametrize("scalar", [0, ORDER, 2**256 - 1])
def test_a_p_256_scalar_out_of_range_is_refused(scalar):
    unfit(scalar.to_bytes(32), Algorithm.ES256)


@pytest.mark.parametrize("algorithm", RSA_ALGORITHMS)
def test_an_rsa_key_has_no_short_form(signers, algorithm):
    with pytest.raises(UnfitKey):
        signers[algorithm].scalar()
    unfit(bytes(32), algorithm)


def test_a_wrong_passphrase_is_refused(signers):
    signer = signers[Algorithm.EDDSA]
    encrypted, plain = signer.pkcs8(b"right"), signer.pkcs8()

    for passphrase in (b"wrong", b"", None):
        unfit(encrypted, Algorithm.EDDSA, passphrase=passphrase)
    unfit(plain, Algorithm.EDDSA, passphrase=b"right")


def test_an_empty_passphrase_never_means_none(signers):
    with pytest.raises(ValueError, match="1 or more bytes"):
        signers[Algorithm.EDDSA].pkcs8(b"")


@pytest.mark.parametrize("algorithm", SUPPORTED)
@pytest.mark.parametrize("other", SUPPORTED)
def test_a_key_of_another_type_is_refused(signers, algorithm, other):
    exported = signers[other].pkcs8()

    if algorithm is other or {algorithm, other} == set(RSA_ALGORITHMS):
        private_key(exported, kid="k", algorithm=algorithm)
    else:
        assert unfit(exported, algorithm) == "kty: not the algorithm's key type"


@pytest.mark.parametrize("algorithm", SUPPORTED)
@pytest.mark.parametrize(
    "make",
    [
        x25519.X25519PrivateKey.generate,
        ed448.Ed448PrivateKey.generate,
        lambda: dsa.generate_private_key(1024),  # noqa: S505 - weak on purpose
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: ec.generate_private_key(ec.SECP224R1()),
        lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 - weak on purpose
    ],
    ids=["X25519", "Ed448", "DSA", "P-384", "P-521", "k1", "P-224", "RSA-1024"],
)
def test_a_key_of_a_kind_that_is_not_used_is_refused(algorithm, make):
    unfit(pkcs8(make()), algorithm)


def test_rsa_with_an_exponent_of_3_is_refused():
    key = rsa.generate_private_key(public_exponent=3, key_size=2048)

    assert "exponent" in unfit(pkcs8(key), Algorithm.PS256)


UNKNOWN_TYPE = bytes.fromhex("302e020100300506032b656304220420") + bytes(32)


@pytest.mark.parametrize("algorithm", SUPPORTED)
@pytest.mark.parametrize(
    "data", [b"", b"\x30", bytes(31), bytes(33), b"PEM", UNKNOWN_TYPE, UNKNOWN_TYPE[:-1]]
)
def test_bytes_that_are_no_key_are_refused(algorithm, data):
    assert unfit(data, algorithm).startswith("no private key in these bytes")


@enough_is_read
@given(
    data=mostly_sound(st.binary(min_size=32, max_size=32), st.binary(max_size=80)),
    algorithm=st.sampled_from(SUPPORTED),
)
def test_any_bytes_are_refused_or_make_the_key_they_say(data, algorithm):
    key = read_or_refuse(partial(private_key, kid="k", algorithm=algorithm), data, UnfitKey)
    if key is not None:
        assert key.scalar() == data
        assert len(data) == 32


@pytest.mark.parametrize("kid", ["", "k" * 129, "a\n", "é"])
def test_a_key_that_could_not_be_bound_is_not_made(signers, kid):
    with pytest.raises(InvalidField) as caught:
        generate(Algorithm.ES256, kid=kid)
    assert caught.value.field == "key.kid"
    with pytest.raises(InvalidField):
        private_key(bytes(32), kid=kid, algorithm=Algorithm.EDDSA)


@pytest.mark.parametrize("algorithm", SUPPORTED)
def test_a_private_key_shows_its_name_only(signers, algorithm):
    signer = signers[algorithm]

    assert repr(signer) == f"PrivateKey(kid='kid-1', algorithm={algorithm.name})"
    assert str(signer) == repr(signer)


def test_a_public_half_has_no_private_member(signers):
    for signer in signers.values():
        assert set(json.loads(signer.public.jwk)) <= PUBLIC_MEMBERS


def test_the_numbers_of_an_rsa_key_are_checked_unless_its_bytes_are_authenticated():
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    wrong_numbers = rsa.RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d,
        dmp1=numbers.dmp1 + 2,
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=numbers.public_numbers,
    )
    data = pkcs8(wrong_numbers.private_key(unsafe_skip_rsa_key_validation=True))
    with pytest.raises(UnfitKey):
        private_key(data, kid="rsa", algorithm=Algorithm.RS256)
    loaded = private_key(data, kid="rsa", algorithm=Algorithm.RS256, authenticated=True)
    right = private_key(pkcs8(numbers.private_key()), kid="rsa", algorithm=Algorithm.RS256)
    assert loaded.public == right.public
