"""Slots: all of them are used, and no origin's calls keep another's from waiting."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from counterseal_web.slots import WaitSlots

ORIGINS = st.sampled_from(["a", "b", "c"])
ENDS = st.sampled_from([None, WaitSlots.free, WaitSlots.abandon])
STEPS = st.lists(st.tuples(ORIGINS, ENDS, st.integers(0, 20)), max_size=60)


def test_one_origin_may_have_all_slots_while_no_other_comes():
    slots = WaitSlots(3)
    assert all(slots.take("a") for _ in range(3))
    assert slots.take("a") is None


def test_an_origin_without_a_slot_gets_the_oldest_of_the_one_with_most():
    slots = WaitSlots(3)
    first, second, third = (slots.take("a") for _ in range(3))
    assert slots.take("b") is not None
    assert (first.revoked, second.revoked, third.revoked) == (True, False, False)
    assert slots.take("a") is None


def test_two_origins_do_not_take_slots_from_each_other_in_turn():
    slots = WaitSlots(3)
    slots_in_use = [slots.take("a"), slots.take("a"), slots.take("b")]
    assert slots.take("b") is None
    assert slots.take("a") is None
    assert not any(slot.revoked for slot in slots_in_use)


def test_a_slot_that_is_free_or_revoked_is_not_freed_again():
    slots = WaitSlots(2)
    revoked, other = slots.take("a"), slots.take("a")
    assert slots.take("b") is not None
    slots.free(revoked)
    assert slots.take("a") is None
    slots.free(other)
    slots.free(other)
    assert slots.take("a") is not None
    assert slots.take("a") is None


def test_a_slot_is_abandoned_while_another_thread_has_the_lock():
    """A finalizer may run within `take` itself, in the same thread."""
    slots = WaitSlots(1)
    slot = slots.take("a")
    with slots._lock:
        slots.abandon(slot)
    assert slots.take("b") is not None
    assert not slot.revoked


def test_where_there_are_no_slots_no_call_waits():
    assert WaitSlots(0).take("a") is None


@given(total=st.integers(0, 6), steps=STEPS)
def test_every_slot_is_used_and_shared(total, steps):
    """Against a list of the slots in use, the oldest first."""
    slots, used = WaitSlots(total), []
    for origin, end, index in steps:
        if end and used:
            end(slots, used.pop(index % len(used)))
            continue
        before = Counter(slot.owner for slot in used)
        slot = slots.take(origin)
        if len(used) < total:
            assert slot is not None
        else:
            most = max(before.values(), default=0)
            assert (slot is not None) is (most >= before[origin] + 2)
        revoked = [each for each in used if each.revoked]
        if revoked:
            (lost,) = revoked
            assert len(used) == total
            assert before[lost.owner] == max(before.values())
            assert lost is next(each for each in used if each.owner == lost.owner)
            used.remove(lost)
        if slot is not None:
            used.append(slot)
        assert len(used) <= total
