"""One device of the account is asked, and no other one sees the question or answers it."""

import attrs
import pytest

from counterseal.challenges.documents.question import (
    question_document,
    read_question,
    request_document,
)
from counterseal.errors import Foreign, InvalidField
from counterseal.models import (
    OPERATOR,
    AddressKind,
    ChallengeState,
    Change,
    Occasion,
    PushAddress,
)
from counterseal.models.guid import mint

HERE = PushAddress(kind=AddressKind.RELAY, value="here")
THERE = PushAddress(kind=AddressKind.RELAY, value="there")
NOBODY = mint(0, bytes(15))


@pytest.fixture
def phone(service):
    return service.bind("alice", addresses=(HERE,))


@pytest.fixture
def tablet(service):
    return service.bind("alice", addresses=(THERE,))


@pytest.fixture
def challenge(service, phone, tablet):
    return service.ask("alice", "Pay?", device=phone.guid).challenge


def test_only_the_chosen_device_lists_it(service, phone, tablet, challenge):
    assert challenge.device == phone.guid
    everybody = service.ask("alice", "Lunch?").challenge
    assert [each.guid for each in phone.pending()] == [challenge.guid, everybody.guid]
    assert [each.guid for each in tablet.pending()] == [everybody.guid]


def test_the_chosen_device_reads_and_answers_it(service, phone, challenge):
    phone.answer(phone.fetch(challenge.guid))
    assert service.challenges.status(service.origin, challenge.guid).approved


def test_for_another_device_it_is_not_there(service, phone, tablet, challenge):
    challenge = phone.fetch(challenge.guid)
    for call in (
        lambda: tablet.fetch(challenge.guid),
        lambda: tablet.answer(attrs.evolve(challenge, device=None)),
        lambda: tablet.disown(attrs.evolve(challenge, device=None)),
    ):
        with pytest.raises(Foreign):
            call()
    assert service.stored(challenge.guid).state is ChallengeState.SEEN


def test_another_device_does_not_read_how_it_ended(service, phone, tablet, challenge):
    phone.answer(phone.fetch(challenge.guid))
    with pytest.raises(Foreign):
        tablet.fetch(challenge.guid)
    assert [each.guid for each in phone.ended()] == [challenge.guid]
    assert tablet.ended() == ()


def test_only_the_chosen_device_is_notified(service, phone, tablet, challenge):
    service.push()
    service.challenges.cancel(service.origin, challenge.guid)
    service.push()
    pushes = service.outbox.pushes_for(challenge.guid)
    assert {push.message.occasion for push in pushes} == {
        Occasion.CHALLENGE,
        Occasion.CHALLENGE_ENDED,
    }
    assert {push.addresses for push in pushes} == {(HERE,)}


def test_if_the_chosen_device_is_revoked_it_expires(service, phone, tablet, challenge):
    service.devices.revoke(phone.guid, by=OPERATOR)
    assert tablet.pending() == ()
    with pytest.raises(Foreign):
        tablet.fetch(challenge.guid)
    service.clock.jump(challenge.deadline)
    assert service.challenges.expire() == 1
    assert service.stored(challenge.guid).state is ChallengeState.EXPIRED


@pytest.mark.parametrize("state", ["suspended", "revoked", "invited", "passkey", "other", "nobody"])
def test_a_device_that_cannot_answer_is_refused(service, phone, tablet, state):
    device = tablet.guid
    if state == "suspended":
        service.devices.suspend(device, by=OPERATOR)
    elif state == "revoked":
        service.devices.revoke(device, by=OPERATOR)
    elif state == "invited":
        device = service.invitations.invite(service.origin, "alice").binding
    elif state == "passkey":
        account = service.account()
        silent = tuple(
            attrs.evolve(each, answers=each.binding != device) for each in account.devices
        )
        changed = attrs.evolve(account, devices=silent, version=account.version + 1)
        service.store.commit((Change(account, changed),), (), "silent")
    elif state == "other":
        device = service.bind("bob").guid
    else:
        device = NOBODY
    before = service.records()
    with pytest.raises(InvalidField) as caught:
        service.ask("alice", "Pay?", device=device)
    assert caught.value.field == "deviceGuid"
    assert service.records() == before


def test_the_member_is_read_and_written():
    document = {"accountId": "alice", "content": "Pay?", "deviceGuid": NOBODY}
    question = read_question(document)
    assert question.device == NOBODY
    assert read_question(request_document(question)) == question
    assert question_document(question)["deviceGuid"] == NOBODY
    without = read_question(document | {"deviceGuid": None})
    assert without.device is None
    assert "deviceGuid" not in {**request_document(without), **question_document(without)}


@pytest.mark.parametrize("value", ["", "phone", f"A{NOBODY[1:]}", 7, True, [NOBODY]])
def test_what_is_no_guid_is_refused(value):
    with pytest.raises(InvalidField) as caught:
        read_question({"accountId": "alice", "content": "Pay?", "deviceGuid": value})
    assert caught.value.field == "deviceGuid"
