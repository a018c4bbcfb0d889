"""The notifier: the port's contract against a push service on loopback, and RFC 8030's answers."""

import json
from datetime import timedelta

import pytest
from push_loopback import Browser, b64

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
from counterseal_webpush import Vapid, WebPushNotifier

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
            "body": "Open the app to answer.",
            "life": timedelta(seconds=119.9),
            "timeout": timedelta(minutes=4),
            **changes,
        }
    )


def at(subscription):
    return PushAddress(kind=AddressKind.WEBPUSH, value=subscription)


class TestWebPushNotifier(NotifierContract):
    kind = AddressKind.WEBPUSH
    shows_what_it_sends = True
    has_dead_addresses = True
    has_busy_addresses = True
    can_hang = True

    @pytest.fixture(autouse=True)
    def _service(self, service):
        self.service, self.browsers = service, {}

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

    def address(self, notifier, number):
        browser = self.browsers.setdefault(f"/push/{number}", self.service.browser(number))
        return at(browser.subscription())

    def dead_address(self, notifier):
        self.service.answers["/push/dead"] = 410, {}
        return at(self.service.browser("dead").subscription())

    def busy_address(self, notifier):
        self.service.answers["/push/busy"] = 429, {"retry-after": "3600"}
        return at(self.service.browser("busy").subscription())

    def hang(self, notifier):
        self.service.hanging = True

    def payloads(self, notifier):
        return [
            json.loads(self.browsers[taken.path].read(taken.body)) for taken in self.service.taken
        ]


def test_the_message_as_it_goes_over_the_wire(service, new_notifier, vapid):
    notifier: Notifier = new_notifier()
    browser = service.browser("1?up=1&token=%7Eab")
    assert notifier.push((at(browser.subscription()),), message()) == (DELIVERED,)

    (taken,) = service.taken
    assert taken.path == "/push/1?up=1&token=%7Eab"
    headers = {name.lower(): value for name, value in taken.headers.items()}
    assert headers["ttl"] == "119"
    assert headers["urgency"] == "high"
    assert headers["topic"] == MESSAGE.replace("-", "")
    assert taken.claims["aud"] == service.url
    assert taken.claims["sub"] == "mailto:operator@push.example"
    plain = browser.read(taken.body)
    assert json.loads(plain) == {
        "title": "A question for you",
        "body": "Open the app to answer.",
        "data": {"type": "request", "requestGuid": QUESTION, "privakeyId": ACCOUNT},
    }
    assert len(plain) <= 256
    seen = repr((taken.path, taken.headers, taken.body))
    for hidden in ("question", QUESTION, ACCOUNT, "Open", "request"):
        assert hidden not in seen


@pytest.mark.parametrize(
    ("occasion", "life", "urgency", "ttl"),
    [
        (Occasion.CHALLENGE, timedelta(seconds=0.5), "high", "0"),
        (Occasion.CHALLENGE, timedelta(seconds=-1), "high", "0"),
        (Occasion.DEVICE_BOUND, timedelta(hours=1), "normal", "3600"),
        (Occasion.DEVICE_REVOKED, timedelta(days=99), "normal", "2419200"),
    ],
)
def test_life_and_urgency(service, new_notifier, *, occasion, life, urgency, ttl):
    address = at(service.browser("1").subscription())
    assert new_notifier().push((address,), message(occasion=occasion, life=life)) == (DELIVERED,)

    (taken,) = service.taken
    headers = {name.lower(): value for name, value in taken.headers.items()}
    assert (headers["urgency"], headers["ttl"]) == (urgency, ttl)


def test_its_length_tells_little(service, new_notifier):
    notifier, address = new_notifier(), at(service.browser("1").subscription())
    for title in ("?", "A question of the Example Bank", "ü" * 90):
        notifier.push((address,), message(title=title))
    assert len({len(taken.body) for taken in service.taken[:2]}) == 1
    assert {len(taken.body) for taken in service.taken} == {86 + 256 + 17, 86 + 512 + 17}


def test_what_is_too_large_is_not_sent(service, new_notifier):
    browser, notifier = service.browser("1"), new_notifier()

    def outcome_of(length):
        return notifier.push((at(browser.subscription()),), message(title="?", body="b" * length))[
            0
        ]

    assert outcome_of(1) == DELIVERED
    rest = len(browser.read(service.taken.pop().body)) - 1
    assert outcome_of(3_993 - rest) == DELIVERED
    (taken,) = service.taken
    assert len(browser.read(taken.body)) == 3_993
    assert outcome_of(3_994 - rest) == REJECTED
    assert service.requests == 2


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
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
    ],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else "",
)
def test_what_push_services_answer(service, new_notifier, answer, outcome):
    service.answers["/push/1"] = answer
    addresses = at(service.browser("1").subscription()), at(service.browser("2").subscription())
    assert new_notifier().push(addresses, message()) == (outcome, DELIVERED)
    assert service.requests == 2


def test_a_subscription_of_another_key_is_no_matter_of_the_address(service, new_notifier):
    service.key = Vapid(b64(b"\x07" * 32), "mailto:a@push.example").public
    address = at(service.browser("1").subscription())
    assert new_notifier().push((address,), message()) == (MISCONFIGURED,)


@pytest.mark.parametrize(
    "address",
    [
        "https://push.example/1",
        "7",
        "{}",
        '{"endpoint": "https://push.example/1"}',
        '{"endpoint": 7, "keys": {}}',
        "[" * 2_000,
        Browser("https://push.example/1").subscription(keys={"p256dh": "AA", "auth": "AA"}),
        Browser("https://push.example/1").subscription(
            keys={"p256dh": b64(b"\x04" + b"\x01" * 64), "auth": b64(bytes(16))}
        ),
        Browser("https://push.example/1").subscription(
            keys={"p256dh": b64(b"\x04" + b"\x01" * 64), "auth": "é" * 22}
        ),
    ],
)
def test_what_is_no_subscription_is_gone(service, new_notifier, address):
    assert new_notifier().push((at(address),), message()) == (GONE,)
    assert service.requests == 0


def test_keys_with_padding_are_keys(service, new_notifier):
    browser = service.browser("1")
    keys = {"p256dh": b64(browser.point) + "=", "auth": b64(browser.auth) + "=="}
    assert new_notifier().push((at(browser.subscription(keys=keys)),), message()) == (DELIVERED,)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/1",
        "https://127.0.0.1/1",
        "https://2130706433/1",
        "https://[::1]/1",
        "https://169.254.169.254/latest/meta-data/",
        "https://push.example@127.0.0.1/1",
        "https://push.example:22/1",
        "file:///etc/passwd",
        "https://push.example/\r\nx: y",
        "",
    ],
)
def test_the_guard_judges_every_endpoint(new_notifier, endpoint, caplog):
    address = at(Browser(endpoint).subscription())
    assert new_notifier(guard=Guard()).push((address,), message()) == (MISCONFIGURED,)
    assert "push.example" not in caplog.text


def test_a_name_that_leads_inside(new_notifier):
    class Inside:
        def resolve(self, host, within):
            return ("127.0.0.1",)

    address = at(Browser("https://push.example/1").subscription())
    assert new_notifier(guard=Guard(resolver=Inside())).push((address,), message()) == (
        MISCONFIGURED,
    )


def test_where_nobody_listens(new_notifier):
    address = at(Browser("http://127.0.0.1:1/1").subscription())
    assert new_notifier().push((address,), message()) == (LATER,)


def test_a_closed_one(new_notifier):
    with new_notifier() as notifier:
        assert isinstance(notifier, WebPushNotifier)
    with pytest.raises(NotifierUnavailable):
        notifier.push((), message())


def test_connections_are_used_again_and_bounded(service, new_notifier):
    addresses = tuple(at(service.browser(n).subscription()) for n in range(200))
    assert set(new_notifier(at_once=4).push(addresses, message())) == {DELIVERED}
    assert service.most <= 4
    assert service.connections <= 4


def test_a_text_that_utf_8_cannot_hold(service, new_notifier):
    assert new_notifier().push(
        (at(service.browser("1").subscription()),), message(title="a\ud800")
    ) == (DELIVERED,)
