import doctest
from datetime import timedelta

import attrs
import pytest

import counterseal_testing.service as module
from counterseal.errors import InvalidField, NotBound, StrongKeyMissed, WrongIssuer
from counterseal.keys import ml_dsa
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
from counterseal.policy import STANDARD, STRICT
from counterseal_testing import FakeService, ScriptedEntropy, fake_ports
from counterseal_testing.service import CALLBACK

ADDRESS = (PushAddress(kind=AddressKind.RELAY, value="somewhere"),)


def test_the_example_in_its_own_words():
    lines = module.__doc__.split("\n\n")[1]
    example = "\n".join(line.removeprefix("    ") for line in lines.splitlines())

    exec(compile(example, "service", "exec"), {"FakeService": FakeService})  # noqa: S102
    assert doctest.script_from_examples(example).strip()


def test_follows_from_its_seed():
    def names(seed):
        service = FakeService(seed=seed)
        return service.app_space.guid, service.bind("zoe").guid

    assert names(1) == names(1)
    assert names(1) != names(2)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_phone_answers_whatever_its_keys_are(algorithm):
    if algorithm is Algorithm.ML_DSA_44 and not ml_dsa.SUPPORTED:
        pytest.skip("no ml-dsa: cryptography has none")
    service = FakeService(policy=attrs.evolve(STANDARD, algorithms=frozenset({algorithm})))
    zoe = service.bind("zoe", algorithm=algorithm)
    challenge = service.ask("zoe", "Pay?").challenge

    assert [pending.guid for pending in zoe.pending()] == [challenge.guid]
    assert zoe.answer(zoe.fetch(challenge.guid)).approved


def test_a_phone_refuses_with_a_weak_button_and_disowns():
    service = FakeService()
    zoe = service.bind("zoe")
    refused = zoe.answer(service.ask("zoe", "Pay?").challenge, 1)
    disowned = zoe.disown(service.ask("zoe", "Pay?").challenge)

    assert (refused.state, refused.approved) == (ChallengeState.ANSWERED, False)
    assert disowned.state is ChallengeState.DISOWNED


def test_a_person_may_forget_the_pin():
    service = FakeService()
    zoe = service.bind("zoe")
    zoe.pin = "wrong"

    with pytest.raises(StrongKeyMissed):
        zoe.answer(service.ask("zoe", "Pay?").challenge)


@pytest.mark.parametrize("roles", [tuple(Role), (Role.DEVICE,), (Role.STRONG,)])
def test_a_phone_answers_with_new_keys(roles):
    service = FakeService()
    zoe = service.bind("zoe")
    before = service.accounts.list_devices(service.origin, "zoe")[0].keys

    after = zoe.rotate(roles).keys

    assert {key.role for key in after if key not in before} == set(roles)
    assert zoe.answer(service.ask("zoe", "Pay?").challenge).approved


def test_a_phone_that_is_not_bound_has_no_name():
    with pytest.raises(NotBound):
        _ = FakeService().phone().guid


def test_a_user_can_come_from_the_identity_provider():
    service = FakeService()
    space = service.new_app_space("With log-ins", idp=service.idp.settings())
    door = service.new_origin(space, "Door")
    lena = service.log_in(space, "lena")

    assert lena.answer(service.ask("lena", "Open?", origin=door).challenge).approved


def test_an_app_space_keeps_to_its_provider():
    service = FakeService()
    other = service.new_app_space("Elsewhere", idp=service.idp.settings())
    service.idp.issuer = "https://another.example"

    with pytest.raises(WrongIssuer):
        service.log_in(other, "lena")


def test_time_passes_when_the_clock_is_moved():
    service = FakeService()
    service.bind("zoe")
    challenge = service.ask("zoe", "Pay?", callback=CALLBACK).challenge
    service.clock.advance(timedelta(minutes=2))

    assert service.sweep() == 1
    assert service.challenges.status(service.origin, challenge.guid).state is ChallengeState.EXPIRED
    (callback,) = service.deliver()
    assert [attempt.message for attempt in service.sender.attempts] == [callback]
    assert service.callbacks.due() == ()


def test_pushes_and_callbacks_are_there_to_look_at():
    service = FakeService()
    zoe = service.bind("zoe", addresses=ADDRESS)
    challenge = service.ask("zoe", "Pay?", callback=CALLBACK).challenge
    (notification,) = service.push()
    zoe.answer(challenge)
    service.sender.script(500)
    (guid,) = service.deliver()

    assert [push.addresses for push in service.outbox.pushes_for(challenge.guid)] == [ADDRESS]
    (callback,) = service.ports.store.get(guid)
    assert callback.state is CallbackState.QUEUED
    assert service.deliver() == service.push() == ()
    assert service.notifications.get(notification, by=OPERATOR).state is NotificationState.DELIVERED


def test_another_policy_and_origin_can_be_had():
    service = FakeService(policy=STRICT)
    service.bind("zoe")
    other = service.new_origin(service.app_space, "Another shop")
    service.ask("zoe", "Pay?", origin=other)

    assert service.renewed(other).origin.callbacks == (CALLBACK,)
    with pytest.raises(InvalidField, match="transactionId"):
        service.ask("zoe", "Pay?", origin=other, transaction_id=1)


def test_fake_ports_stand_alone():
    ports, again = fake_ports(seed=7), fake_ports(entropy=ScriptedEntropy(7))

    assert ports.entropy.token(16) == again.entropy.token(16)
    assert ports.clock.now() == again.clock.now()
