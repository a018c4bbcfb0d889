"""Compact JWS: limits of size, and what is read before anything is verified."""

import json
from functools import partial

import attrs
import pytest
from forged_tokens import (
    ALPHABET,
    CLAIMS,
    JSON,
    LIMIT,
    TYP,
    b64,
    flipped,
    forge,
    header_of,
    ours,
    unb64,
)
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal import keys
from counterseal.errors import (
    MalformedToken,
    WrongSignature,
)
from counterseal.keys import generate, read, sign, verify
from counterseal.keys.jws import HEADER_LIMIT
from counterseal.models import Algorithm

# Sizes


def test_a_token_may_reach_the_limit(signers):
    token = forge(signers[Algorithm.ES256])

    assert read(token, limit=len(token)).claimed == CLAIMS
    with pytest.raises(MalformedToken):
        read(token, limit=len(token) - 1)


def test_a_header_may_reach_its_limit(signers):
    signer = signers[Algorithm.ES256]
    header = header_of(signer)
    most = HEADER_LIMIT * 3 // 4

    assert ours(forge(signer, header=header.ljust(most)), signer) == CLAIMS
    longer = forge(signer, header=header.ljust(most + 1))
    assert ours(longer, signer) == "malformed_token"


@pytest.mark.parametrize("kid", ["k" * 128, "\\" * 128])
def test_every_kid_that_is_bound_fits_the_header(kid):
    signer = generate(Algorithm.ES256, kid=kid)
    token = sign(signer, typ="counterseal-endorsement+jwt", claims=CLAIMS)

    assert read(token, limit=LIMIT).header.kid == kid


# Reading without believing


PARTS = st.builds(
    lambda kid, claims, signature: ".".join(
        [
            b64(json.dumps({"alg": "ES256", "typ": "t", "kid": kid})),
            b64(json.dumps(claims)),
            keys.b64url(signature),
        ]
    ),
    st.text("abc-_", min_size=1, max_size=9),
    st.dictionaries(st.text("abc", max_size=3), st.integers(0, 9), max_size=3),
    st.binary(min_size=1, max_size=9),
)
ANYTHING = (
    st.text(max_size=12)
    | st.text(ALPHABET + ".=", max_size=24)
    | st.lists(
        st.one_of(
            st.text(ALPHABET, max_size=8),
            JSON.map(json.dumps).map(b64),
            st.just(b64('{"alg":"ES256","typ":"t","kid":"k"}')),
            st.just(b64('{"kid":"k","alg":"","typ":""}')),
        ),
        min_size=2,
        max_size=4,
    ).map(".".join)
)


@enough_is_read
@given(mostly_sound(PARTS, ANYTHING))
def test_any_text_is_malformed_or_read_as_it_is_written(token):
    jws = read_or_refuse(partial(read, limit=LIMIT), token, MalformedToken)
    if jws is None:
        return
    header, payload, signature = token.split(".")
    assert f"{jws.signed.decode()}.{b64(jws.signature)}" == token
    assert attrs.asdict(jws.header) == json.loads(unb64(header))
    assert jws.claimed == json.loads(unb64(payload))
    assert jws.signature == unb64(signature) != b""


def test_what_was_read_can_be_a_claim_only(signers):
    jws = read(forge(signers[Algorithm.ES256], make=flipped), limit=LIMIT)

    assert jws.claimed == CLAIMS
    with pytest.raises(WrongSignature):
        verify(jws, signers[Algorithm.ES256].public, expected_typ=TYP)


def test_what_was_read_does_not_show_its_claims(signers):
    """S34: an answer's claims hold the matching code."""
    signer = signers[Algorithm.ES256]
    token = sign(signer, typ=TYP, claims={"code": "canary-4711"})
    jws = read(token, limit=LIMIT)

    assert "canary" not in repr(jws)
    assert not any(part in repr(jws) for part in token.split("."))
    assert repr(jws.header) == f"Header(alg='ES256', typ='{TYP}', kid='kid-1')"
