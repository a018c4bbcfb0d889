"""Callbacks: the Standard Webhooks library is the oracle, and every byte counts."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from counterseal.models.guid import mint
from counterseal.outbox.documents import secret_text, webhook_headers
from counterseal_client import (
    CallbackRefused,
    Unfit,
    is_approved,
    require_approved,
    verify_callback,
    verify_event,
)
from counterseal_client.callback import BODY_LIMIT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = mint(7, bytes(15))
SECRET, OLD, OTHER = (bytes([n]) * 32 for n in (1, 2, 3))


@pytest.fixture(scope="module")
def body(make_story):
    return json.dumps(make_story(callback="https://shop.example/done").document).encode()


def signed(body, *keys, at=NOW, message=ID):
    return dict(webhook_headers(keys or (SECRET,), message=message, at=at, body=body))


TEXT = secret_text(SECRET)
NAMES = ["webhook-id", "webhook-timestamp", "webhook-signature"]


def verify(headers, body, secrets=TEXT, **how):
    return verify_callback(headers, body, secrets, **({"now": NOW} | how))


class TestACallback:
    def test_is_read_and_then_proven(self, make_story):
        story = make_story(callback="https://shop.example/done")
        secret = story.world.credentials.issue_webhook_key(story.world.origin.origin.guid)
        story.world.deliver()
        (attempt,) = story.world.sender.attempts
        headers, body = dict(attempt.delivery.headers), attempt.delivery.body

        callback = verify_callback(headers, body, [secret], now=story.world.clock.now())

        assert callback.id == attempt.message
        assert callback.sent_at == story.world.clock.now()
        assert (
            require_approved(callback.request, story.pending_request, story.trust).account_id
            == "zoe"
        )

    def test_of_an_unanswered_request_approves_nothing(self, make_story):
        def expire(world, phone, issued):
            world.clock.advance(timedelta(hours=1))

        story = make_story(do=expire)
        body = json.dumps(story.document).encode()
        callback = verify(signed(body), body)
        assert is_approved(callback.request, story.pending_request, story.trust) is None

    @pytest.mark.parametrize("secret", [SECRET, OLD])
    def test_may_be_signed_with_either_secret_on_either_side(self, body, secret):
        both = [secret_text(SECRET), secret_text(OLD)]
        assert verify(signed(body, secret), body, both)
        assert verify(signed(body, SECRET, OLD), body, secret_text(secret))
        assert verify(signed(body, OTHER, secret), body, iter(both))

    def test_may_have_headers_of_any_shape(self, body):
        headers = signed(body)
        shouted = {name.upper(): value for name, value in headers.items()}
        assert verify(shouted, body) == verify(list(headers.items()), body) == verify(headers, body)

    def test_may_be_as_long_as_the_limit_and_no_longer(self, body):
        padded = body.ljust(BODY_LIMIT)
        assert verify(signed(padded), padded)
        padded += b" "
        with pytest.raises(CallbackRefused, match="too large"):
            verify(signed(padded), padded)

    def test_ignores_signatures_of_other_versions(self, body):
        headers = signed(body)
        headers["webhook-signature"] = "v1a,abc v2 " + headers["webhook-signature"]
        assert verify(headers, body)


class TestIsNone:
    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_without_a_header_or_with_two(self, body, name):
        headers = signed(body)
        pairs = [*headers.items(), (name.title(), headers[name])]
        with pytest.raises(CallbackRefused):
            verify(pairs, body)
        del headers[name]
        with pytest.raises(CallbackRefused):
            verify(headers, body)

    @pytest.mark.parametrize("seconds", [-301, 301, -86_400, 86_400])
    def test_too_old_or_too_new(self, body, seconds):
        with pytest.raises(CallbackRefused, match="too old"):
            verify(signed(body, at=NOW + timedelta(seconds=seconds)), body)

    @pytest.mark.parametrize("seconds", [-299, 299])
    def test_unless_it_is_within_the_window(self, body, seconds):
        assert verify(signed(body, at=NOW + timedelta(seconds=seconds)), body)

    def test_with_another_tolerance(self, body):
        at = NOW - timedelta(seconds=30)
        with pytest.raises(CallbackRefused):
            verify(signed(body, at=at), body, tolerance=timedelta(seconds=10))

    @pytest.mark.parametrize(
        "text", [b"", b"{}", b"[]", b"null", b'{"guid":1,"guid":1}', b"\xff", b"7.{}", b"9" * 99]
    )
    def test_with_a_body_that_is_no_request(self, text):
        with pytest.raises(CallbackRefused):
            verify(signed(text), text)

    def test_with_a_member_twice(self, body):
        text = body[:-1] + b',"approved":true}'
        with pytest.raises(CallbackRefused):
            verify(signed(text), text)

    def test_with_a_body_too_large(self, body):
        text = body + b" " * 2_097_152
        with pytest.raises(CallbackRefused, match="large"):
            verify(signed(text), text)

    @pytest.mark.parametrize(
        ("name", "timestamp"),
        [
            (f"{ID}.1", "NOW"),
            ("", "NOW"),
            ("x" * 129, "NOW"),
            ("ä", "NOW"),
            (ID, "NOW.0"),
            (ID, "0NOW"),
            (ID, "+NOW"),
            (ID, " NOW"),
            (ID, "-1"),
            (ID, ""),
            (ID, "9" * 13),
            (ID, "٣"),
        ],
    )
    def test_with_an_odd_header_although_it_is_signed(self, body, name, timestamp):
        timestamp = timestamp.replace("NOW", str(int(NOW.timestamp())))
        mac = hmac.new(SECRET, f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(mac).decode()}"
        headers = dict(zip(NAMES, (name, timestamp, signature), strict=True))
        with pytest.raises(CallbackRefused, match="malformed"):
            verify(headers, body)

    def test_with_too_many_signatures(self, body):
        headers = signed(body)
        headers["webhook-signature"] = " ".join([headers["webhook-signature"]] * 17)
        with pytest.raises(CallbackRefused):
            verify(headers, body)


PRIVATE, LATER, STRANGE = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
ELL = 2**252 + 27742317777372353535851937790883648493
"""The order of Ed25519's base point (RFC 8032, 5.1)."""


def public_text(key):
    return "whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode()


def asymmetric(body, *keys, at=NOW, message=ID, also=()):
    """Headers with `v1a` signatures, by the cryptographic library and nothing of ours."""
    timestamp = str(int(at.timestamp()))
    signed_bytes = f"{message}.{timestamp}.".encode() + body
    listed = [
        *also,
        *(f"v1a,{base64.b64encode(key.sign(signed_bytes)).decode()}" for key in keys or (PRIVATE,)),
    ]
    return dict(zip(NAMES, (message, timestamp, " ".join(listed)), strict=True))


PUBLIC = public_text(PRIVATE)


class TestAnAsymmetricSignature:
    def test_s25_is_verified_by_a_public_key(self, body):
        callback = verify(asymmetric(body), body, PUBLIC)
        assert callback == verify(signed(body), body)

    def test_may_be_made_with_either_key_on_either_side(self, body):
        both = [PUBLIC, public_text(LATER)]
        assert verify(asymmetric(body, LATER), body, both)
        assert verify(asymmetric(body, PRIVATE, LATER), body, PUBLIC)
        assert verify(asymmetric(body, STRANGE, PRIVATE), body, iter(both))

    def test_stands_beside_a_symmetric_one(self, body):
        """As while a sender goes from one to the other."""
        headers = asymmetric(body, also=[signed(body)["webhook-signature"]])
        for secrets in (TEXT, PUBLIC, [TEXT, PUBLIC], [public_text(STRANGE), TEXT]):
            assert verify(headers, body, secrets)
        for headers in (asymmetric(body), signed(body)):
            assert verify(headers, body, [TEXT, PUBLIC])

    def test_of_another_kind_than_the_key_does_not_count(self, body):
        for headers, secret in ((asymmetric(body), TEXT), (signed(body), PUBLIC)):
            with pytest.raises(CallbackRefused, match="no signature"):
                verify(headers, body, secret)

    def test_under_the_name_of_the_other_kind_does_not_count(self, body):
        for headers, old, new in ((asymmetric(body), "v1a,", "v1,"), (signed(body), "v1,", "v1a,")):
            headers["webhook-signature"] = headers["webhook-signature"].replace(old, new)
            with pytest.raises(CallbackRefused, match="no signature"):
                verify(headers, body, [TEXT, PUBLIC])

    def test_a_public_key_is_never_a_shared_secret(self, body):
        """Or whoever knows it, and that is everybody, could sign."""
        raw = PRIVATE.public_key().public_bytes_raw()
        for key in (raw, PUBLIC.encode(), base64.b64encode(raw)):
            with pytest.raises(CallbackRefused, match="no signature"):
                verify(signed(body, key), body, PUBLIC)

    @pytest.mark.parametrize("key", [STRANGE, LATER])
    def test_of_another_key_does_not_hold(self, body, key):
        with pytest.raises(CallbackRefused, match="no signature"):
            verify(asymmetric(body, key), body, PUBLIC)

    def test_of_another_message_does_not_hold(self, body):
        headers = asymmetric(body)
        later = str(int(NOW.timestamp()) + 1)
        for changed, text in (
            (headers | {"webhook-id": mint(8, bytes(15))}, body),
            (headers | {"webhook-timestamp": later}, body),
            (headers, body + b" "),
        ):
            with pytest.raises(CallbackRefused, match="no signature"):
                verify(changed, text, PUBLIC)

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_is_too_old_or_too_new(self, body, seconds):
        headers = asymmetric(body, at=NOW + timedelta(seconds=seconds))
        with pytest.raises(CallbackRefused, match="too old"):
            verify(headers, body, PUBLIC)

    @pytest.mark.parametrize(
        "change",
        [
            lambda s: s[:-1],
            lambda s: s.rstrip("="),
            lambda s: s + "=",
            lambda s: s.replace("v1a,", "V1A,"),
            lambda s: s.replace("v1a,", "v1b,"),
            lambda s: s.replace("v1a,", "v1a, "),
            lambda s: s.replace("v1a,", "v1a"),
            lambda s: "v1a," + base64.b64encode(bytes(64)).decode(),
            lambda s: "v1a," + base64.b64encode(bytes(63)).decode(),
            lambda s: "v1a," + base64.b64encode(bytes(65)).decode(),
            lambda s: "v1a,",
            lambda s: "v1a",
            lambda s: "",
        ],
    )
    def test_s26_malformed_is_our_own_refusal(self, body, change):
        headers = asymmetric(body)
        sound = headers["webhook-signature"]
        headers["webhook-signature"] = change(sound)
        assert headers["webhook-signature"] != sound
        with pytest.raises(CallbackRefused):
            verify(headers, body, PUBLIC)

    def test_has_one_form(self, body):
        """Its second half, with the group's order added, is another number for the same."""
        headers = asymmetric(body)
        raw = base64.b64decode(headers["webhook-signature"].removeprefix("v1a,"))
        other = raw[:32] + (int.from_bytes(raw[32:], "little") + ELL).to_bytes(32, "little")
        headers["webhook-signature"] = f"v1a,{base64.b64encode(other).decode()}"
        with pytest.raises(CallbackRefused, match="no signature"):
            verify(headers, body, PUBLIC)

    def test_its_last_letter_has_one_form(self, body):
        """Base64 would read the same bytes from sixteen letters."""
        headers = asymmetric(body)
        text = headers["webhook-signature"].removesuffix("==")
        others = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") - {
            text[-1]
        }
        for letter in others:
            headers["webhook-signature"] = f"{text[:-1]}{letter}=="
            with pytest.raises(CallbackRefused, match="no signature"):
                verify(headers, body, PUBLIC)

    @given(st.data())
    def test_no_byte_of_it_or_of_the_message_is_free(self, body, data):
        headers = asymmetric(body)
        where = data.draw(st.sampled_from([*NAMES, "body"]))
        value = body.decode("latin-1") if where == "body" else headers[where]
        at = data.draw(st.integers(0, len(value) - 1))
        changed = value[:at] + data.draw(st.characters(max_codepoint=255)) + value[at + 1 :]
        if changed == value:
            return
        text = changed.encode("latin-1") if where == "body" else body
        with pytest.raises(CallbackRefused):
            verify(headers if where == "body" else headers | {where: changed}, text, PUBLIC)

    @pytest.mark.parametrize(
        "key",
        [
            "whpk_",
            "whpk_short",
            "whpk_é",
            PUBLIC.rstrip("="),
            PUBLIC + "=",
            PUBLIC + " ",
            " " + PUBLIC,
            PUBLIC.upper(),
            PUBLIC.replace("whpk_", "whsk_"),
            PUBLIC.replace("whpk_", "whpk_whpk_"),
            PUBLIC.removeprefix("whpk_"),
            "whpk_" + base64.b64encode(bytes(31)).decode(),
            "whpk_" + base64.b64encode(bytes(33)).decode(),
            "whpk_" + base64.b64encode(bytes(64)).decode(),
            "whpk_" + base64.b64encode(bytes(32)).decode(),  # of order 4
            "whpk_" + base64.b64encode(bytes([1, *[0] * 31])).decode(),  # of order 1
            "whpk_" + base64.b64encode(b"\xff" * 32).decode(),  # past the prime
            "whpk_" + base64.b64encode(bytes([2, *[0] * 31])).decode(),  # no point
        ],
    )
    def test_keys_that_are_none(self, body, key):
        with pytest.raises(Unfit) as caught:
            verify(asymmetric(body), body, [PUBLIC, key])
        assert key[5:] not in str(caught.value) or len(key) <= 6


class TestMisuse:
    @pytest.mark.parametrize(
        "secrets",
        [
            (),
            "",
            "whsec_",
            "whsec_short",
            base64.b64encode(SECRET).decode(),
            "whsec_" + base64.b64encode(b"x" * 23).decode(),
            "whsec_" + base64.b64encode(b"x" * 65).decode(),
            "whsec_é",
        ],
    )
    def test_secrets_that_are_none(self, body, secrets):
        with pytest.raises(Unfit):
            verify(signed(body), body, secrets)

    def test_a_naive_time(self, body):
        with pytest.raises(Unfit):
            verify(signed(body), body, now=NOW.replace(tzinfo=None))

    def test_no_secret_is_in_an_error(self, body):
        with pytest.raises(Unfit) as caught:
            verify(signed(body), body, "whsec_canary")
        assert "canary" not in str(caught.value)


class Noon(datetime):
    """The library checks the age by a clock of its own."""

    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz)


def library_takes(headers, body, key=SECRET):
    with patch("standardwebhooks.webhooks.datetime", Noon):
        try:
            Webhook(secret_text(key)).verify(body, headers)
        except (WebhookVerificationError, ValueError):
            return False
    return True


def we_take(headers, body):
    try:
        verify(headers, body)
    except CallbackRefused:
        return False
    return True


@given(st.data())
def test_what_we_take_the_library_takes(body, data):
    headers = signed(body)
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from([*NAMES, "body"]))
        if where == "body":
            at = data.draw(st.integers(0, len(body) - 1))
            body = body[:at] + data.draw(st.binary(max_size=2)) + body[at + 1 :]
        else:
            value = headers[where]
            at = data.draw(st.integers(0, len(value)))
            text = data.draw(st.text(st.characters(max_codepoint=300), max_size=3))
            headers[where] = value[:at] + text + value[at + data.draw(st.integers(0, 2)) :]

    if we_take(headers, body):
        assert library_takes(headers, body)


@given(
    st.integers(-290, 290),
    st.text("abcXYZ019-_", min_size=1, max_size=40),
    st.lists(st.sampled_from([SECRET, OLD, OTHER]), min_size=1, max_size=3),
)
def test_we_and_the_library_agree_on_what_is_well_formed(body, seconds, message, keys):
    headers = signed(body, *keys, at=NOW + timedelta(seconds=seconds), message=message)

    assert we_take(headers, body) is library_takes(headers, body) is (SECRET in keys)


def test_what_the_library_signs_we_take(body):
    text = body.decode()
    library = Webhook(secret_text(SECRET))
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": library.sign(ID, NOW, text),
    }
    assert verify(headers, body).id == ID


@given(
    st.dictionaries(st.sampled_from([*NAMES, "x"]), st.text(max_size=60)),
    st.binary(max_size=200),
    st.sampled_from([TEXT, PUBLIC]),
)
def test_anything_else_is_our_own_refusal(headers, body, secret):
    with pytest.raises(CallbackRefused):
        verify(headers, body, secret)


EVENT = {
    "type": "of a newer service",
    "guid": ID,
    "at": "2026-03-01T12:00:00.000Z",
    "sequence": 3,
    "privakeyId": ID,
    "accountId": None,
    "appSpaceGuid": ID,
    "deviceGuid": None,
    "requestGuid": None,
}


class TestAnEvent:
    def test_of_a_newer_service_is_read(self):
        body = json.dumps(EVENT).encode()
        event = verify_event(signed(body), body, TEXT, now=NOW)
        assert (event.type, event.kind, event.sequence) == ("of a newer service", None, 3)
        assert (event.guid, event.happened_at) == (ID, NOW)

    @pytest.mark.parametrize(
        "changed", [{"sequence": "3"}, {"guid": mint(8, bytes(15))}, {"at": "yesterday"}]
    )
    def test_that_is_none_is_refused(self, changed):
        body = json.dumps(EVENT | changed).encode()
        with pytest.raises(CallbackRefused):
            verify_event(signed(body), body, TEXT, now=NOW)

    def test_is_no_request_and_a_request_no_event(self, body):
        event = json.dumps(EVENT).encode()
        with pytest.raises(CallbackRefused):
            verify(signed(event), event)
        with pytest.raises(CallbackRefused):
            verify_event(signed(body), body, TEXT, now=NOW)

    def test_without_its_signature_is_refused(self):
        body = json.dumps(EVENT).encode()
        with pytest.raises(CallbackRefused):
            verify_event(signed(body, OTHER), body, TEXT, now=NOW)
