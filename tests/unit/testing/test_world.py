import doctest
from datetime import timedelta

import pytest

import counterseal.testing.service as module
from counterseal.errors import InvalidField, NotBound, StrongKeyMissed, WrongIssuer
from counterseal.models import (
    OPERATOR,
    AddressKind,
    Algorithm,
    CallbackState,
    ChallengeState,
    NotificationState,
    PushAddress,
    Role,
)
from counterseal.policy import STRICT
from counterseal.testing import FakeService, ScriptedEntropy, fake_ports
from counterseal.testing.service import CALLBACK

ADDRESS = (PushAddress(kind=AddressKind.RELAY, value="somewhere"),)


def test_the_example_in_its_own_words():
    lines = module.__doc__.split("\n\n")[1]
    example = "\n".join(line.removeprefix("    ") for line in lines.splitlines())

    exec(compile(example, "world", "exec"), {"FakeService": FakeService})  # noqa: S102
    assert doctest.script_from_examples(example).strip()


def test_follows_from_its_seed():
    def names(seed):
        world = FakeService(seed=seed)
        return world.app_space.guid, world.bind("zoe").guid

    assert names(1) == names(1)
    assert names(1) != names(2)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_phone_answers_whatever_its_keys_are(algorithm):
    world = FakeService()
    zoe = world.bind("zoe", algorithm=algorithm)
    challenge = world.ask("zoe", "Pay?").challenge

    assert [held.guid for held in zoe.pending()] == [challenge.guid]
    assert zoe.answer(zoe.fetch(challenge.guid)).approved


def test_a_phone_refuses_with_a_weak_button_and_disowns():
    world = FakeService()
    zoe = world.bind("zoe")
    refused = zoe.answer(world.ask("zoe", "Pay?").challenge, 1)
    disowned = zoe.disown(world.ask("zoe", "Pay?").challenge)

    assert (refused.state, refused.approved) == (ChallengeState.ANSWERED, False)
    assert disowned.state is ChallengeState.DISOWNED


def test_a_person_may_forget_the_pin():
    world = FakeService()
    zoe = world.bind("zoe")
    zoe.pin = "wrong"

    with pytest.raises(StrongKeyMissed):
        zoe.answer(world.ask("zoe", "Pay?").challenge)


@pytest.mark.parametrize("roles", [tuple(Role), (Role.DEVICE,), (Role.STRONG,)])
def test_a_phone_answers_with_new_keys(roles):
    world = FakeService()
    zoe = world.bind("zoe")
    before = world.accounts.list_devices(world.origin, "zoe")[0].keys

    after = zoe.rotate(roles).keys

    assert {key.role for key in after if key not in before} == set(roles)
    assert zoe.answer(world.ask("zoe", "Pay?").challenge).approved


def test_a_phone_that_is_not_bound_has_no_name():
    with pytest.raises(NotBound):
        _ = FakeService().phone().guid


def test_a_user_can_come_from_the_identity_provider():
    world = FakeService()
    space = world.new_app_space("With log-ins", idp=world.idp.settings())
    door = world.new_origin(space, "Door")
    lena = world.log_in(space, "lena")

    assert lena.answer(world.ask("lena", "Open?", origin=door).challenge).approved


def test_an_app_space_keeps_to_its_provider():
    world = FakeService()
    other = world.new_app_space("Elsewhere", idp=world.idp.settings())
    world.idp.issuer = "https://another.example"

    with pytest.raises(WrongIssuer):
        world.log_in(other, "lena")


def test_time_passes_when_it_is_told_to():
    world = FakeService()
    world.bind("zoe")
    challenge = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    world.clock.advance(timedelta(minutes=2))

    assert world.sweep() == 1
    assert world.challenges.status(world.origin, challenge.guid).state is ChallengeState.EXPIRED
    (callback,) = world.deliver()
    assert [attempt.message for attempt in world.sender.attempts] == [callback]
    assert world.callbacks.due() == ()


def test_pushes_and_callbacks_are_there_to_look_at():
    world = FakeService()
    zoe = world.bind("zoe", addresses=ADDRESS)
    challenge = world.ask("zoe", "Pay?", callback=CALLBACK).challenge
    (noted,) = world.push()
    zoe.answer(challenge)
    world.sender.script(500)
    (guid,) = world.deliver()

    assert [push.addresses for push in world.outbox.pushes_for(challenge.guid)] == [ADDRESS]
    (callback,) = world.ports.store.get(guid)
    assert callback.state is CallbackState.QUEUED
    assert world.deliver() == world.push() == ()
    assert world.notifications.get(noted, by=OPERATOR).state is NotificationState.DELIVERED


def test_another_policy_and_origin_can_be_had():
    world = FakeService(policy=STRICT)
    world.bind("zoe")
    other = world.new_origin(world.app_space, "Another shop")
    world.ask("zoe", "Pay?", origin=other)

    assert world.renewed(other).origin.callbacks == (CALLBACK,)
    with pytest.raises(InvalidField, match="transactionId"):
        world.ask("zoe", "Pay?", origin=other, transaction_id=1)


def test_fake_ports_stand_alone():
    ports, same = fake_ports(seed=7), fake_ports(entropy=ScriptedEntropy(7))

    assert ports.entropy.token(16) == same.entropy.token(16)
    assert ports.clock.now() == same.clock.now()
