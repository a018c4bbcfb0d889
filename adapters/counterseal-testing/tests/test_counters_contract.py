"""Counters that break a clause each, caught by the checks of `CountersContract`."""

import pytest
from broken_adapters import BrokenAdapters, slow

from counterseal.memory import MemoryCounters
from counterseal_testing import FrozenClock, contracts

BROKEN = BrokenAdapters(contracts.CountersContract(), MemoryCounters)
breaks = BROKEN.breaks


@breaks("COUNTERS-1")
class CountsTooLittle(MemoryCounters):
    def add(self, key, window):
        counter = (*key, window)
        _, _, count = self._counts.get(counter, (0, 0, 0))
        slow()
        self._counts[counter] = (0, 0, count + 1)
        return count + 1


@breaks("COUNTERS-1")
class LetsABurstBetweenTwoWindows(MemoryCounters):
    def add(self, key, window):
        number = int(self._clock.now().timestamp() // window.total_seconds())
        counter = (*key, window)
        with self._lock:
            current, _, count = self._counts.get(counter, (number, 0, 0))
            count = count + 1 if number <= current else 1
            self._counts[counter] = (max(current, number), 0, count)
            return count


@breaks("COUNTERS-1")
class BeginsAnewWhenTheClockStepsBack(MemoryCounters):
    def add(self, key, window):
        number = int(self._clock.now().timestamp() // window.total_seconds())
        if number < self._counts.get((*key, window), (number, 0, 0))[0]:
            self._counts.clear()
        return super().add(key, window)


@breaks("COUNTERS-2")
class CountsJoinedKeys(MemoryCounters):
    def add(self, key, window):
        return super().add(("".join(key), ""), window)


@breaks("COUNTERS-3")
class NeverBeginsAnew(MemoryCounters):
    def __init__(self, clock):
        super().__init__(FrozenClock())


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_counter_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_counter_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_counter_has_a_broken_one():
    BROKEN.require_every_clause("COUNTERS", "ALL-1")
