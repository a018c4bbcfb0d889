"""An account's list of its living devices keeps step with their bindings."""

from datetime import timedelta

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from counterseal.bindings.decisions.bindings import with_binding
from counterseal.errors import Refused
from counterseal.models import LIVING, OPERATOR, BindingState


@pytest.fixture
def alice(service):
    return service.bind("alice")


def test_a_living_binding_has_one_line_and_an_ended_one_none(service, alice):
    account, binding = service.account(), service.stored(alice.guid)
    now = service.clock.now()
    for state in BindingState:
        moved = attrs.evolve(binding, state=state)
        after = with_binding(account.devices, moved, now)
        assert [device.state for device in after] == ([state] if state in LIVING else [])


def test_invitations_that_are_over_leave_the_roster_on_the_way(service, alice):
    service.invitations.invite(service.origin, "alice")
    account, binding = service.account(), service.stored(alice.guid)
    assert len(account.devices) == 2
    deadline = account.devices[-1].deadline
    before = deadline - timedelta(microseconds=1)
    assert len(with_binding(account.devices, binding, before)) == 2
    assert len(with_binding(account.devices, binding, deadline)) == 1


class Lives(RuleBasedStateMachine):
    """Devices of one account come, change and go."""

    def __init__(self, service):
        super().__init__()
        self.service = service
        self.phones = [self.service.bind("alice")]

    def try_(self, call):
        try:
            call()
        except Refused:
            assert self.service.events[-1].reason

    @rule()
    def bind(self):
        self.try_(lambda: self.phones.append(self.service.bind("alice")))

    @rule()
    def invite(self):
        self.try_(lambda: self.service.invitations.invite(self.service.origin, "alice"))

    @rule(pick=st.integers(0, 99), verb=st.sampled_from(["suspend", "resume", "revoke"]))
    def move(self, pick, verb):
        phone = self.phones[pick % len(self.phones)]
        self.try_(lambda: getattr(self.service.devices, verb)(phone.guid, by=OPERATOR))

    @rule(pick=st.integers(0, 99))
    def rotate(self, pick):
        self.try_(self.phones[pick % len(self.phones)].rotate)

    @rule(minutes=st.integers(1, 6))
    def wait(self, minutes):
        self.service.clock.advance(timedelta(minutes=minutes))
        self.service.invitations.expire()

    @invariant()
    def the_roster_says_what_the_bindings_say(self):
        account = self.service.account()
        bindings = self.service.store.bindings(account.guid)
        living = {one.guid: (one.state, one.addresses) for one in bindings if one.state in LIVING}
        assert {line.binding: (line.state, line.addresses) for line in account.devices} == living
        assert len(account.devices) == len(living)


def test_the_roster_keeps_step_whatever_happens(new_service):
    run_state_machine_as_test(
        lambda: Lives(new_service()), settings=settings(max_examples=25, stateful_step_count=12)
    )
