"""Tokens and keys: against another library, and with changed characters."""

import json

import jwt as pyjwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from oidc_loopback import KEYS, signed

from counterseal_oidc.errors import TokenKeyUnknown, Unproven
from counterseal_oidc.jose import ALGORITHMS, b64url, half_hash, read_token
from counterseal_oidc.jwks import read_keys, verify

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


def signed_by_pyjwt(claims, algorithm):
    """Sign with PyJWT."""
    key = SIGNERS[ALGORITHMS[algorithm]]
    # PyJWT has one name for both.
    name = "EdDSA" if algorithm == "Ed25519" else algorithm
    return pyjwt.encode(claims, key.private_key, name, {"kid": key.kid})


@given(CLAIMS, st.sampled_from(sorted(set(ALGORITHMS) - {"Ed25519"})))
def test_a_token_of_another_library_is_verified_and_read(claims, algorithm):
    token = read_token(signed_by_pyjwt(claims, algorithm))
    verify(token, PUBLISHED)
    assert (token.claims, token.algorithm) == (claims, algorithm)


@given(st.data())
def test_a_token_with_a_changed_character_is_refused(data):
    index = data.draw(st.integers(0, len(TOKEN) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda text: text != TOKEN[index]))
    with pytest.raises(Unproven):
        verify(read_token(TOKEN[:index] + other + TOKEN[index + 1 :]), PUBLISHED)


@given(st.text(max_size=200) | st.binary(max_size=60).map(b64url))
def test_any_other_text_is_refused(text):
    for candidate in (text, f"{text}.{text}.{text}", TOKEN.replace(TOKEN.split(".")[1], text)):
        with pytest.raises(Unproven):
            verify(read_token(candidate), PUBLISHED)


@given(JSON)
def test_a_key_set_of_any_json_has_no_keys(members):
    for document in ({"keys": members}, {"keys": [members]}, {}):
        assert read_keys(document) in {None, ()}


@given(st.sampled_from(sorted(SIGNERS)), st.sampled_from(MEMBERS), JSON)
def test_a_key_with_a_changed_member_is_ignored_or_of_a_known_kind(kind, name, value):
    changed = SIGNERS[kind].as_dict(private=False) | {name: value}
    keys = read_keys({"keys": [changed]})
    assert all(key.kind in ALGORITHMS.values() for key in keys)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_verifies_by_the_algorithms_of_its_kind_only(algorithm):
    for kind, key in SIGNERS.items():
        keys = read_keys({"keys": [key.as_dict(private=False) | {"kid": "k"}]})
        header = {"alg": algorithm, "kid": "k"}
        text = f"{b64url(json.dumps(header).encode())}.{b64url(b'{}')}.{b64url(b's' * 64)}"
        is_unknown = ALGORITHMS[algorithm] != kind
        with pytest.raises(Unproven) as error:
            verify(read_token(text), keys)
        assert isinstance(error.value, TokenKeyUnknown) is is_unknown


def test_the_library_has_each_algorithm_and_none_is_symmetric():
    assert set(ALGORITHMS) <= set(JWSRegistry.algorithms)
    assert not {name for name in ALGORITHMS if name.startswith("HS") or name == "none"}


def test_at_hash_of_the_standard_s_example():
    """OpenID Connect Core, A.3."""
    token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
    assert half_hash(token, "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


@pytest.mark.parametrize(("algorithm", "size"), [("RS256", 16), ("ES384", 24), ("PS512", 32)])
def test_at_hash_is_half_of_the_algorithms_hash(algorithm, size):
    assert len(half_hash("t", algorithm)) == -(-size * 4 // 3)
    assert len(half_hash("t", "EdDSA")) == len(half_hash("t", "Ed25519")) == 43


def test_of_a_key_set_a_hundred_keys_are_read():
    public = RSAKey.import_key(RSA.as_dict(private=False)).as_dict(private=False)
    many = [{"kty": "oct"}] * 99 + [public | {"kid": "hundredth"}, public | {"kid": "next"}]
    assert [key.kid for key in read_keys({"keys": many})] == ["hundredth"]


def test_unknown_keys_of_a_set_are_ignored():
    unsupported = OKPKey.generate_key("X25519", {"kid": "x"}).as_dict(private=False)
    assert (
        read_keys({"keys": [unsupported, {"kty": "new"}, RSA.as_dict(private=False)]})[0].kid
        == "r1"
    )
    assert read_keys({"keys": {}}) is None
