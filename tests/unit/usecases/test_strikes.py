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
def challenge(service, alice):
    return service.ask("alice", "Pay 10 EUR to Adam?").challenge


def mistaken(phone, pin="0000"):
    """The same phone in the hands of somebody who does not know the PIN."""
    return attrs.evolve(phone, pin=pin)


def missed(call) -> int:
    """See *call* missed; return how many attempts are left."""
    with pytest.raises(StrongKeyMissed) as caught:
        call()
    return caught.value.attempts_left


def strikes(service, phone):
    return service.stored(phone.guid).strikes


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_a_wrong_pin_is_counted_and_reported(service, algorithm):
    alice = service.bind("alice", algorithm=algorithm)
    challenge = service.ask("alice", "Pay?").challenge
    attempts_left = missed(lambda: service.answer(mistaken(alice), challenge))
    assert (attempts_left, strikes(service, alice)) == (LIMIT - 1, 1)
    assert service.stored(challenge.guid).state is ChallengeState.PENDING
    event = service.events[-1]
    assert (event.event, event.subject, event.actor, event.reason) == (
        "binding.strike",
        alice.guid,
        alice.guid,
        "strong_key_missed",
    )


def test_a_wrong_pin_under_a_disown_is_counted(service, alice, challenge):
    attempts_left = missed(lambda: service.disown(mistaken(alice), challenge, strong=True))
    assert (attempts_left, strikes(service, alice)) == (LIMIT - 1, 1)
    assert service.stored(challenge.guid).state is ChallengeState.PENDING


def test_a_wrong_pin_under_a_weak_button_is_counted(service, alice, challenge):
    missed(lambda: service.answer(mistaken(alice), challenge, 1))
    assert strikes(service, alice) == 1


def test_a_wrong_pin_under_a_rotation_is_counted(service, alice):
    old = service.stored(alice.guid)
    assert missed(mistaken(alice).rotate) == LIMIT - 1
    binding = service.stored(alice.guid)
    assert (binding.strikes, binding.keys) == (1, old.keys)
    assert service.last_event() == ("binding.strike", "strong_key_missed")


def test_rotations_are_no_way_around_the_limit(service, alice):
    for attempts_left in reversed(range(LIMIT)):
        assert missed(mistaken(alice, f"{attempts_left:04}").rotate) == attempts_left
    assert service.stored(alice.guid).state is BindingState.REVOKED
    with pytest.raises(BindingInactive):
        alice.rotate()


def test_a_rotation_of_the_device_key_alone_needs_no_strong_key(service, alice):
    mistaken(alice).rotate([Role.DEVICE])
    assert strikes(service, alice) == 0


def test_a_right_pin_clears_the_count(service, alice, challenge):
    for _ in range(LIMIT - 1):
        missed(lambda: service.answer(mistaken(alice), challenge))
    assert strikes(service, alice) == LIMIT - 1
    assert service.answer(alice, challenge).approved
    assert strikes(service, alice) == 0


def test_a_right_pin_under_a_disown_clears_the_count(service, alice, challenge):
    missed(lambda: service.answer(mistaken(alice), challenge))
    service.disown(alice, challenge, strong=True)
    assert strikes(service, alice) == 0


def test_the_device_key_clears_nothing(service, alice, challenge):
    missed(lambda: service.answer(mistaken(alice), challenge))
    service.answer(alice, challenge, 1, weak=True)
    assert strikes(service, alice) == 1


def test_strikes_add_up_over_challenges(service, alice):
    for attempts_left in reversed(range(LIMIT - 3, LIMIT)):
        challenge = service.ask("alice", "Pay?").challenge
        assert (
            missed(lambda challenge=challenge: service.answer(mistaken(alice), challenge))
            == attempts_left
        )


def test_the_last_strike_revokes_the_device(service, alice, challenge):
    for attempts_left in reversed(range(LIMIT)):
        assert missed(lambda: service.answer(mistaken(alice), challenge)) == attempts_left
    binding = service.stored(alice.guid)
    assert (binding.state, binding.strikes) == (BindingState.REVOKED, LIMIT)
    assert binding.ended_at == service.clock.now()
    assert service.account().devices == ()
    events = service.events[-2:]
    assert [event.event for event in events] == ["binding.strike", "binding.revoke"]
    assert {(event.subject, event.reason) for event in events} == {
        (alice.guid, "strong_key_missed")
    }
    with pytest.raises(BindingInactive):
        service.answer(alice, challenge)
    assert service.stored(challenge.guid).state is ChallengeState.PENDING


def test_the_last_strike_leaves_an_open_invitation_in_the_list(service, alice, challenge):
    invitation = service.invitations.invite(service.origin, "alice")
    for _ in range(LIMIT):
        missed(lambda: service.answer(mistaken(alice), challenge))
    assert [device.deadline for device in service.account().devices] == [invitation.deadline]


def test_strikes_survive_a_rotation(service, alice, challenge):
    missed(lambda: service.answer(mistaken(alice), challenge))
    binding = alice.rotate()
    assert binding.strikes == 1
    assert missed(lambda: service.answer(mistaken(alice), challenge)) == LIMIT - 2


def test_strikes_survive_an_update(service, alice, challenge):
    missed(lambda: service.answer(mistaken(alice), challenge))
    binding = service.devices.update(alice.call("/device", b'{"name":"Tablet"}')).binding
    assert (binding.name, binding.strikes) == ("Tablet", 1)


def test_another_device_of_the_account_is_not_struck(service, alice, challenge):
    second = service.bind("alice")
    missed(lambda: service.answer(mistaken(alice), challenge))
    assert strikes(service, second) == 0
    assert service.answer(second, challenge).approved


def test_a_wrong_signature_of_the_device_key_is_no_strike(service, alice, challenge):
    own = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    forger = attrs.evolve(alice, device=attrs.evolve(alice.device, device_key=own))
    token = service.signed(forger, challenge, 1, weak=True)
    with pytest.raises(WrongSignature):
        service.send(alice, token)
    assert strikes(service, alice) == 0


def test_a_thief_without_the_device_key_strikes_nobody(service, alice, challenge):
    thief = mistaken(alice)
    own = generate(Algorithm.ES256, kid=alice.device.device_key.public.kid)
    thief.device = attrs.evolve(alice.device, device_key=own)
    with pytest.raises(WrongSignature):
        service.answer(thief, challenge)
    assert strikes(service, alice) == 0


def test_another_proven_device_strikes_nobody(service, alice, challenge):
    """What she signs names the other's key, and the other's challenge."""
    mallory = service.bind("mallory")
    token = service.signed(mistaken(alice), challenge)
    with pytest.raises(Foreign):
        service.send(mallory, token)
    assert (strikes(service, alice), strikes(service, mallory)) == (0, 0)


@pytest.mark.parametrize("ended", ["cancelled", "late"])
def test_a_challenge_that_is_over_says_nothing_about_the_pin(service, alice, challenge, ended):
    if ended == "cancelled":
        service.challenges.cancel(service.origin, challenge.guid)
    else:
        service.clock.jump(challenge.deadline)
    for phone in (alice, mistaken(alice)):
        with pytest.raises((WrongState, DeadlinePassed)):
            service.answer(phone, challenge)
    assert strikes(service, alice) == 0


def test_a_wrong_signature_under_the_recorded_answer_is_counted(service, alice, challenge):
    """Else whoever knows the answer's words could try PINs without end."""
    token = service.signed(alice, challenge)
    ended = service.send(alice, token)
    words = token.rpartition(".")[0]
    signature = service.signed(mistaken(alice), challenge).rpartition(".")[2]
    attempts_left = missed(lambda: service.send(alice, f"{words}.{signature}"))
    assert (attempts_left, strikes(service, alice)) == (LIMIT - 1, 1)
    assert service.stored(challenge.guid) == ended


def test_strikes_at_once_are_all_counted(service, alice, challenge, meeting, at_once):
    racing = service.but(store=meeting(service.store, 3))
    tokens = [service.signed(mistaken(alice, pin), challenge) for pin in ("0000", "1111", "2222")]
    outcomes = at_once(*(partial(racing.send, alice, token) for token in tokens))
    assert sorted(outcome.attempts_left for outcome in outcomes) == [
        LIMIT - 3,
        LIMIT - 2,
        LIMIT - 1,
    ]
    assert strikes(service, alice) == 3


def test_a_right_answer_and_a_strike_at_once_lose_neither(
    service, alice, challenge, meeting, at_once
):
    missed(lambda: service.answer(mistaken(alice), challenge))
    second = service.ask("alice", "And 20 EUR?").challenge
    racing = service.but(store=meeting(service.store, 2))
    approval, miss = at_once(
        lambda: racing.answer(alice, challenge), lambda: racing.answer(mistaken(alice), second)
    )
    assert approval.approved
    # In one order or the other: never as if one of them had not been.
    assert (miss.attempts_left, strikes(service, alice)) in {(LIMIT - 1, 1), (LIMIT - 2, 0)}


def test_s18_the_policy_of_now_says_how_many_strikes_are_too_many(service, alice, challenge):
    """It may have become stricter since they were counted."""
    for _ in range(2):
        missed(lambda: service.answer(mistaken(alice), challenge))
    strict = service.but(policy=attrs.evolve(STANDARD, strike_limit=2))
    for phone in (alice, mistaken(alice)):
        with pytest.raises(BindingInactive):
            strict.answer(phone, challenge)
    assert service.stored(challenge.guid) == challenge
    assert strikes(service, alice) == 2
    assert service.answer(alice, challenge).approved


def test_s18_a_disown_forgives_no_strikes_of_a_device_that_has_too_many_now(service, alice):
    """It ends the challenge, and the device may answer no other one."""
    disowned, other = (service.ask("alice", "Pay?").challenge for _ in range(2))
    for _ in range(2):
        missed(lambda: service.answer(mistaken(alice), other))
    strict = service.but(policy=attrs.evolve(STANDARD, strike_limit=2))

    strict.disown(alice, disowned, strong=True)
    assert service.stored(disowned.guid).state is ChallengeState.DISOWNED
    assert strikes(service, alice) == 2
    with pytest.raises(BindingInactive):
        strict.answer(alice, other)


def test_s18_a_strike_that_meets_a_revocation_changes_nothing(service, alice, challenge):
    racing = service.meanwhile(lambda: service.devices.revoke(alice.guid, by=OPERATOR))
    with pytest.raises(BindingInactive):
        racing.answer(mistaken(alice), challenge)
    assert strikes(service, alice) == 0
