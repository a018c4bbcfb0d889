"""The relay's side accepts what the notifier signs, and nothing else."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import InvalidField
from counterseal.models import AddressKind, Guid, Occasion, PushAddress, PushMessage
from counterseal.models.guid import derive_guid
from counterseal.outbox.documents import secret_text, webhook_headers
from counterseal_relay import PushRefused, read_push, read_secret
from counterseal_relay.notifier import _dropped_addresses
from counterseal_relay.payload import encode_payload

SECRET = b"0123456789abcdef0123456789abcdef"
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
GUID = derive_guid(7, "message")
MESSAGE = PushMessage(
    guid=GUID,
    occasion=Occasion.CHALLENGE,
    subject=derive_guid(7, "question"),
    account=derive_guid(7, "account"),
    title="A question",
    body="Open the app, Zoë.",
    life=timedelta(minutes=2),
    timeout=timedelta(seconds=1),
)
BODY = encode_payload([PushAddress(kind=AddressKind.RELAY, value="pigeon:1")], MESSAGE)


def signed(body=BODY, *, secret=SECRET, at=NOW, guid=GUID):
    return dict(webhook_headers([secret], message=Guid(guid), at=at, body=body))


def test_a_signed_message_is_read():
    push = read_push(signed(), BODY, [SECRET], now=NOW)
    assert push.guid == GUID
    assert push.targets == (("pigeon", "1"),)
    assert (push.title, push.body) == ("A question", "Open the app, Zoë.")
    assert push.data["requestGuid"] == MESSAGE.subject
    assert push.urgent
    assert push.life == timedelta(minutes=2)
    assert "pigeon" not in repr(push)


def test_headers_may_be_in_any_case_and_signed_by_either_secret():
    headers = {name.title(): value for name, value in signed().items()}
    assert read_push(headers, BODY, [b"y" * 32, SECRET], now=NOW).guid == GUID


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        ({}, BODY, NOW),
        (signed(secret=b"x" * 32), BODY, NOW),
        (signed(), BODY + b" ", NOW),
        (signed() | {"webhook-id": derive_guid(7, "other")}, BODY, NOW),
        (signed() | {"webhook-id": "a.b"}, BODY, NOW),
        (signed() | {"webhook-timestamp": "1893499201"}, BODY, NOW),
        (signed() | {"webhook-timestamp": "-1"}, BODY, NOW),
        (signed() | {"webhook-timestamp": "9" * 10}, BODY, NOW),
        (signed() | {"webhook-timestamp": "9" * 11}, BODY, NOW),
        (signed() | {"webhook-signature": ""}, BODY, NOW),
        (signed() | {"webhook-signature": "v1,é"}, BODY, NOW),
        (signed() | {"webhook-signature": "x " * 99 + signed()["webhook-signature"]}, BODY, NOW),
        (signed(), BODY, NOW + timedelta(minutes=5, seconds=1)),
        (signed(), BODY, NOW - timedelta(minutes=5, seconds=1)),
        (signed(b"{}"), b"{}", NOW),
        (signed(b"[" * 9_000), b"[" * 9_000, NOW),
        (signed(b"x" * 1_048_577), b"x" * 1_048_577, NOW),
    ],
)
def test_anything_else_is_refused(headers, body, now):
    with pytest.raises(PushRefused):
        read_push(headers, body, [SECRET], now=now)


def test_without_a_secret_every_message_is_refused():
    unsigned = {name: value for name, value in signed().items() if name != "webhook-signature"}
    for headers in (unsigned, unsigned | {"webhook-signature": ""}, signed()):
        with pytest.raises(PushRefused):
            read_push(headers, BODY, [], now=NOW)


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_is_parsed(secret):
    assert read_secret(secret_text(secret)) == secret


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "canary",
        "whsec_canary!",
        secret_text(b"x" * 23),
        secret_text(b"x" * 65),
        base64.b64encode(SECRET).decode(),
    ],
)
def test_a_malformed_secret_is_refused(text):
    with pytest.raises(InvalidField) as error:
        read_secret(text)
    assert "canary" not in str(error.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text() | st.sampled_from(["notificationMetaData", "ids", "data", "priority"]), inner
        )
    ),
    max_leaves=20,
)


@given(changes=st.dictionaries(st.sampled_from([*json.loads(BODY)]), JSON), junk=st.binary())
def test_a_signed_body_of_any_shape_is_read_or_refused(changes, junk):
    for body in (json.dumps({**json.loads(BODY), **changes}).encode(), junk):
        try:
            read_push(signed(body), body, [SECRET], now=NOW)
        except PushRefused:
            continue
        assert body is not junk


@given(JSON.map(lambda document: json.dumps({"gone": document}).encode()) | st.binary())
def test_a_response_of_any_shape_has_addresses_or_none(content):
    for framework, name in _dropped_addresses(content):
        assert isinstance(framework, str)
        assert isinstance(name, str)
