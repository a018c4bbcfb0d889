"""The action on the wire: what is read, what is written, and what its digest covers."""

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import attrs
import pytest

from counterseal import ijson
from counterseal.challenges.documents.action import (
    ACTION_MEMBERS,
    action_digest,
    action_document,
    action_request_document,
    attachment_document,
    read_action,
)
from counterseal.errors import InvalidField
from counterseal.models import Action, Attachment, guid

CLIENT = guid.mint(7, bytes(15))
BODY = {
    "type": "tool-call",
    "resource": "send_mail",
    "arguments": {"to": "ann@example.org", "copies": 2},
    "agent": "Mail agent",
    "run": "run-7",
    "purpose": "Confirm the meeting",
    "validUntil": "2026-11-29T17:00:00.250Z",
    "language": "de",
}
ACTION = Action(
    type="tool-call",
    resource="send_mail",
    arguments={"to": "ann@example.org", "copies": 2},
    agent="Mail agent",
    run="run-7",
    purpose="Confirm the meeting",
    valid_until=datetime(2026, 11, 29, 17, 0, 0, 250_000, tzinfo=UTC),
    language="de",
)


def test_every_member_is_read():
    assert BODY.keys() == ACTION_MEMBERS
    assert read_action(BODY) == ACTION


def test_what_may_be_absent_may_be_null():
    body = {name: BODY[name] for name in ("type", "resource", "arguments")}
    absent = read_action(body)
    optional = dict.fromkeys(("agent", "run", "purpose", "validUntil", "language"))
    assert read_action(body | optional) == absent
    assert (absent.agent, absent.run, absent.purpose, absent.valid_until) == (None,) * 4
    assert absent.language is None


@pytest.mark.parametrize("field", ["action", "authorization_details[1]"])
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("type", None),
        ("type", "Payment"),
        ("resource", None),
        ("resource", ""),
        ("resource", "x" * 257),
        ("arguments", None),
        ("arguments", [1]),
        ("agent", 7),
        ("agent", ""),
        ("run", {}),
        ("run", "\ud800"),
        ("purpose", []),
        ("purpose", "x" * 1025),
        ("validUntil", 1),
        ("validUntil", "2026-11-29T17:00:00Z"),
        ("language", 1),
        ("language", "DE"),
        ("purpos", "a near miss"),
        ("digest", "nobody names one"),
    ],
)
def test_a_member_that_does_not_fit_is_named(field, member, value):
    with pytest.raises(InvalidField) as caught:
        read_action(BODY | {member: value}, field)
    assert caught.value.field == f"{field}.{member}"


@pytest.mark.parametrize("value", [None, "{}", [], 7])
@pytest.mark.parametrize("field", ["action", "authorization_details[1]"])
def test_what_is_no_object_is_refused(field, value):
    with pytest.raises(InvalidField) as caught:
        read_action(value, field)
    assert caught.value.field == field


def test_an_argument_is_named_by_its_place():
    with pytest.raises(InvalidField) as caught:
        read_action(BODY | {"arguments": {"a": ["\ud800"]}}, "authorization_details[0]")
    assert caught.value.field == "authorization_details[0].arguments.a[0]"


def test_one_name_twice_is_refused_by_the_reader_of_json():
    text = json.dumps(BODY).replace('"copies": 2', '"copies": 2, "copies": 3')
    with pytest.raises(InvalidField, match="given twice"):
        read_action(ijson.parse(text))


def test_what_is_written_is_read_again():
    assert action_request_document(ACTION) == BODY
    bare = Action(type="login", resource="shop.example", arguments={})
    document = {"type": "login", "resource": "shop.example", "arguments": {}}
    assert action_request_document(bare) == document
    assert read_action(document) == bare


def test_the_action_document_has_the_client_and_no_language():
    expected = {name: value for name, value in BODY.items() if name != "language"}
    assert action_document(ACTION, CLIENT) == {**expected, "version": 1, "client": CLIENT}


def test_without_a_time_there_is_no_document():
    untimed = attrs.evolve(ACTION, valid_until=None)
    for call in (action_document, action_digest):
        with pytest.raises(InvalidField) as caught:
            call(untimed, CLIENT)
        assert caught.value.field == "action.validUntil"


def test_the_digest_is_that_of_the_sorted_text():
    # Written by hand from RFC 8785: names sorted, no white space, nothing escaped.
    text = (
        '{"agent":"Mail agent","arguments":{"copies":2,"to":"ann@example.org"},'
        f'"client":"{CLIENT}","purpose":"Confirm the meeting","resource":"send_mail",'
        '"run":"run-7","type":"tool-call","validUntil":"2026-11-29T17:00:00.250Z","version":1}'
    )
    expected = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    assert action_digest(ACTION, CLIENT) == expected


OTHERS = {
    "type": "payment",
    "resource": "send_mails",
    "arguments": {"to": "ann@example.org", "copies": "2"},
    "agent": None,
    "run": "run-8",
    "purpose": "Confirm the meeting.",
    "valid_until": datetime(2026, 11, 29, 17, 0, 0, 251_000, tzinfo=UTC),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_digest_covers_each_member(name):
    other = attrs.evolve(ACTION, **{name: OTHERS[name]})
    assert action_digest(other, CLIENT) != action_digest(ACTION, CLIENT)


def test_the_digest_covers_the_client_and_not_the_language():
    assert action_digest(ACTION, guid.mint(7, bytes(14) + b"1")) != action_digest(ACTION, CLIENT)
    english = attrs.evolve(ACTION, language="en")
    assert action_digest(english, CLIENT) == action_digest(ACTION, CLIENT)


def test_the_digest_does_not_depend_on_order():
    other = attrs.evolve(ACTION, arguments={"copies": 2.0, "to": "ann@example.org"})
    assert action_digest(other, CLIENT) == action_digest(ACTION, CLIENT)


def test_an_attachment_is_an_object_of_the_display_document():
    url = "https://files.example/7"
    attachment = Attachment(name="a.pdf", size=3, type="application/pdf", sha256="x", url=url)
    assert attachment_document(attachment) == {
        "name": "a.pdf",
        "size": 3,
        "type": "application/pdf",
        "sha256": "x",
        "url": url,
    }
