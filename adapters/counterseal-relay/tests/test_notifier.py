"""The notifier: the contract of the port, with a fake relay, and the relay's responses."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from http_notifier import (
    ACCOUNT,
    DELIVERED,
    GONE,
    LATER,
    MESSAGE,
    MISCONFIGURED,
    QUESTION,
    REJECTED,
    HttpNotifierContract,
    later,
    message,
)
from relay_loopback import SECRET

from counterseal.errors import InvalidField
from counterseal.models import AddressKind, Occasion, PushAddress
from counterseal.models.guid import derive_guid
from counterseal.ports import Notifier
from counterseal_relay import RelayNotifier

THREADS = 16


def relay_address(value):
    return PushAddress(kind=AddressKind.RELAY, value=value)


class TestRelayNotifier(HttpNotifierContract):
    kind = AddressKind.RELAY
    has_malformed_addresses = True
    guarded_urls = (*HttpNotifierContract.guarded_urls, "")
    outcomes = (
        ((202, {}, b"accepted"), DELIVERED),
        ((200, {}, b"[" * 9_000), DELIVERED),
        ((200, {}, b'{"gone": "1"}'), DELIVERED),
        (
            (200, {}, b'{"gone": [7, {"ids": ["1"]}, {"framework": "relay", "ids": [7]}]}'),
            DELIVERED,
        ),
        ((200, {}, b'{"gone": [{"framework": "relay", "ids": ["1"]}]}'), GONE),
        ((400, {}, b""), REJECTED),
        ((413, {}, b""), REJECTED),
        ((422, {}, b""), REJECTED),
        ((401, {}, b""), MISCONFIGURED),
        ((404, {}, b'{"gone": [{"framework": "relay", "ids": ["1"]}]}'), MISCONFIGURED),
        ((410, {}, b""), MISCONFIGURED),
        ((307, {"location": "http://127.0.0.1:1/"}, b""), MISCONFIGURED),
        ((429, {"retry-after": "3600"}, b""), later(hours=1)),
        ((503, {}, b""), LATER),
        ((500, {"retry-after": "0"}, b""), later(seconds=0)),
    )
    urgencies = (
        (Occasion.CHALLENGE, timedelta(seconds=-1), (1, 0)),
        (Occasion.CHALLENGE_REMINDER, timedelta(hours=12), (1, 43200)),
        (Occasion.CHALLENGE_ENDED, timedelta(minutes=1), (0, 60)),
        (Occasion.DEVICE_BOUND, timedelta(hours=1), (0, 3600)),
        (Occasion.DEVICE_REVOKED, timedelta(0), (0, 0)),
    )

    def respond(self, response):
        self.server.response = response
        return relay_address("1")

    def urgency(self):
        ((_, members),) = self.server.messages
        return members["priority"], members["ttl"]

    def push_many(self, notifier, count):
        """One request has all addresses of a message, so there are many messages."""

        def push(number):
            numbered_message = message(guid=derive_guid(7, f"message-{number}"))
            return notifier.push((relay_address("pigeon:1"),), numbered_message)[0]

        def push_all():
            return tuple(self.pool.map(push, range(count)))

        return push_all

    @pytest.fixture(autouse=True)
    def _pool(self):
        with ThreadPoolExecutor(THREADS) as self.pool:
            yield

    def dead_address(self, notifier):
        self.server.dead.add(("relay", "dead"))
        return relay_address("dead")

    def malformed_address(self, notifier):
        return relay_address("pigeon:")

    def payloads(self, notifier):
        return [
            {
                **{name: members[name] for name in ("title", "body", "data", "type")},
                "ids": [group["ids"] for group in members["notificationMetaData"]],
                "guid": headers["webhook-id"],
            }
            for headers, members in self.server.messages
        ]


def test_the_request_as_it_goes_over_the_wire(server, new_notifier):
    notifier: Notifier = new_notifier(kinds=list(AddressKind))
    addresses = (
        relay_address("pigeon:p-1"),
        PushAddress(kind=AddressKind.FCM_TOKEN, value="t:1"),
        relay_address("pigeon:p:2"),
        PushAddress(kind=AddressKind.APNS, value="a-1"),
        PushAddress(kind=AddressKind.FCM_FID, value="f-1"),
        PushAddress(kind=AddressKind.WEBPUSH, value="{}"),
        relay_address("bare"),
        relay_address("firebase:t-2"),
    )
    assert notifier.push(addresses, message(body="Open it, Zoë.")) == (DELIVERED,) * 8

    ((headers, members),) = server.messages
    assert headers["webhook-id"] == MESSAGE
    assert headers["content-type"] == "application/json"
    assert members == {
        "notificationMetaData": [
            {"framework": "pigeon", "ids": ["p-1", "p:2"]},
            {"framework": "firebase", "ids": ["t:1", "t-2"]},
            {"framework": "apns", "ids": ["a-1"]},
            {"framework": "firebase-installation", "ids": ["f-1"]},
            {"framework": "webpush", "ids": ["{}"]},
            {"framework": "relay", "ids": ["bare"]},
        ],
        "data": {"type": "request", "requestGuid": QUESTION, "privakeyId": ACCOUNT},
        "title": "A question for you",
        "body": "Open it, Zoë.",
        "type": "request",
        "priority": 1,
        "ttl": 119,
    }


def test_one_request_for_all_and_each_id_once(server, new_notifier):
    addresses = (relay_address("1"), relay_address("2"), relay_address("1"))
    assert new_notifier().push(addresses, message()) == (DELIVERED,) * 3
    ((_, members),) = server.messages
    assert members["notificationMetaData"] == [{"framework": "relay", "ids": ["1", "2"]}]


def test_other_kinds_of_addresses_are_misconfigured(server, new_notifier):
    foreign = PushAddress(kind=AddressKind.APNS, value="a")
    assert new_notifier().push((foreign,), message()) == (MISCONFIGURED,)
    assert server.requests == 0


@pytest.mark.parametrize("value", ["pigeon:", ":1", ":"])
def test_a_relay_address_without_framework_or_id_is_refused_and_not_sent(
    server, new_notifier, value
):
    notifier = new_notifier()
    with pytest.raises(InvalidField, match=r"^value: "):
        notifier.require_sendable(relay_address(value))
    addresses = (relay_address(value), relay_address("1"))
    assert notifier.push(addresses, message()) == (GONE, DELIVERED)
    ((_, members),) = server.messages
    assert members["notificationMetaData"] == [{"framework": "relay", "ids": ["1"]}]


def test_addresses_of_other_kinds_are_accepted_as_they_are(new_notifier):
    notifier = new_notifier(kinds=list(AddressKind))
    for kind in notifier.kinds() - {AddressKind.RELAY}:
        notifier.require_sendable(PushAddress(kind=kind, value=":"))


def test_addresses_that_the_relay_calls_gone_are_gone(server, new_notifier):
    server.dead = {("pigeon", "1"), ("relay", "2")}
    addresses = (
        relay_address("pigeon:1"),
        relay_address("pigeon:2"),
        relay_address("2"),
        relay_address("1"),
    )
    assert new_notifier().push(addresses, message()) == (GONE, DELIVERED, GONE, DELIVERED)


def test_a_wrong_secret_is_misconfigured(server, new_notifier):
    assert new_notifier(secrets=[b"x" * 32]).push((relay_address("1"),), message()) == (
        MISCONFIGURED,
    )


def test_both_secrets_sign_while_they_change(server, new_notifier):
    assert new_notifier(secrets=[b"x" * 32, SECRET]).push((relay_address("1"),), message()) == (
        DELIVERED,
    )


def test_a_notifier_without_a_secret_is_refused():
    with pytest.raises(ValueError, match="secret"):
        RelayNotifier("https://relay.example/", [], None)


def test_a_message_that_is_sent_twice_has_the_same_id(server, new_notifier):
    notifier = new_notifier()
    for _ in range(2):
        notifier.push((relay_address("1"),), message())
    assert {headers["webhook-id"] for headers, _ in server.messages} == {MESSAGE}
    assert json.dumps(server.messages[0][1]) == json.dumps(server.messages[1][1])
