"""Names that look alike have a skeleton in common, in whatever case, normal form and alphabet."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import counterseal.wire.lookalikes
from counterseal.wire.lookalikes import are_alike, skeletons

TABLE = Path(counterseal.wire.lookalikes.__file__).with_name("lookalikes.json")
SIZE_LIMIT = 20_000
DOCUMENT = json.loads(TABLE.read_text("utf-8"))
SOURCES = sorted(
    {*"".join(DOCUMENT["lowerCase"].values()), *"".join(DOCUMENT["outlines"].values())}
)
NAMES = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(SOURCES)))
ASSIGNED = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.category(chr(code)) not in {"Cn", "Co", "Cs"}
]


def test_the_table_is_small_and_names_its_unicode_version():
    assert len(TABLE.read_bytes()) <= SIZE_LIMIT
    assert DOCUMENT["unicode"] == "16.0.0"


def test_the_table_has_what_confusables_txt_says():
    """Lines of confusables.txt 16.0.0, in other words."""
    lines = {"а": "a", "ν": "v", "ο": "o", "0": "o", "1": "l", "|": "l", "ı": "i", "m": "rn"}
    lines |= {"\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}": "i", "ꓐ": "b", "–": "-"}
    lines |= {"\N{ARMENIAN SMALL LETTER SEH}": "u", "\N{HEBREW LETTER SAMEKH}": "o", "‘": "'"}
    assert {character: skeletons(character)[0] for character in lines} == lines
    capitals = {"I": "l", "Ν": "n", "Η": "h", "Ь": "b", "Ꭺ": "a", "М": "rn"}
    assert {character: skeletons(character)[1] for character in capitals} == capitals


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD", "casefold", "upper", "lower"])
def test_every_character_is_like_itself_in_another_form(form):
    """Python's own normalization and case folding are the oracle."""

    def other(character):
        if form.startswith("NF"):
            return unicodedata.normalize(form, character)
        return getattr(character, form)()

    def is_same_letter(character):
        return other(character).casefold() == character.casefold() or form.startswith("NF")

    differing = [
        character
        for character in ASSIGNED
        if other(character) != character and is_same_letter(character)
        if not are_alike(character, other(character))
    ]
    assert differing == []


@given(NAMES)
def test_equal_names_are_alike(name):
    assert are_alike(name, name)


@given(NAMES)
def test_a_name_is_like_itself_in_another_case_or_normal_form(name):
    normalized = unicodedata.normalize("NFKC", name)
    assert are_alike(name, normalized)
    folded = unicodedata.normalize("NFD", normalized).casefold()
    assert skeletons(name)[0] == skeletons(folded)[0]


@given(NAMES, NAMES)
def test_likeness_is_symmetric(name, other_name):
    assert are_alike(name, other_name) == are_alike(other_name, name)


@given(NAMES)
def test_a_skeleton_is_its_own_skeleton(name):
    for skeleton in skeletons(name):
        assert skeletons(skeleton) == (skeleton, skeleton)


@given(NAMES, NAMES)
def test_spaces_between_and_around_words_collapse(name, other_name):
    wide = f"\u2003{name} \u00a0\t {other_name}\u3000"
    assert skeletons(wide) == skeletons(f"{name} {other_name}")


@given(NAMES, NAMES)
def test_characters_that_are_not_displayed_do_not_count(name, other_name):
    hidden = f"{name}a\u200b\u2060\u00ad\ufe0f\U000e0041b{other_name}"
    assert skeletons(hidden) == skeletons(f"{name}ab{other_name}")


@given(NAMES, st.sampled_from(SOURCES), NAMES)
def test_a_character_of_the_table_may_stand_for_another_of_its_row(before, character, after):
    """Within one row all characters look alike, wherever they stand."""
    rows = [text for text in DOCUMENT["lowerCase"].values() if character in text]
    for text in rows:
        for other in text:
            assert are_alike(f"{before} {character} {after}", f"{before} {other} {after}")
