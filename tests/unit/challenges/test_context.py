"""What an origin says of where an act comes from: checked, shown and signed."""

import pytest

from counterseal import ijson
from counterseal.challenges.documents.display import demand_display
from counterseal.challenges.documents.question import (
    question_document,
    read_question,
    request_document,
)
from counterseal.errors import InvalidField, MalformedToken
from counterseal.models import RequestContext

DOCUMENT = {"ipAddress": "2001:db8::17", "place": "Zürich", "browser": "Firefox on Linux"}
QUESTION = {"accountId": "alice", "content": "Log in?"}


@pytest.mark.parametrize(
    "document", [DOCUMENT, *({name: value} for name, value in DOCUMENT.items())], ids=len
)
def test_it_is_read_shown_and_signed(service, document):
    phone = service.bind("alice")
    context = read_question(QUESTION | {"context": document}).context
    challenge = service.ask("alice", "Log in?", context=context).challenge
    assert ijson.parse(challenge.display)["context"] == document
    phone.answer(phone.fetch(challenge.guid))
    assert service.challenges.status(service.origin, challenge.guid).approved


def test_without_it_the_document_is_as_before(service):
    service.bind("alice")
    challenge = service.ask("alice", "Log in?").challenge
    assert "context" not in ijson.parse(challenge.display)
    question = read_question(QUESTION | {"context": None})
    assert question == read_question(QUESTION)
    assert "context" not in {**request_document(question), **question_document(question)}


def test_it_is_written_as_it_is_read():
    question = read_question(QUESTION | {"context": DOCUMENT})
    assert question.context == RequestContext(
        ip_address="2001:db8::17", place="Zürich", browser="Firefox on Linux"
    )
    assert read_question(request_document(question)) == question
    assert question_document(question)["context"] == DOCUMENT
    partial = {"place": "Bern", "browser": None}
    assert read_question(QUESTION | {"context": partial}).context == RequestContext(place="Bern")


@pytest.mark.parametrize(
    ("context", "field"),
    [
        ("Zürich", "context"),
        ([], "context"),
        ({}, "context"),
        ({"place": None}, "context"),
        ({"city": "Bern"}, "context.city"),
        ({"place": 7}, "context.place"),
        ({"ipAddress": True}, "context.ipAddress"),
    ],
)
def test_what_is_no_context_is_refused(context, field):
    with pytest.raises(InvalidField) as caught:
        read_question(QUESTION | {"context": context})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("ip_address", "localhost", "context.ipAddress"),
        ("ip_address", "192.0.2.256", "context.ipAddress"),
        ("ip_address", "fe80::1%eth0", "context.ipAddress"),
        ("ip_address", "", "context.ipAddress"),
        ("place", "", "context.place"),
        ("place", " \u200b", "context.place"),
        ("place", "é" * 129, "context.place"),
        ("browser", "\ud800", "context.browser"),
        ("browser", "x" * 257, "context.browser"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(service, name, value, field):
    service.bind("alice")
    with pytest.raises(InvalidField) as caught:
        service.ask("alice", "Log in?", context=RequestContext(**{name: value}))
    assert caught.value.field == field


def test_an_empty_one_is_refused(service):
    service.bind("alice")
    with pytest.raises(InvalidField) as caught:
        service.ask("alice", "Log in?", context=RequestContext())
    assert caught.value.field == "context"


@pytest.mark.parametrize("context", [{}, {"city": "Bern"}, {"place": 7}, "Bern", None])
def test_a_device_shows_no_other_context(service, context):
    service.bind("alice")
    document = ijson.parse(service.ask("alice", "Log in?").challenge.display)
    demand_display(document | {"context": DOCUMENT})
    with pytest.raises(MalformedToken):
        demand_display(document | {"context": context})
