"""The client and actions: ask, approve, use once, report, against the service that is shipped."""

import json
from datetime import timedelta

import attrs
import pytest

from counterseal import STANDARD_ACTIONS, verify_use_receipt
from counterseal.errors import InvalidField
from counterseal.models import DEFAULT_BUTTONS, ActionState
from counterseal_client import (
    Action,
    ActionProgress,
    ActionUsed,
    ArgumentsDiffer,
    EvidenceRefused,
    Finished,
    NoApproval,
    NotFound,
    PendingRequest,
    ReplyLost,
    RequestWarning,
    Unfit,
    UseOutcome,
    require_approved,
)

ARGUMENTS = {"to": "zoe@example.com", "copies": 2}
ACTION = Action(type="tool-call", resource="send_email", arguments=ARGUMENTS, agent="assistant")


@pytest.fixture
def client(flask_service):
    with flask_service.client() as client:
        yield client


@pytest.fixture
def phone(flask_service, client):
    return flask_service.bound(client.bind("zoe"))


@pytest.fixture
def approved(client, phone):
    pending_request = client.ask("zoe", ACTION)
    phone.answer(phone.fetch(pending_request.guid))
    return pending_request


def test_from_an_action_to_its_outcome(flask_service, client, approved):
    approval = require_approved(client.status(approved), approved, flask_service.trust)
    assert approval.account_id == "zoe"
    assert client.action(approved).state is ActionProgress.APPROVED

    used = client.consume(approved, ARGUMENTS)
    assert (used.state, used.use.presented) == (ActionProgress.USED, True)
    receipt = verify_use_receipt(used.use.receipt, trusted=flask_service.world.ports.signer.jwks())
    assert (receipt.challenge, receipt.action) == (approved.guid, approved.action_digest)

    reported = client.report(approved, UseOutcome.EXECUTED, detail="message 12")
    assert (reported.use.state.value, reported.use.detail) == ("EXECUTED", "message 12")
    with pytest.raises(Finished):
        client.report(approved, UseOutcome.FAILED)


def test_an_approval_is_used_once_and_for_its_arguments(client, approved):
    with pytest.raises(ArgumentsDiffer):
        client.consume(approved, ARGUMENTS | {"copies": 200})
    client.consume(approved, ARGUMENTS)
    with pytest.raises(ActionUsed):
        client.consume(approved, ARGUMENTS)


def test_a_pending_request_with_an_action_is_stored_and_read(flask_service, client, approved):
    loaded = PendingRequest.load(approved.dump())

    assert loaded == approved
    assert loaded.action == attrs.evolve(ACTION, valid_until=approved.valid_until)
    assert require_approved(client.status(loaded), loaded, flask_service.trust)


def test_a_pending_request_warns_of_documents_that_the_app_may_not_fetch(client, phone):
    urls = ("https://files.example.com/a", "https://elsewhere.example/b")
    documents = [
        {"name": f"{index}", "size": 1, "type": "text/plain", "sha256": "A" * 43, "url": url}
        for index, url in enumerate(urls)
    ]
    action = Action(type="document", resource="Lease", arguments={"documents": documents})
    pending_request = client.ask("zoe", action)
    (warning,) = pending_request.warnings
    assert warning == RequestWarning(
        code="document_host",
        field="action.arguments.documents[1].url",
        host="elsewhere.example",
    )
    assert PendingRequest.load(pending_request.dump()).warnings == ()
    assert client.status(pending_request).warnings == ()
    assert client.ask("zoe", ACTION).warnings == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"arguments": ARGUMENTS | {"copies": 200}},
        {"agent": "another"},
        {"resource": "delete_everything"},
    ],
)
def test_an_approval_of_another_action_is_no_evidence(flask_service, client, approved, changed):
    body = json.loads(approved.body)
    body["action"] |= changed
    other = attrs.evolve(approved, body=json.dumps(body))

    with pytest.raises(EvidenceRefused):
        require_approved(client.status(approved), other, flask_service.trust)
    with pytest.raises(EvidenceRefused):
        client.action(other)


def test_an_action_of_a_type_that_the_client_cannot_render_is_compared_by_digest(approved):
    body = json.loads(approved.body)
    body["action"]["type"] = "com.example:refund"
    unknown = attrs.evolve(approved, body=json.dumps(body))

    assert unknown.content_document() is None
    assert unknown.action_digest != approved.action_digest


@pytest.mark.parametrize(("language", "displayed"), [(None, "de"), ("en", "en"), ("de", "de")])
def test_an_approval_in_the_language_of_the_device_is_one(
    flask_service, client, language, displayed
):
    invited = client.bind("zoe")
    phone = flask_service.bound(invited)
    phone.devices.update(phone.call("/device", b'{"language":"de-AT"}'))
    action = attrs.evolve(ACTION, language=language)
    pending_request = client.ask("zoe", action)
    display = json.loads(phone.fetch(pending_request.guid).display)
    phone.answer(phone.fetch(pending_request.guid))

    assert display["action"]["language"] == displayed
    assert ("language" in json.loads(pending_request.body)["action"]) is (language is not None)
    loaded = PendingRequest.load(pending_request.dump())
    assert require_approved(client.status(loaded), loaded, flask_service.trust)


@pytest.mark.parametrize("member", ["content", "buttons"])
def test_what_the_person_was_shown_is_compared_in_the_language_of_the_display(
    flask_service, client, phone, member
):
    phone.devices.update(phone.call("/device", b'{"language":"de"}'))
    pending_request = client.ask("zoe", ACTION)
    phone.answer(phone.fetch(pending_request.guid))
    reply = client.status(pending_request)
    german = {"content": reply.content, "buttons": reply.buttons}
    english = pending_request.content_document("en"), STANDARD_ACTIONS.buttons(ACTION)
    other = dict(zip(("content", "buttons"), english, strict=True))

    assert german[member] != other[member]
    with pytest.raises(EvidenceRefused, match=member):
        require_approved(
            attrs.evolve(reply, **{member: other[member]}), pending_request, flask_service.trust
        )


def test_only_a_language_that_was_named_may_be_one_that_the_client_does_not_have(client, phone):
    sent_request = client.ask("zoe", ACTION)
    english = STANDARD_ACTIONS.buttons(ACTION)
    for compare in (
        lambda: sent_request.content_document("nl"),
        lambda: sent_request.expected_buttons(("Ja", "Nee"), "nl"),
    ):
        # Otherwise the service could display anything, in a language that it makes up.
        with pytest.raises(EvidenceRefused, match=r"action\.language"):
            compare()
    assert sent_request.expected_buttons(("Ja", "Nee"), "en") == english

    body = json.loads(sent_request.body)
    body["action"]["language"] = "nl"
    pending_request = attrs.evolve(sent_request, body=json.dumps(body))
    approve, decline = english

    assert pending_request.content_document("nl") is None
    assert pending_request.expected_buttons(("Ja", "Nee"), "nl") == (
        attrs.evolve(approve, title="Ja"),
        attrs.evolve(decline, title="Nee"),
    )
    for titles in ((), ("Ja",), ("Ja", "Nee", "?"), ("Ja", 7)):
        assert pending_request.expected_buttons(titles, "nl") == DEFAULT_BUTTONS


def test_an_older_service_displays_in_english_and_does_not_say_so(flask_service, client, approved):
    reply = client.status(approved)
    assert reply.action.language == "en"
    older = attrs.evolve(reply, action=attrs.evolve(reply.action, language=None))
    assert require_approved(older, approved, flask_service.trust)


def test_nothing_is_used_without_an_approval(client, phone):
    pending_request = client.ask("zoe", ACTION)
    with pytest.raises(NoApproval):
        client.consume(pending_request, ARGUMENTS)
    phone.answer(phone.fetch(pending_request.guid), 1)
    assert client.action(pending_request).state is ActionProgress.DECLINED
    with pytest.raises(NoApproval):
        client.consume(pending_request, ARGUMENTS)


def test_a_withdrawn_approval_cannot_be_used(client, approved):
    assert client.withdraw(approved).state is ActionProgress.WITHDRAWN
    assert client.withdraw(approved.guid).state is ActionProgress.WITHDRAWN
    with pytest.raises(NoApproval):
        client.consume(approved, ARGUMENTS)


def test_an_approval_that_is_too_old_cannot_be_used(flask_service, client, approved):
    flask_service.world.clock.advance(timedelta(hours=1))
    assert client.action(approved).state is ActionProgress.EXPIRED
    with pytest.raises(Finished):
        client.consume(approved, ARGUMENTS)


def test_a_lost_reply_is_not_repeated(flask_service, client, approved, monkeypatch):
    """The first attempt may have used the approval: nobody may execute, and nobody asks again."""
    attempts = []
    send = type(client._calls.connection.transport).send

    def lose(transport, *arguments, **options):
        attempts.append(arguments)
        send(transport, *arguments, **options)
        raise ReplyLost

    with monkeypatch.context() as patched:
        patched.setattr(type(client._calls.connection.transport), "send", lose)
        with pytest.raises(ReplyLost):
            client.consume(approved, ARGUMENTS)
    assert len(attempts) == 1
    status = flask_service.world.actions.status(flask_service.world.origin, approved.guid)
    assert status.action.state is ActionState.USED
    assert client.action(approved).use.state.value == "UNKNOWN"


def test_what_cannot_be_sent_is_refused_before(client, approved):
    with pytest.raises(Unfit):
        client.consume(approved, "arguments")
    with pytest.raises(Unfit):
        client.report(approved, "executed")
    with pytest.raises(InvalidField):
        client.consume(approved, {"a": object()})
    with pytest.raises(NotFound):
        client.action("ddc9b0d6-8679-8d9a-9173-79d999674554")
