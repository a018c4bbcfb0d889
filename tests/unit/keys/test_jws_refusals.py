"""Compact JWS: each kind of unfit token is refused with its own code."""

import json

import pytest
from forged_tokens import (
    CLAIMS,
    JOSE_ALGORITHMS,
    KID,
    LIMIT,
    MEMBERS,
    SIGNATURES,
    TYP,
    forge,
    header_of,
    mac_with_the_public_key,
    ours,
    verdict_of,
)

from counterseal.errors import (
    MalformedToken,
    WrongAlgorithm,
    WrongKey,
    WrongSignature,
    WrongType,
)
from counterseal.keys import generate, read, sign, verify
from counterseal.models import Algorithm


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        *(({name: value}, "malformed_token") for name, value in MEMBERS.items()),
        *(({name: ...}, "malformed_token") for name in ("alg", "typ", "kid")),
        *(({name: None}, "malformed_token") for name in ("alg", "typ", "kid")),
        *(({name: 7}, "malformed_token") for name in ("alg", "typ", "kid")),
        *(({name: ["ES256"]}, "malformed_token") for name in ("alg", "typ", "kid")),
        ({"typ": "JWT"}, "wrong_type"),
        ({"typ": TYP.upper()}, "wrong_type"),
        ({"typ": f"application/{TYP}"}, "wrong_type"),
        ({"typ": "JWT", "kid": "kid-2", "alg": "none"}, "wrong_type"),
        ({"kid": "kid-2"}, "wrong_key"),
        ({"kid": ""}, "wrong_key"),
        ({"kid": "kid-2", "alg": "none"}, "wrong_key"),
        ({"alg": "none"}, "wrong_algorithm"),
        ({"alg": "None"}, "wrong_algorithm"),
        ({"alg": "HS256"}, "wrong_algorithm"),
        ({"alg": "ES384"}, "wrong_algorithm"),
        ({"alg": ""}, "wrong_algorithm"),
    ],
)
def test_a_header_that_says_something_else_is_refused(signers, algorithm, changes, code):
    signer = signers[algorithm]
    token = forge(signer, header=header_of(signer, **changes))

    assert verdict_of(token, signer)[0] == code


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
@pytest.mark.parametrize("claimed", JOSE_ALGORITHMS)
@pytest.mark.parametrize("make", ["plain", "the other padding"])
def test_the_algorithm_is_the_keys(signers, algorithm, claimed, make):
    """RS256 to PS256 and back, too, with a signature of the kind that is named."""
    signer = signers[algorithm]
    header = header_of(signer, alg=claimed.value)
    mine, _ = verdict_of(forge(signer, header=header, make=SIGNATURES[make]), signer)

    if claimed is not algorithm:
        assert mine == "wrong_algorithm"
    elif make == "plain" or algorithm in (Algorithm.ES256, Algorithm.EDDSA):
        assert mine == CLAIMS
    else:
        assert mine == "wrong_signature"


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
def test_a_mac_with_the_public_key_is_refused(signers, algorithm):
    signer = signers[algorithm]
    header = header_of(signer, alg="HS256")
    token = forge(signer, header=header, make=mac_with_the_public_key)

    assert verdict_of(token, signer)[0] == "wrong_algorithm"


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
def test_alg_none_without_a_signature_is_refused(signers, algorithm):
    signer = signers[algorithm]
    header = header_of(signer, alg="none")

    assert ours(forge(signer, header=header, make=SIGNATURES["none"]), signer) == (
        "malformed_token"
    )


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
@pytest.mark.parametrize("name", [n for n in SIGNATURES if n != "plain"])
def test_another_signature_is_refused(signers, algorithm, name):
    signer = signers[algorithm]
    mine, other = verdict_of(forge(signer, make=SIGNATURES[name]), signer)

    if name == "the other padding" and algorithm in (Algorithm.ES256, Algorithm.EDDSA):
        assert mine == CLAIMS
    else:
        assert mine == ("malformed_token" if name == "none" else "wrong_signature")
        assert other is None


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
def test_a_token_that_brings_its_own_key_is_refused(signers, algorithm):
    """S13: the store's key is the only one that counts, whatever is signed how well."""
    signer = signers[algorithm]
    thief = generate(Algorithm.EDDSA, kid=KID)
    jwk = json.loads(thief.public.jwk)
    brought = forge(thief, header=header_of(thief, jwk=jwk))

    assert ours(brought, signer) == "malformed_token"
    assert ours(brought, thief) == "malformed_token"
    assert ours(forge(thief), signer) in {"wrong_algorithm", "wrong_signature"}


@pytest.mark.parametrize("algorithm", JOSE_ALGORITHMS)
def test_a_token_of_another_kind_never_passes(signers, algorithm):
    """S12: what was signed for a bind or a proof is no answer."""
    signer = signers[algorithm]
    token = sign(signer, typ="counterseal-proof+jwt", claims=CLAIMS)
    jws = read(token, limit=LIMIT)

    assert verify(jws, signer.public, expected_typ="counterseal-proof+jwt") == CLAIMS
    with pytest.raises(WrongType):
        verify(jws, signer.public, expected_typ="counterseal-answer+jwt")


@pytest.mark.parametrize(
    "token",
    [
        None,
        b"a.b.c",
        7,
        "",
        ".",
        "..",
        "...",
        "e30.e30",
        "e30.e30.",
        "e30..AA",
        ".e30.AA",
        "e30.e30.AA",
        "e30.e30.AA.AA",
        "a\ud800.b.c",
    ],
)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(MalformedToken):
        read(token, limit=LIMIT)


def test_all_refusals_of_evidence_look_alike_outside():
    kinds = (MalformedToken, WrongType, WrongKey, WrongAlgorithm, WrongSignature)

    assert {kind.public_code for kind in kinds} == {"denied"}
