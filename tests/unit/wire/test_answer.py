"""The answer and the disown: one payload for each, and one reading of each payload."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal import ijson
from counterseal.challenges.documents.answer import (
    ANSWER_TYP,
    DISOWN_TYP,
    Answer,
    answer_claims,
    read_answer,
)
from counterseal.errors import InvalidField, MalformedToken
from counterseal.ijson import INTEGER_LIMIT
from counterseal.models import RefusalReason, guid

DEVICE, ACCOUNT, SPACE, CHALLENGE = (guid.mint(7, bytes([0xA0 + n]) * 15) for n in range(4))
ANSWER = Answer(
    device=DEVICE,
    account=ACCOUNT,
    app_space=SPACE,
    challenge=CHALLENGE,
    display_hash="47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
    button=1,
    title="Zoë bezahlen",
    code="042137",
    issued_at=1764000000,
    id="jti-1",
)
CLAIMS = answer_claims(ANSWER)
DISOWN = attrs.evolve(ANSWER, button=None, title=None, code=None)

GUIDS = st.binary(min_size=15, max_size=15).map(lambda entropy: guid.mint(entropy[0], entropy))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
INTEGERS = st.integers(0, 3) | st.integers(0, INTEGER_LIMIT)
COMMON = {
    "device": st.sampled_from([DEVICE, ACCOUNT]) | GUIDS,
    "account": st.sampled_from([DEVICE, ACCOUNT]) | GUIDS,
    "app_space": GUIDS,
    "challenge": GUIDS,
    "display_hash": TEXTS,
    "issued_at": st.integers(-INTEGER_LIMIT, INTEGER_LIMIT),
    "id": IDS,
}
OF_BOTH = {
    "device_key": st.none() | TEXTS,
    "reason": st.none() | st.sampled_from(RefusalReason),
}
ANSWERS = st.builds(
    Answer, **COMMON, button=INTEGERS, title=TEXTS, code=st.none() | TEXTS, **OF_BOTH
)
DISOWNS = st.builds(Answer, **COMMON, **OF_BOTH)


def test_the_payload_of_an_answer():
    assert CLAIMS == {
        "iss": DEVICE,
        "sub": ACCOUNT,
        "aud": SPACE,
        "challenge": CHALLENGE,
        "display": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        "button": 1,
        "title": "Zoë bezahlen",
        "code": "042137",
        "iat": 1764000000,
        "jti": "jti-1",
    }
    assert ANSWER.typ == ANSWER_TYP == "counterseal-answer+jwt"


def test_the_payload_of_a_disown():
    claims = answer_claims(DISOWN)
    assert claims.keys() == CLAIMS.keys() - {"button", "title", "code"}
    assert DISOWN.typ == DISOWN_TYP == "counterseal-disown+jwt"


def test_an_answer_without_a_code_has_no_such_member():
    assert "code" not in answer_claims(attrs.evolve(ANSWER, code=None))


def test_the_first_button_is_an_answer_and_no_disown():
    first = attrs.evolve(ANSWER, button=0)
    assert first.typ == ANSWER_TYP
    assert answer_claims(first)["button"] == 0


@given(ANSWERS | DISOWNS)
def test_what_is_written_is_read_again(answer):
    payload = json.loads(ijson.compact(answer_claims(answer)))
    assert read_answer(payload, typ=answer.typ) == answer


@given(ANSWERS | DISOWNS, ANSWERS | DISOWNS)
def test_no_two_answers_are_the_same_bytes(one, other):
    # By their type as well: it stands in the header, which is signed too.
    payloads = [(answer.typ, ijson.compact(answer_claims(answer))) for answer in (one, other)]
    assert (payloads[0] == payloads[1]) is (one == other)


@given(ANSWERS, st.sampled_from([field.name for field in attrs.fields(Answer)]), st.data())
def test_an_answer_that_differs_in_one_field_is_other_bytes(answer, field, data):
    others = {"button": INTEGERS, "title": TEXTS, "code": TEXTS, **OF_BOTH}
    value = data.draw((COMMON | others)[field])
    other = attrs.evolve(answer, **{field: value})
    equal = ijson.compact(answer_claims(answer)) == ijson.compact(answer_claims(other))
    assert equal is (answer == other)


@pytest.mark.parametrize(
    "odd",
    [
        {"button": None},
        {"title": None},
        {"button": None, "title": None},
        {"button": None, "code": None},
    ],
)
def test_even_what_no_device_says_is_other_bytes_and_is_not_read(odd):
    answer = attrs.evolve(ANSWER, **odd)
    claims = answer_claims(answer)
    assert claims not in (CLAIMS, answer_claims(DISOWN))
    with pytest.raises(MalformedToken):
        read_answer(claims, typ=answer.typ)


@pytest.mark.parametrize("name", sorted(CLAIMS.keys() - {"code"}))
def test_a_missing_claim_is_refused(name):
    with pytest.raises(MalformedToken):
        read_answer({key: CLAIMS[key] for key in CLAIMS if key != name}, typ=ANSWER_TYP)


@pytest.mark.parametrize("name", ["decision", "key", "jwk", "nonce", "Button", "exp"])
@pytest.mark.parametrize("answer", [ANSWER, DISOWN], ids=["answer", "disown"])
def test_an_unknown_claim_is_refused(name, answer):
    with pytest.raises(MalformedToken):
        read_answer({**answer_claims(answer), name: "x"}, typ=answer.typ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("button", True),
        ("button", False),
        ("button", "0"),
        ("button", 0.0),
        ("button", -1),
        ("button", None),
        ("title", 1),
        ("title", None),
        ("code", 42137),
        ("code", None),
        ("iat", True),
        ("iat", 1764000000.0),
        ("iat", "1764000000"),
        ("jti", 7),
        ("jti", ""),
        ("jti", "x" * 65),
        ("display", None),
        ("iss", ""),
        ("iss", DEVICE.upper()),
        ("iss", [DEVICE]),
        ("sub", "user-42"),
        ("aud", [SPACE]),
        ("challenge", f"{CHALLENGE} "),
    ],
)
def test_a_claim_of_another_type_or_form_is_refused(name, value):
    with pytest.raises(MalformedToken):
        read_answer({**CLAIMS, name: value}, typ=ANSWER_TYP)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "challenge"])
@pytest.mark.parametrize("value", ["", "x", SPACE.upper(), f"{SPACE} {SPACE}"])
def test_whatever_is_named_is_named_by_a_guid(name, value):
    with pytest.raises(MalformedToken):
        read_answer({**CLAIMS, name: value}, typ=ANSWER_TYP)


def test_an_answer_is_not_read_as_a_disown_nor_a_disown_as_an_answer():
    with pytest.raises(MalformedToken):
        read_answer(CLAIMS, typ=DISOWN_TYP)
    with pytest.raises(MalformedToken):
        read_answer(answer_claims(DISOWN), typ=ANSWER_TYP)


@pytest.mark.parametrize("answer", [ANSWER, DISOWN], ids=["answer", "disown"])
@pytest.mark.parametrize("id_", ["", "x" * 65])
def test_the_id_is_of_one_to_64_characters(answer, id_):
    claims = answer_claims(answer)
    assert read_answer({**claims, "jti": "x" * 64}, typ=answer.typ).id == "x" * 64
    with pytest.raises(MalformedToken):
        read_answer({**claims, "jti": id_}, typ=answer.typ)


def test_a_disown_holds_no_code():
    with pytest.raises(MalformedToken):
        read_answer({**answer_claims(DISOWN), "code": "042137"}, typ=DISOWN_TYP)


def test_the_code_is_not_shown():
    assert "042137" not in repr(ANSWER)


@pytest.mark.parametrize("answer", [ANSWER, DISOWN], ids=["answer", "disown"])
@pytest.mark.parametrize("word", ["declined", "not_mine", "wrong_details", "pressured", "other"])
def test_a_reason_is_one_of_five_words(answer, word):
    with_reason = attrs.evolve(answer, reason=RefusalReason(word))
    claims = answer_claims(with_reason)
    assert claims == {**answer_claims(answer), "reason": word}
    assert read_answer(claims, typ=answer.typ) == with_reason


@pytest.mark.parametrize("answer", [ANSWER, DISOWN], ids=["answer", "disown"])
@pytest.mark.parametrize("word", ["", "tired", "Declined", "declined ", "not mine", "erased"])
def test_another_word_is_refused_by_name(answer, word):
    with pytest.raises(InvalidField) as caught:
        read_answer({**answer_claims(answer), "reason": word}, typ=answer.typ)
    assert caught.value.field == "reason"


@pytest.mark.parametrize("answer", [ANSWER, DISOWN], ids=["answer", "disown"])
@pytest.mark.parametrize("value", [None, 1, True, ["other"], {"other": 1}])
def test_a_reason_that_is_no_text_is_refused(answer, value):
    with pytest.raises(MalformedToken):
        read_answer({**answer_claims(answer), "reason": value}, typ=answer.typ)
