"""Rules of size: every text is taken at its limit and refused, by name, one byte past it."""

import json
import unicodedata
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal._input_limits import (
    addresses_fit,
    challenge_life,
    limit_fits,
    question_fits,
    text_fits,
)
from counterseal.errors import InvalidField
from counterseal.models import (
    DEFAULT_BUTTONS,
    AddressKind,
    Button,
    HtmlContent,
    Pair,
    PairsContent,
    PushAddress,
    Question,
    TextContent,
)
from counterseal.policy import STANDARD

YES, NO = Button(title="Yes", strong=True, approving=True), Button(title="No", strong=False)
QUESTION = Question(account_id="user-42", content=TextContent(text="Log in?"), buttons=(YES, NO))
SMALL = attrs.evolve(
    STANDARD,
    content_bytes=64,
    title_bytes=20,
    pairs_limit=3,
    buttons_limit=4,
    button_bytes=10,
    style_bytes=16,
    additional_info_bytes=32,
    transaction_id_bytes=12,
    callback_bytes=18,
    account_id_bytes=8,
    address_bytes=22,
    addresses_limit=2,
)


@pytest.mark.parametrize("limit", [1, 2, 999, 1000])
def test_a_list_has_room_for_one_to_a_thousand(limit):
    limit_fits(limit)


@pytest.mark.parametrize("limit", [-1000, -1, 0, 1001, 10**9])
def test_no_other_limit_can_be_asked_for(limit):
    with pytest.raises(InvalidField) as refused:
        limit_fits(limit)
    assert (refused.value.field, refused.value.problem) == ("limit", "not within 1 and 1000")


def texts_of(size):
    """Texts of just *size* bytes, of characters of one to four bytes each."""
    for character in ("x", "ë", "€", "👍"):
        width = len(character.encode())
        text = character * (size // width) + "x" * (size % width)
        assert len(text.encode()) == size
        yield text


def question(**members):
    return attrs.evolve(QUESTION, **members)


def content(text):
    return question(content=TextContent(text=text))


def html(text):
    return question(content=HtmlContent(html=text))


def titled(text):
    return question(content=PairsContent(title=text, pairs=()))


def keyed(text):
    return question(content=PairsContent(title="T", pairs=(Pair(key=text, value=""),)))


def valued(text):
    return question(content=PairsContent(title="T", pairs=(Pair(key="K", value=text),)))


def buttoned(text):
    return question(buttons=(YES, attrs.evolve(NO, title=text)))


def styled(text):
    return question(buttons=(YES, attrs.evolve(NO, style=text)))


# How to put a text there, its limit, and what a refusal calls it.
TEXTS = {
    "accountId": (lambda text: question(account_id=text), SMALL.account_id_bytes, "accountId"),
    "text": (content, SMALL.content_bytes, "content"),
    "html": (html, SMALL.content_bytes, "content"),
    "title": (titled, SMALL.title_bytes, "content.title"),
    "key": (keyed, SMALL.content_bytes - 1, "content"),
    "value": (valued, SMALL.content_bytes - 2, "content"),
    "button": (buttoned, SMALL.button_bytes, "buttons[1].title"),
    "style": (styled, SMALL.style_bytes, "buttons[1].style"),
    "transactionId": (
        lambda text: question(transaction_id=text),
        SMALL.transaction_id_bytes,
        "transactionId",
    ),
    "callback": (lambda text: question(callback=text), SMALL.callback_bytes, "callback"),
    "notificationTitle": (
        lambda text: question(notification_title=text),
        SMALL.title_bytes,
        "notificationTitle",
    ),
    "notificationBody": (
        lambda text: question(notification_body=text),
        SMALL.title_bytes,
        "notificationBody",
    ),
    # Two more bytes for the quotes of the JSON.
    "additionalInfo": (
        lambda text: question(additional_info=text),
        SMALL.additional_info_bytes - 2,
        "additionalInfo",
    ),
}
MAY_BE_EMPTY = {
    "value",
    "style",
    "transactionId",
    "notificationTitle",
    "notificationBody",
    "additionalInfo",
}
MAY_BE_BLANK = MAY_BE_EMPTY | {"accountId", "callback"}
INNER = {"key": "content.keys[0].key", "value": "content.keys[0].value"}


@pytest.mark.parametrize("name", TEXTS)
class TestEveryTextOfAQuestion:
    def test_is_taken_at_its_limit_and_refused_one_byte_past_it(self, name, refusing):
        place_text, limit, field = TEXTS[name]
        for text in texts_of(limit):
            question_fits(place_text(text), SMALL)
        for text in texts_of(limit + 1):
            with refusing("invalid_field", field):
                question_fits(place_text(text), SMALL)

    def test_is_refused_far_past_its_limit(self, name, refusing):
        place_text, _, field = TEXTS[name]
        with refusing("invalid_field", INNER.get(name, field)):
            question_fits(place_text("x" * 1_000_000), SMALL)

    def test_is_refused_empty_or_blank_where_it_has_to_say_something(self, name, refusing):
        place_text, _, field = TEXTS[name]
        for text, allowed in (("", MAY_BE_EMPTY), (" \t\n\u2003", MAY_BE_BLANK)):
            if name in allowed:
                question_fits(place_text(text), SMALL)
            else:
                with refusing("invalid_field", INNER.get(name, field)):
                    question_fits(place_text(text), SMALL)

    @pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ufffe", "\U0010ffff", "\ufdd0"])
    def test_is_refused_if_i_json_cannot_hold_it(self, name, text, refusing):
        place_text, _, field = TEXTS[name]
        with refusing("invalid_field", INNER.get(name, field)):
            question_fits(place_text(text), SMALL)

    def test_fits_the_standard_policy_where_it_fits_the_small_one(self, name):
        place_text, limit, _ = TEXTS[name]
        question_fits(place_text("x" * limit), STANDARD)


class TestQuestionFits:
    def test_takes_a_plain_question(self):
        question_fits(QUESTION, SMALL)
        question_fits(question(buttons=DEFAULT_BUTTONS), SMALL)

    @pytest.mark.parametrize("count", range(6))
    def test_takes_as_many_buttons_as_the_policy_says_and_at_least_two(self, count, refusing):
        buttons = (YES, *(attrs.evolve(NO, title=f"No {n}") for n in range(5)))[:count]
        if 2 <= count <= SMALL.buttons_limit:
            question_fits(question(buttons=buttons), SMALL)
        else:
            with refusing("invalid_field", "buttons"):
                question_fits(question(buttons=buttons), SMALL)

    @pytest.mark.parametrize(
        ("approving", "fine"),
        [
            ((True, False), True),
            ((False, True), True),
            ((True, True, False), True),
            ((False, False), False),
            ((True, True), False),
            ((True, True, True), False),
        ],
    )
    def test_wants_a_button_that_approves_and_one_that_refuses(self, approving, fine, refusing):
        changed = question(buttons=tuple(attrs.evolve(NO, approving=one) for one in approving))
        if fine:
            question_fits(changed, SMALL)
        else:
            with refusing("invalid_field", "buttons"):
                question_fits(changed, SMALL)

    @pytest.mark.parametrize("count", [0, 3, 4])
    def test_takes_as_many_lines_as_the_policy_says(self, count, refusing):
        pairs = (Pair(key="K", value=""),) * count
        changed = question(content=PairsContent(title="T", pairs=pairs))
        if count <= SMALL.pairs_limit:
            question_fits(changed, SMALL)
        else:
            with refusing("invalid_field", "content.keys"):
                question_fits(changed, SMALL)

    @pytest.mark.parametrize("sizes", [(20, 10, 12, 10, 12), (1, 30, 30, 1, 2), (1, 1, 61, 1, 0)])
    def test_counts_all_the_texts_of_a_content_together(self, sizes, refusing):
        assert sum(sizes) == SMALL.content_bytes
        title, one, two, three, four = ("ë" * (size // 2) + "x" * (size % 2) for size in sizes)
        pairs = (Pair(key=one, value=two), Pair(key=three, value=four))
        question_fits(question(content=PairsContent(title=title, pairs=pairs)), SMALL)
        more = (pairs[0], Pair(key=three, value=four + "x"))
        with refusing("invalid_field", "content"):
            question_fits(question(content=PairsContent(title=title, pairs=more)), SMALL)

    @pytest.mark.parametrize(
        ("info", "field"),
        [
            ({"a": {"b": "\ud800"}}, "additionalInfo.a.b"),
            ({"\ud800": 1}, "additionalInfo"),
            ({"a": [0, float("inf")]}, "additionalInfo.a[1]"),
            ({"a": 2**53}, "additionalInfo.a"),
            ({"a": b"bytes"}, "additionalInfo.a"),
            ({1: "a"}, "additionalInfo"),
        ],
    )
    def test_names_what_i_json_cannot_hold_of_additional_info(self, info, field, refusing):
        with refusing("invalid_field", field):
            question_fits(question(additional_info=info), SMALL)

    @given(
        st.dictionaries(
            st.text(st.characters(codec="utf-8", max_codepoint=0x2FFF), max_size=6),
            st.text(st.characters(codec="utf-8", max_codepoint=0x2FFF), max_size=6)
            | st.integers(-9, 9),
            max_size=4,
        )
    )
    def test_measures_additional_info_as_json(self, info):
        size = len(json.dumps(info, ensure_ascii=False, separators=(",", ":")).encode())
        try:
            question_fits(question(additional_info=info), SMALL)
        except InvalidField as refusal:
            assert refusal.field == "additionalInfo"
            assert size > 32
        else:
            assert size <= 32


NO_INK = "\u115f\u1160\u2800\u3164\uffa0\U00013441\U00013442\U0001d159"
"""Letters and symbols that are drawn as a blank."""


def shows_something(text):
    visible = [char for char in text if char.isprintable() and char not in f" {NO_INK}"]
    unknown = [char for char in text if unicodedata.category(char) in {"Cn", "Co"}]
    return bool(unknown) or any(not unicodedata.category(char).startswith("M") for char in visible)


class TestTextFits:
    @pytest.mark.parametrize(
        "text",
        [
            " ",
            "\t\n",
            "\0",
            "\x7f",
            "\u00a0",
            "\u00ad",
            "\u200b",
            "\u200b \u200d",
            "\u2028",
            "\u202e",
            "\u2060\ufeff",
            "\ufe0f",
            "\u0301",
            "\U000e0041",
            *NO_INK,
        ],
    )
    def test_what_shows_nothing_is_empty(self, text, refusing):
        with refusing("invalid_field", "name"):
            text_fits(text, 20, "name", trimmed=True)
        text_fits(text, 20, "name")

    @pytest.mark.parametrize(
        "text",
        [
            "a",
            ".",
            "\u200ba",
            "\u2800.",
            "é",
            "e\u0301",
            "م",
            "字",
            "€",
            "✓",
            "👩\u200d🚀",
            "\ue000",
        ],
    )
    def test_what_shows_something_is_not(self, text):
        text_fits(text, 20, "name", trimmed=True)

    @given(
        st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"), max_size=12),
        st.integers(0, 20),
        st.booleans(),
        st.booleans(),
    )
    def test_counts_bytes_of_utf_8(self, text, limit, empty, trimmed):
        if any(ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF for char in text):
            return
        says_something = shows_something(text) if trimmed else bool(text)
        fine = len(text.encode()) <= limit and (empty or says_something)
        try:
            text_fits(text, limit, "name", empty=empty, trimmed=trimmed)
        except InvalidField as refusal:
            assert refusal.field == "name"
            assert not fine
        else:
            assert fine

    def test_takes_none_as_no_bytes(self):
        assert text_fits(None, 0, "name") == 0

    @pytest.mark.parametrize("value", [1, b"x", True, ["x"], {}])
    def test_refuses_what_is_no_text(self, value, refusing):
        with refusing("invalid_field", "name"):
            text_fits(value, 10, "name")


class TestAddressesFit:
    def address(self, value):
        return PushAddress(kind=AddressKind.FCM_TOKEN, value=value)

    @pytest.mark.parametrize("count", [0, 1, 2, 3])
    def test_as_many_as_the_policy_says(self, count, refusing):
        addresses = tuple(self.address(f"a{n}") for n in range(count))
        if count <= SMALL.addresses_limit:
            addresses_fit(addresses, SMALL)
        else:
            with refusing("invalid_field", "addresses"):
                addresses_fit(addresses, SMALL)

    def test_each_at_its_limit_and_not_one_byte_past_it(self, refusing):
        short = self.address("a")
        for text in texts_of(SMALL.address_bytes):
            addresses_fit((short, self.address(text)), SMALL)
        for text in texts_of(SMALL.address_bytes + 1):
            with refusing("invalid_field", "addresses[1].value"):
                addresses_fit((short, self.address(text)), SMALL)


class TestLifeOf:
    @pytest.mark.parametrize(
        ("seconds", "fine"),
        [(0, False), (0.999999, False), (1, True), (90, True), (600, True), (600.000001, False)],
    )
    def test_is_within_a_second_and_the_policys_limit(self, seconds, fine, refusing):
        changed = question(duration=timedelta(seconds=seconds))
        if fine:
            assert challenge_life(changed, STANDARD) == timedelta(seconds=seconds)
        else:
            with refusing("invalid_field", "duration"):
                challenge_life(changed, STANDARD)

    @pytest.mark.parametrize("own", [True, False])
    def test_is_in_milliseconds_as_the_display_document_tells_it(self, own):
        # Else the record's deadline would be a little later than the one that is shown.
        odd = timedelta(seconds=90, microseconds=1999)
        changed = question(duration=odd if own else None)
        policy = attrs.evolve(STANDARD, challenge_life=odd)
        assert challenge_life(changed, policy) == timedelta(seconds=90, milliseconds=1)

    @pytest.mark.parametrize("duration", [timedelta(seconds=-60), timedelta.max, timedelta.min])
    def test_refuses_the_absurd(self, duration, refusing):
        with refusing("invalid_field", "duration"):
            challenge_life(question(duration=duration), STANDARD)

    def test_is_the_policys_own_where_the_origin_says_nothing(self):
        policy = attrs.evolve(STANDARD, challenge_life=timedelta(seconds=77))
        assert challenge_life(QUESTION, policy) == timedelta(seconds=77)

    def test_is_limited_by_a_stricter_policy(self, refusing):
        policy = attrs.evolve(
            STANDARD,
            challenge_life=timedelta(seconds=30),
            challenge_life_limit=timedelta(seconds=60),
        )
        assert challenge_life(question(duration=timedelta(seconds=60)), policy)
        with refusing("invalid_field", "duration"):
            challenge_life(question(duration=timedelta(seconds=61)), policy)
