"""Slots: dynamic thresholds, against the sums that the published rule has at its fixed point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.slots import SlotCounts, gets_slot

OWNERS = st.sampled_from("abcd")


@pytest.mark.parametrize(
    ("count", "free", "options", "expected"),
    [
        (0, 0, {}, False),
        (0, 1, {}, True),
        (1, 1, {}, False),
        (1, 2, {}, True),
        (2, 14, {"part": 8}, False),
        (2, 15, {"part": 8}, True),
        (0, 1, {"part": 8, "reserved": 4}, True),
        (1, 4, {"reserved": 4}, False),
        (1, 5, {"reserved": 4}, True),
    ],
)
def test_an_owner_gets_a_slot_while_it_has_fewer_than_its_part_of_the_free_ones(
    count, free, options, expected
):
    assert gets_slot(count, free, **options) is expected


@given(total=st.integers(1, 200), part=st.integers(2, 12), owners=st.integers(1, 12))
def test_busy_owners_have_equal_shares_and_leave_one(total, part, owners):
    slots = SlotCounts(total)
    names, is_full = range(owners), False
    while not is_full:
        is_full = True
        for name in names:
            if gets_slot(slots.count(name), slots.free, part=part):
                slots.take(name)
                is_full = False
    # The fixed point: n owners and the free slots are as n + part - 1 equal shares.
    share = total / (owners + part - 1)
    assert all(abs(slots.count(name) - share) < 1 for name in names)
    assert slots.free >= min(int(share) * (part - 1), total - owners)


def test_owners_that_hang_one_after_the_other_take_half_of_what_is_free():
    slots, counts = SlotCounts(64), []
    for name in range(8):
        while gets_slot(slots.count(name), slots.free):
            slots.take(name)
        counts.append(slots.count(name))
    assert counts == [32, 16, 8, 4, 2, 1, 1, 0]


@given(st.lists(st.tuples(OWNERS, OWNERS), max_size=40))
def test_what_is_given_back_is_as_if_never_taken(pairs):
    slots = SlotCounts(100)
    for pair in pairs:
        slots.take(*pair)
    assert slots.free == 100 - len(pairs)
    for owner in "abcd":
        assert slots.count(owner) == sum(pair.count(owner) for pair in pairs)
    for pair in pairs:
        slots.give_back(*pair)
    assert (slots.total, slots.free) == (100, 100)
    assert not slots._counts, "an owner without a slot uses memory"
