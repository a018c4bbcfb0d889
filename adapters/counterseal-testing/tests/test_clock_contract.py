"""Clocks that break a clause, caught by the checks of `ClockContract`."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from broken_adapters import BrokenAdapters

from counterseal_testing import contracts


class ClockAt:
    def __init__(self, now):
        self.now = now


def _at(zone):
    return ClockAt(lambda: datetime(2030, 1, 1, tzinfo=zone))


def utc_clock():
    return _at(UTC)


BROKEN = BrokenAdapters(contracts.ClockContract(), utc_clock)
breaks = BROKEN.breaks


@breaks("CLOCK-1")
def naive_clock():
    return _at(None)


@breaks("CLOCK-1")
def local_clock():
    return _at(timezone(timedelta(hours=2)))


@pytest.mark.parametrize("adapter", BROKEN.all, ids=str)
def test_a_broken_clock_is_caught(adapter):
    adapter.require_caught()


@pytest.mark.parametrize("adapter", BROKEN.sound_ones(), ids=lambda one: one.sound_id)
def test_a_sound_clock_passes(adapter):
    adapter.require_sound_passes()


def test_every_clause_of_a_clock_has_a_broken_one():
    BROKEN.require_every_clause("CLOCK")
