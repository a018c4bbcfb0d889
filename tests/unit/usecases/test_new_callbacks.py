"""Callbacks that are claimed when they are stored, by the process that stores them."""

from datetime import UTC, datetime

import attrs
import pytest

from counterseal import STANDARD
from counterseal._new_callbacks import NewCallbacks
from counterseal._plan import Decision
from counterseal.errors import Conflict, DeadlineAhead, StoreUnavailable
from counterseal.models import CallbackState
from counterseal.outbox.decisions.outbox import NEW_CALLBACKS
from counterseal_testing.faults import Crash, Faults, faulty, raising
from counterseal_testing.service import CALLBACK

LEASE = STANDARD.callback_lease
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class FakeSlots:
    """Slots of a process, which remember what was reserved and what became of it."""

    def __init__(self, count=1):
        self.free_count = count
        self.begun = []
        self.released = []

    def reserve(self, callback):
        if not self.free_count:
            return False
        self.free_count -= 1
        return True

    def begin(self, callback):
        self.begun.append(callback)

    def release(self, callback):
        self.free_count += 1
        self.released.append(callback)


@pytest.fixture
def slots():
    return FakeSlots()


@pytest.fixture
def serving(service, slots):
    """The service in a process that has slots."""
    return service.but(callback_slots=slots)


def answer(service, account="alice"):
    phone = service.bind(account)
    phone.answer(service.ask(account, "Pay?", callback=CALLBACK).challenge)


def test_one_with_a_slot_is_stored_as_claimed(serving, slots, monkeypatch):
    notified = []
    monkeypatch.setattr(serving.ports.wake, "notify", notified.append)
    answer(serving)
    (callback,) = serving.callback_records()
    assert (callback.version, callback.lease_until) == (1, serving.clock.now() + LEASE)
    assert slots.begun == [callback]
    assert NEW_CALLBACKS not in notified, "no worker has anything to do"
    assert serving.callbacks.due() == ()
    with pytest.raises(DeadlineAhead):
        serving.callbacks.attempt(callback.guid)


def test_its_attempt_needs_no_claim(serving, slots):
    answer(serving)
    (callback,) = slots.begun
    faults = Faults()
    watched = serving.but(store=faulty(serving.ports.store, "store", faults))
    delivered = watched.callbacks.attempt(callback, claimed=True)
    assert (delivered.state, delivered.attempts) == (CallbackState.DELIVERED, 1)
    assert faults.calls == ["store.get", "store.commit"]
    assert len(serving.sender.attempts) == 1


def test_it_is_due_again_when_the_process_ends_before_the_attempt(serving, slots):
    """S31: the lease is that of any claim."""
    answer(serving)
    (callback,) = slots.begun
    serving.clock.advance(LEASE)
    assert serving.callbacks.due() == (callback.guid,)
    assert serving.callbacks.attempt(callback.guid).state is CallbackState.DELIVERED


def test_one_without_a_slot_is_left_to_the_workers(serving, slots, monkeypatch):
    slots.free_count = 0
    notified = []
    monkeypatch.setattr(serving.ports.wake, "notify", notified.append)
    answer(serving)
    (callback,) = serving.callback_records()
    assert callback.lease_until is None
    assert serving.callbacks.due() == (callback.guid,)
    assert (slots.begun, NEW_CALLBACKS in notified) == ([], True)


@pytest.mark.parametrize("error", [StoreUnavailable, Crash])
def test_a_slot_is_free_again_if_nothing_was_stored(serving, slots, error):
    faults = Faults()
    watched = serving.but(store=faulty(serving.ports.store, "store", faults))
    phone = watched.bind("alice")
    challenge = watched.ask("alice", "Pay?", callback=CALLBACK).challenge
    faults.meanwhile(raising(error()))
    with pytest.raises(error):
        phone.answer(challenge)
    assert (slots.begun, slots.free_count) == ([], 1)
    assert serving.callback_records() == []


def test_a_slot_is_reserved_anew_after_a_lost_race(serving, slots):
    faults = Faults()
    watched = serving.but(store=faulty(serving.ports.store, "store", faults))
    phone = watched.bind("alice")
    challenge = watched.ask("alice", "Pay?", callback=CALLBACK).challenge
    faults.meanwhile(raising(Conflict()))
    phone.answer(challenge)
    assert (len(slots.released), len(slots.begun), slots.free_count) == (1, 1, 0)
    assert slots.begun == serving.callback_records()


@pytest.mark.parametrize(
    "changes",
    [
        {"once": True},
        {"version": 2},
        {"next_at": LATER},
        {"state": CallbackState.DEAD},
    ],
)
def test_one_of_another_kind_has_no_slot(service, slots, changes):
    answer(service)
    (callback,) = service.callback_records()
    decision = Decision(result=None, writes=(attrs.evolve(callback, **changes),))
    with NewCallbacks(slots, decision, callback.next_at, STANDARD):
        pass
    assert decision.writes == (attrs.evolve(callback, **changes),)
    assert (slots.begun, slots.free_count) == ([], 1)
