"""The endpoint of `counterseal device listen`: what it accepts, and from whom."""

import http.client
import json
from datetime import UTC, datetime

import pytest

from counterseal.memory import SystemEntropy
from counterseal_demo.device_cli.push_receiver import CAPACITY, PushReceiver, ReceivedPush
from counterseal_webpush import Vapid, read_subscription
from counterseal_webpush.encryption import encrypt

NOW = datetime(2030, 1, 1, tzinfo=UTC)
VAPID = Vapid("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mailto:operator@push.example")
OTHER_VAPID = Vapid("AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mailto:a@push.example")
PUSH = {"title": "Bank", "body": "A question", "data": {"type": "request", "requestGuid": "7"}}


@pytest.fixture
def receiver():
    with PushReceiver(VAPID.public, SystemEntropy(), lambda: NOW) as receiver:
        yield receiver


def post(receiver, document=PUSH, *, path=None, body=None, vapid=VAPID, **headers):
    subscription = read_subscription(receiver.address.value)
    entropy = SystemEntropy()
    plain = json.dumps(document).encode()
    if body is None:
        body = encrypt(plain, subscription, salt=entropy.token(16), scalar=entropy.token(32))
    sent_headers = {
        "content-encoding": "aes128gcm",
        "ttl": "60",
        "authorization": vapid.authorization(receiver.origin, NOW),
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(receiver.origin.removeprefix("http://"), timeout=30)
    try:
        connection.request(
            "POST", path or subscription.endpoint.removeprefix(receiver.origin), body, sent_headers
        )
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_message_is_decrypted(receiver):
    assert post(receiver) == 201
    assert receiver.next() == ReceivedPush(title="Bank", body="A question", data=PUSH["data"])


@pytest.mark.parametrize(
    ("status", "call"),
    [
        (404, {"path": "/push/x"}),
        (403, {"vapid": OTHER_VAPID}),
        (403, {"authorization": "Bearer x"}),
        (415, {"content_encoding": "aesgcm"}),
        (411, {"content_length": "-1"}),
        (413, {"content_length": "4097"}),
        (400, {"body": b"x"}),
        (400, {"document": []}),
        (400, {"document": {**PUSH, "title": 1}}),
        (400, {"document": {**PUSH, "data": {"type": 1}}}),
        (400, {"document": {**PUSH, "data": None}}),
    ],
)
def test_another_message_is_refused(receiver, status, call):
    assert post(receiver, **call) == status
    assert post(receiver, {**PUSH, "title": "next"}) == 201
    assert receiver.next().title == "next"


def test_more_messages_than_wait_may_come_later(receiver):
    assert [post(receiver) for _ in range(CAPACITY + 1)] == [201] * CAPACITY + [429]
