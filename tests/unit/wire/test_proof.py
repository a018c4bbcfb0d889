"""The device proof: one payload, and one reading of it."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson
from counterseal.bindings.documents.proof import PROOF_TYP, Proof, proof_claims, read_proof
from counterseal.errors import MalformedToken
from counterseal.ijson import INTEGER_LIMIT
from counterseal.models import guid
from counterseal.wire.members import ID_LIMIT

DEVICE, ACCOUNT, SPACE = (guid.mint(7, bytes([0xA0 + n]) * 15) for n in range(3))
PROOF = Proof(
    device=DEVICE,
    account=ACCOUNT,
    app_space=SPACE,
    method="POST",
    uri="https://auth.example.com/api/device/answer?x=1",
    body_hash="47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
    issued_at=1764000000,
    id="mgGUJn3pMAM1EOCXFPAkhQ",
)
CLAIMS = proof_claims(PROOF)

GUIDS = st.binary(min_size=15, max_size=15).map(lambda entropy: guid.mint(entropy[0], entropy))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
FIELDS = {
    "device": st.just(DEVICE) | GUIDS,
    "account": st.just(DEVICE) | GUIDS,
    "app_space": GUIDS,
    "method": TEXTS,
    "uri": TEXTS,
    "body_hash": TEXTS,
    "issued_at": st.integers(-INTEGER_LIMIT, INTEGER_LIMIT),
    "id": st.text(st.characters(codec="utf-8"), min_size=1, max_size=ID_LIMIT),
}
PROOFS = st.builds(Proof, **FIELDS)


def test_the_payload_of_a_proof():
    assert PROOF_TYP == "counterseal-proof+jwt"
    assert CLAIMS == {
        "iss": DEVICE,
        "sub": ACCOUNT,
        "aud": SPACE,
        "htm": "POST",
        "htu": "https://auth.example.com/api/device/answer?x=1",
        "body": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        "iat": 1764000000,
        "jti": "mgGUJn3pMAM1EOCXFPAkhQ",
    }


@given(PROOFS)
def test_what_is_written_is_read_again(proof):
    assert read_proof(json.loads(ijson.compact(proof_claims(proof)))) == proof


@given(PROOFS, st.sampled_from(sorted(FIELDS)), st.data())
def test_no_two_proofs_are_the_same_bytes(proof, field, data):
    other = attrs.evolve(proof, **{field: data.draw(FIELDS[field])})
    equal = ijson.compact(proof_claims(proof)) == ijson.compact(proof_claims(other))
    assert equal is (proof == other)


@pytest.mark.parametrize("name", CLAIMS)
def test_a_missing_claim_is_refused(name):
    with pytest.raises(MalformedToken):
        read_proof({key: CLAIMS[key] for key in CLAIMS if key != name})


@pytest.mark.parametrize("name", ["ath", "nonce", "jwk", "exp", "challenge"])
def test_an_unknown_claim_is_refused(name):
    with pytest.raises(MalformedToken):
        read_proof({**CLAIMS, name: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iat", True),
        ("iat", 1764000000.0),
        ("iat", None),
        ("iss", DEVICE.upper()),
        ("sub", ""),
        ("aud", [SPACE]),
        ("htm", None),
        ("htu", 1),
        ("body", None),
        ("jti", 1),
        ("jti", ""),
        ("jti", "x" * (ID_LIMIT + 1)),
    ],
)
def test_a_claim_of_another_type_or_form_is_refused(name, value):
    with pytest.raises(MalformedToken):
        read_proof({**CLAIMS, name: value})


@pytest.mark.parametrize("name", ["iss", "sub", "aud"])
@pytest.mark.parametrize("value", ["", "x", SPACE.upper(), f"{SPACE} {SPACE}"])
def test_whoever_is_named_is_named_by_a_guid(name, value):
    with pytest.raises(MalformedToken):
        read_proof({**CLAIMS, name: value})


@pytest.mark.parametrize("length", [1, ID_LIMIT])
def test_the_shortest_and_the_longest_id_are_taken(length):
    assert read_proof({**CLAIMS, "jti": "x" * length}).id == "x" * length
