"""
One key signs tokens of many kinds, and none is ever taken for another.

Every kind is offered to every reader: as it is, and with its header renamed to what that reader
wants. Then tokens are changed by one character, and their headers by one member.
"""

import hashlib
import hmac
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson, keys
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    ENDORSE_TYP,
    KEYSET_TYP,
    ROTATE_TYP,
    bind_claims,
    rotation_claims,
    verify_keyset,
)
from counterseal.bindings.documents.proof import PROOF_TYP, Proof, proof_claims, read_proof
from counterseal.challenges.documents.answer import (
    ANSWER_TYP,
    DISOWN_TYP,
    Answer,
    answer_claims,
    read_answer,
)
from counterseal.challenges.documents.receipt import RECEIPT_TYP, verify_receipt
from counterseal.errors import MalformedToken, Refused
from counterseal.keys import b64url, unb64url
from counterseal.models import guid

DEVICE, ACCOUNT, SPACE, CHALLENGE = (guid.mint(7, bytes([n]) * 15) for n in range(4))
TOKEN = f"{DEVICE}.c2VjcmV0"
WHO = {"device": DEVICE, "account": ACCOUNT, "app_space": SPACE}
ANSWER = Answer(
    **WHO,
    challenge=CHALLENGE,
    display_hash=keys.digest(b"display"),
    button=0,
    title="Pay",
    issued_at=1764000000,
    id="jti",
)
DISOWN = Answer(
    **WHO,
    challenge=CHALLENGE,
    display_hash=keys.digest(b"display"),
    issued_at=1764000000,
    id="jti",
)
PROOF = Proof(
    **WHO,
    method="GET",
    uri="https://auth.example.com/x",
    body_hash=keys.digest(b""),
    issued_at=1764000000,
    id="jti",
)
EXPECTED = {
    BIND_TYP: bind_claims(TOKEN, SPACE, ()),
    ROTATE_TYP: rotation_claims(DEVICE, SPACE, ()),
    ENDORSE_TYP: rotation_claims(DEVICE, SPACE, ()),
}
TYPES = [
    ANSWER_TYP,
    DISOWN_TYP,
    PROOF_TYP,
    BIND_TYP,
    ROTATE_TYP,
    ENDORSE_TYP,
    KEYSET_TYP,
    RECEIPT_TYP,
]
ALPHABET = string.ascii_letters + string.digits + "-_."


@pytest.fixture(scope="module")
def key(ed25519):
    return ed25519("k")


@pytest.fixture(scope="module")
def payloads(key):
    """A sound payload of each kind, all by one key."""
    display = {
        "version": 1,
        "challenge": CHALLENGE,
        "appSpace": {"guid": SPACE, "name": "App"},
        "origin": {"guid": SPACE, "name": "Shop"},
        "account": {"guid": ACCOUNT, "id": "user-1"},
        "content": {"text": "Pay?"},
        "buttons": [
            {"title": "Pay", "strong": True, "approves": True},
            {"title": "Do not pay", "strong": False, "approves": False},
        ],
        "code": False,
        "issuedAt": "2026-11-24T12:00:00.000Z",
        "expiresAt": "2026-11-24T12:02:00.000Z",
    }
    text = ijson.canonical(display).decode()
    answer = {**answer_claims(ANSWER), "display": keys.digest(text.encode())}
    jwk = {**json.loads(key.public.jwk), "kid": "k", "alg": "EdDSA"}
    receipt = {
        "version": 1,
        "issuer": jwk,
        "display": text,
        "answer": keys.sign(key, typ=ANSWER_TYP, claims=answer),
        "device": DEVICE,
        "account": ACCOUNT,
        "key": jwk,
        "role": "strong",
        "history": [
            {
                "at": "2026-11-24T11:00:00.000Z",
                "role": "strong",
                "thumbprint": key.public.thumbprint,
            }
        ],
        "outcome": "ANSWERED",
        "approved": True,
        "at": "2026-11-24T12:01:00.000Z",
        "number": 1,
        "previous": "",
    }
    return {
        ANSWER_TYP: answer_claims(ANSWER),
        DISOWN_TYP: answer_claims(DISOWN),
        PROOF_TYP: proof_claims(PROOF),
        **EXPECTED,
        KEYSET_TYP: {"keys": [jwk], "iat": 1764000000},
        RECEIPT_TYP: receipt,
    }


def accept(token, key, typ):
    """Read *token* as that kind, as the one who waits for it would."""
    if typ == RECEIPT_TYP:
        return verify_receipt(token, trusted=(key.public,))
    if typ == KEYSET_TYP:
        return verify_keyset(token, pinned=(key.public,))
    claims = keys.verify(keys.read(token, limit=16_384), key.public, expected_typ=typ)
    if typ in EXPECTED:
        if claims != EXPECTED[typ]:
            raise MalformedToken
        return claims
    return read_proof(claims) if typ == PROOF_TYP else read_answer(claims, typ=typ)


def test_the_kinds_have_names_of_their_own():
    assert len(set(TYPES)) == len(TYPES)
    assert all(typ.startswith("counterseal-") and typ.endswith("+jwt") for typ in TYPES)


@pytest.mark.parametrize("typ", TYPES)
def test_each_kind_is_accepted_as_itself(typ, key, payloads):
    assert accept(keys.sign(key, typ=typ, claims=payloads[typ]), key, typ)


@pytest.mark.parametrize("expected", TYPES)
@pytest.mark.parametrize("actual", TYPES)
def test_no_kind_is_accepted_as_another(actual, expected, key, payloads):
    if actual == expected:
        return
    with pytest.raises(Refused) as caught:
        accept(keys.sign(key, typ=actual, claims=payloads[actual]), key, expected)
    # A receipt's reader looks at the shape first.
    assert caught.value.code == ("receipt_changed" if expected == RECEIPT_TYP else "wrong_type")


@pytest.mark.parametrize("expected", TYPES)
@pytest.mark.parametrize("actual", TYPES)
def test_no_payload_says_what_another_kind_has_to_say(actual, expected, key, payloads):
    if actual == expected or {actual, expected} == {ROTATE_TYP, ENDORSE_TYP}:
        # Those two say the same on purpose: only their type tells which key speaks.
        return
    with pytest.raises(Refused):
        accept(keys.sign(key, typ=expected, claims=payloads[actual]), key, expected)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "", "counterseal-foo+jwt", ANSWER_TYP.upper()])
def test_a_type_that_is_not_ours_is_accepted_as_nothing(typ, key, payloads):
    for expected in TYPES:
        with pytest.raises(Refused):
            accept(keys.sign(key, typ=typ, claims=payloads[expected]), key, expected)


@pytest.mark.parametrize("typ", TYPES)
def test_another_keys_token_is_not_accepted_even_under_the_same_name(typ, key, payloads, ed25519):
    other = ed25519("k2")
    other = keys.private_key(other.scalar(), kid="k", algorithm=key.public.algorithm)
    with pytest.raises(Refused):
        accept(keys.sign(other, typ=typ, claims=payloads[typ]), key, typ)


@pytest.mark.parametrize("typ", TYPES)
@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES256"},
        {"alg": "eddsa"},
        {"kid": "other"},
        {"kid": ""},
        {"jwk": {"kty": "OKP"}},
        {"jku": "https://evil.example.com/jwks"},
        {"crit": ["exp"]},
        {"x5c": []},
    ],
    ids=str,
)
def test_a_header_that_says_anything_else_is_refused(typ, change, key, payloads):
    header = {"alg": "EdDSA", "typ": typ, "kid": "k", **change}
    signed = ".".join(b64url(ijson.compact(part)) for part in (header, payloads[typ]))
    for signature in (key.sign(signed.encode()), hmac_of(key, signed)):
        with pytest.raises(Refused):
            accept(f"{signed}.{b64url(signature)}", key, typ)


def hmac_of(key, signed):
    """The MAC of the old trick: the public key taken for a secret."""
    public = unb64url(json.loads(key.public.jwk)["x"])
    return hmac.new(public, signed.encode(), hashlib.sha256).digest()


@given(typ=st.sampled_from(TYPES), data=st.data())
def test_a_token_with_one_other_character_is_refused(typ, data, key, payloads):
    token = keys.sign(key, typ=typ, claims=payloads[typ])
    index = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET.replace(token[index], "")))
    with pytest.raises(Refused):
        accept(token[:index] + other + token[index + 1 :], key, typ)


@given(typ=st.sampled_from(TYPES), data=st.data())
def test_a_token_cut_or_lengthened_is_refused(typ, data, key, payloads):
    token = keys.sign(key, typ=typ, claims=payloads[typ])
    index = data.draw(st.integers(0, len(token) - 1))
    more = data.draw(st.sampled_from(["A", ".", "=", "\n", " ", "AA", "ü"]))
    for changed in (token[:index], token[:index] + more + token[index:], token + more):
        with pytest.raises(Refused):
            accept(changed, key, typ)
