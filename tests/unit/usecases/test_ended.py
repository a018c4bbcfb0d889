"""What a device may look up of the challenges that have ended."""

import attrs
import pytest

from counterseal import STANDARD
from counterseal.bindings.documents.device import EndedRequest
from counterseal.challenges.decisions.ended_challenges import ENDED_LIMIT
from counterseal.errors import BindingInactive
from counterseal.models import OPERATOR


@pytest.fixture
def alice(service):
    return service.bind("alice")


def guids(requests):
    return [request.guid for request in requests]


def test_a_device_sees_how_each_challenge_ended_the_newest_first(service, alice):
    tablet = service.bind("alice")
    answered, declined, disowned, cancelled, expired = (
        service.ask("alice", "Pay?").challenge for _ in range(5)
    )
    service.clock.advance(STANDARD.challenge_life / 2)
    ended_at = service.clock.now()
    alice.answer(answered)
    tablet.answer(declined, 1)
    alice.disown(disowned)
    service.challenges.cancel(service.origin, cancelled.guid)
    assert guids(alice.ended()) == guids([cancelled, disowned, declined, answered])
    service.clock.jump(expired.deadline)
    unexpired = alice.ended()
    service.challenges.expire()
    requests = alice.ended()
    assert requests == unexpired
    assert guids(requests) == guids([expired, cancelled, disowned, declined, answered])
    assert [(request.state.value, request.approved) for request in requests] == [
        ("EXPIRED", False),
        ("CANCELLED", False),
        ("DISOWNED", False),
        ("ANSWERED", False),
        ("ANSWERED", True),
    ]
    assert [request.button_selected for request in requests] == [None, None, None, 1, 0]
    assert [request.answered_here for request in requests] == [False, False, True, False, True]
    assert [request.answered_here for request in tablet.ended()] == [False] * 3 + [True, False]
    assert [request.ended_at for request in requests[1:]] == [ended_at] * 4
    assert {request.issued_at for request in requests} == {answered.issued_at}


def test_an_open_challenge_has_not_ended(service, alice):
    service.ask("alice", "Pay?")
    assert alice.ended() == ()


def test_a_device_sees_nothing_that_was_issued_before_it_was_bound(service, alice):
    early, late = (service.ask("alice", "Pay?").challenge for _ in range(2))
    alice.answer(early)
    service.clock.advance(STANDARD.challenge_life / 2)
    tablet = service.bind("alice")
    assert tablet.ended() == ()
    # Issued before, but answered by this very device.
    tablet.answer(late)
    now = service.ask("alice", "Pay?").challenge
    alice.disown(now)
    assert guids(tablet.ended()) == guids([now, late])
    assert guids(alice.ended()) == guids([now, late, early])


def test_another_account_is_not_seen(service, alice):
    bob = service.bind("bob")
    bob.answer(service.ask("bob", "Pay?").challenge)
    assert alice.ended() == ()


def test_the_account_names_a_bounded_number_of_them(new_service):
    service = new_service(policy=attrs.evolve(STANDARD, ask_limit=100))
    alice = service.bind("alice")
    challenges = []
    for _ in range(ENDED_LIMIT + 3):
        challenges.append(service.ask("alice", "Pay?").challenge)
        service.challenges.cancel(service.origin, challenges[-1].guid)
        service.clock.advance(STANDARD.ask_window)
    assert guids(alice.ended()) == guids(challenges[:2:-1])
    assert len(alice.ended()) == ENDED_LIMIT


def test_a_challenge_that_the_store_forgot_is_left_out(service, alice):
    forgotten, other = (service.ask("alice", "Pay?").challenge for _ in range(2))
    alice.answer(forgotten)
    alice.answer(other)
    get = service.store.get
    service.store.get = lambda *guids: tuple(
        None if guid == forgotten.guid else record
        for guid, record in zip(guids, get(*guids), strict=True)
    )
    assert guids(alice.ended()) == [other.guid]


def test_a_suspended_device_sees_nothing(service, alice):
    alice.answer(service.ask("alice", "Pay?").challenge)
    service.devices.suspend(alice.guid, by=OPERATOR)
    with pytest.raises(BindingInactive):
        alice.ended()


def test_a_record_says_nothing_of_answer_and_receipt():
    names = {field.name for field in attrs.fields(EndedRequest)}
    assert names.isdisjoint({"token", "receipt", "display", "device"})
