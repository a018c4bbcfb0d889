"""Text from outside is spelled so that it cannot fake the screen."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from counterseal.wire.visible import MARKS_IN_A_ROW, Name, visible

HIDDEN = [
    *range(0x20),
    *range(0x7F, 0xA1),  # DEL, C1, no-break space
    0xAD,  # soft hyphen
    0x034F,  # grapheme joiner
    0x061C,  # Arabic letter mark
    *(0x115F, 0x1160, 0x3164, 0xFFA0),  # Hangul fillers
    *range(0x180B, 0x1810),  # Mongolian selectors and vowel separator
    *range(0x2000, 0x2010),  # spaces, zero-width, directional marks
    *range(0x2028, 0x2030),  # separators, embeddings, overrides, narrow space
    *range(0x205F, 0x2070),  # isolates and invisible operators
    0x2800,  # a braille cell without a dot
    0x3000,  # ideographic space
    0xD800,
    0xDFFF,
    0xE000,  # private
    *range(0xFE00, 0xFE10),  # variation selectors
    0xFEFF,
    *range(0xFFF0, 0xFFFC),
    0xFFFE,
    0xFFFF,
    0x1D159,  # a note without a head
    *range(0x1D173, 0x1D17B),
    *range(0xE0000, 0xE01F0),  # tags and more selectors
    0x10FFFF,
]
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
"""Surrogates too."""

TRICKY = st.lists(
    st.one_of(
        st.sampled_from(["<", "U", "+", "<U+", "<U+202E>", ">", "\n", "\u202e", "e", "\u0301"]),
        st.sampled_from(["\u0338", "\u20dd", "\x1b[2J", "[bold]", "\\", "1", " ", "\ufe0f"]),
        ANY_TEXT,
    )
).map("".join)


def read_back(visible_text):
    return re.sub(r"<U\+([0-9A-F]{4,6})>", lambda match: chr(int(match[1], 16)), visible_text)


@pytest.mark.parametrize(
    ("text", "visible_text"),
    [
        ("zoe", "zoe"),
        ("zoe ", "zoe<U+0020>"),
        (" zoe", "<U+0020>zoe"),
        ("zoe  b", "zoe <U+0020>b"),
        ("zoe b", "zoe b"),
        ("z\u00f6e ", "z\u00f6e<U+0020>"),
        ("zoe\u202e ", "zoe<U+202E><U+0020>"),
        (" ", "<U+0020>"),
        ("   ", "<U+0020>" * 3),
    ],
)
def test_of_a_name_each_space_is_seen(text, visible_text):
    assert visible(Name(text)) == visible_text
    assert visible(text) == visible_text.replace("<U+0020>", " ")


@given(TRICKY)
def test_spaces_of_a_name_can_be_read_back(text):
    assert read_back(visible(Name(text))) == text


@given(TRICKY, st.sampled_from(["utf-8", "ascii", "latin-1", "cp1252"]))
@example("<U+<U+202E>\u202e", "ascii")
@example("<" * 3 + "U+0041>", "utf-8")
def test_hidden_characters_can_be_read_back(text, encoding):
    # The whole of it: so two texts that differ never look the same.
    assert read_back(visible(text, encoding)) == text


@given(TRICKY, st.sampled_from(["utf-8", "ascii", "latin-1", "cp1252"]))
def test_nothing_hidden_comes_out(text, encoding):
    visible_text = visible(text, encoding)
    visible_text.encode(encoding)
    assert visible_text.isprintable()
    for character in visible_text:
        assert character == " " or unicodedata.category(character)[0] in "LMNPS"
        assert ord(character) not in HIDDEN


@given(TRICKY)
def test_a_mark_stays_on_its_letter(text):
    on = 0
    for character in visible(text):
        if unicodedata.category(character)[0] == "M":
            assert unicodedata.category(character) != "Me"
            assert unicodedata.combining(character) != 1
            on -= 1
            assert on >= 0
        else:
            on = MARKS_IN_A_ROW if unicodedata.category(character)[0] == "L" else 0


@pytest.mark.parametrize("code", HIDDEN, ids=hex)
def test_what_hides_is_written_out(code):
    assert visible(f"a{chr(code)}b") == f"a<U+{code:04X}>b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Pay 10.00 EUR to Zoë Example?",
        "Zoe\u0308 Example",  # the same name, decomposed
        "你好 · こんにちは · 안녕",
        "مرحبا שלום",
        "नमस्ते ผู้ใช้",
        "[bold]not markup[/] :smile: \\n <b>&amp;</b> ${x} `y`",
        "😀 € ½ ∑",
    ],
)
def test_honest_text_stays(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "visible_text"),
    [
        ("\u0301a", "<U+0301>a"),
        ("10\u0338 EUR", "10<U+0338> EUR"),
        ("e\u0338", "e<U+0338>"),
        ("a\u20e0", "a<U+20E0>"),
        ("a" + "\u0301" * 6, "a" + "\u0301" * 4 + "<U+0301>" * 2),
        ("<U+202E>", "<U+003C>U+202E>"),
        ("\r\n", "<U+000D><U+000A>"),
    ],
)
def test_spellings(text, visible_text):
    assert visible(text) == visible_text


@given(TRICKY, st.sampled_from(["utf-8", "ascii"]))
def test_what_was_written_out_stays_and_nothing_hidden_comes_out(text, encoding):
    visible_text = visible(text, encoding)
    assert visible(visible_text, encoding, escaped=True) == visible_text
    assert visible(text, encoding, escaped=True) == visible_text.replace("<U+003C>", "<")


def test_what_the_terminal_cannot_say_is_written_out():
    assert visible("Zoë €", "latin-1") == "Zoë <U+20AC>"
    assert visible("Zoë €", "ascii") == "Zo<U+00EB> <U+20AC>"
