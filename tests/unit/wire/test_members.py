"""Members: what is unknown is refused by name, and what is nearly known is named beside it."""

import string
from datetime import UTC, datetime
from enum import Enum

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.challenges.documents.question import QUESTION_MEMBERS
from counterseal.errors import InvalidField
from counterseal.models import guid
from counterseal.wire.members import (
    EVERYTHING,
    OPTIONAL_TEXT,
    TEXT,
    Members,
    choice,
    member,
    near_miss,
    read_record,
    records,
    require_known,
    write_record,
)

LETTERS = string.ascii_letters + string.digits + "_-. é"
NAMES = st.text(LETTERS, max_size=12)
MEMBERS = st.sampled_from(sorted(QUESTION_MEMBERS))
CHARACTERS = st.sampled_from(LETTERS)


def edits(one, other):
    """Count insertions, deletions, replacements and swaps of neighbours, by the whole table."""
    table = {(row, -1): row + 1 for row in range(-1, len(one))}
    table |= {(-1, column): column + 1 for column in range(-1, len(other))}
    for row, character in enumerate(one):
        for column, right in enumerate(other):
            ways = [
                table[row - 1, column] + 1,
                table[row, column - 1] + 1,
                table[row - 1, column - 1] + (character != right),
            ]
            swapped = (character, right) == (other[column - 1], one[row - 1])
            if row and column and swapped:
                ways.append(table[row - 2, column - 2] + 1)
            table[row, column] = min(ways)
    return table[len(one) - 1, len(other) - 1]


def plain(name):
    return "".join(letter for letter in name.casefold() if letter not in "_-. ")


def plurals(name):
    return {name, f"{name}s", f"{name}es", *([f"{name[:-1]}ies"] if name.endswith("y") else [])}


@given(NAMES, NAMES)
def test_a_near_miss_is_one_edit_or_a_plural_away_whatever_the_case(name, member):
    one, other = plain(name), plain(member)
    near = edits(one, other) <= 1 or one in plurals(other) or other in plurals(one)
    assert near_miss(name, {member}) == (member if near else None)


@given(MEMBERS, st.data())
def test_every_edit_of_a_known_name_is_a_near_miss(member, data):
    at = data.draw(st.integers(0, len(member) - 1))
    letter = data.draw(CHARACTERS)
    for name in (
        member[:at] + letter + member[at:],
        member[:at] + member[at + 1 :],
        member[:at] + letter + member[at + 1 :],
        member[:at] + member[at + 1 : at + 2] + member[at] + member[at + 2 :],
        member.upper(),
        member.capitalize(),
        f"{member[:at]}_{member[at:]}",
    ):
        assert near_miss(name, {member}) == member


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("button", "buttons"),
        ("addresses", "address"),
        ("reply", "replies"),
        ("show-code", "showCode"),
        ("accountid", "accountId"),
        ("Life", "life"),
    ],
)
def test_near_misses_by_hand(name, member):
    assert near_miss(name, {member, "else"}) == member


@pytest.mark.parametrize("name", ["company", "session_state", "scope", "error_description"])
def test_other_words_are_no_near_misses(name):
    assert near_miss(name, {"companyGuid", "state", "code", "error", "iss"}) is None


@pytest.mark.parametrize(("name", "member"), [("axcy", "abcd"), ("axcye", "abcde")])
def test_two_edits_are_no_near_miss(name, member):
    assert near_miss(name, {member}) is None


@given(st.dictionaries(NAMES, st.none(), max_size=4), st.sets(NAMES, max_size=4))
def test_only_what_is_known_passes(names, members):
    unknown = [name for name in names if name not in members]
    if not unknown:
        require_known(names, members)
        return
    with pytest.raises(InvalidField) as refusal:
        require_known(names, members, prefix="content.")
    assert refusal.value.field == f"content.{unknown[0]}"


@given(NAMES, MEMBERS)
def test_what_is_ignored_is_no_near_miss(name, member):
    if name == member or near_miss(name, {member}) is None:
        require_known({member: 0, name: 1}, {member}, ignored={name})
        return
    with pytest.raises(InvalidField):
        require_known({member: 0, name: 1}, {member}, ignored={name})


@pytest.mark.parametrize("name", ["Code", "codes", "co_de", "cod", "unheardOf"])
def test_where_everything_is_ignored_a_near_miss_is_too(name):
    require_known({"code": 0, name: 1}, {"code"}, ignored=EVERYTHING)
    assert name in EVERYTHING
    assert repr(EVERYTHING) == "EVERYTHING"


def test_what_is_unknown_behind_an_ignored_name_is_refused():
    with pytest.raises(InvalidField, match=r"^other: not a known member$"):
        require_known(["scope", "other"], {"code"}, ignored={"scope"})


def test_the_refusal_names_what_was_surely_meant():
    with pytest.raises(InvalidField, match=r"^showcode: not a known member; showCode is$"):
        require_known({"accountId": "", "showcode": True}, QUESTION_MEMBERS)


def test_a_name_is_shown_short_and_harmless():
    with pytest.raises(InvalidField) as refusal:
        require_known({"\x1b[2J" + "x" * 100_000: 1}, QUESTION_MEMBERS)
    assert refusal.value.field.startswith(r"\x1b[2Jxxx")
    assert len(str(refusal.value)) < 200


class Size(Enum):
    SMALL = "small"


def test_a_record_is_the_document_of_its_members():
    @attrs.frozen
    class Paragraph:
        text: str = attrs.field(metadata=member("lineText", TEXT))

    @attrs.frozen
    class Page:
        size: Size = attrs.field(metadata=member("pageSize", choice(Size)))
        lines: tuple[Paragraph, ...] = attrs.field(metadata=member("allLines", records(Paragraph)))
        note: str | None = attrs.field(metadata=member("note", OPTIONAL_TEXT))
        hint: str | None = attrs.field(metadata=member("hint", OPTIONAL_TEXT, omitted=True))
        internal: int = 7

    page = Page(size=Size.SMALL, lines=(Paragraph("a"), Paragraph("b")), note=None, hint=None)
    document = {
        "pageSize": "small",
        "allLines": [{"lineText": "a"}, {"lineText": "b"}],
        "note": None,
    }
    assert write_record(page) == document
    assert read_record(Page, document) == page
    with pytest.raises(InvalidField, match="pageSize"):
        read_record(Page, document | {"pageSize": "huge"})
    with pytest.raises(InvalidField, match="lineText"):
        read_record(Page, document | {"allLines": [{"text": "a"}]})


def test_what_is_no_object_is_the_body():
    with pytest.raises(InvalidField, match=r"^body: "):
        Members.of([])


GUID = guid.mint(7, bytes(15))
TIME = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)
READERS = {
    "text": ("x", "x", ["", None, 1, True]),
    "text_or_none": ("", "", [1, True, []]),
    "flag": (False, False, [0, 1, "true", None]),
    "count": (0, 0, [-1, 1.0, True, "1", None]),
    "count_or_none": (7, 7, [-1, 1.0, True, "1"]),
    "guid": (GUID, GUID, ["", f"{GUID}x", 1, None]),
    "guid_or_none": (GUID, GUID, ["", f"{GUID}x", 1]),
    "time": ("2026-11-24T12:00:00.250Z", TIME, ["2026-11-24T12:00:00Z", "", 1, None]),
    "time_or_none": ("2026-11-24T12:00:00.250Z", TIME, ["2026-11-24T12:00:00Z", "", 1]),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_member_of_a_reply_is_of_its_type(reader):
    text, value, malformed = READERS[reader]
    assert getattr(Members.of({"one": text}), reader)("one") == value
    for other in malformed:
        with pytest.raises(InvalidField) as caught:
            getattr(Members.of({"one": other}), reader)("one")
        assert caught.value.field == "one"


@pytest.mark.parametrize("reader", [name for name in READERS if name.endswith("_or_none")])
@pytest.mark.parametrize("document", [{}, {"one": None}])
def test_an_optional_member_of_a_reply_may_be_missing_or_null(reader, document):
    assert getattr(Members.of(document), reader)("one") is None
    assert not Members.of(document).has("one")


@pytest.mark.parametrize("value", ["large", "", None, 1, ["small"]])
def test_a_choice_is_one_of_the_known_values(value):
    assert Members.of({"size": "small"}).choice("size", Size) is Size.SMALL
    with pytest.raises(InvalidField, match="size"):
        Members.of({"size": value}).choice("size", Size)


@pytest.mark.parametrize("value", [None, {}, "text", [1], [None], [[]]])
def test_objects_are_a_list_of_objects(value):
    (one, other) = Members.of({"each": [{"n": 1}, {"n": 2}]}).objects("each")
    assert (one.count("n"), other.count("n")) == (1, 2)
    with pytest.raises(InvalidField, match="each"):
        Members.of({"each": value}).objects("each")


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_the_members_are_those_of_an_object(value):
    with pytest.raises(InvalidField, match="reply"):
        Members.of(value, "reply")


def test_an_empty_text_is_read_where_it_is_allowed():
    assert Members.of({"one": ""}).text("one", empty=True) == ""
    assert "canary" not in repr(Members.of({"one": "canary"}))
