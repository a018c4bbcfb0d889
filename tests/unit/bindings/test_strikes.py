"""Strikes: a wrong PIN gives a wrong strong-key signature, and only the service can count those."""

from functools import partial

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import (
    BindingInactive,
    DeadlinePassed,
    Foreign,
    StrongKeyMissed,
    WrongSignature,
    WrongState,
)
from counterseal.keys import generate
from counterseal.models import OPERATOR, Algorithm, BindingState, ChallengeState, Role

LIMIT = STANDARD.strike_limit


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def asked(service, alice):
    return service.ask("alice", "Pay 10 EUR to Adam?").challenge


def mistaken(phone, pin="0000"):
    """The same phone in the hands of somebody who does not know the PIN."""
    return attrs.evolve(phone, pin=pin)


def missed(act) -> int:
    """See *act* missed; return how many attempts are left."""
    with pytest.raises(StrongKeyMissed) as caught:
        act()
    return caught.value.attempts_left


def strikes(service, phone):
    return service.stored(phone.guid).strikes


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_a_wrong_pin_is_counted_and_told(service, algorithm):
    alice = service.bind("alice", algorithm=algorithm)
    asked = service.ask("alice", "Pay?").challenge
    left = missed(lambda: service.answer(mistaken(alice), asked))
    assert (left, strikes(service, alice)) == (LIMIT - 1, 1)
    assert service.stored(asked.guid).state is ChallengeState.PENDING
    event = service.events[-1]
    assert (event.event, event.actor, event.reason) == (
        "binding.strike",
        alice.guid,
        "strong_key_missed",
    )


def test_a_wrong_pin_under_a_disown_is_counted(service, alice, asked):
    left = missed(lambda: service.disown(mistaken(alice), asked, strong=True))
    assert (left, strikes(service, alice)) == (LIMIT - 1, 1)
    assert service.stored(asked.guid).state is ChallengeState.PENDING


def test_a_wrong_pin_under_a_weak_button_is_counted(service, alice, asked):
    missed(lambda: service.answer(mistaken(alice), asked, 1))
    assert strikes(service, alice) == 1


def test_a_wrong_pin_under_a_rotation_is_counted(service, alice):
    old = service.stored(alice.guid)
    assert missed(mistaken(alice).rotate) == LIMIT - 1
    held = service.stored(alice.guid)
    assert (held.strikes, held.keys) == (1, old.keys)
    assert service.last_event() == ("binding.strike", "strong_key_missed")


def test_rotations_are_no_way_around_the_limit(service, alice):
    for left in reversed(range(LIMIT)):
        assert missed(mistaken(alice, f"{left:04}").rotate) == left
    assert service.stored(alice.guid).state is BindingState.REVOKED
    with pytest.raises(BindingInactive):
        alice.rotate()


def test_a_rotation_of_the_device_key_alone_needs_no_strong_key(service, alice):
    mistaken(alice).rotate([Role.DEVICE])
    assert strikes(service, alice) == 0


def test_a_right_pin_clears_the_count(service, alice, asked):
    for _ in range(LIMIT - 1):
        missed(lambda: service.answer(mistaken(alice), asked))
    assert strikes(service, alice) == LIMIT - 1
    assert service.answer(alice, asked).approved
    assert strikes(service, alice) == 0


def test_a_right_pin_under_a_disown_clears_the_count(service, alice, asked):
    missed(lambda: service.answer(mistaken(alice), asked))
    service.disown(alice, asked, strong=True)
    assert strikes(service, alice) == 0


def test_the_device_key_clears_nothing(service, alice, asked):
    missed(lambda: service.answer(mistaken(alice), asked))
    service.answer(alice, asked, 1, weak=True)
    assert strikes(service, alice) == 1


def test_strikes_add_up_over_challenges(service, alice):
    for left in reversed(range(LIMIT - 3, LIMIT)):
        asked = service.ask("alice", "Pay?").challenge
        assert missed(lambda asked=asked: service.answer(mistaken(alice), asked)) == left


def test_the_last_strike_revokes_the_device(service, alice, asked):
    for left in reversed(range(LIMIT)):
        assert missed(lambda: service.answer(mistaken(alice), asked)) == left
    binding = service.stored(alice.guid)
    assert (binding.state, binding.strikes) == (BindingState.REVOKED, LIMIT)
    assert binding.ended_at == service.clock.now()
    assert service.account().devices == ()
    assert [event.event for event in service.events[-2:]] == ["binding.strike", "binding.revoke"]
    with pytest.raises(BindingInactive):
        service.answer(alice, asked)
    assert service.stored(asked.guid).state is ChallengeState.PENDING


def test_strikes_survive_a_rotation(service, alice, asked):
    missed(lambda: service.answer(mistaken(alice), asked))
    binding = alice.rotate()
    assert binding.strikes == 1
    assert missed(lambda: service.answer(mistaken(alice), asked)) == LIMIT - 2


def test_strikes_survive_an_update(service, alice, asked):
    missed(lambda: service.answer(mistaken(alice), asked))
    binding = service.devices.update(alice.call("/device", b'{"name":"Tablet"}'))
    assert (binding.name, binding.strikes) == ("Tablet", 1)


def test_another_device_of_the_account_is_not_struck(service, alice, asked):
    second = service.bind("alice")
    missed(lambda: service.answer(mistaken(alice), asked))
    assert strikes(service, second) == 0
    assert service.answer(second, asked).approved


def test_a_wrong_signature_of_the_device_key_is_no_strike(service, alice, asked):
    own = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    forger = attrs.evolve(alice, device=attrs.evolve(alice.device, device_key=own))
    token = service.signed(forger, asked, 1, weak=True)
    with pytest.raises(WrongSignature):
        service.send(alice, token)
    assert strikes(service, alice) == 0


def test_a_thief_without_the_device_key_strikes_nobody(service, alice, asked):
    thief = mistaken(alice)
    own = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    thief.device = attrs.evolve(alice.device, device_key=own)
    with pytest.raises(WrongSignature):
        service.answer(thief, asked)
    assert strikes(service, alice) == 0


def test_another_proven_device_strikes_nobody(service, alice, asked):
    """What she signs names the other's key, and the other's challenge."""
    mallory = service.bind("mallory")
    token = service.signed(mistaken(alice), asked)
    with pytest.raises(Foreign):
        service.send(mallory, token)
    assert (strikes(service, alice), strikes(service, mallory)) == (0, 0)


@pytest.mark.parametrize("ended", ["cancelled", "late"])
def test_a_challenge_that_is_over_says_nothing_about_the_pin(service, alice, asked, ended):
    if ended == "cancelled":
        service.challenges.cancel(service.origin, asked.guid)
    else:
        service.clock.jump(asked.deadline)
    for phone in (alice, mistaken(alice)):
        with pytest.raises((WrongState, DeadlinePassed)):
            service.answer(phone, asked)
    assert strikes(service, alice) == 0


def test_a_wrong_signature_under_the_recorded_answer_is_counted(service, alice, asked):
    """Else whoever knows the answer's words could try PINs without end."""
    token = service.signed(alice, asked)
    ended = service.send(alice, token)
    words = token.rpartition(".")[0]
    signature = service.signed(mistaken(alice), asked).rpartition(".")[2]
    left = missed(lambda: service.send(alice, f"{words}.{signature}"))
    assert (left, strikes(service, alice)) == (LIMIT - 1, 1)
    assert service.stored(asked.guid) == ended


def test_strikes_at_once_are_all_counted(service, alice, asked, meeting, at_once):
    racing = service.but(store=meeting(service.store, 3))
    tokens = [service.signed(mistaken(alice, pin), asked) for pin in ("0000", "1111", "2222")]
    outcomes = at_once(*(partial(racing.send, alice, token) for token in tokens))
    assert sorted(outcome.attempts_left for outcome in outcomes) == [
        LIMIT - 3,
        LIMIT - 2,
        LIMIT - 1,
    ]
    assert strikes(service, alice) == 3


def test_a_right_answer_and_a_strike_at_once_lose_neither(service, alice, asked, meeting, at_once):
    missed(lambda: service.answer(mistaken(alice), asked))
    second = service.ask("alice", "And 20 EUR?").challenge
    racing = service.but(store=meeting(service.store, 2))
    approval, miss = at_once(
        lambda: racing.answer(alice, asked), lambda: racing.answer(mistaken(alice), second)
    )
    assert approval.approved
    # In one order or the other: never as if one of them had not been.
    assert (miss.attempts_left, strikes(service, alice)) in {(LIMIT - 1, 1), (LIMIT - 2, 0)}


def test_s18_the_policy_of_now_says_how_many_strikes_are_too_many(service, alice, asked):
    """It may have become stricter since they were counted."""
    for _ in range(2):
        missed(lambda: service.answer(mistaken(alice), asked))
    strict = service.but(policy=attrs.evolve(STANDARD, strike_limit=2))
    for phone in (alice, mistaken(alice)):
        with pytest.raises(BindingInactive):
            strict.answer(phone, asked)
    assert service.stored(asked.guid) == asked
    assert strikes(service, alice) == 2
    assert service.answer(alice, asked).approved


def test_s18_a_strike_that_meets_a_revocation_changes_nothing(service, alice, asked):
    racing = service.meanwhile(lambda: service.devices.revoke(alice.guid, by=OPERATOR))
    with pytest.raises(BindingInactive):
        racing.answer(mistaken(alice), asked)
    assert strikes(service, alice) == 0
