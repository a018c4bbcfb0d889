"""A machine that has no time for us is slow, and fails no property for that."""

import itertools
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterseal.memory import MemoryAudit, MemoryCounters, MemoryStore
from counterseal_testing import (
    CallbackSenderContract,
    CountersContract,
    NotifierContract,
    StoreContract,
    WakeContract,
)


@pytest.fixture
def slow(monkeypatch):
    """Let ten seconds go by at every look that Hypothesis takes at its clock."""
    seconds = itertools.count(step=10.0)
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    monkeypatch.setattr("hypothesis.stateful.perf_counter", lambda: next(seconds))


@pytest.fixture
def strangers():
    """Load the profile of somebody who never heard of profiles."""
    ours = settings.get_current_profile_name()
    settings.load_profile("default")
    settings.register_profile("stranger's", max_examples=11, database=None)
    settings.load_profile("stranger's")
    yield
    settings.load_profile(ours)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("name", ["fast", "brief", "thorough", "mutants"])
def test_no_profile_of_ours_takes_time_for_a_fault(name):
    @settings(settings.get_profile(name), max_examples=11, database=None)
    @given(st.lists(st.integers()))
    def holds(numbers):
        assert sorted(numbers, reverse=True) == sorted(numbers)[::-1]

    holds()


@pytest.mark.usefixtures("slow", "strangers")
def test_the_kit_takes_time_for_no_fault_of_a_store():
    StoreContract().test_store_17_holds_in_every_history(lambda: MemoryStore(MemoryAudit()))


@pytest.mark.usefixtures("slow", "strangers")
def test_the_kit_takes_time_for_no_fault_of_counters():
    CountersContract().test_counters_1_no_burst_fits_between_two_windows(MemoryCounters)


@pytest.mark.parametrize(
    "contract",
    [CallbackSenderContract, NotifierContract, WakeContract],
    ids=lambda one: one.__name__,
)
def test_the_kit_takes_a_call_that_waits_for_a_processor_for_no_fault(contract):
    assert contract.allowed_delay >= timedelta(seconds=10)
