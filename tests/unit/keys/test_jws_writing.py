"""Compact JWS: PyJWT reads what we write, and nothing that we did not."""

import json
import math

import jwt
import pytest
from forged_tokens import (
    CLAIMS,
    JOSE_ALGORITHMS,
    JSON,
    KID,
    TEXTS,
    TYP,
    flipped,
    forge,
    is_portable,
    ours,
    theirs,
    unb64,
)
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import (
    InvalidField,
    MalformedToken,
)
from counterseal.keys import read, sign, sign_with, verify
from counterseal.models import Algorithm


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
@given(claims=st.dictionaries(TEXTS, JSON, max_size=3))
def test_others_read_what_we_write(signers, algorithm, claims):
    signer = signers[algorithm]
    try:
        token = sign(signer, typ=TYP, claims=claims)
    except InvalidField as refusal:
        assert refusal.field == "claims"
        with pytest.raises(ValueError, match="JSON compliant"):
            json.dumps(claims, allow_nan=False)
        return

    jwk = json.loads(signer.public.jwk) | {"alg": algorithm.value}
    decoded = jwt.PyJWS().decode_complete(
        token, jwt.PyJWK.from_dict(jwk).key, algorithms=[algorithm.value]
    )
    assert json.loads(decoded["payload"]) == claims
    assert decoded["header"] == {"alg": algorithm.value, "typ": TYP, "kid": KID}
    assert json.loads(theirs(token, signer)) == claims
    if is_portable(claims):
        assert verify(read(token, limit=10**6), signer.public, expected_typ=TYP) == claims
    else:
        with pytest.raises(MalformedToken):
            read(token, limit=10**6)


def test_pyjwt_refuses_what_we_did_not_write(signers):
    """The second judge does look."""
    for algorithm in JOSE_ALGORITHMS:
        signer = signers[algorithm]
        jwk = json.loads(signer.public.jwk) | {"alg": algorithm.value}
        key = jwt.PyJWK.from_dict(jwk).key
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.PyJWS().decode(forge(signer, make=flipped), key, [algorithm.value])


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
def test_the_same_claims_are_always_spelled_the_same(signers, algorithm):
    signer = signers[algorithm]
    first, second = (sign(signer, typ=TYP, claims=CLAIMS) for _ in range(2))
    header, payload, _ = first.split(".")

    assert first.rpartition(".")[0] == second.rpartition(".")[0]
    assert unb64(header).decode() == json.dumps(
        {"alg": algorithm.value, "kid": KID, "typ": TYP}, separators=(",", ":")
    )
    assert unb64(payload).decode() == json.dumps(CLAIMS, separators=(",", ":"), ensure_ascii=False)


def test_whatever_signs_can_write(signers):
    signer = signers[Algorithm.EDDSA]
    payloads = []

    def hsm(data):
        payloads.append(data)
        return signer.sign(data)

    token = sign_with(hsm, signer.public, typ=TYP, claims=CLAIMS)

    assert payloads == [token.rpartition(".")[0].encode()]
    assert ours(token, signer) == CLAIMS


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800", b"", {1}])
def test_claims_that_json_cannot_hold_are_not_signed(signers, value):
    with pytest.raises(InvalidField) as caught:
        sign(signers[Algorithm.EDDSA], typ=TYP, claims={"a": value})

    assert caught.value.field == "claims"
