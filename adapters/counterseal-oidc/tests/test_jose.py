"""Tokens and keys, beside another library, and with every character changed."""

import json

import jwt as stranger
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from oidc_loopback import KEYS, signed

from counterseal_oidc.errors import TokenKeyUnknown, Unproven
from counterseal_oidc.jose import ALGORITHMS, b64url, half_hash, read_keys, read_token, verify

RSA = KEYS["RS256"]
SIGNERS = {
    "RSA": RSA,
    "P-256": KEYS["ES256"],
    "P-384": ECKey.generate_key("P-384", {"kid": "e2"}),
    "P-521": ECKey.generate_key("P-521", {"kid": "e3"}),
    "Ed25519": KEYS["Ed25519"],
}
PUBLISHED = read_keys({"keys": [key.as_dict(private=False) for key in SIGNERS.values()]})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
CLAIMS = st.dictionaries(st.text(max_size=10), JSON, max_size=5)
MEMBERS = ["kty", "crv", "x", "y", "n", "e", "use", "key_ops", "alg", "kid"]
TOKEN = signed({"sub": "zoe"})


def by_a_stranger(claims, algorithm):
    """Sign with PyJWT."""
    key = SIGNERS[ALGORITHMS[algorithm]]
    # It has one name for both.
    name = "EdDSA" if algorithm == "Ed25519" else algorithm
    return stranger.encode(claims, key.private_key, name, {"kid": key.kid})


@given(CLAIMS, st.sampled_from(sorted(set(ALGORITHMS) - {"Ed25519"})))
def test_what_another_library_signs_is_verified_and_read_alike(claims, algorithm):
    token = read_token(by_a_stranger(claims, algorithm))
    verify(token, PUBLISHED)
    assert (token.claims, token.algorithm) == (claims, algorithm)


@given(st.data())
def test_no_character_of_a_token_can_be_another(data):
    place = data.draw(st.integers(0, len(TOKEN) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda text: text != TOKEN[place]))
    with pytest.raises(Unproven):
        verify(read_token(TOKEN[:place] + other + TOKEN[place + 1 :]), PUBLISHED)


@given(st.text(max_size=200) | st.binary(max_size=60).map(b64url))
def test_any_text_is_refused_by_name(text):
    for candidate in (text, f"{text}.{text}.{text}", TOKEN.replace(TOKEN.split(".")[1], text)):
        with pytest.raises(Unproven):
            verify(read_token(candidate), PUBLISHED)


@given(JSON)
def test_any_json_is_a_key_set_or_none(members):
    for document in ({"keys": members}, {"keys": [members]}, {}):
        assert read_keys(document) in {None, ()}


@given(st.sampled_from(sorted(SIGNERS)), st.sampled_from(MEMBERS), JSON)
def test_a_key_with_any_member_spoilt_is_passed_over_or_verifies_nothing_more(kind, name, value):
    spoilt = SIGNERS[kind].as_dict(private=False) | {name: value}
    found = read_keys({"keys": [spoilt]})
    assert all(key.kind in ALGORITHMS.values() for key in found)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_by_the_algorithms_of_its_kind_only(algorithm):
    for kind, key in SIGNERS.items():
        keys = read_keys({"keys": [key.as_dict(private=False) | {"kid": "k"}]})
        header = {"alg": algorithm, "kid": "k"}
        text = f"{b64url(json.dumps(header).encode())}.{b64url(b'{}')}.{b64url(b's' * 64)}"
        unknown = ALGORITHMS[algorithm] != kind
        with pytest.raises(Unproven) as refused:
            verify(read_token(text), keys)
        assert isinstance(refused.value, TokenKeyUnknown) is unknown


def test_each_algorithm_is_one_that_the_library_has_and_none_is_symmetric():
    assert set(ALGORITHMS) <= set(JWSRegistry.algorithms)
    assert not {name for name in ALGORITHMS if name.startswith("HS") or name == "none"}


def test_at_hash_as_the_standard_has_it():
    """OpenID Connect Core, A.3."""
    token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert half_hash(token, "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


@pytest.mark.parametrize(("algorithm", "size"), [("RS256", 16), ("ES384", 24), ("PS512", 32)])
def test_at_hash_is_half_of_the_algorithms_hash(algorithm, size):
    assert len(half_hash("t", algorithm)) == -(-size * 4 // 3)
    assert len(half_hash("t", "EdDSA")) == len(half_hash("t", "Ed25519")) == 43


def test_a_set_of_very_many_keys_is_not_read_to_its_end():
    public = RSAKey.import_key(RSA.as_dict(private=False)).as_dict(private=False)
    many = [{"kty": "oct"}] * 99 + [public | {"kid": "hundredth"}, public | {"kid": "next"}]
    assert [key.kid for key in read_keys({"keys": many})] == ["hundredth"]


def test_a_set_may_hold_what_nobody_knows():
    odd = OKPKey.generate_key("X25519", {"kid": "x"}).as_dict(private=False)
    assert read_keys({"keys": [odd, {"kty": "new"}, RSA.as_dict(private=False)]})[0].kid == "r1"
    assert read_keys({"keys": {}}) is None
