"""S17: the user's other devices are notified that one was bound or revoked, or a question ended."""

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import InvalidField, StrongKeyMissed, WrongCode
from counterseal.models import (
    OPERATOR,
    AddressKind,
    Notification,
    Occasion,
    PushAddress,
    PushOutcome,
    PushResult,
)

HERE, THERE = (PushAddress(kind=AddressKind.RELAY, value=value) for value in ("here", "there"))


@pytest.fixture
def alice(service):
    return service.bind("alice", addresses=(HERE,))


@pytest.fixture
def tablet(service, alice):
    bound = service.bind("alice", addresses=(THERE,))
    service.push()
    service.outbox.pushes.clear()
    return bound


def devices_notified(service):
    service.push()
    return [
        (push.message.occasion, push.message.subject, push.addresses)
        for push in service.outbox.pushes
    ]


def test_the_first_device_has_nobody_to_tell(service, alice):
    assert devices_notified(service) == []


def test_s17_the_others_are_notified_of_a_device_that_was_bound(service, alice):
    second = service.bind("alice", addresses=(THERE,))
    assert devices_notified(service) == [(Occasion.DEVICE_BOUND, second.guid, (HERE,))]
    (push,) = service.outbox.pushes
    assert (push.message.title, push.message.body) == (
        "Counterseal",
        "A device was added to your account.",
    )
    assert push.message.life == STANDARD.device_notification_life
    assert not push.message.urgent
    (event,) = service.happened("binding.push")
    assert (event.at, event.subject, event.reason) == (service.clock.now(), second.guid, "")
    (bound,) = [one for one in service.happened("binding.complete") if one.subject == second.guid]
    assert bound.at == service.clock.now()


@pytest.mark.parametrize("suspended", [False, True])
def test_s17_the_others_are_notified_of_a_device_that_was_revoked(
    service, alice, tablet, suspended
):
    if suspended:
        service.devices.suspend(tablet.guid, by=OPERATOR)
    service.administration.edit_app_space(
        service.app_space.guid, texts={"title": "Bank", "device_revoked": "Gerät entfernt"}
    )
    service.devices.revoke(tablet.guid, by=OPERATOR)
    assert devices_notified(service) == [(Occasion.DEVICE_REVOKED, tablet.guid, (HERE,))]
    (push,) = service.outbox.pushes
    assert (push.message.title, push.message.body) == ("Bank", "Gerät entfernt")


@pytest.mark.parametrize("how", ["answer", "rotate"])
def test_s17_the_others_are_notified_of_a_device_that_wrong_pins_revoked(
    service, alice, tablet, how
):
    challenge = service.ask("alice", "Pay?", show_notification=False).challenge
    mistaken = attrs.evolve(tablet, pin="0000")
    for _ in range(STANDARD.strike_limit):
        with pytest.raises(StrongKeyMissed):
            mistaken.rotate() if how == "rotate" else mistaken.answer(challenge)
    assert devices_notified(service) == [(Occasion.DEVICE_REVOKED, tablet.guid, (HERE,))]


def test_s17_the_others_are_notified_of_a_device_that_an_origin_revoked(service, alice, tablet):
    suspended = service.bind("alice", addresses=(THERE,))
    service.devices.suspend(suspended.guid, by=OPERATOR)
    service.push()
    service.outbox.pushes.clear()
    before = service.records()
    service.devices.revoke(tablet.guid, by=service.origin)
    (notification,) = [
        record
        for guid, record in service.records().items()
        if guid not in before and isinstance(record, Notification)
    ]
    # Neither the revoked one nor the suspended one, whatever they are when it is sent.
    assert notification.devices == (alice.guid,)
    assert devices_notified(service) == [(Occasion.DEVICE_REVOKED, tablet.guid, (HERE,))]


@pytest.mark.alone
def test_s17_the_others_are_notified_of_a_device_that_unbound_itself(service, alice, tablet):
    service.devices.unbind(tablet.call("/device", method="DELETE"))
    assert devices_notified(service) == [(Occasion.DEVICE_REVOKED, tablet.guid, (HERE,))]


def test_an_invitation_is_no_device(service, alice):
    invitation = service.invitations.invite(service.origin, "alice")
    service.devices.revoke(invitation.binding, by=OPERATOR)
    service.clock.advance(STANDARD.session_token_life)
    assert devices_notified(service) == []


def test_an_account_without_devices_causes_no_notification(service, alice, tablet):
    service.accounts.revoke(service.origin, "alice")
    assert devices_notified(service) == []
    third = service.bind("alice", addresses=(HERE,))
    service.accounts.erase(third.device.bond.account, by=OPERATOR)
    assert devices_notified(service) == []
    assert [one for one in service.records().values() if isinstance(one, Notification)]


def type_wrong_codes(alice, challenge):
    for _ in range(STANDARD.code_limit):
        with pytest.raises(WrongCode):
            alice.answer(challenge, code="000000")


ENDINGS = {
    "approved": lambda service, alice, challenge: alice.answer(challenge),
    "declined": lambda service, alice, challenge: alice.answer(challenge, 1),
    "disowned": lambda service, alice, challenge: alice.disown(challenge),
    "failed": lambda service, alice, challenge: type_wrong_codes(alice, challenge),
    "cancelled": lambda service, alice, challenge: service.challenges.cancel(
        service.origin, challenge.guid
    ),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_the_other_devices_are_notified_that_a_question_has_ended(service, alice, tablet, how):
    code_members = {"show_code": True} if how == "failed" else {}
    issued = service.ask(
        "alice",
        "Pay?",
        notification_title="Shop",
        notification_body="Pay?",
        **code_members,
    )
    challenge = issued.challenge
    service.push()
    service.outbox.pushes.clear()
    service.clock.advance(STANDARD.challenge_life / 2)
    ENDINGS[how](service, alice, challenge)
    addressees = (HERE, THERE) if how == "cancelled" else (THERE,)
    (notified,) = devices_notified(service)
    assert (notified[0], notified[1]) == (Occasion.CHALLENGE_ENDED, challenge.guid)
    assert set(notified[2]) == set(addressees)
    (push,) = service.outbox.pushes
    # Whatever ended it, the push service reads the same, and nothing of the origin's.
    assert (push.message.title, push.message.body) == (
        "Counterseal",
        STANDARD.challenge_ended_body,
    )
    assert push.message.life == STANDARD.challenge_life / 2
    assert [event.attributes[0] for event in service.happened("challenge.push")[-1:]] == [
        ("occasion", "challenge_ended")
    ]


def test_the_devices_are_notified_that_a_newer_question_has_superseded_an_older_one(
    new_service,
):
    service = new_service(policy=attrs.evolve(STANDARD, supersede=True, pending_limit=1))
    service.bind("alice", addresses=(HERE,))
    older = service.ask("alice", "Pay?").challenge
    service.push()
    service.outbox.pushes.clear()
    service.ask("alice", "Pay more?", show_notification=False)
    assert devices_notified(service) == [(Occasion.CHALLENGE_ENDED, older.guid, (HERE,))]


def test_an_app_space_has_its_own_text_for_a_question_that_ended(service, alice, tablet):
    service.administration.edit_app_space(
        service.app_space.guid, texts={"title": "Bank", "challenge_ended": "Schon beantwortet"}
    )
    alice.answer(service.ask("alice", "Pay?").challenge)
    service.push()
    messages = [push.message for push in service.outbox.pushes]
    # The question itself was dropped: it had ended.
    assert [(message.title, message.body) for message in messages] == [
        ("Bank", "Schon beantwortet")
    ]


@pytest.mark.parametrize("quiet", ["question without notification", "deadline passed", "erased"])
def test_nobody_is_notified_of_an_end_that_was_not_notified_of_or_is_known(
    service, alice, tablet, quiet
):
    shows = quiet != "question without notification"
    challenge = service.ask("alice", "Pay?", show_notification=shows).challenge
    service.push()
    service.outbox.pushes.clear()
    if quiet == "deadline passed":
        service.clock.advance(STANDARD.challenge_life)
        service.challenges.expire()
    elif quiet == "erased":
        service.accounts.erase(alice.device.bond.account, by=OPERATOR)
    else:
        alice.answer(challenge)
    assert devices_notified(service) == []


def test_a_person_with_one_device_causes_no_notification_by_answering(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    before = service.records()
    alice.answer(challenge)
    assert service.records().keys() == before.keys()


def test_a_push_service_that_fails_changes_no_answer(service, alice, tablet):
    challenge = service.ask("alice", "Pay?").challenge
    service.push()
    service.outbox.pushes.clear()
    service.outbox.outcomes[THERE] = PushOutcome(result=PushResult.MISCONFIGURED)
    answered = alice.answer(challenge)
    assert devices_notified(service) == []
    assert service.challenges.status(service.origin, challenge.guid) == answered
    (event,) = service.happened("challenge.push")[-1:]
    assert (event.subject, event.reason) == (challenge.guid, "undelivered")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("title", "notification.title"),
        ("challenge", "notification.body"),
        ("challenge_ended", "notification.requestEnded"),
        ("device_bound", "notification.deviceBound"),
        ("device_revoked", "notification.deviceRevoked"),
    ],
)
def test_a_text_too_long_is_refused(service, name, field):
    long = "x" * (STANDARD.title_bytes + 1)
    with pytest.raises(InvalidField) as caught:
        service.administration.edit_app_space(service.app_space.guid, texts={name: long})
    assert caught.value.field == field
