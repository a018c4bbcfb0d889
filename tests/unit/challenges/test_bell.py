"""The push after a commit: what it carries, whom it reaches, and that nothing depends on it."""

from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import NotifierUnavailable, StoreUnavailable, WrongCode
from counterseal.models import AddressKind, Bell, News, PushAddress
from counterseal.testing.faults import Faults, faulty, faulty_ports

HERE, THERE = (PushAddress(kind=AddressKind.RELAY, value=value) for value in ("here", "there"))


@pytest.fixture
def alice(service):
    return service.bind("alice", addresses=(HERE,))


def test_s2_a_bell_holds_two_names_two_texts_and_a_time_and_nothing_else(service, alice):
    issued = service.ask("alice", "Pay 10 EUR to Zoë?", show_code=True, transaction_id="t-1")
    ((addresses, bell),) = map(attrs.astuple, service.outbox.pushes)
    assert addresses == (attrs.astuple(HERE),)
    assert bell == attrs.astuple(
        Bell(
            guid=issued.challenge.guid,
            news=News.CHALLENGE,
            subject=issued.challenge.guid,
            account=issued.challenge.account,
            title="Counterseal",
            body="A question is waiting for you.",
            life=STANDARD.challenge_life,
            timeout=STANDARD.callback_timeout,
        )
    )


def test_a_bell_carries_the_origins_texts(service, alice):
    service.ask("alice", "Pay?", notification_title="Shop", notification_body="Please look")
    bell = service.outbox.pushes[0].bell
    assert (bell.title, bell.body) == ("Shop", "Please look")


def test_a_bell_that_is_not_to_be_shown_is_not_rung(service, alice):
    service.ask("alice", "Pay?", notification_title="Shop", show_notification=False)
    assert service.outbox.pushes == []


def test_a_bell_lives_as_long_as_its_challenge(service, alice):
    """And never less than no time, however long the commit took."""
    slow = service.meanwhile(lambda: service.clock.advance(timedelta(seconds=30)))
    slow.ask("alice", "Pay?")
    slower = service.meanwhile(lambda: service.clock.advance(timedelta(hours=1)))
    slower.ask("alice", "Pay?")
    lives = [push.bell.life for push in service.outbox.pushes]
    assert lives == [STANDARD.challenge_life - timedelta(seconds=30), timedelta(0)]


def test_every_active_device_is_rung_and_no_other(service, alice):
    second = service.bind("alice", addresses=(THERE,))
    service.bind("bob", addresses=(PushAddress(kind=AddressKind.RELAY, value="bob"),))
    service.ask("alice", "Pay?")
    service.devices.suspend(second.guid)
    service.ask("alice", "Pay?")
    service.devices.resume(second.guid)
    service.devices.revoke(alice.guid)
    service.ask("alice", "Pay?")
    rung = [push.addresses for push in service.outbox.pushes]
    assert rung == [(HERE, THERE), (HERE,), (THERE,)]


def test_a_device_without_an_address_is_not_rung_and_asks_for_itself(service):
    alice = service.bind("alice")
    held = service.ask("alice", "Pay?").challenge
    assert service.outbox.pushes == []
    assert service.happened("challenge.push") == []
    assert alice.pending() == (held,)


def test_s35_a_push_is_recorded(service, alice):
    held = service.ask("alice", "Pay?").challenge
    event = service.events[-1]
    assert (event.event, event.actor) == ("challenge.push", service.origin.origin.guid)
    assert (event.subject, event.reason) == (held.guid, "")


def test_a_push_that_fails_is_recorded_and_changes_nothing(service, alice):
    service.outbox.failing = True
    held = service.ask("alice", "Pay?").challenge
    assert service.last_event() == ("challenge.push", "notifier_unavailable")
    assert alice.answer(held).approved


def test_an_audit_log_that_cannot_take_the_push_changes_nothing(service, alice):
    faults = Faults()
    faults.fail("audit.record")
    held = service.but(audit=faulty(service.ports.audit, "audit", faults)).ask("alice", "Pay?")
    assert faults.happened == 1
    assert service.stored(held.challenge.guid) == held.challenge


def test_whoever_waits_inside_is_woken_and_a_wake_that_fails_silences_no_push(service, alice):
    faults = Faults()
    heard = []
    wake = faulty(service.ports.wake, "wake", faults)
    faults.meanwhile(lambda: heard.append("rung"), at="wake.ring")
    waking = service.but(wake=wake)
    waking.ask("alice", "Pay?")
    assert heard == ["rung"]
    faults.fail("wake.ring")
    waking.ask("alice", "Pay?")
    assert len(service.outbox.pushes) == 2


class Waiting:
    """A Wake that remembers whom it rang for."""

    def __init__(self):
        self.heard = []

    def ring(self, guid):
        self.heard.append(guid)


@pytest.mark.parametrize("ending", ["answer", "disown", "fail", "cancel", "expire", "supersede"])
def test_whoever_waits_for_a_challenge_is_woken_however_it_ends(service, alice, ending):
    once = service.but(policy=attrs.evolve(STANDARD, pending_limit=1, supersede=True, code_limit=1))
    issued = once.ask("alice", "Pay?", show_code=True)
    held, wake = issued.challenge, Waiting()
    waking = once.but(wake=wake, policy=once.policy)
    if ending == "answer":
        waking.answer(alice, held, code=issued.code)
    elif ending == "disown":
        waking.disown(alice, held)
    elif ending == "fail":
        with pytest.raises(WrongCode):
            waking.answer(alice, held, code="not it")
    elif ending == "cancel":
        waking.challenges.cancel(waking.origin, held.guid)
    elif ending == "expire":
        waking.clock.jump(held.deadline)
        assert waking.challenges.expire() == 1
    else:
        waking.ask("alice", "Pay more?")
    assert service.stored(held.guid).outcome is not None
    assert wake.heard.count(held.guid) == 1


def test_a_sweep_that_breaks_off_wakes_whoever_waits_for_what_it_ended(service, alice):
    held = [service.ask("alice", "Pay?").challenge for _ in range(2)]
    service.clock.jump(held[-1].deadline)
    faults, wake = Faults(), Waiting()
    faults.fail("store.commit", skip=1)
    with pytest.raises(StoreUnavailable):
        service.but(store=faulty(service.store, "store", faults), wake=wake).challenges.expire()
    assert {one.guid for one in held} == set(wake.heard)


def test_there_is_no_push_without_a_commit(service, alice):
    faults = Faults()
    faults.fail("store.commit")
    with pytest.raises(StoreUnavailable):
        service.but(store=faulty(service.store, "store", faults)).ask("alice", "Pay?")
    assert service.outbox.pushes == []


# Dead addresses


def test_a_dead_address_is_taken_off_its_device(service):
    alice = service.bind("alice", addresses=(HERE, THERE))
    service.outbox.dead.add(HERE)
    service.ask("alice", "Pay?")
    assert service.stored(alice.guid).addresses == (THERE,)
    assert [line.addresses for line in service.account().devices] == [(THERE,)]
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == ("binding.address", "notifier", alice.guid)
    service.ask("alice", "Pay?")
    assert len(service.happened("binding.address")) == 1


def test_a_dead_address_is_taken_off_every_device_that_has_it(service, alice):
    second = service.bind("alice", addresses=(HERE, THERE))
    service.outbox.dead.add(HERE)
    service.ask("alice", "Pay?")
    assert service.stored(alice.guid).addresses == ()
    assert service.stored(second.guid).addresses == (THERE,)


def test_an_address_that_was_replaced_meanwhile_stays(service, alice):
    class Slow:
        def push(self, addresses, bell):
            alice.devices.update(
                alice.call("/device", b'{"addresses":[{"kind":"relay","value":"there"}]}')
            )
            return service.outbox.push(addresses, bell)

    service.outbox.dead.add(HERE)
    service.but(notifier=Slow()).ask("alice", "Pay?")
    assert service.stored(alice.guid).addresses == (THERE,)
    assert service.happened("binding.address") == []


def test_a_burial_that_fails_is_recorded_and_changes_nothing(service, alice):
    faults = Faults()
    faults.fail("store.commit", skip=1)
    service.outbox.dead.add(HERE)
    held = service.but(store=faulty(service.store, "store", faults)).ask("alice", "Pay?").challenge
    assert service.last_event() == ("challenge.push", "store_unavailable")
    assert service.stored(alice.guid).addresses == (HERE,)
    assert alice.answer(held).approved


@pytest.mark.parametrize("call", range(3))
def test_whatever_fails_after_the_commit_the_challenge_is_issued(service, alice, call):
    """One port after the other is down, just once, after the challenge is committed."""
    faults = Faults()
    service.outbox.dead.add(HERE)
    broken = service.but(
        **{
            name: getattr(faulty_ports(service.ports, faults), name)
            for name in ("notifier", "wake", "audit")
        }
    )
    faults.fail("", NotifierUnavailable(), skip=call)
    issued = broken.ask("alice", "Pay?")
    assert faults.happened == 1
    assert service.stored(issued.challenge.guid) == issued.challenge
