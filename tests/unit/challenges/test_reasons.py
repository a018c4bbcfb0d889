"""Reasons of refusals: signed, stored, passed on to the origin, and shown by no device."""

import json

import attrs
import pytest

from counterseal import keys, verify_receipt
from counterseal.bindings.documents.device import AnswerReply, EndedRequest, ShownRequest
from counterseal.challenges.documents.answer import ANSWER_TYP
from counterseal.challenges.documents.messages import processed_document, read_processed
from counterseal.device.pin import unwrap
from counterseal.errors import InvalidField, WrongState
from counterseal.models import ChallengeState, RefusalReason
from counterseal.wire.members import write_record
from counterseal_testing.service import CALLBACK, PIN


@pytest.fixture
def alice(service):
    return service.bind("alice")


@pytest.fixture
def challenge(service, alice):
    return service.ask("alice", "Pay 10 EUR to Zoë?", callback=CALLBACK).challenge


def refuse(phone, challenge, how, reason):
    if how == "disown":
        return phone.disown(challenge, reason=reason)
    return phone.answer(challenge, 1, reason=reason)


@pytest.mark.parametrize("reason", [None, *RefusalReason])
@pytest.mark.parametrize("how", ["answer", "disown"])
def test_a_reason_is_stored_signed_and_passed_on(service, alice, challenge, how, reason):
    ended = refuse(alice, challenge, how, reason)

    assert ended.reason is reason
    assert service.stored(challenge.guid).reason is reason
    receipt = verify_receipt(ended.outcome.receipt, trusted=service.ports.signer.jwks())
    assert receipt.answer.reason is reason
    status = service.challenges.status(service.origin, challenge.guid)
    document = processed_document(status, now=service.clock.now())
    assert document.get("reason") == (None if reason is None else reason.value)
    assert ("reason" in document) is (reason is not None)
    assert read_processed(document).reason is reason


@pytest.mark.parametrize("reason", [None, *RefusalReason])
def test_a_callback_says_the_reason(service, alice, challenge, reason):
    refuse(alice, challenge, "disown", reason)
    service.deliver()

    (attempt,) = service.sender.attempts
    document = json.loads(attempt.delivery.body)
    assert read_processed(document).reason is reason


@pytest.mark.parametrize("how", ["answer", "disown"])
def test_the_audit_log_says_the_reason(service, alice, challenge, how):
    refuse(alice, challenge, how, RefusalReason.PRESSURED)

    (event,) = [
        event
        for event in service.events
        if event.subject == challenge.guid
        and event.event in {"challenge.answered", "challenge.disowned"}
    ]
    assert dict(event.attributes)["refusal_reason"] == "pressured"


@pytest.mark.parametrize("how", ["answer", "disown"])
def test_no_device_is_shown_a_reason(service, alice, challenge, how):
    tablet = service.bind("alice")
    ended = refuse(alice, challenge, how, RefusalReason.PRESSURED)

    documents = [write_record(attrs.evolve(AnswerReply.of(ended), receipt=None))]
    for phone in (alice, tablet):
        fetched = phone.fetch(challenge.guid)
        documents.append(write_record(ShownRequest.of(fetched, now=service.clock.now())))
        documents += [write_record(request) for request in phone.ended()]
    assert documents[-1]["guid"] == challenge.guid
    assert "pressured" not in json.dumps(documents, default=str)
    assert "reason" not in {name for document in documents for name in document}


def test_a_refusal_with_a_reason_looks_like_one_without(service, alice):
    first, second = (service.ask("alice", f"Pay {n} EUR?").challenge for n in (1, 2))
    refuse(alice, first, "answer", None)
    refuse(alice, second, "answer", RefusalReason.PRESSURED)

    ended = {request.guid: request for request in alice.ended()}
    neutral = {"guid": "", "issued_at": None, "ended_at": None}
    plain, pressured = (attrs.asdict(ended[each.guid]) | neutral for each in (first, second))
    assert plain == pressured
    assert {field.name for field in attrs.fields(EndedRequest)} == plain.keys()


def test_an_approval_with_a_reason_is_refused_and_nothing_changes(service, alice, challenge):
    honest = keys.read(service.signed(alice, challenge), limit=9999).claimed
    key = unwrap(alice.device.strong_key, PIN, alice.device.entropy)
    token = keys.sign(key, typ=ANSWER_TYP, claims={**honest, "reason": "other"})
    before = service.records()

    with pytest.raises(InvalidField) as caught:
        service.answers.answer(alice.call("/answers", token.encode()))

    assert caught.value.field == "reason"
    assert service.records() == before
    assert service.last_event() == ("challenge.answer", "invalid_field")


def test_a_device_signs_no_reason_to_approve(alice, challenge):
    with pytest.raises(InvalidField):
        alice.device.answer(challenge.display, 0, pin=PIN, reason=RefusalReason.OTHER)


@pytest.mark.parametrize("how", ["answer", "disown"])
def test_a_refusal_is_not_repeated_with_another_reason(alice, challenge, how):
    refuse(alice, challenge, how, None)

    with pytest.raises(WrongState):
        refuse(alice, challenge, how, RefusalReason.NOT_MINE)


def test_a_challenge_without_a_refusal_has_no_reason(alice, challenge):
    assert challenge.reason is None
    assert alice.answer(challenge).reason is None
    assert alice.fetch(challenge.guid).state is ChallengeState.ANSWERED
