"""Claims: exactly the members that a token must have, of exactly their types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import MalformedToken
from counterseal.ijson import INTEGER_LIMIT
from counterseal.models import guid
from counterseal.wire.claims import claimed_guid, demand

REQUIRED = {"name": str, "count": int, "on": bool, "list": list, "map": dict}
OPTIONAL = {"code": str}
SOUND = {"name": "x", "count": 1, "on": True, "list": [], "map": {}}
ID = guid.mint(7, bytes(15))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


def test_the_members_are_taken_with_and_without_the_optional_ones():
    demand(SOUND, REQUIRED)
    demand(SOUND, REQUIRED, OPTIONAL)
    demand({**SOUND, "code": "1"}, REQUIRED, OPTIONAL)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_member_is_refused(name):
    with pytest.raises(MalformedToken):
        demand({key: value for key, value in SOUND.items() if key != name}, REQUIRED)


@pytest.mark.parametrize("name", ["extra", "code", "Name", "name ", ""])
def test_an_unknown_member_is_refused(name):
    with pytest.raises(MalformedToken):
        demand({**SOUND, name: "x"}, REQUIRED)


def test_an_unknown_member_in_place_of_a_missing_one_is_refused():
    with pytest.raises(MalformedToken):
        demand({**{key: SOUND[key] for key in list(SOUND)[1:]}, "Name": "x"}, REQUIRED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", True),
        ("count", False),
        ("count", 1.0),
        ("count", "1"),
        ("count", None),
        ("on", 1),
        ("on", 0),
        ("on", "true"),
        ("name", 1),
        ("name", None),
        ("name", ["x"]),
        ("list", {}),
        ("list", "x"),
        ("list", ()),
        ("map", []),
        ("map", None),
        ("code", 123456),
        ("code", None),
    ],
)
def test_a_member_of_another_type_is_refused(name, value):
    with pytest.raises(MalformedToken):
        demand({**SOUND, name: value}, REQUIRED, OPTIONAL)


@pytest.mark.parametrize("value", [2**53, -(2**53), 10**400, INTEGER_LIMIT + 1])
def test_an_integer_that_not_every_reader_holds_is_refused(value):
    with pytest.raises(MalformedToken):
        demand({**SOUND, "count": value}, REQUIRED)


@pytest.mark.parametrize("value", [INTEGER_LIMIT, -INTEGER_LIMIT, 0])
def test_the_largest_integers_are_taken(value):
    demand({**SOUND, "count": value}, REQUIRED)


@given(st.dictionaries(st.sampled_from([*REQUIRED, "code", "other"]), JSON))
def test_claims_are_taken_only_if_each_member_is_right(claimed):
    fits = claimed.keys() - {"code"} == REQUIRED.keys() and all(
        type(value) is {**REQUIRED, **OPTIONAL}[name] for name, value in claimed.items()
    )
    fits = fits and abs(claimed["count"]) <= 2**53 - 1
    try:
        demand(claimed, REQUIRED, OPTIONAL)
    except MalformedToken:
        assert not fits
    else:
        assert fits


def test_a_guid_is_taken_as_it_is():
    assert claimed_guid(ID) == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID.upper().replace("0", "A"),
        f"{ID}\n",
        f" {ID}",
        ID.replace("-", ""),
        f"{{{ID}}}",
        "306e8e0e-ee83-4bff-b1ff-8847931d83ec",  # version 4: not ours
    ],
)
def test_a_text_that_is_no_guid_of_ours_is_refused(text):
    with pytest.raises(MalformedToken):
        claimed_guid(text)
