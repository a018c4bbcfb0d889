"""Replay guard, counters and idempotency against the clauses of `counterseal.ports`."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.memory import MemoryCounters, MemoryIdempotency, MemoryReplayGuard
from counterseal.models import Guid, KeyScope, Reservation

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
KEY = ("proof", "device", "id")


class Slow(str):
    """A part of a key that is so slow to look up that other threads get their turn."""

    __slots__ = ()

    def __hash__(self):
        for _ in range(1_000):
            pass
        return super().__hash__()

    __eq__ = str.__eq__


class Clock:
    def __init__(self):
        self.moment = NOW

    def now(self):
        return self.moment


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard(clock):
    return MemoryReplayGuard(clock)


@pytest.fixture
def counters(clock):
    return MemoryCounters(clock)


# Replay guard


def test_replay_1_a_key_is_new_once_until_its_time_is_over(guard, clock):
    until = NOW + MINUTE
    assert guard.first_seen(KEY, until) is True
    assert guard.first_seen(KEY, until) is False
    clock.moment = until - timedelta(microseconds=1)
    assert guard.first_seen(KEY, until + MINUTE) is False
    clock.moment = until
    assert guard.first_seen(KEY, until + MINUTE) is True
    assert guard.first_seen(KEY, until + MINUTE) is False


def test_replay_1_a_second_life_is_not_ended_by_the_first_ones_end(guard, clock):
    assert guard.first_seen(KEY, NOW + SECOND)
    clock.moment = NOW + SECOND
    assert guard.first_seen(KEY, NOW + MINUTE)
    clock.moment = NOW + 2 * SECOND
    assert not guard.first_seen(KEY, NOW + MINUTE)


def test_replay_1_one_of_many_threads_is_first(guard, at_once):
    for number in range(50):
        key = ("proof", "device", Slow(number))
        outcomes = at_once(*[lambda key=key: guard.first_seen(key, NOW + MINUTE)] * 8)
        assert outcomes.count(True) == 1


@pytest.mark.parametrize("part", range(3))
def test_replay_2_keys_that_differ_in_any_part_do_not_meet(guard, part):
    other = tuple("other" if index == part else value for index, value in enumerate(KEY))
    assert guard.first_seen(KEY, NOW + MINUTE)
    assert guard.first_seen(other, NOW + MINUTE)


def test_replay_2_parts_are_not_glued_together(guard):
    assert guard.first_seen(("a", "bc", "d"), NOW + MINUTE)
    assert guard.first_seen(("ab", "c", "d"), NOW + MINUTE)


def test_the_replay_guard_forgets_what_is_over(guard, clock):
    for number in range(100):
        guard.first_seen(("proof", "device", str(number)), NOW + SECOND)
    clock.moment = NOW + SECOND
    guard.first_seen(KEY, NOW + MINUTE)
    assert list(guard._ends_by_value) == [KEY]
    assert len(guard._ends) == 1


# Counters


def test_counters_count_from_one(counters):
    assert [counters.add(("issue", "origin"), MINUTE) for _ in range(3)] == [1, 2, 3]


@given(st.lists(st.integers(0, 40), max_size=30))
def test_counters_1_never_fewer_than_the_window_really_had(steps):
    clock = Clock()
    counters = MemoryCounters(clock)
    added = []
    for step in steps:
        clock.moment += step * SECOND
        added.append(clock.moment)
        truth = sum(1 for at in added if clock.moment - at < MINUTE)
        counted = counters.add(("issue", "origin"), MINUTE)
        assert truth <= counted <= sum(1 for at in added if clock.moment - at < 2 * MINUTE)


def test_counters_1_a_clock_that_jumps_back_frees_nothing(counters, clock):
    assert [counters.add(("issue", "origin"), MINUTE) for _ in range(3)] == [1, 2, 3]
    clock.moment -= timedelta(hours=1)
    assert counters.add(("issue", "origin"), MINUTE) == 4
    clock.moment += timedelta(hours=1)
    assert counters.add(("issue", "origin"), MINUTE) == 5


def test_counters_1_no_call_of_many_threads_is_lost(counters, at_once):
    def add():
        return [counters.add(("issue", Slow("origin")), MINUTE) for _ in range(25)]

    counted = sorted(number for numbers in at_once(*[add] * 8) for number in numbers)
    assert counted == list(range(1, 201))


def test_counters_forget_what_is_two_windows_old(counters, clock):
    counters.add(("issue", "origin"), MINUTE)
    clock.moment += 2 * MINUTE
    assert counters.add(("issue", "origin"), MINUTE) == 1


@pytest.mark.parametrize(
    ("key", "window"),
    [
        (("issue", "other"), MINUTE),
        (("other", "origin"), MINUTE),
        (("issue", "origin"), 2 * MINUTE),
        (("issueo", "rigin"), MINUTE),
    ],
)
def test_counters_2_keys_that_differ_in_any_part_do_not_meet(counters, key, window):
    counters.add(("issue", "origin"), MINUTE)
    assert counters.add(key, window) == 1


# Idempotency

FIRST = Reservation(
    scope=(KeyScope.ISSUE, Guid("origin")),
    key="key-1",
    fingerprint="payload",
    guid=Guid("guid-1"),
    holder="holder-1",
    lease_until=NOW + 30 * SECOND,
    until=NOW + 24 * 60 * MINUTE,
)
SECOND_CALL = attrs.evolve(
    FIRST,
    guid=Guid("guid-2"),
    holder="holder-2",
    lease_until=FIRST.lease_until + MINUTE,
    until=FIRST.until + MINUTE,
)


@pytest.fixture
def idempotency():
    return MemoryIdempotency()


def test_idempotency_1_the_first_gets_its_own_and_the_second_the_firsts(idempotency):
    assert idempotency.begin(FIRST, NOW) == FIRST
    assert idempotency.begin(SECOND_CALL, NOW) == FIRST


def test_idempotency_1_of_many_threads_one_gets_its_own(idempotency, at_once):
    for number in range(50):
        reservations = [
            attrs.evolve(
                FIRST, key=Slow(f"key-{number}"), holder=f"holder-{n}", guid=Guid(f"guid-{n}")
            )
            for n in range(8)
        ]
        results = at_once(*(lambda one=one: idempotency.begin(one, NOW) for one in reservations))
        assert len(set(results)) == 1
        assert [one == mine for one, mine in zip(results, reservations, strict=True)].count(
            True
        ) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"key": "key-2"},
        {"scope": (KeyScope.ISSUE, Guid("other"))},
        {"scope": (KeyScope.INVITE, Guid("origin"))},
    ],
    ids=["another key", "another origin", "another verb"],
)
def test_idempotency_scopes_and_keys_do_not_meet(idempotency, change):
    idempotency.begin(FIRST, NOW)
    other = attrs.evolve(SECOND_CALL, **change)
    assert idempotency.begin(other, NOW) == other


@pytest.mark.parametrize("later", [timedelta(0), 30 * SECOND, 23 * 60 * MINUTE])
@pytest.mark.parametrize("finished", [True, False])
def test_idempotency_2_another_fingerprint_meets_the_reservation_unchanged(
    idempotency, finished, later
):
    idempotency.begin(FIRST, NOW)
    if finished:
        idempotency.finish(FIRST)
    other = attrs.evolve(SECOND_CALL, fingerprint="another payload")
    assert idempotency.begin(other, NOW + later) == attrs.evolve(FIRST, finished=finished)


def test_idempotency_3_an_unfinished_one_is_taken_over_when_its_lease_is_over(idempotency):
    idempotency.begin(FIRST, NOW)
    just_before = FIRST.lease_until - timedelta(microseconds=1)
    assert idempotency.begin(SECOND_CALL, just_before) == FIRST
    reservation = idempotency.begin(SECOND_CALL, FIRST.lease_until)
    assert reservation == attrs.evolve(SECOND_CALL, guid=FIRST.guid)
    assert (
        idempotency.begin(attrs.evolve(FIRST, holder="holder-3"), FIRST.lease_until) == reservation
    )


def test_idempotency_3_one_of_many_threads_takes_over(idempotency, at_once):
    for number in range(50):
        first = attrs.evolve(FIRST, key=Slow(f"key-{number}"))
        idempotency.begin(first, NOW)
        reservations = [
            attrs.evolve(SECOND_CALL, key=first.key, holder=f"holder-{n}") for n in range(2, 10)
        ]
        at = FIRST.lease_until
        results = at_once(
            *(lambda one=one, at=at: idempotency.begin(one, at) for one in reservations)
        )
        assert len({one.holder for one in results}) == 1
        assert {one.guid for one in results} == {FIRST.guid}


@pytest.mark.parametrize("finished", [True, False])
def test_idempotency_4_a_reservation_past_its_end_counts_as_none(idempotency, finished):
    idempotency.begin(FIRST, NOW)
    if finished:
        idempotency.finish(FIRST)
    other = attrs.evolve(SECOND_CALL, fingerprint="another payload")
    assert idempotency.begin(other, FIRST.until) == other


def test_idempotency_5_a_finished_one_is_returned_as_finished_until_it_ends(idempotency):
    idempotency.begin(FIRST, NOW)
    idempotency.finish(FIRST)
    finished = attrs.evolve(FIRST, finished=True)
    assert idempotency.begin(SECOND_CALL, NOW) == finished
    assert idempotency.begin(SECOND_CALL, FIRST.until - timedelta(microseconds=1)) == finished


def test_idempotency_5_the_one_who_was_taken_over_may_finish_for_its_heir(idempotency):
    idempotency.begin(FIRST, NOW)
    second = idempotency.begin(SECOND_CALL, FIRST.lease_until)
    idempotency.finish(FIRST)
    first = idempotency.begin(FIRST, FIRST.lease_until)
    assert first == attrs.evolve(second, finished=True)


def test_reservations_that_are_over_are_forgotten(idempotency):
    for number in range(100):
        idempotency.begin(attrs.evolve(FIRST, key=f"key-{number}"), NOW)
    idempotency.begin(SECOND_CALL, FIRST.until)
    assert [reservation.key for reservation in idempotency._reservations.values()] == [
        SECOND_CALL.key
    ]
    assert len(idempotency._ends) == 1


def test_a_reservation_that_was_taken_over_stays_to_its_own_end(idempotency):
    """The end of the one before it has come."""
    idempotency.begin(FIRST, NOW)
    idempotency.begin(SECOND_CALL, FIRST.lease_until)
    third = attrs.evolve(FIRST, guid=Guid("guid-3"), until=SECOND_CALL.until + MINUTE)
    assert idempotency.begin(third, FIRST.until).guid == FIRST.guid
    assert idempotency.begin(third, third.until).guid == third.guid


def test_finishing_what_is_not_reserved_does_nothing(idempotency):
    idempotency.finish(FIRST)
    assert idempotency.begin(SECOND_CALL, NOW) == SECOND_CALL
    idempotency.finish(FIRST)
    assert idempotency.begin(FIRST, NOW) == SECOND_CALL
