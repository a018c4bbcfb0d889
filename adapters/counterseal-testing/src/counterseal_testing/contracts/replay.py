"""The contract of `ReplayGuard`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeAlias

import pytest

from counterseal.ports import Clock, ReplayGuard
from counterseal_testing.clock import START, FrozenClock
from counterseal_testing.contracts.leaks import (
    SECRET,
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.race import long_run, race, results
from counterseal_testing.contracts.summary import Contract

NewReplayGuard: TypeAlias = Callable[[Clock], ReplayGuard]
"""Makes a guard that has seen nothing, and takes the time from the clock if from anywhere."""

THREADS = 8
ROUNDS = 30
LIFE = timedelta(minutes=5)
KEY = ("proof", "device", "id")


class ReplayGuardContract(Contract):
    """What every guard keeps."""

    @pytest.fixture
    def new_replay_guard(self) -> NewReplayGuard:
        """
        Return a factory of guards that have seen nothing.

        Raises:
            NotImplementedError: The author gave none.
        """
        raise NotImplementedError("give the fixture `new_replay_guard`: it returns a factory")

    @pytest.fixture
    def broken_replay_guard(self) -> NewReplayGuard | None:
        """Return a factory of guards whose connection is broken, if there can be one."""
        return None

    def test_replay_1_is_true_exactly_once(self, new_replay_guard: NewReplayGuard) -> None:
        """REPLAY-1."""
        guard = new_replay_guard(FrozenClock())

        assert [guard.first_seen(KEY, START + LIFE) for _ in range(3)] == [True, False, False]

    def test_replay_1_forgets_nothing_before_its_time(
        self, new_replay_guard: NewReplayGuard
    ) -> None:
        """REPLAY-1: however many others are seen meanwhile."""
        clock = FrozenClock()
        guard = new_replay_guard(clock)
        assert guard.first_seen(KEY, START + LIFE)
        for number in range(100):
            assert guard.first_seen(("proof", "device", str(number)), START + LIFE / 2)

        assert not guard.first_seen(KEY, START + timedelta(seconds=1)), "asked with a shorter time"
        clock.advance(LIFE - timedelta(microseconds=1))

        assert not guard.first_seen(KEY, START + 2 * LIFE), "forgotten before its time"

    def test_replay_2_keys_that_differ_do_not_meet(self, new_replay_guard: NewReplayGuard) -> None:
        """REPLAY-2."""
        guard = new_replay_guard(FrozenClock())
        keys = [
            ("a", "b", "c"),
            ("ab", "", "c"),
            ("", "ab", "c"),
            ("a", "bc", ""),
            ("a", "", "bc"),
            ("A", "b", "c"),
            ("a", "b", "c "),
            ("a", "b", "c\x00"),
            ("a:b", "c", ""),
            ("a", "b:c", ""),
            ("a", "b", "ç"),
            ("a", "b", "c\u0327"),
        ]

        assert all(guard.first_seen(key, START + LIFE) for key in keys)
        assert not any(guard.first_seen(key, START + LIFE) for key in keys)

    def test_all_1_only_unavailable_leaves(
        self, broken_replay_guard: NewReplayGuard | None
    ) -> None:
        """ALL-1."""
        if broken_replay_guard is None:
            skip_without_broken()
            return
        guard = broken_replay_guard(FrozenClock())
        only_unavailable_leaves({"first_seen": lambda: guard.first_seen(KEY, START + LIFE)})

    def test_all_2_serves_many_threads_at_once(self, new_replay_guard: NewReplayGuard) -> None:
        """ALL-2."""
        guard = new_replay_guard(FrozenClock())

        def call(client: int) -> list[bool]:
            keys = [("proof", str(client), str(number)) for number in range(50)]
            return [guard.first_seen(key, START + LIFE) for key in keys]

        assert all(map(all, results(race([partial(call, client) for client in range(THREADS)]))))

    def test_all_3_logs_no_secret(self, new_replay_guard: NewReplayGuard) -> None:
        """ALL-3."""
        with no_secret_is_logged():
            guard = new_replay_guard(FrozenClock())
            for _ in range(2):
                guard.first_seen(("cx1", "origin", SECRET), START + LIFE)

    @long_run
    def test_replay_1_of_many_at_once_one_is_the_first(
        self, new_replay_guard: NewReplayGuard
    ) -> None:
        """REPLAY-1."""
        guard = new_replay_guard(FrozenClock())
        for index in range(ROUNDS):
            call = partial(guard.first_seen, ("proof", "device", str(index)), START + LIFE)

            assert results(race([call] * THREADS)).count(True) == 1
