"""The notifier: the contract of the port, with a fake push service, and its responses."""

import json
from datetime import timedelta

import attrs
import pytest
from http_notifier import (
    ACCOUNT,
    COLLAPSE_KEY,
    DELIVERED,
    GONE,
    LATER,
    MISCONFIGURED,
    QUESTION,
    REJECTED,
    HttpNotifierContract,
    later,
    message,
)
from push_loopback import Browser, b64

from counterseal import Notifications
from counterseal.errors import InvalidField
from counterseal.models import AddressKind, Occasion, PushAddress
from counterseal.ports import Notifier
from counterseal_http import Guard
from counterseal_testing.service import FakeService
from counterseal_webpush import Vapid

BROWSER = Browser("https://push.example/1")
KEYS = {"p256dh": b64(BROWSER.point), "auth": b64(BROWSER.auth)}


def address_of(subscription):
    return PushAddress(kind=AddressKind.WEBPUSH, value=subscription)


class TestWebPushNotifier(HttpNotifierContract):
    kind = AddressKind.WEBPUSH
    has_malformed_addresses = True
    has_busy_addresses = True
    outcomes = (
        ((200, {}), DELIVERED),
        ((202, {}), DELIVERED),
        ((206, {}), DELIVERED),
        ((404, {}), GONE),
        ((410, {}), GONE),
        ((400, {}), REJECTED),
        ((413, {}), REJECTED),
        ((415, {}), REJECTED),
        ((401, {}), MISCONFIGURED),
        ((403, {}), MISCONFIGURED),
        ((301, {"location": "http://127.0.0.1:1/"}), MISCONFIGURED),
        ((429, {"retry-after": "3600"}), later(hours=1)),
        ((429, {}), LATER),
        ((503, {"retry-after": "Sun, 01 Jan 2040 12:02:00 GMT"}), later(minutes=2)),
        ((500, {}), LATER),
        ((507, {}), LATER),
        ((408, {}), LATER),
    )
    urgencies = (
        (Occasion.CHALLENGE, timedelta(seconds=0.5), ("high", "0")),
        (Occasion.CHALLENGE, timedelta(seconds=-1), ("high", "0")),
        (Occasion.CHALLENGE_REMINDER, timedelta(hours=12), ("high", "43200")),
        (Occasion.CHALLENGE_ENDED, timedelta(minutes=1), ("normal", "60")),
        (Occasion.DEVICE_BOUND, timedelta(hours=1), ("normal", "3600")),
        (Occasion.DEVICE_REVOKED, timedelta(days=99), ("normal", "2419200")),
    )

    def respond(self, response):
        self.server.responses["/push/2"] = response
        if response is None:
            del self.server.responses["/push/2"]
        return address_of(self.server.browser(2).subscription())

    def urgency(self):
        (received,) = self.server.messages
        headers = {name.lower(): value for name, value in received.headers.items()}
        return headers["urgency"], headers["ttl"]

    def notifier_at(self, new_notifier, url, **options):
        return new_notifier(**options), address_of(Browser(url).subscription())

    def push_many(self, notifier, count):
        addresses = tuple(
            address_of(BROWSER.subscription(endpoint=f"{self.server.url}/push/{number}"))
            for number in range(count)
        )
        return lambda: notifier.push(addresses, message())

    def address(self, notifier, number):
        browser = self.browsers.setdefault(f"/push/{number}", self.server.browser(number))
        return address_of(browser.subscription())

    @pytest.fixture(autouse=True)
    def _browsers(self):
        self.browsers = {}

    def dead_address(self, notifier):
        self.server.responses["/push/dead"] = 410, {}
        return address_of(self.server.browser("dead").subscription())

    def malformed_address(self, notifier):
        return address_of(Browser("push.example/1").subscription())

    def busy_address(self, notifier):
        self.server.responses["/push/busy"] = 429, {"retry-after": "3600"}
        return address_of(self.server.browser("busy").subscription())

    def payloads(self, notifier):
        return [
            json.loads(self.browsers[each.path].decrypt(each.body)) for each in self.server.messages
        ]


def test_the_message_as_it_goes_over_the_wire(server, new_notifier, vapid):
    notifier: Notifier = new_notifier()
    browser = server.browser("1?up=1&token=%7Eab")
    assert notifier.push((address_of(browser.subscription()),), message()) == (DELIVERED,)

    (received,) = server.messages
    assert received.path == "/push/1?up=1&token=%7Eab"
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert headers["ttl"] == "119"
    assert headers["urgency"] == "high"
    assert headers["topic"] == COLLAPSE_KEY.replace("-", "")
    assert received.claims["aud"] == server.url
    assert received.claims["sub"] == "mailto:operator@push.example"
    plain = browser.decrypt(received.body)
    assert json.loads(plain) == {
        "title": "A question for you",
        "body": "Open the app to answer.",
        "data": {"type": "request", "requestGuid": QUESTION, "privakeyId": ACCOUNT},
    }
    assert len(plain) <= 256
    visible = repr((received.path, received.headers, received.body))
    # A shorter text than these may be in a signature.
    for secret in ("question", QUESTION, QUESTION.replace("-", ""), ACCOUNT, "Open the", "request"):
        assert secret not in visible


def test_messages_are_padded(server, new_notifier):
    notifier, address = new_notifier(), address_of(server.browser("1").subscription())
    for title in ("?", "A question of the Example Bank", "ü" * 90):
        notifier.push((address,), message(title=title))
    assert len({len(received.body) for received in server.messages[:2]}) == 1
    assert {len(received.body) for received in server.messages} == {86 + 256 + 17, 86 + 512 + 17}


def test_what_is_too_large_is_not_sent(server, new_notifier):
    browser, notifier = server.browser("1"), new_notifier()

    def outcome_of(length):
        return notifier.push(
            (address_of(browser.subscription()),), message(title="?", body="b" * length)
        )[0]

    assert outcome_of(1) == DELIVERED
    rest = len(browser.decrypt(server.messages.pop().body)) - 1
    assert outcome_of(3_993 - rest) == DELIVERED
    (received,) = server.messages
    assert len(browser.decrypt(received.body)) == 3_993
    assert outcome_of(3_994 - rest) == REJECTED
    assert server.requests == 2


def test_a_subscription_for_another_key_is_misconfigured(server, new_notifier):
    server.key = Vapid(b64(b"\x07" * 32), "mailto:a@push.example").public
    address = address_of(server.browser("1").subscription())
    assert new_notifier().push((address,), message()) == (MISCONFIGURED,)


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("https://push.example/1", "value"),
        ("7", "value"),
        ("[" * 2_000, "value"),
        ("{}", "value.endpoint"),
        ('{"endpoint": 7, "keys": {}}', "value.endpoint"),
        (Browser("").subscription(), "value.endpoint"),
        (Browser("push.example/1").subscription(), "value.endpoint"),
        (Browser("file:///etc/passwd").subscription(), "value.endpoint"),
        (Browser("https://push.example@127.0.0.1/1").subscription(), "value.endpoint"),
        (Browser("https://2130706433/1").subscription(), "value.endpoint"),
        (Browser("https://push.example/\r\nx: y").subscription(), "value.endpoint"),
        ('{"endpoint": "https://push.example/1"}', "value.keys"),
        (BROWSER.subscription(keys=KEYS | {"p256dh": None}), "value.keys.p256dh"),
        (BROWSER.subscription(keys=KEYS | {"p256dh": "AA"}), "value.keys.p256dh"),
        (
            BROWSER.subscription(keys=KEYS | {"p256dh": b64(b"\x04" + b"\x01" * 64)}),
            "value.keys.p256dh",
        ),
        (BROWSER.subscription(keys=KEYS | {"auth": "AA"}), "value.keys.auth"),
        (BROWSER.subscription(keys=KEYS | {"auth": "é" * 22}), "value.keys.auth"),
        (BROWSER.subscription(keys={"p256dh": KEYS["p256dh"]}), "value.keys.auth"),
    ],
)
def test_a_malformed_subscription_is_refused_and_gone(server, new_notifier, caplog, address, field):
    notifier = new_notifier()
    with pytest.raises(InvalidField) as caught:
        notifier.require_sendable(address_of(address))
    assert caught.value.field == field
    assert not caplog.records

    assert notifier.push((address_of(address),), message()) == (GONE,)
    assert server.requests == 0
    (line,) = [record for record in caplog.records if record.name == "counterseal_webpush"]
    assert line.getMessage() == f"a subscription is forgotten: {caught.value}"
    assert "push.example" not in line.getMessage()


def test_keys_may_have_padding(server, new_notifier):
    browser = server.browser("1")
    keys = {"p256dh": b64(browser.point) + "=", "auth": b64(browser.auth) + "=="}
    assert new_notifier().push((address_of(browser.subscription(keys=keys)),), message()) == (
        DELIVERED,
    )


def test_a_name_with_a_private_address_is_misconfigured(new_notifier):
    class PrivateResolver:
        def resolve(self, host, timeout):
            return ("127.0.0.1",)

    address = address_of(Browser("https://push.example/1").subscription())
    assert new_notifier(guard=Guard(resolver=PrivateResolver())).push((address,), message()) == (
        MISCONFIGURED,
    )


def test_a_malformed_address_that_is_stored_is_removed_at_its_next_push(new_notifier, caplog):
    world = FakeService()
    malformed = address_of(BROWSER.subscription(keys=KEYS | {"auth": "AA"}))
    phone = world.bind("zoe", addresses=(malformed,))
    ports = attrs.evolve(world.ports, notifier=new_notifier())
    for _ in range(2):
        world.ask("zoe", "Lunch?")
        for notification in world.notifications.due():
            Notifications(ports, world.policy).attempt(notification)

    (binding,) = world.accounts.list_devices(world.origin, "zoe")
    assert binding.addresses == ()
    (line,) = [record for record in caplog.records if record.name == "counterseal_webpush"]
    assert "value.keys.auth" in line.getMessage()
    (entry,) = [event for event in world.ports.audit.events if event.event == "binding.address"]
    assert entry.subject == phone.guid
