"""Claims: exactly the members that a token must have, of exactly their types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import MalformedToken
from counterseal.models import guid
from counterseal.wire.members import ID_LIMIT, demand, demand_guids, demand_id

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


@given(st.dictionaries(st.sampled_from([*REQUIRED, "code", "other"]), JSON))
def test_claims_are_taken_only_if_each_member_is_right(claimed):
    fits = claimed.keys() - {"code"} == REQUIRED.keys() and all(
        type(value) is {**REQUIRED, **OPTIONAL}[name] for name, value in claimed.items()
    )
    try:
        demand(claimed, REQUIRED, OPTIONAL)
    except MalformedToken:
        assert not fits
    else:
        assert fits


GUIDS = st.binary(min_size=15, max_size=15).map(lambda entropy: guid.mint(entropy[0], entropy))


@given(st.lists(GUIDS, min_size=1, max_size=4))
def test_guids_of_ours_are_taken(guids):
    demand_guids(*guids)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID.upper().replace("0", "A"),
        f"{ID}\n",
        f" {ID}",
        f"{ID} {ID}",
        ID.replace("-", ""),
        f"{{{ID}}}",
        "306e8e0e-ee83-4bff-b1ff-8847931d83ec",  # version 4: not ours
    ],
)
@pytest.mark.parametrize("others", [[], [ID], [ID, ID]])
def test_a_text_that_is_no_guid_of_ours_is_refused_wherever_it_stands(text, others):
    for index in range(len(others) + 1):
        with pytest.raises(MalformedToken):
            demand_guids(*others[:index], text, *others[index:])


@pytest.mark.parametrize(
    "texts", [(f"{ID} {ID}", ""), ("", f"{ID} {ID}"), (f"{ID} {ID[:-1]}", ID[-1]), (ID + " ", ID)]
)
def test_guids_that_are_cut_elsewhere_are_refused(texts):
    with pytest.raises(MalformedToken):
        demand_guids(*texts)


@pytest.mark.parametrize("length", [1, ID_LIMIT])
def test_the_shortest_and_the_longest_id_are_taken(length):
    demand_id("x" * length)


@pytest.mark.parametrize("length", [0, ID_LIMIT + 1, 5000])
def test_an_id_of_another_length_is_refused(length):
    with pytest.raises(MalformedToken):
        demand_id("x" * length)
