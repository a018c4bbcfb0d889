"""Replay guards that break a clause each, caught by the checks of `ReplayGuardContract`."""

import threading
from datetime import timedelta

import pytest
from broken_adapters import BrokenAdapters, slow

from counterseal.memory import MemoryReplayGuard
from counterseal_testing import contracts

BROKEN = BrokenAdapters(contracts.ReplayGuardContract(), MemoryReplayGuard)
breaks = BROKEN.breaks


@breaks("REPLAY-1")
class AnswersTwiceFirstSeen(MemoryReplayGuard):
    def first_seen(self, key, until):
        new = key not in self._ends_by_value
        slow()
        self._ends_by_value[key] = until
        return new


@breaks("REPLAY-1")
class ForgetsEarly(MemoryReplayGuard):
    def first_seen(self, key, until):
        return super().first_seen(key, until - timedelta(seconds=1))


@breaks("REPLAY-1")
class RemembersTheLastFew(MemoryReplayGuard):
    def first_seen(self, key, until):
        if len(self._ends_by_value) > 50:
            self._ends_by_value.pop(next(iter(self._ends_by_value)))
        return super().first_seen(key, until)


@breaks("REPLAY-2")
class JoinsTheParts(MemoryReplayGuard):
    def first_seen(self, key, until):
        return super().first_seen((":".join(key), "", ""), until)


@breaks("ALL-2")
class IsOfOneThread(MemoryReplayGuard):
    def __init__(self, clock):
        super().__init__(clock)
        self._thread = threading.get_ident()

    def first_seen(self, key, until):
        if threading.get_ident() != self._thread:
            raise RuntimeError("made in another thread")
        return super().first_seen(key, until)


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_replay_guard_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_replay_guard_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_replay_guard_has_a_broken_one():
    BROKEN.require_every_clause("REPLAY", "ALL-1", "ALL-2")
