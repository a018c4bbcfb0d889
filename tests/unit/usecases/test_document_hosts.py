"""Hosts of documents: an App Space's list refuses, and an origin hears what no app may fetch."""

import json
from pathlib import Path

import pytest

from counterseal.challenges.documents.messages import (
    RequestWarning,
    processed_document,
    write_warning,
)
from counterseal.errors import DocumentHostRefused, InvalidField
from counterseal.models import Action, TextContent

VECTORS = Path(__file__).parents[2] / "vectors" / "document-hosts.json"
CASES = json.loads(VECTORS.read_text("utf-8"))["asked"]
FILES, DOCS = "https://files.example.com", "https://docs.example.com"


def document(name, url):
    return {"name": name, "size": 1, "type": "text/plain", "sha256": "A" * 43, "url": url}


def action_of(*urls):
    documents = [document(f"{number}.txt", url) for number, url in enumerate(urls)]
    return Action(type="document", resource="Lease", arguments={"documents": documents})


@pytest.fixture
def list_hosts(service):
    """A function that makes an App Space, whose user alice has a device, list hosts."""
    service.bind("alice")

    def edit(*origins):
        service.administration.edit_app_space(service.app_space.guid, document_hosts=origins)
        service.origin = service.renewed(service.origin)

    return edit


@pytest.mark.parametrize("vector", CASES, ids=lambda vector: vector["about"])
def test_documents_are_refused_or_warned_of_as_the_vectors_say(service, list_hosts, vector):
    list_hosts(*vector["documentHosts"])

    def ask():
        return service.ask(
            "alice", action_of(*vector["urls"]), app_origins=vector["appOrigins"]
        ).warnings

    if "refused" in vector:
        with pytest.raises(InvalidField) as caught:
            ask()
        refused = {"code": caught.value.public_code, "field": caught.value.field}
        assert refused == vector["refused"]
    else:
        assert [write_warning(warning) for warning in ask()] == vector["warnings"]


def test_a_document_from_a_host_that_is_not_listed_is_refused_and_nothing_is_stored(
    service, list_hosts
):
    list_hosts(FILES)
    before = service.records()
    with pytest.raises(DocumentHostRefused, match=r"docs\.example\.com") as caught:
        service.ask("alice", action_of(f"{FILES}/a", f"{DOCS}/b"))
    assert caught.value.field == "action.arguments.documents[1].url"
    assert service.records() == before
    assert service.last_event() == ("challenge.issue", "document_host_refused")
    service.ask("alice", action_of(f"{FILES}/a"))
    list_hosts()
    service.ask("alice", action_of(f"{DOCS}/b"))


def test_what_is_no_document_is_asked_as_before(service, list_hosts):
    list_hosts(FILES)
    payment = Action(type="tool-call", resource="mail", arguments={"url": f"{DOCS}/b"})
    for content in (TextContent(text=f"{DOCS}/b"), payment):
        assert service.ask("alice", content, app_origins=[]).warnings == ()


def test_a_repeated_call_returns_the_warnings_again(service, list_hosts):
    replies = [
        service.ask("alice", action_of(f"{DOCS}/b"), idempotency_key="order-7", app_origins=[FILES])
        for _ in range(2)
    ]
    assert [each.repeated for each in replies] == [False, True]
    assert replies[0] == replies[1]
    warning = RequestWarning(
        code="document_host",
        field="action.arguments.documents[0].url",
        host="docs.example.com",
    )
    assert replies[0].warnings == (warning,)


def test_a_warning_is_in_no_record_and_in_no_later_reply(service, list_hosts):
    issued = service.ask("alice", action_of(f"{DOCS}/b"), app_origins=[FILES])
    now = service.clock.now()
    reply = processed_document(issued.challenge, now=now, warnings=issued.warnings)
    members = {"code": "document_host", "field": "action.arguments.documents[0].url"}
    assert reply.pop("warnings") == [members | {"host": "docs.example.com"}]
    stored = service.challenges.status(service.origin, issued.challenge.guid)
    assert processed_document(stored, now=now) == reply
    assert service.ask("alice", action_of(f"{DOCS}/b")).warnings == ()
