"""Wakers that break a clause each, caught by the checks of `WakeContract`."""

import threading

import pytest
from broken_adapters import NEVER, BrokenAdapters

from counterseal.memory import MemoryWake
from counterseal.testing import contracts

BROKEN = BrokenAdapters(contracts.WakeContract(), MemoryWake)
breaks = BROKEN.breaks


@breaks("WAKE-1")
class WaitsForAWaiter(MemoryWake):
    def notify(self, guid):
        threading.Event().wait(NEVER.total_seconds())


@breaks("WAKE-2")
class WaitsToBeWoken(MemoryWake):
    def wait(self, guid, timeout):
        super().wait(guid, timeout + NEVER)


BROKEN.add_unavailable()


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_waker_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_waker_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_waker_has_a_broken_one():
    BROKEN.require_every_clause("WAKE", "ALL-1")
