"""The notifier: the port's contract against a relay on loopback, and what the relay may answer."""

import json
from datetime import timedelta

import pytest

from counterseal.errors import NotifierUnavailable
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
from counterseal.testing.contracts import NotifierContract
from counterseal_http import Guard
from counterseal_relay import RelayNotifier

MESSAGE, QUESTION, ACCOUNT = (derive_guid(7, name) for name in ("bell", "question", "account"))
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


def relayed(value):
    return PushAddress(kind=AddressKind.RELAY, value=value)


class TestRelayNotifier(NotifierContract):
    kind = AddressKind.RELAY
    shows_what_it_sends = True
    has_dead_addresses = True
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
        return relayed("dead")

    def hang(self, notifier):
        self.relay.hanging = True

    def payloads(self, notifier):
        return [
            {
                **{name: sent[name] for name in ("title", "body", "data", "type")},
                "ids": [group["ids"] for group in sent["notificationMetaData"]],
                "guid": headers["webhook-id"],
            }
            for headers, sent in self.relay.taken
        ]


def test_the_request_as_it_goes_over_the_wire(relay, new_notifier):
    notifier: Notifier = new_notifier(kinds=list(AddressKind))
    addresses = (
        relayed("pigeon:p-1"),
        PushAddress(kind=AddressKind.FCM_TOKEN, value="t:1"),
        relayed("pigeon:p:2"),
        PushAddress(kind=AddressKind.APNS, value="a-1"),
        PushAddress(kind=AddressKind.FCM_FID, value="f-1"),
        PushAddress(kind=AddressKind.WEBPUSH, value="{}"),
        relayed("bare"),
        relayed("firebase:t-2"),
    )
    assert notifier.push(addresses, message()) == (DELIVERED,) * 8

    ((headers, sent),) = relay.taken
    assert headers["webhook-id"] == MESSAGE
    assert headers["content-type"] == "application/json"
    assert sent == {
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
        (Occasion.DEVICE_BOUND, timedelta(hours=1), 0, 3600),
        (Occasion.DEVICE_REVOKED, timedelta(0), 0, 0),
    ],
)
def test_life_and_urgency(relay, new_notifier, *, occasion, life, priority, ttl):
    assert new_notifier().push((relayed("1"),), message(occasion=occasion, life=life)) == (
        DELIVERED,
    )
    ((_, sent),) = relay.taken
    assert (sent["priority"], sent["ttl"]) == (priority, ttl)


def test_one_request_for_all_and_each_id_once(relay, new_notifier):
    addresses = (relayed("1"), relayed("2"), relayed("1"))
    assert new_notifier().push(addresses, message()) == (DELIVERED,) * 3
    ((_, sent),) = relay.taken
    assert sent["notificationMetaData"] == [{"framework": "relay", "ids": ["1", "2"]}]


def test_it_takes_its_own_kinds_only(relay, new_notifier):
    foreign = PushAddress(kind=AddressKind.APNS, value="a")
    assert new_notifier().push((foreign,), message()) == (MISCONFIGURED,)
    assert relay.requests == 0


def test_the_relay_says_what_is_gone(relay, new_notifier):
    relay.dead = {("pigeon", "1"), ("relay", "2")}
    addresses = (relayed("pigeon:1"), relayed("pigeon:2"), relayed("2"), relayed("1"))
    assert new_notifier().push(addresses, message()) == (GONE, DELIVERED, GONE, DELIVERED)


@pytest.mark.parametrize(
    ("answer", "outcome"),
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
def test_what_relays_answer(relay, new_notifier, answer, outcome):
    relay.answer = answer
    assert new_notifier().push((relayed("1"),), message()) == (outcome,)
    assert relay.requests == 1


def test_another_secret_is_for_an_operator(relay, new_notifier):
    assert new_notifier(secrets=[b"x" * 32]).push((relayed("1"),), message()) == (MISCONFIGURED,)


def test_while_secrets_change_both_sign(relay, new_notifier):
    from relay_loopback import SECRET  # noqa: PLC0415 (the other tests need it not)

    assert new_notifier(secrets=[b"x" * 32, SECRET]).push((relayed("1"),), message()) == (
        DELIVERED,
    )


def test_no_secret_is_no_relay():
    with pytest.raises(ValueError, match="secret"):
        RelayNotifier("https://relay.example/", [], None)


@pytest.mark.parametrize(
    "url",
    ["http://relay.example/secret", "https://127.0.0.1/secret", "", "https://169.254.169.254/"],
)
def test_the_guard_judges_the_relay_too(new_notifier, url, caplog):
    assert new_notifier(url=url, guard=Guard()).push((relayed("1"),), message()) == (MISCONFIGURED,)
    assert "secret" not in caplog.text


def test_where_nobody_listens(new_notifier):
    assert new_notifier(url="http://127.0.0.1:1/").push((relayed("1"),), message()) == (LATER,)


def test_a_closed_one(new_notifier):
    with new_notifier() as notifier:
        pass
    with pytest.raises(NotifierUnavailable):
        notifier.push((), message())


def test_what_is_sent_twice_has_the_same_id(relay, new_notifier):
    notifier = new_notifier()
    for _ in range(2):
        notifier.push((relayed("1"),), message())
    assert {headers["webhook-id"] for headers, _ in relay.taken} == {MESSAGE}
    assert json.dumps(relay.taken[0][1]) == json.dumps(relay.taken[1][1])


def test_a_text_that_utf_8_cannot_hold(relay, new_notifier):
    assert new_notifier().push((relayed("1"),), message(title="a\ud800")) == (DELIVERED,)
