"""
ML-DSA-44 as JOSE carries it (RFC 9964), and dilithium-py as the second opinion.

dilithium-py is written in Python alone, after FIPS 204; `cryptography` and Node share OpenSSL's.
"""

import json
import subprocess
import sys

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from dilithium_py.ml_dsa import ML_DSA_44
from forged_tokens import KID, SIGNATURES, TYP, forge, header_of, ours
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import InvalidField, UnfitKey
from counterseal.keys import (
    b64url,
    generate,
    jwks_document,
    ml_dsa,
    private_key,
    public_key,
    read,
    sign,
    unb64url,
)
from counterseal.keys import trusted_keys as trusted
from counterseal.models import Algorithm

EVERY = frozenset(Algorithm)
ALGORITHM = Algorithm.ML_DSA_44
THUMBPRINT = "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o"
"""The `kid` of the example key of RFC 9964 (as in its draft 11), made of a seed of zeros."""

pytestmark = pytest.mark.skipif(not ml_dsa.SUPPORTED, reason="no ml-dsa: cryptography has none")


@pytest.fixture(scope="session")
def signer(signers):
    return signers[ALGORITHM]


@pytest.fixture(scope="session")
def public(signer):
    return {**json.loads(signer.public.jwk), "kid": KID}


def holds(public, token):
    """Whether dilithium-py verifies a token's signature, with an empty context."""
    signed, _, signature = token.rpartition(".")
    pub, raw = unb64url(public["pub"]), unb64url(signature)
    return bool(ML_DSA_44.verify(pub, signed.encode(), raw))


def test_the_thumbprint_is_that_of_the_rfcs_example(signer):
    """It is over `alg`, `kty` and `pub`, so it also says that the seed gave the right key."""
    assert signer.public.thumbprint == THUMBPRINT
    assert json.loads(signer.public.jwk).keys() == {"alg", "kty", "pub"}
    assert len(unb64url(json.loads(signer.public.jwk)["pub"])) == 1312


@pytest.mark.parametrize("seed", [bytes(32), bytes(range(32)), b"\xff" * 32])
def test_a_seed_makes_the_same_key_everywhere(seed):
    theirs, secret = ML_DSA_44.key_derive(seed)
    ours_ = private_key(seed, kid=KID, algorithm=ALGORITHM)
    jwk = {"kty": "AKP", "alg": "ML-DSA-44", "kid": KID, "pub": b64url(theirs)}

    assert public_key(jwk, algorithms=EVERY) == ours_.public
    assert ours_.scalar() == seed
    signature = ML_DSA_44.sign(secret, b"signed by a stranger")
    token = forge(ours_, make=lambda _, signed: ML_DSA_44.sign(secret, signed))
    assert isinstance(ours(token, ours_), dict)
    assert len(signature) == 2420


def test_a_stranger_reads_what_we_sign(signer, public):
    token = sign(signer, typ=TYP, claims={"iat": 1})

    assert holds(public, token)
    assert len(unb64url(token.rpartition(".")[2])) == 2420
    assert read(token, limit=len(token)).header.alg == "ML-DSA-44"


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_of_any_other_shape_is_refused(signer, public, name):
    token = forge(signer, make=SIGNATURES[name])
    if name in ("plain", "the other padding"):  # which is for RSA only
        assert isinstance(ours(token, signer), dict)
    else:
        long_or_absent = name in ("none", "twice")
        assert ours(token, signer) == ("malformed_token" if long_or_absent else "wrong_signature")
    if name != "none":
        assert holds(public, token) is isinstance(ours(token, signer), dict)


def test_a_context_is_refused(signer):
    """FIPS 204 lets the signer bind a context; RFC 9964 has the empty one only."""
    _, secret = ML_DSA_44.key_derive(bytes(32))
    token = forge(signer, make=lambda _, signed: ML_DSA_44.sign(secret, signed, ctx=b"counterseal"))

    assert ours(token, signer) == "wrong_signature"


@pytest.mark.parametrize("claimed", ["ML-DSA-65", "ML-DSA-87", "ES256", "EdDSA", "ml-dsa-44"])
def test_the_algorithm_is_the_keys(signers, signer, claimed):
    token = forge(signer, header=header_of(signer, alg=claimed))
    assert ours(token, signer) == "wrong_algorithm"

    other = signers[Algorithm.EDDSA]
    assert ours(forge(other, header=header_of(other, alg="ML-DSA-44")), other) == "wrong_algorithm"
    assert ours(forge(signer), other) == "wrong_algorithm"


def test_no_two_signatures_are_the_same_and_all_hold(signer, public):
    """They are random (hedged), so a token is identified by what it signs alone."""
    tokens = {sign(signer, typ=TYP, claims={"iat": 1}) for _ in range(3)}

    assert len(tokens) == 3
    assert all(holds(public, token) for token in tokens)


@given(st.integers(0, 2420 * 8 - 1))
def test_no_flipped_bit_passes(signer, bit):
    def flip(signer, signed):
        signature = bytearray(signer.sign(signed))
        signature[bit // 8] ^= 1 << bit % 8
        return bytes(signature)

    assert ours(forge(signer, make=flip), signer) == "wrong_signature"


# Keys


@pytest.mark.parametrize("size", [0, 1, 32, 1311, 1313, 1952, 2592])
def test_a_key_has_1312_bytes(public, size):
    """1,952 and 2,592 are those of ML-DSA-65 and ML-DSA-87."""
    with pytest.raises(UnfitKey, match="not an ML-DSA-44 key of 1312 bytes"):
        public_key(public | {"pub": b64url(bytes(size))}, algorithms=EVERY)


@pytest.mark.parametrize(
    ("changes", "refusal", "text"),
    [
        ({"priv": b64url(bytes(32))}, InvalidField, "key.priv"),
        ({"crv": "P-256"}, InvalidField, "key.crv"),
        ({"x": "AAAA"}, InvalidField, "key.x"),
        ({"pub": None}, InvalidField, "key.pub"),
        ({"pub": 7}, InvalidField, "key.pub"),
        ({"kty": "OKP"}, UnfitKey, "kty"),
        ({"kty": None}, UnfitKey, "kty"),
        ({"alg": "ML-DSA-65"}, UnfitKey, "alg"),
        ({"alg": "ML-DSA"}, UnfitKey, "alg"),
        ({"alg": None}, UnfitKey, "alg"),
        ({"alg": "EdDSA"}, UnfitKey, "kty"),
        ({"use": "enc"}, UnfitKey, "use"),
        ({"key_ops": ["sign"]}, UnfitKey, "key_ops"),
    ],
)
def test_a_jwk_of_any_other_form_is_refused(public, changes, refusal, text):
    with pytest.raises(refusal, match=text):
        public_key(public | changes, algorithms=EVERY)


@pytest.mark.parametrize("spelling", ["=", "==", "\n", " ", "+", "/", "é"])
def test_a_key_has_one_spelling(public, spelling):
    with pytest.raises(UnfitKey, match="base64url"):
        public_key(public | {"pub": public["pub"] + spelling}, algorithms=EVERY)


def test_a_policy_without_it_refuses_the_key(public):
    with pytest.raises(UnfitKey, match="not an allowed algorithm"):
        public_key(public, algorithms=EVERY - {ALGORITHM})


def test_no_passkey_is_of_it(signers, public):
    from counterseal_testing.authenticator import FakePasskey  # noqa: PLC0415 (one test of many)

    pinned = FakePasskey().public.passkey
    for name in ("ML-DSA-44", "WA-ML-DSA-44"):
        with pytest.raises(UnfitKey, match="not an allowed algorithm"):
            public_key(public | {"alg": name}, algorithms=EVERY, passkey=pinned)


def test_a_key_set_has_it(signer):
    document = jwks_document([signer.public])

    assert document["keys"][0].keys() == {"alg", "kty", "pub", "kid", "use"}
    assert trusted(json.loads(json.dumps(document))) == (signer.public,)


@pytest.mark.parametrize("level", ["MLDSA65PrivateKey", "MLDSA87PrivateKey"])
def test_a_private_key_of_another_level_is_refused(level):
    from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415 (may be absent)

    exported = (
        getattr(mldsa, level)
        .generate()
        .private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    for algorithm in EVERY:
        with pytest.raises(UnfitKey, match="another kind"):
            private_key(exported, kid=KID, algorithm=algorithm)


@pytest.mark.parametrize("call", ["load_public", "load_private", "generate_private"])
def test_without_it_the_refusal_says_what_is_needed(monkeypatch, call):
    class Absent:
        @classmethod
        def refuse(cls, *_):
            raise UnsupportedAlgorithm("ML-DSA-44")

        generate = from_seed_bytes = from_public_bytes = refuse

    assert ml_dsa._supported()
    for name in ("MLDSA44PublicKey", "MLDSA44PrivateKey"):
        monkeypatch.setattr(ml_dsa, name, Absent)
    assert not ml_dsa._supported()
    data = {"load_public": [bytes(1312)], "load_private": [bytes(32)]}
    with pytest.raises(UnfitKey, match="needs cryptography 48"):
        getattr(ml_dsa, call)(*data.get(call, []))


def test_made_keys_are_random():
    thumbprints = {generate(ALGORITHM, kid=KID).public.thumbprint for _ in range(3)}

    assert len(thumbprints) == 3


# Where there is none

ABSENT = """
import sys
import cryptography.x509  # knows it too
sys.modules["cryptography.hazmat.primitives.asymmetric.mldsa"] = None
from counterseal import keys
from counterseal.errors import UnfitKey
from counterseal.keys import ml_dsa
from counterseal.models import Algorithm, PublicKey

assert not ml_dsa.SUPPORTED
A = Algorithm.ML_DSA_44
jwk = {"kty": "AKP", "alg": "ML-DSA-44", "kid": "k", "pub": keys.b64url(bytes(1312))}
text = '{"alg":"ML-DSA-44","kty":"AKP","pub":"%s"}' % jwk["pub"]
stored = PublicKey(kid="k", algorithm=A, jwk=text, thumbprint="t")
jws = keys.Jws(keys.Header("ML-DSA-44", "t", "k"), {}, b"signed", bytes(2420))
for call in (
    lambda: keys.public_key(jwk, algorithms=frozenset({A})),
    lambda: keys.generate(A, kid="k"),
    lambda: keys.private_key(bytes(32), kid="k", algorithm=A),
    lambda: keys.verify(jws, stored, expected_typ="t"),
):
    try:
        call()
    except UnfitKey as refusal:
        assert "needs cryptography 48" in str(refusal), refusal
    else:
        raise AssertionError(call)
for other in set(Algorithm) - {A}:
    keys.generate(other, kid="k").sign(b"")
"""


def test_without_it_every_way_to_use_it_is_refused_and_the_rest_works():
    subprocess.run([sys.executable, "-c", ABSENT], check=True, timeout=60)
