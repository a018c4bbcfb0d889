"""Those who wait are woken after a commit, and nothing depends on it."""

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import StoreUnavailable, WrongCode
from counterseal.models import OPERATOR, AddressKind, PushAddress
from counterseal.outbox.decisions.outbox import NEW_NOTIFICATIONS
from counterseal_testing.faults import Faults, faulty

HERE = PushAddress(kind=AddressKind.RELAY, value="here")


@pytest.fixture
def alice(service):
    return service.bind("alice", addresses=(HERE,))


class Waiting:
    """A Wake that remembers which GUIDs were notified."""

    def __init__(self):
        self.guids = []

    def notify(self, guid):
        self.guids.append(guid)


@pytest.mark.parametrize("ending", ["answer", "disown", "fail", "cancel", "expire", "supersede"])
def test_those_who_wait_for_a_challenge_are_woken_however_it_ends(service, alice, ending):
    once = service.but(policy=attrs.evolve(STANDARD, pending_limit=1, supersede=True, code_limit=1))
    issued = once.ask("alice", "Pay?", show_code=True)
    challenge, wake = issued.challenge, Waiting()
    waking = once.but(wake=wake, policy=once.policy)
    if ending == "answer":
        waking.answer(alice, challenge, code=issued.code)
    elif ending == "disown":
        waking.disown(alice, challenge)
    elif ending == "fail":
        with pytest.raises(WrongCode):
            waking.answer(alice, challenge, code="not it")
    elif ending == "cancel":
        waking.challenges.cancel(waking.origin, challenge.guid)
    elif ending == "expire":
        waking.clock.jump(challenge.deadline)
        assert waking.challenges.expire() == 1
    else:
        waking.ask("alice", "Pay more?")
    assert service.stored(challenge.guid).outcome is not None
    assert wake.guids.count(challenge.guid) == 1
    # Its devices wait for the account. After the deadline they need no wake-up: nothing is stored.
    assert wake.guids.count(challenge.account) == (ending != "expire")


def test_a_sweep_that_breaks_off_wakes_those_who_wait_for_what_it_ended(service, alice):
    challenges = [service.ask("alice", "Pay?").challenge for _ in range(2)]
    service.clock.jump(challenges[-1].deadline)
    faults, wake = Faults(), Waiting()
    faults.fail("store.commit", skip=1)
    with pytest.raises(StoreUnavailable):
        service.but(store=faulty(service.store, "store", faults), wake=wake).challenges.expire()
    assert {one.guid for one in challenges} == set(wake.guids)


def test_the_account_and_notification_workers_are_woken_once(service, alice):
    wake = Waiting()
    waking = service.but(wake=wake)
    challenge = waking.ask("alice", "Pay?").challenge
    assert wake.guids == [challenge.account, NEW_NOTIFICATIONS]
    waking.ask("alice", "Pay?", show_notification=False)
    assert wake.guids == [challenge.account, NEW_NOTIFICATIONS, challenge.account]
    service.devices.update(alice.call("/device", b'{"addresses":[]}'))
    waking.ask("alice", "Pay?")
    assert wake.guids == [
        challenge.account,
        NEW_NOTIFICATIONS,
        challenge.account,
        challenge.account,
    ]


def test_a_repeated_answer_wakes_again_since_the_first_call_may_have_died_before(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    token, wake = service.signed(alice, challenge), Waiting()
    service.send(alice, token)
    service.but(wake=wake).send(alice, token)
    assert wake.guids == [challenge.guid]


def test_a_repeated_question_wakes_nobody(service, alice):
    wake = Waiting()
    service.ask("alice", "Pay?", idempotency_key="k")
    service.but(wake=wake).ask("alice", "Pay?", idempotency_key="k")
    assert wake.guids == []


def test_a_wake_that_fails_changes_nothing(service, alice):
    faults = Faults()
    faults.fail("wake.notify", times=2)
    challenge = service.but(wake=faulty(service.ports.wake, "wake", faults)).ask("alice", "Pay?")
    assert faults.happened == 2
    assert service.stored(challenge.challenge.guid) == challenge.challenge
    assert len(service.push()) == 1


@pytest.mark.parametrize("occasion", ["bound", "revoked", "suspended"])
def test_workers_are_woken_after_each_commit_that_queued_a_notification(service, alice, occasion):
    phone, wake = service.bind("alice"), Waiting()
    waking = service.but(wake=wake)
    if occasion == "bound":
        waking.bind("alice")
    elif occasion == "revoked":
        waking.devices.revoke(phone.guid, by=OPERATOR)
    else:
        waking.devices.suspend(phone.guid, by=OPERATOR)
    assert wake.guids == [NEW_NOTIFICATIONS] * (occasion != "suspended")


def test_an_attempt_wakes_no_worker(service, alice):
    """The notification that it writes is not new."""
    service.ask("alice", "Pay?")
    (due,) = service.notifications.due()
    wake = Waiting()
    service.but(wake=wake).notifications.attempt(due.guid)
    assert wake.guids == []
