"""The contract of `Counters`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import ClassVar, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterseal.ports import Clock, Counters
from counterseal.testing.clock import FrozenClock
from counterseal.testing.contracts.clauses import needs
from counterseal.testing.contracts.leaving import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    without_broken,
)
from counterseal.testing.contracts.race import race, results

NewCounters: TypeAlias = Callable[[Clock], Counters]
"""Makes counters that have counted nothing, and take the time from the clock if from anywhere."""

CALLERS = 8
TIMES = 25
WINDOW = timedelta(seconds=60)


class CountersContract:
    """
    What all counters keep.

    Attributes:
        follows_the_clock: Whether windows pass as the given clock does.
    """

    follows_the_clock: ClassVar[bool] = True

    @pytest.fixture
    def new_counters(self) -> NewCounters:
        """
        Return a factory of counters that have counted nothing.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_counters`: it returns a factory")

    @pytest.fixture
    def broken_counters(self) -> NewCounters | None:
        """Return a factory of counters whose connection is broken, if there can be one."""
        return None

    def test_counters_1_counts_each(self, new_counters: NewCounters) -> None:
        """COUNTERS-1."""
        counters = new_counters(FrozenClock())

        found = [counters.add(("rate", "a"), WINDOW) for _ in range(TIMES)]

        assert all(count >= number for number, count in enumerate(found, 1)), f"too few: {found}"

    def test_counters_1_counts_those_at_once(self, new_counters: NewCounters) -> None:
        """COUNTERS-1."""
        counters = new_counters(FrozenClock())

        def act() -> int:
            return max(counters.add(("rate", "a"), WINDOW) for _ in range(TIMES))

        found = results(race([act] * CALLERS))

        assert max(found) >= CALLERS * TIMES, "two at once were counted as one"
        assert counters.add(("rate", "a"), WINDOW) > CALLERS * TIMES

    @settings(deadline=None, suppress_health_check=list(HealthCheck))
    @given(pauses=st.lists(st.integers(0, 90), min_size=1, max_size=20))
    def test_counters_1_no_burst_fits_between_two_windows(
        self, new_counters: NewCounters, pauses: list[int]
    ) -> None:
        """COUNTERS-1: whatever *window* long is looked at."""
        clock = FrozenClock()
        counters = new_counters(clock)
        added = []
        for pause in pauses:
            added.append(clock.advance(timedelta(seconds=pause)))
            truth = sum(moment > clock.now() - WINDOW for moment in added)

            assert counters.add(("rate", "a"), WINDOW) >= truth

    def test_counters_1_counts_on_when_the_clock_steps_back(
        self, new_counters: NewCounters
    ) -> None:
        """COUNTERS-1."""
        clock = FrozenClock()
        counters = new_counters(clock)
        for number in range(1, 6):
            assert counters.add(("rate", "a"), WINDOW) >= number
            clock.jump(clock.now() - 2 * WINDOW)

    def test_counters_2_keys_that_differ_do_not_meet(self, new_counters: NewCounters) -> None:
        """COUNTERS-2."""
        counters = new_counters(FrozenClock())
        keys = [("a", "b"), ("ab", ""), ("", "ab"), ("A", "b"), ("a", "b "), ("a:b", ""), ("a", "")]

        assert [counters.add(key, WINDOW) for key in keys] == [1] * len(keys)

    def test_counters_3_begins_anew(self, new_counters: NewCounters) -> None:
        """COUNTERS-3."""
        needs(self, "follows_the_clock", "COUNTERS-3")
        clock = FrozenClock()
        counters = new_counters(clock)
        for _ in range(TIMES):
            counters.add(("rate", "a"), WINDOW)
        clock.advance(2 * WINDOW)

        assert counters.add(("rate", "a"), WINDOW) == 1

    def test_all_1_only_unavailable_leaves(self, broken_counters: NewCounters | None) -> None:
        """ALL-1."""
        if broken_counters is None:
            without_broken()
            return
        counters = broken_counters(FrozenClock())
        only_unavailable_leaves({"add": lambda: counters.add(("rate", "a"), WINDOW)})

    def test_all_2_serves_many_threads_at_once(self, new_counters: NewCounters) -> None:
        """ALL-2."""
        counters = new_counters(FrozenClock())

        def act(caller: int) -> int:
            return max(counters.add(("rate", str(caller)), WINDOW) for _ in range(TIMES))

        found = results(race([partial(act, caller) for caller in range(CALLERS)]))
        assert all(count >= TIMES for count in found)

    def test_all_3_logs_no_secret(self, new_counters: NewCounters) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            new_counters(FrozenClock()).add(("rate", SECRET), WINDOW)
