"""The notifier: the contract of the port, with a fake relay, and the relay's responses."""

import json
from datetime import timedelta

import pytest
from relay_loopback import SECRET

from counterseal.errors import InvalidField, NotifierUnavailable
from counterseal.models import (
    AddressKind,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.models.guid import derive_guid
from counterseal.ports import Notifier
from counterseal_http import Guard
from counterseal_relay import RelayNotifier
from counterseal_testing.contracts import NotifierContract

MESSAGE, QUESTION, ACCOUNT = (derive_guid(7, name) for name in ("message", "question", "account"))
DELIVERED, GONE, REJECTED, MISCONFIGURED, LATER = (
    PushOutcome(result=getattr(PushResult, name))
    for name in ("DELIVERED", "GONE", "REJECTED", "MISCONFIGURED", "LATER")
)


def later(**after):
    return PushOutcome(result=PushResult.LATER, after=timedelta(**after))


def message(**changes):
    return PushMessage(
        **{
            "guid": MESSAGE,
            "occasion": Occasion.CHALLENGE,
            "subject": QUESTION,
            "account": ACCOUNT,
            "title": "A question for you",
            "body": "Open the app to answer, Zoë.",
            "life": timedelta(seconds=119.9),
            "timeout": timedelta(minutes=4),
            **changes,
        }
    )


def relay_address(value):
    return PushAddress(kind=AddressKind.RELAY, value=value)


class TestRelayNotifier(NotifierContract):
    kind = AddressKind.RELAY
    shows_what_it_sends = True
    has_dead_addresses = True
    has_malformed_addresses = True
    can_hang = True

    @pytest.fixture(autouse=True)
    def _relay(self, relay):
        self.relay = relay

    @pytest.fixture
    def new_notifier(self, new_notifier):
        return new_notifier

    @pytest.fixture
    def broken_notifier(self, new_notifier):
        def closed():
            notifier = new_notifier()
            notifier.close()
            return notifier

        return closed

    def dead_address(self, notifier):
        self.relay.dead.add(("relay", "dead"))
        return relay_address("dead")

    def malformed_address(self, notifier):
        return relay_address("pigeon:")

    def hang(self, notifier):
        self.relay.hanging = True

    def payloads(self, notifier):
        return [
            {
                **{name: members[name] for name in ("title", "body", "data", "type")},
                "ids": [group["ids"] for group in members["notificationMetaData"]],
                "guid": headers["webhook-id"],
            }
            for headers, members in self.relay.pushes
        ]


def test_the_request_as_it_goes_over_the_wire(relay, new_notifier):
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
    assert notifier.push(addresses, message()) == (DELIVERED,) * 8

    ((headers, members),) = relay.pushes
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
        "body": "Open the app to answer, Zoë.",
        "type": "request",
        "priority": 1,
        "ttl": 119,
    }


@pytest.mark.parametrize(
    ("occasion", "life", "priority", "ttl"),
    [
        (Occasion.CHALLENGE, timedelta(seconds=-1), 1, 0),
        (Occasion.CHALLENGE_REMINDER, timedelta(hours=12), 1, 43200),
        (Occasion.CHALLENGE_ENDED, timedelta(minutes=1), 0, 60),
        (Occasion.DEVICE_BOUND, timedelta(hours=1), 0, 3600),
        (Occasion.DEVICE_REVOKED, timedelta(0), 0, 0),
    ],
)
def test_life_and_urgency(relay, new_notifier, *, occasion, life, priority, ttl):
    assert new_notifier().push((relay_address("1"),), message(occasion=occasion, life=life)) == (
        DELIVERED,
    )
    ((_, members),) = relay.pushes
    assert (members["priority"], members["ttl"]) == (priority, ttl)


def test_one_request_for_all_and_each_id_once(relay, new_notifier):
    addresses = (relay_address("1"), relay_address("2"), relay_address("1"))
    assert new_notifier().push(addresses, message()) == (DELIVERED,) * 3
    ((_, members),) = relay.pushes
    assert members["notificationMetaData"] == [{"framework": "relay", "ids": ["1", "2"]}]


def test_other_kinds_of_addresses_are_misconfigured(relay, new_notifier):
    foreign = PushAddress(kind=AddressKind.APNS, value="a")
    assert new_notifier().push((foreign,), message()) == (MISCONFIGURED,)
    assert relay.requests == 0


@pytest.mark.parametrize("value", ["pigeon:", ":1", ":"])
def test_a_relay_address_without_framework_or_id_is_refused_and_not_sent(
    relay, new_notifier, value
):
    notifier = new_notifier()
    with pytest.raises(InvalidField, match=r"^value: "):
        notifier.require_sendable(relay_address(value))
    addresses = (relay_address(value), relay_address("1"))
    assert notifier.push(addresses, message()) == (GONE, DELIVERED)
    ((_, members),) = relay.pushes
    assert members["notificationMetaData"] == [{"framework": "relay", "ids": ["1"]}]


def test_addresses_of_other_kinds_are_accepted_as_they_are(new_notifier):
    notifier = new_notifier(kinds=list(AddressKind))
    for kind in notifier.kinds() - {AddressKind.RELAY}:
        notifier.require_sendable(PushAddress(kind=kind, value=":"))


def test_addresses_that_the_relay_calls_gone_are_gone(relay, new_notifier):
    relay.dead = {("pigeon", "1"), ("relay", "2")}
    addresses = (
        relay_address("pigeon:1"),
        relay_address("pigeon:2"),
        relay_address("2"),
        relay_address("1"),
    )
    assert new_notifier().push(addresses, message()) == (GONE, DELIVERED, GONE, DELIVERED)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
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
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_the_outcome_of_each_response(relay, new_notifier, response, outcome):
    relay.response = response
    assert new_notifier().push((relay_address("1"),), message()) == (outcome,)
    assert relay.requests == 1


def test_a_wrong_secret_is_misconfigured(relay, new_notifier):
    assert new_notifier(secrets=[b"x" * 32]).push((relay_address("1"),), message()) == (
        MISCONFIGURED,
    )


def test_both_secrets_sign_while_they_change(relay, new_notifier):
    assert new_notifier(secrets=[b"x" * 32, SECRET]).push((relay_address("1"),), message()) == (
        DELIVERED,
    )


def test_a_notifier_without_a_secret_is_refused():
    with pytest.raises(ValueError, match="secret"):
        RelayNotifier("https://relay.example/", [], None)


@pytest.mark.parametrize(
    "url",
    ["http://relay.example/secret", "https://127.0.0.1/secret", "", "https://169.254.169.254/"],
)
def test_the_guard_checks_the_url_of_the_relay(new_notifier, url, caplog):
    assert new_notifier(url=url, guard=Guard()).push((relay_address("1"),), message()) == (
        MISCONFIGURED,
    )
    assert "secret" not in caplog.text


def test_a_refused_connection_is_later(new_notifier):
    assert new_notifier(url="http://127.0.0.1:1/").push((relay_address("1"),), message()) == (
        LATER,
    )


def test_a_closed_notifier_is_unavailable(new_notifier):
    with new_notifier() as notifier:
        pass
    with pytest.raises(NotifierUnavailable):
        notifier.push((), message())


def test_a_message_that_is_sent_twice_has_the_same_id(relay, new_notifier):
    notifier = new_notifier()
    for _ in range(2):
        notifier.push((relay_address("1"),), message())
    assert {headers["webhook-id"] for headers, _ in relay.pushes} == {MESSAGE}
    assert json.dumps(relay.pushes[0][1]) == json.dumps(relay.pushes[1][1])


def test_a_text_that_utf_8_cannot_encode_is_sent(relay, new_notifier):
    assert new_notifier().push((relay_address("1"),), message(title="a\ud800")) == (DELIVERED,)
