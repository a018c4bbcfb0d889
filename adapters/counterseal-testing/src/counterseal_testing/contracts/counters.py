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
from counterseal_testing.clock import FrozenClock
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import bounded_shrinking, long_run, race, results
from counterseal_testing.contracts.summary import Contract

NewCounters: TypeAlias = Callable[[Clock], Counters]
"""Makes counters that have counted nothing, and take the time from the clock if from anywhere."""

THREADS = 8
TIMES = 25
WINDOW = timedelta(seconds=60)


class CountersContract(Contract):
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

        counts = [counters.add(("rate", "a"), WINDOW) for _ in range(TIMES)]

        assert all(count >= number for number, count in enumerate(counts, 1)), f"too few: {counts}"

    def test_counters_1_no_burst_fits_between_two_windows(self, new_counters: NewCounters) -> None:
        """COUNTERS-1: in every window of that length."""

        @settings(deadline=None, suppress_health_check=list(HealthCheck))
        @given(pauses=st.lists(st.integers(0, 90), min_size=1, max_size=20))
        def never_too_few(pauses: list[int]) -> None:
            clock = FrozenClock()
            counters = new_counters(clock)
            added = []
            for pause in pauses:
                added.append(clock.advance(timedelta(seconds=pause)))
                truth = sum(moment > clock.now() - WINDOW for moment in added)

                assert counters.add(("rate", "a"), WINDOW) >= truth

        with bounded_shrinking("COUNTERS-1"):
            never_too_few()

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
            skip_without_broken()
            return
        counters = broken_counters(FrozenClock())
        only_unavailable_leaves({"add": lambda: counters.add(("rate", "a"), WINDOW)})

    def test_all_2_serves_many_threads_at_once(self, new_counters: NewCounters) -> None:
        """ALL-2."""
        counters = new_counters(FrozenClock())

        def call(client: int) -> int:
            return max(counters.add(("rate", str(client)), WINDOW) for _ in range(TIMES))

        counts = results(race([partial(call, client) for client in range(THREADS)]))
        assert all(count >= TIMES for count in counts)

    def test_all_3_logs_no_secret(self, new_counters: NewCounters) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            new_counters(FrozenClock()).add(("rate", SECRET), WINDOW)

    @long_run
    def test_counters_1_counts_those_at_once(self, new_counters: NewCounters) -> None:
        """COUNTERS-1."""
        counters = new_counters(FrozenClock())

        def call() -> int:
            return max(counters.add(("rate", "a"), WINDOW) for _ in range(TIMES))

        counts = results(race([call] * THREADS))

        assert max(counts) >= THREADS * TIMES, "two at once were counted as one"
        assert counters.add(("rate", "a"), WINDOW) > THREADS * TIMES
