"""The endorsed key set: new service keys are believed only on the word of a pinned one."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import keys
from counterseal.bindings.documents.enrolment import (
    KEYSET_LIMIT,
    KEYSET_TYP,
    keyset_claims,
    keyset_time,
    verify_keyset,
)
from counterseal.errors import CountersealError
from counterseal.models import Algorithm

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def pinned(ed25519):
    return ed25519("pinned")


@pytest.fixture(scope="module")
def new(ed25519):
    return ed25519("new")


@pytest.fixture(scope="module")
def claims(pinned, new):
    return keyset_claims((new.public, pinned.public), NOW)


def endorsed(key, claims, typ=KEYSET_TYP):
    return keys.sign(key, typ=typ, claims=claims)


def test_the_payload_is_a_jwk_set_with_a_time(claims, new, pinned):
    assert claims.keys() == {"keys", "iat"}
    assert claims["iat"] == 1795521600
    assert [jwk["kid"] for jwk in claims["keys"]] == ["new", "pinned"]
    assert claims["keys"][0] == {
        **json.loads(new.public.jwk),
        "kid": "new",
        "alg": "EdDSA",
        "use": "sig",
    }


def test_what_a_pinned_key_endorsed_is_taken(algorithm, every_kind, new):
    signer = every_kind[algorithm]
    token = endorsed(signer, keyset_claims((new.public, signer.public), NOW))
    assert verify_keyset(token, pinned=(signer.public,)) == (new.public, signer.public)


def test_any_of_the_pinned_keys_will_do(pinned, new, claims, ed25519):
    other = ed25519("another")
    token = endorsed(pinned, claims)
    assert verify_keyset(token, pinned=(other.public, pinned.public))[0] == new.public


def test_a_key_that_is_not_pinned_endorses_nothing(new, pinned, claims, refusing):
    with refusing("issuer_untrusted"):
        verify_keyset(endorsed(new, claims), pinned=(pinned.public,))
    with refusing("issuer_untrusted"):
        verify_keyset(endorsed(pinned, claims), pinned=())


def test_another_key_under_a_pinned_name_endorses_nothing(new, pinned, claims, refusing):
    forger = keys.private_key(new.scalar(), kid="pinned", algorithm=Algorithm.EDDSA)
    with refusing("wrong_signature"):
        verify_keyset(endorsed(forger, claims), pinned=(pinned.public,))


def test_another_algorithm_or_type_is_refused(pinned, claims, refusing, every_kind):
    with refusing("wrong_type"):
        verify_keyset(endorsed(pinned, claims, typ="JWT"), pinned=(pinned.public,))
    header = {"alg": "ES256", "kid": "pinned", "typ": KEYSET_TYP}
    signed = ".".join(keys.b64url(json.dumps(part).encode()) for part in (header, claims))
    token = f"{signed}.{keys.b64url(pinned.sign(signed.encode()))}"
    with refusing("wrong_algorithm"):
        verify_keyset(token, pinned=(pinned.public,))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"keys": []}, "invalid_field"),
        ({"keys": ["x"]}, "invalid_field"),
        ({"keys": {}}, "malformed_token"),
        ({"keys": None}, "malformed_token"),
        ({"iat": True}, "malformed_token"),
        ({"iat": "now"}, "malformed_token"),
        ({"iat": 2**53}, "malformed_token"),
        ({"exp": 1}, "malformed_token"),
    ],
)
def test_a_payload_of_another_shape_is_refused(pinned, claims, change, code, refusing):
    with refusing(code):
        verify_keyset(endorsed(pinned, {**claims, **change}), pinned=(pinned.public,))


@pytest.mark.parametrize("name", ["keys", "iat"])
def test_a_payload_without_a_member_is_refused(pinned, claims, name, refusing):
    remaining = {key: value for key, value in claims.items() if key != name}
    with refusing("malformed_token"):
        verify_keyset(endorsed(pinned, remaining), pinned=(pinned.public,))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "unfit_key"),  # small order
        ({"alg": "HS256"}, "unfit_key"),
        ({"kty": "EC"}, "unfit_key"),
        ({"use": "enc"}, "unfit_key"),
        ({"d": "secret"}, "invalid_field"),
        ({"kid": ""}, "invalid_field"),
    ],
)
def test_an_unfit_key_in_the_set_is_refused(pinned, claims, change, code, refusing):
    first, second = claims["keys"]
    for jwks in ([{**first, **change}, second], [first, {**second, **change}]):
        token = endorsed(pinned, {**claims, "keys": jwks})
        with refusing(code):
            verify_keyset(token, pinned=(pinned.public,))


def test_a_set_with_two_keys_of_one_name_is_refused(pinned, claims, refusing):
    first, second = claims["keys"]
    for again in (first, {**second, "kid": first["kid"]}):
        token = endorsed(pinned, {**claims, "keys": [first, second, again]})
        with refusing("invalid_field", "jwks.keys"):
            verify_keyset(token, pinned=(pinned.public,))


def test_a_token_that_is_too_long_is_refused(pinned, claims, refusing):
    token = endorsed(pinned, {**claims, "keys": claims["keys"] * 300})
    assert len(token) > KEYSET_LIMIT
    with refusing("malformed_token"):
        verify_keyset(token, pinned=(pinned.public,))


@pytest.mark.parametrize(("after", "stale"), [(-1, False), (0, False), (1, True)])
def test_a_set_older_than_one_that_was_taken_is_refused(pinned, claims, after, stale, refusing):
    token = endorsed(pinned, claims)
    not_before = claims["iat"] + after
    if stale:
        with refusing("stale_proof"):
            verify_keyset(token, pinned=(pinned.public,), not_before=not_before)
    else:
        assert verify_keyset(token, pinned=(pinned.public,), not_before=not_before)


def test_a_reader_that_has_taken_none_takes_a_set_of_any_time(pinned, new, claims):
    token = endorsed(pinned, {**claims, "iat": 0})
    assert verify_keyset(token, pinned=(pinned.public,)) == (new.public, pinned.public)


def test_the_time_of_a_set_is_what_it_says(pinned, claims, refusing):
    token = endorsed(pinned, claims)
    assert keyset_time(token) == claims["iat"]
    for wrong in ("x", endorsed(pinned, {**claims, "iat": "now"}), endorsed(pinned, {"iat": 1})):
        with refusing("malformed_token"):
            keyset_time(wrong)


@given(st.text() | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_whatever_comes_is_refused_by_our_own_errors(pinned, text):
    with pytest.raises(CountersealError):
        verify_keyset(text, pinned=(pinned.public,))
