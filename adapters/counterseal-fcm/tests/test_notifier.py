"""The notifier: the contract of the port, with a fake Firebase, and FCM's responses."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from fcm_loopback import fcm_error
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

from counterseal.models import AddressKind, Occasion, PushAddress
from counterseal.ports import Notifier
from counterseal_fcm import FcmNotifier

AMPLE = 240
"""Seconds; far less than the hour in the endpoint's `Retry-After`."""


def token(value):
    return PushAddress(kind=AddressKind.FCM_TOKEN, value=value)


def fid(value):
    return PushAddress(kind=AddressKind.FCM_FID, value=value)


class TestFcmNotifier(HttpNotifierContract):
    kind = AddressKind.FCM_TOKEN
    has_busy_addresses = True
    own_connections = 1  # for the access token
    guard = None  # the token endpoint is on loopback
    guarded_urls = ("http://169.254.169.254",)
    outcomes = (
        (fcm_error(404, "UNREGISTERED"), GONE),
        (fcm_error(400, "INVALID_ARGUMENT", "message.android.ttl"), REJECTED),
        (fcm_error(400, "", "message.data[0].value"), REJECTED),
        (fcm_error(400, "", "message.token"), REJECTED),
        (fcm_error(403, "SENDER_ID_MISMATCH"), MISCONFIGURED),
        (fcm_error(403, ""), MISCONFIGURED),
        (fcm_error(401, "THIRD_PARTY_AUTH_ERROR"), MISCONFIGURED),
        (fcm_error(404, ""), MISCONFIGURED),
        ((302, {"location": "http://127.0.0.1:1/"}, b""), MISCONFIGURED),
        (fcm_error(429, "QUOTA_EXCEEDED"), later(seconds=60)),
        ((429, {"retry-after": "3600"}, b"not JSON"), later(hours=1)),
        ((429, {"retry-after": "Tue, 01 Jan 2030 12:02:00 GMT"}, b"[" * 9_000), later(minutes=2)),
        (fcm_error(500, "INTERNAL"), LATER),
        ((503, {"retry-after": "30"}, b""), later(seconds=30)),
        ((408, {}, b""), LATER),
        ((413, {}, b""), REJECTED),
        ((400, {}, b'{"error": {"details": [7, {"@type": 7, "fieldViolations": 7}]}}'), REJECTED),
        ((400, {}, b'{"error": 7}'), REJECTED),
    )
    urgencies = (
        (Occasion.CHALLENGE, timedelta(0), (("HIGH", "0s"), ("10", "0"))),
        (Occasion.CHALLENGE, timedelta(seconds=-1), (("HIGH", "0s"), ("10", "0"))),
        (
            Occasion.CHALLENGE_REMINDER,
            timedelta(hours=12),
            (("HIGH", "43200s"), ("10", "1893542400")),
        ),
        (Occasion.CHALLENGE_ENDED, timedelta(hours=1), (("NORMAL", "3600s"), ("5", "1893502800"))),
        (Occasion.DEVICE_BOUND, timedelta(hours=1), (("NORMAL", "3600s"), ("5", "1893502800"))),
        (
            Occasion.DEVICE_REVOKED,
            timedelta(days=99),
            (("NORMAL", "2419200s"), ("5", "1895918400")),
        ),
    )

    def respond(self, response):
        self.server.responses["t"] = response
        return token("t")

    def urgency(self):
        ((_, sent_message),) = self.server.messages
        android, headers = sent_message["android"], sent_message["apns"]["headers"]
        return (
            (android["priority"], android["ttl"]),
            (headers["apns-priority"], headers["apns-expiration"]),
        )

    def dead_address(self, notifier):
        self.server.responses["dead"] = fcm_error(404, "UNREGISTERED")
        return token("dead")

    def busy_address(self, notifier):
        status, _, body = fcm_error(429, "QUOTA_EXCEEDED")
        self.server.responses["busy"] = status, {"retry-after": "3600"}, body
        return token("busy")

    def payloads(self, notifier):
        return [
            {name: sent_message[name] for name in ("token", "notification", "data")}
            for _, sent_message in self.server.messages
        ]


def test_it_is_a_notifier(new_notifier):
    notifier: Notifier = new_notifier()
    assert isinstance(notifier, FcmNotifier)


def test_the_message_as_it_goes_over_the_wire(server, new_notifier):
    assert new_notifier().push((token("t-1"), fid("f-1")), message()) == (DELIVERED, DELIVERED)

    messages = sorted((each for _, each in server.messages), key=lambda each: "fid" in each)
    rest = {
        "notification": {"title": "A question for you", "body": "Open the app to answer."},
        "data": {"type": "request", "requestGuid": QUESTION, "privakeyId": ACCOUNT},
        "android": {
            "priority": "HIGH",
            "ttl": "119s",
            "collapse_key": COLLAPSE_KEY,
            "notification": {"tag": COLLAPSE_KEY},
        },
        "apns": {
            "headers": {
                "apns-priority": "10",
                "apns-expiration": str(
                    int(datetime(2030, 1, 1, 12, 1, 59, tzinfo=UTC).timestamp())
                ),
                "apns-collapse-id": COLLAPSE_KEY,
                "apns-push-type": "alert",
            },
            "payload": {"aps": {"sound": "default"}},
        },
    }
    assert messages == [{"token": "t-1", **rest}, {"fid": "f-1", **rest}]
    assert len(json.dumps([rest["notification"], rest["data"]])) <= 512
    assert {bearer for bearer, _ in server.messages} == {"ya29.1"}
    assert len(server.grants) == 1


def test_a_malformed_address_is_gone_after_fcm_accepted_the_texts(server, new_notifier):
    for name, fields in {"t-1": (), "t-2": ("message.token",)}.items():
        server.responses[name] = fcm_error(400, "INVALID_ARGUMENT", *fields)
    notifier, malformed = new_notifier(concurrency=1), (token("t-1"), token("t-2"))

    # The message might be malformed, and then every address would be dropped.
    assert notifier.push(malformed, message()) == (REJECTED, REJECTED)
    assert notifier.push((token("valid"),), message(guid=QUESTION)) == (DELIVERED,)
    assert notifier.push(malformed, message()) == (GONE, GONE)
    assert notifier.push(malformed, message(title="Another text")) == (REJECTED, REJECTED)


def test_the_texts_that_were_accepted_last_are_remembered(server, new_notifier, monkeypatch):
    monkeypatch.setattr("counterseal_fcm.notifier.TEXTS_LIMIT", 2)
    server.responses["t"] = fcm_error(400, "INVALID_ARGUMENT")
    notifier = new_notifier()
    for title in ("one", "two", "one", "three"):
        notifier.push((token("valid"),), message(title=title))

    outcomes = [
        notifier.push((token("t"),), message(title=title))[0] for title in ("one", "two", "three")
    ]
    assert outcomes == [GONE, REJECTED, GONE]


def test_what_is_too_large_is_not_sent(server, new_notifier):
    assert new_notifier().push((token("t"),), message(body="ü" * 2_048)) == (REJECTED,)
    assert server.requests == 0


class TestAccessTokens:
    def test_one_is_used_for_many_messages(self, server, new_notifier):
        notifier = new_notifier()
        for _ in range(3):
            notifier.push(tuple(token(f"t-{n}") for n in range(20)), message())
        assert len(server.messages) == 60
        assert len(server.grants) == 1

    def test_one_that_was_withdrawn_is_replaced_at_the_next_attempt(self, server, new_notifier):
        notifier = new_notifier()
        assert notifier.push((token("t"),), message()) == (DELIVERED,)
        server.live.clear()

        requests = server.requests
        assert notifier.push((token("t"),), message()) == (LATER,)
        assert server.requests == requests + 1
        assert notifier.push((token("t"),), message()) == (DELIVERED,)
        assert len(server.grants) == 2
        assert server.requests == requests + 3

    def test_one_that_fcm_never_accepted_is_not_replaced_repeatedly(self, server, new_notifier):
        notifier = new_notifier()
        server.live = _EmptySet()
        addresses = tuple(token(f"t-{n}") for n in range(40))

        assert set(notifier.push(addresses, message())) == {MISCONFIGURED}
        assert len(server.grants) == 1

    def test_a_busy_endpoint_is_asked_once_and_delays_nothing(self, server, new_notifier):
        server.token_response = 503, {"retry-after": "3600"}, b"{}"
        notifier = new_notifier()
        started = time.monotonic()
        addresses = tuple(token(f"t-{n}") for n in range(40))

        assert set(notifier.push(addresses, message())) == {later(hours=1)}
        assert server.requests == 1
        assert time.monotonic() - started < AMPLE

    @pytest.mark.parametrize(
        "response",
        [
            (400, {}, b'{"error": "invalid_grant"}'),
            (400, {}, b'{"error": "temporarily_unavailable"}'),
            (200, {}, b'{"no": "token"}'),
        ],
    )
    def test_an_endpoint_that_issues_none(self, server, new_notifier, response):
        server.token_response = response
        assert new_notifier().push((token("t"),), message()) == (MISCONFIGURED,)
        assert server.requests == 1

    def test_an_endpoint_that_hangs(self, server, new_notifier):
        server.token_hanging = True
        addresses = tuple(token(f"t-{n}") for n in range(9))

        outcomes = new_notifier().push(addresses, message(timeout=timedelta(seconds=0.2)))
        assert outcomes == (LATER,) * 9  # although the endpoint never responds

    def test_one_that_expires_soon_is_used_while_there_is_no_other(self, server, new_notifier):
        notifier = new_notifier()
        assert notifier.push((token("t"),), message()) == (DELIVERED,)
        credentials = notifier._tokens._credentials
        # google-auth calls a token stale some minutes before it expires.
        credentials.expiry -= timedelta(seconds=3600 - 120)
        server.token_response = 503, {}, b""

        assert notifier.push((token("t"),), message()) == (DELIVERED,)
        # For some seconds no other is requested.
        requests = server.requests
        assert notifier.push((token("t"),), message()) == (DELIVERED,)
        assert server.requests == requests + 1
        server.token_response, notifier._tokens._failure = None, None
        assert notifier.push((token("t"),), message()) == (DELIVERED,)
        assert [bearer for bearer, _ in server.messages] == ["ya29.1"] * 3 + ["ya29.2"]

    def test_while_one_thread_requests_the_next_the_others_use_the_old_one(
        self, server, new_notifier
    ):
        notifier = new_notifier()
        assert notifier.push((token("t"),), message()) == (DELIVERED,)
        notifier._tokens._credentials.expiry -= timedelta(seconds=3600 - 120)
        server.token_hanging = True
        addresses = tuple(token(f"t-{n}") for n in range(9))

        with ThreadPoolExecutor(1) as pool:
            push = pool.submit(notifier.push, addresses, message())
            try:
                # The endpoint has not responded to the one request yet.
                assert server.wait_for_messages(1 + 8, timeout=AMPLE)
            finally:
                server.released.set()
        assert push.result() == (DELIVERED,) * 9
        assert sorted(bearer for bearer, _ in server.messages) == ["ya29.1"] * 9 + ["ya29.2"]


class _EmptySet(set):
    def add(self, _):
        pass
