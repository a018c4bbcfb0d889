"""Places to wait in: all of them used, and nobody kept out by another's waiting."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from counterseal_web.places import Places

ORIGINS = st.sampled_from(["a", "b", "c"])
ACTS = st.lists(st.tuples(ORIGINS, st.booleans(), st.integers(0, 20)), max_size=60)


def test_one_may_have_all_of_them_while_nobody_else_comes():
    places = Places(3)
    assert all(places.take("a") for _ in range(3))
    assert places.take("a") is None


def test_the_oldest_of_who_has_most_goes_for_who_has_none():
    places = Places(3)
    first, second, third = (places.take("a") for _ in range(3))
    assert places.take("b") is not None
    assert (first.over, second.over, third.over) == (True, False, False)
    assert places.take("a") is None


def test_two_do_not_take_turns_in_sending_each_other_away():
    places = Places(3)
    held = [places.take("a"), places.take("a"), places.take("b")]
    assert places.take("b") is None
    assert places.take("a") is None
    assert not any(place.over for place in held)


def test_leaving_twice_and_leaving_late_frees_nothing_more():
    places = Places(2)
    gone, kept = places.take("a"), places.take("a")
    assert places.take("b") is not None
    gone.leave()
    assert places.take("a") is None
    kept.leave()
    kept.leave()
    assert places.take("a") is not None
    assert places.take("a") is None


def test_where_there_are_none_nobody_waits():
    assert Places(0).take("a") is None


@given(total=st.integers(0, 6), acts=ACTS)
def test_every_place_is_used_and_shared(total, acts):
    """Against a list of who holds what, the oldest first."""
    places, held = Places(total), []
    for origin, leaves, which in acts:
        if leaves and held:
            held.pop(which % len(held)).leave()
            continue
        had = Counter(place.origin for place in held)
        taken = places.take(origin)
        if len(held) < total:
            assert taken is not None
        else:
            most = max(had.values(), default=0)
            assert (taken is not None) is (most >= had[origin] + 2)
        gone = [place for place in held if place.over]
        if gone:
            (away,) = gone
            assert len(held) == total
            assert had[away.origin] == max(had.values())
            assert away is next(place for place in held if place.origin == away.origin)
            held.remove(away)
        if taken is not None:
            held.append(taken)
        assert len(held) <= total
