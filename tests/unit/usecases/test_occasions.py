"""S17: the user's other devices are told that one was bound or revoked."""

import attrs
import pytest

from counterseal import STANDARD
from counterseal.errors import InvalidField, StrongKeyMissed
from counterseal.models import OPERATOR, AddressKind, Notification, Occasion, PushAddress

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


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("title", "notification.title"),
        ("challenge", "notification.body"),
        ("device_bound", "notification.deviceBound"),
        ("device_revoked", "notification.deviceRevoked"),
    ],
)
def test_a_text_too_long_is_refused(service, name, field):
    long = "x" * (STANDARD.title_bytes + 1)
    with pytest.raises(InvalidField) as caught:
        service.administration.edit_app_space(service.app_space.guid, texts={name: long})
    assert caught.value.field == field
