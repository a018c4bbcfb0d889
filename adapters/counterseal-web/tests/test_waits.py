"""What a call that waits does next: one of all that wait for a request looks, and none forever."""

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from counterseal.models import ChallengeState
from counterseal_web.slots import WaitSlots
from counterseal_web.waiting import Done, Follow, Load, Waits

LOAD_EVERY = 1.0


@attrs.frozen
class Request:
    """Something that calls wait for."""

    key: int
    version: int = 1
    state: ChallengeState = ChallengeState.PENDING

    @property
    def topic(self):
        return f"topic {self.key}"


REQUESTS = [Request(1), Request(2)]


@pytest.fixture
def request_1():
    return REQUESTS[0]


@pytest.fixture
def waits():
    return Waits(WaitSlots(4), LOAD_EVERY, object)


def is_answered(watched):
    return watched.state is ChallengeState.ANSWERED


def test_one_loads_and_the_others_follow(waits, request_1):
    first, second = (
        waits.begin(waits.take_slot("a"), request_1, is_answered, deadline) for deadline in (30, 20)
    )
    assert first.step(0) == Load(LOAD_EVERY)
    assert second.step(0) == Follow(20)
    assert first.signal is second.signal
    latest = attrs.evolve(request_1, state=ChallengeState.ANSWERED, version=request_1.version + 1)
    first.loaded(latest)
    assert first.step(1) == second.step(1) == Done(latest)


def test_what_ends_by_its_time_alone_has_the_version_that_it_had(waits, request_1):
    """A deadline changes what is loaded, though nothing is stored."""
    wait = waits.begin(waits.take_slot("a"), request_1, is_answered, 30)
    assert wait.step(0) == Load(LOAD_EVERY)
    latest = attrs.evolve(request_1, state=ChallengeState.ANSWERED)
    wait.loaded(latest)
    assert wait.step(1) == Done(latest)


def test_after_a_load_that_failed_another_may_load(waits, request_1):
    first, second = (
        waits.begin(waits.take_slot("a"), request_1, is_answered, 30) for _ in range(2)
    )
    first.step(0)
    first.loaded(None)
    first.end()
    assert second.step(0.5) == Load(LOAD_EVERY)


def test_no_load_lasts_longer_than_the_wait(waits, request_1):
    wait = waits.begin(waits.take_slot("a"), request_1, is_answered, 0.25)
    assert wait.step(0) == Load(0.25)
    wait.loaded(request_1)
    assert wait.step(0.25) == Done(request_1)


def test_an_older_state_than_the_caller_knows_is_not_seen(waits, request_1):
    first = waits.begin(waits.take_slot("a"), request_1, is_answered, 30)
    newer = attrs.evolve(request_1, state=ChallengeState.SEEN, version=request_1.version + 1)
    second = waits.begin(
        waits.take_slot("a"), newer, lambda each: each.state is ChallengeState.PENDING, 30
    )
    first.step(0)
    first.loaded(request_1)
    assert second.step(0) == Load(LOAD_EVERY)


def test_a_revoked_slot_ends_the_wait(waits, request_1):
    slots = [waits.take_slot("a") for _ in range(4)]
    wait = waits.begin(slots[0], request_1, is_answered, 30)
    assert wait.step(0) == Load(LOAD_EVERY)
    wait.loaded(request_1)
    slot = waits.take_slot("b")
    assert slot.displaced is slots[0]
    assert slot.displaced.topic == request_1.topic
    assert wait.step(0) == Done(request_1)


def test_closing_ends_all_waits_and_lets_no_other_begin(waits, request_1):
    wait = waits.begin(waits.take_slot("a"), request_1, is_answered, 30)
    assert waits.close() == [(request_1.topic, wait.signal)]
    assert wait.step(0) == Done(request_1)
    assert waits.take_slot("a") is None


def test_what_nobody_waits_for_is_forgotten(waits, request_1):
    first = waits.begin(waits.take_slot("a"), request_1, is_answered, 30)
    first.step(0)
    first.loaded(
        attrs.evolve(request_1, state=ChallengeState.ANSWERED, version=request_1.version + 1)
    )
    first.end()
    assert waits.begin(waits.take_slot("a"), request_1, is_answered, 30).step(0) == Load(LOAD_EVERY)


class Drivers(RuleBasedStateMachine):
    """Any order in which a driver may do the steps; the clock is the test's."""

    def __init__(self):
        super().__init__()
        self.waits = Waits(WaitSlots(6), LOAD_EVERY, object)
        self.now = 0.0
        self.stored = list(REQUESTS)
        self.steps = {}
        self.over = set()

    def ready(self, wait, slot, deadline, index):
        """Ask for the next step, as a driver does after a signal."""
        step = wait.step(self.now)
        if isinstance(step, Done):
            assert step.watched.version <= self.stored[index].version
            late = self.now >= deadline
            assert is_answered(step.watched) or late or slot.revoked or self.waits.closed
            wait.end()
            self.waits.free_slot(slot)
            self.steps.pop(wait, None)
        else:
            assert step.seconds <= deadline - self.now
            self.steps[wait] = (step, slot, deadline, index)

    def signal(self, index):
        for wait, (step, slot, deadline, request) in list(self.steps.items()):
            if request == index and isinstance(step, Follow):
                self.ready(wait, slot, deadline, index)

    @rule(index=st.integers(0, 1), origin=st.sampled_from("ab"), seconds=st.floats(0, 5))
    def enter(self, index, origin, seconds):
        slot = self.waits.take_slot(origin)
        if slot is not None:
            deadline = self.now + seconds
            wait = self.waits.begin(slot, self.stored[index], is_answered, deadline)
            self.ready(wait, slot, deadline, index)

    @rule(
        index=st.integers(0, 1),
        state=st.sampled_from([ChallengeState.SEEN, ChallengeState.ANSWERED]),
    )
    def change(self, index, state):
        old = self.stored[index]
        self.stored[index] = attrs.evolve(old, state=state, version=old.version + 1)

    @rule(seconds=st.floats(0, 2))
    def advance(self, seconds):
        self.now += seconds

    @precondition(lambda self: any(isinstance(each[0], Load) for each in self.steps.values()))
    @rule(data=st.data(), fails=st.booleans())
    def load(self, data, fails):
        loads = [wait for wait, each in self.steps.items() if isinstance(each[0], Load)]
        wait = data.draw(st.sampled_from(range(len(loads))).map(loads.__getitem__))
        _, slot, deadline, index = self.steps[wait]
        wait.loaded(None if fails else self.stored[index])
        if fails:
            wait.end()
            self.waits.free_slot(slot)
            del self.steps[wait]
        else:
            self.ready(wait, slot, deadline, index)
        self.signal(index)

    @rule()
    def time_out(self):
        for wait, (step, slot, deadline, index) in list(self.steps.items()):
            if isinstance(step, Follow) and self.now >= deadline:
                self.ready(wait, slot, deadline, index)
                assert wait not in self.steps

    @invariant()
    def one_loads_for_each_request_that_is_waited_for(self):
        for index in range(2):
            steps = [each[0] for each in self.steps.values() if each[3] == index]
            assert sum(isinstance(step, Load) for step in steps) == bool(steps)


TestDrivers = Drivers.TestCase
