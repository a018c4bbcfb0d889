"""What happens once before a device's request is decided, however often its race is lost."""

from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import (
    BindingInactive,
    IdentityUnavailable,
    IdentityWithdrawn,
    Replayed,
    StoreUnavailable,
    WrongIssuer,
)
from counterseal.keys import jws
from counterseal.models import OPERATOR, BindingState, Change
from counterseal_testing.faults import Faults, faulty

GRACE = attrs.evolve(STANDARD, revalidation_grace=timedelta(minutes=10))


class Counting:
    """A port that counts how often each method is called."""

    def __init__(self, port):
        self._port = port
        self.calls = []

    def __getattr__(self, name):
        self.calls.append(name)
        return getattr(self._port, name)


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def carol(service):
    """A phone of a user whom the Identity Provider named."""
    return service.log_in(service.new_app_space("Staff", idp=service.idp.settings()), "carol")


@pytest.fixture
def challenge(service, carol):
    party = service.new_origin(service.stored(carol.device.bond.app_space), "Shop")
    return service.ask("carol", "Pay?", origin=party).challenge


def losing(service, times, meanwhile):
    """The same service, that loses its race so often."""
    return service.meanwhile(*[meanwhile] * times)


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_signature_is_verified_once_however_often_the_race_is_lost(
    service, alice, monkeypatch, lost
):
    challenge, verified = service.ask("alice", "Pay?").challenge, []
    verify = jws.verify_bytes

    def count(signature, data, key):
        verified.append(key.kid)
        verify(signature, data, key)

    racing = losing(service, lost, lambda: changed_alone(service, alice))
    token = service.signed(alice, challenge)
    call = alice.call("/answers", token.encode())
    monkeypatch.setattr(jws, "verify_bytes", count)
    racing.answers.answer(call)
    assert len(verified) == len(set(verified)) == 2


def changed_alone(service, phone):
    stored = service.stored(phone.guid)
    changed = attrs.evolve(stored, version=stored.version + 1, name=f"{stored.name}.")
    service.store.commit((Change(stored, changed),), (), f"alone {stored.version}")


@pytest.mark.parametrize("lost", [0, 2])
def test_the_replay_guard_and_the_provider_are_asked_once(service, carol, challenge, lost):
    replay, idp = Counting(service.ports.replay), Counting(service.ports.identity)
    service.clock.advance(STANDARD.revalidation_life)
    fresh = service.ask("carol", "Pay?", origin=origin_of(service, challenge)).challenge
    racing = losing(service, lost, lambda: changed_alone(service, carol))
    racing = racing.but(replay=replay, identity=idp)
    token = service.signed(carol, fresh)
    assert racing.answers.answer(carol.call("/answers", token.encode())).approved
    assert (replay.calls, idp.calls) == (["first_seen"], ["revalidate"])


def origin_of(service, challenge):
    return service.administration.relying_party(challenge.origin)


def test_what_the_provider_says_counts_before_the_decision(service, carol, challenge):
    service.clock.advance(STANDARD.revalidation_life)
    service.idp.withdraw("carol")
    events = len(service.events)
    with pytest.raises(IdentityWithdrawn):
        service.answers.pending(carol.call("/challenges"))
    assert service.stored(carol.guid).state is BindingState.SUSPENDED
    recorded = [(event.event, event.actor) for event in service.events[events:]]
    assert recorded == [("identity.revalidate", "idp"), ("challenge.pending", carol.guid)]


def test_a_provider_that_does_not_answer_is_recorded_and_refuses(service, carol):
    service.clock.advance(STANDARD.revalidation_life)
    service.idp.down = True
    with pytest.raises(IdentityUnavailable):
        service.answers.pending(carol.call("/challenges"))
    assert service.last_event() == ("identity.revalidate", "identity_unavailable")


def test_a_provider_that_does_not_answer_is_excused_within_the_grace(service, carol):
    gracious = service.but(policy=attrs.evolve(STANDARD, revalidation_grace=timedelta(minutes=1)))
    service.clock.advance(STANDARD.revalidation_life)
    service.idp.down = True
    assert gracious.answers.pending(carol.call("/challenges")) == ()
    service.clock.advance(timedelta(minutes=1))
    with pytest.raises(IdentityUnavailable):
        gracious.answers.pending(carol.call("/challenges"))


def test_a_user_of_another_provider_is_refused_after_a_lost_race_too(service, carol, challenge):
    space = service.stored(carol.device.bond.app_space)

    def move():
        idp = attrs.evolve(space.idp, issuer="https://other.example")
        moved = attrs.evolve(space, version=space.version + 1, idp=idp)
        service.store.commit((Change(space, moved),), (), "move")
        changed_alone(service, carol)

    with pytest.raises(WrongIssuer):
        service.meanwhile(move).answer(carol, challenge)
    assert service.stored(challenge.guid) == challenge


def test_s18_a_user_who_is_withdrawn_after_the_provider_was_asked_is_refused(
    service, carol, challenge
):
    """Staff suspend and resume the device around the withdrawal, so that it is active again."""

    def withdraw():
        service.devices.suspend(carol.guid, by=OPERATOR)
        service.idp.withdraw("carol")
        with pytest.raises(IdentityWithdrawn):
            service.logins.revalidate(carol.device.bond.account)
        service.devices.resume(carol.guid, by=OPERATOR)

    with pytest.raises(IdentityWithdrawn):
        service.meanwhile(withdraw).answer(carol, challenge)
    assert service.stored(carol.guid).state is BindingState.ACTIVE
    assert service.stored(challenge.guid) == challenge


@pytest.mark.alone
@pytest.mark.parametrize("verb", ["pending", "fetch", "answer", "disown"])
def test_each_refusal_is_recorded_once_and_a_replay_comes_before_the_standing(service, alice, verb):
    challenge = service.ask("alice", "Pay?").challenge
    body = {
        "answer": lambda: service.signed(alice, challenge).encode(),
        "disown": lambda: alice.device.disown(challenge.display).encode(),
    }.get(verb, lambda: b"")()
    call = alice.call("/challenges", body)

    def answer_():
        if verb == "fetch":
            return service.answers.fetch(call, challenge.guid)
        return getattr(service.answers, verb)(call)

    service.devices.suspend(alice.guid, by=OPERATOR)
    for refusal in (BindingInactive, Replayed):
        events = len(service.events)
        with pytest.raises(refusal):
            answer_()
        (event,) = service.events[events:]
        assert (event.event, event.actor) == (f"challenge.{verb}", alice.guid)
        assert (event.subject, event.reason) == (
            None if verb == "pending" else challenge.guid,
            refusal.code,
        )


@pytest.mark.parametrize("verb", ["pending", "answer", "unbind"])
def test_a_proof_whose_replay_guard_is_down_proves_nothing(service, alice, verb):
    challenge, faults = service.ask("alice", "Pay?").challenge, Faults()
    faults.fail("replay.first_seen")
    broken = service.but(replay=faulty(service.ports.replay, "replay", faults))
    verbs = {"pending": broken.answers.pending, "answer": broken.answers.answer}
    call = alice.call("/challenges", service.signed(alice, challenge).encode())
    before = service.records()
    with pytest.raises(StoreUnavailable):
        verbs.get(verb, broken.devices.unbind)(call)
    assert service.records() == before


def test_a_proof_of_a_call_that_lost_its_race_is_used_up(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    call = alice.call("/answers", service.signed(alice, challenge).encode())
    racing = losing(service, 2, lambda: changed_alone(service, alice))
    assert racing.answers.answer(call).approved
    for verb in (service.answers.answer, service.answers.pending):
        with pytest.raises(Replayed):
            verb(call)


# What happens to the account between the replay guard and the question to the provider


def due_after(service, carol, effect, **changes):
    """The same service, in which revalidation is due, and *effect* comes after the replay guard."""
    faults = Faults()
    faults.meanwhile(effect, at="replay.first_seen", after=True)
    service.clock.advance(STANDARD.revalidation_life)
    provider = Counting(service.idp)
    guard = faulty(service.ports.replay, "replay", faults)
    return service.but(identity=provider, replay=guard, **changes), provider


def rotate_grant(service, carol):
    """Another call asks the provider, which takes each grant once."""
    account = service.stored(carol.device.bond.account)
    old = service.ports.sealer.open(account.sealed_grant, f"grant:{account.guid}")
    service.logins.revalidate(account.guid)
    del service.idp._grants[old]


def test_an_account_that_was_revalidated_meanwhile_is_not_asked_about_again(service, carol):
    other, provider = due_after(service, carol, lambda: rotate_grant(service, carol))
    other.devices.authenticate(carol.call("/device/status"))
    assert provider.calls == []
    assert service.stored(carol.guid).state is BindingState.ACTIVE


def test_the_provider_is_asked_with_a_grant_that_was_replaced_meanwhile(service, carol):
    always = attrs.evolve(STANDARD, revalidation_life=timedelta(0))
    effect = lambda: rotate_grant(service, carol)  # noqa: E731
    other, provider = due_after(service, carol, effect, policy=always)
    other.devices.authenticate(carol.call("/device/status"))
    assert provider.calls == ["revalidate"]
    assert service.stored(carol.guid).state is BindingState.ACTIVE


def test_nobody_is_asked_about_a_user_who_logged_out_meanwhile(service, carol):
    space = carol.device.bond.app_space
    effect = lambda: service.logins.log_out(space, service.idp.log_out("carol"))  # noqa: E731
    other, provider = due_after(service, carol, effect, policy=GRACE)
    with pytest.raises(IdentityWithdrawn):
        other.devices.authenticate(carol.call("/device/status"))
    assert provider.calls == []
    assert service.stored(carol.guid).state is BindingState.SUSPENDED


def test_nobody_is_asked_about_a_user_who_was_erased_meanwhile(service, carol):
    account, erased = carol.device.bond.account, []

    def erase():
        service.accounts.erase(account, by=OPERATOR)
        erased.append(service.stored(account))

    other, provider = due_after(service, carol, erase)
    with pytest.raises(IdentityWithdrawn):
        other.devices.authenticate(carol.call("/device/status"))
    assert provider.calls == []
    assert [service.stored(account)] == erased
