"""Forms are read strictly, and come back with what was wrong, and with what was entered."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import InvalidField
from counterseal_portal.forms import NAME, PAIRS, Field, Kind, fill, read_body

COLOURS = (("red", "Red"), ("blue", "Blue"))
FIELDS = (
    Field(name="name", label="Name", required=True, meant_by=("title",)),
    Field(name="colour", label="Colour", kind=Kind.CHOICE, options=COLOURS),
    Field(name="colours", label="Colours", kind=Kind.CHOICES, options=COLOURS),
    Field(name="count", label="Count", kind=Kind.NUMBER),
    Field(name="lines", label="Lines", kind=Kind.LINES),
    Field(name="agreed", label="Agreed", kind=Kind.FLAG),
)
NAMES = st.from_regex(NAME, fullmatch=True)


@given(
    st.lists(st.tuples(NAMES, st.text(st.characters(exclude_categories=["Cs"]))), max_size=PAIRS)
)
def test_what_a_browser_sends_is_what_is_read(pairs):
    fields = {}
    for name, value in pairs:
        fields[name] = (*fields.get(name, ()), value)
    assert read_body(urlencode(pairs).encode()) == fields


@pytest.mark.parametrize(
    "body",
    [
        b"name",
        b'{"name":"x"}',
        b"name=%",
        b"name=%zz",
        b"name=%ff",
        b"=x",
        b"Name=x",
        b"n%C3%A9=x",
        b"a=1&&b=2",
        b"&".join(b"a=1" for _ in range(PAIRS + 1)),
    ],
)
def test_what_no_browser_sends_is_refused(body):
    with pytest.raises(InvalidField):
        read_body(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ("a", "b")}, "name"),
        ({"name": ("a",), "colour": ("green",)}, "colour"),
        ({"name": ("a",), "colours": ("red", "green")}, "colours"),
        ({"name": ("a",), "agreed": ("no",)}, "agreed"),
    ],
)
def test_what_no_page_offers_is_refused(body, field):
    with pytest.raises(InvalidField) as refusal:
        fill(FIELDS, body)
    assert refusal.value.field == field


def test_values_by_their_kinds():
    form = fill(
        FIELDS,
        {
            "name": (" Zoë ",),
            "colours": ("red", "blue"),
            "count": ("12",),
            "lines": ("a\r\n\r\n b \r\n",),
            "agreed": ("yes",),
        },
    )
    assert form.errors == {}
    assert (form.text("name"), form.value("name")) == ("Zoë", " Zoë ")
    assert (form.number("count"), form.lines("lines")) == (12, ("a", "b"))
    assert (form.flag("agreed"), form.text("colour")) == (True, "")


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "\u0661", "1" * 10])
def test_a_number_is_digits(text):
    with pytest.raises(InvalidField, match="count"):
        fill(FIELDS, {"name": ("a",), "count": (text,)}).number("count")


def test_an_error_is_beside_its_field_and_the_values_stay():
    form = fill(FIELDS, {"name": (" ",), "count": ("3",)})
    assert form.errors == {"name": "This cannot be empty."}
    refused = fill(FIELDS, {"name": ("a",)}).refused(InvalidField("title", "too long"))
    assert (refused.errors, refused.value("name")) == ({"name": "too long"}, "a")
    elsewhere = fill(FIELDS, {"name": ("a",)}).refused(InvalidField("other", "odd"))
    assert (elsewhere.errors, elsewhere.problem) == ({}, "other: odd")
