"""Callbacks on the wire, read by the Standard Webhooks library as a stranger would."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse
from standardwebhooks import Webhook, WebhookVerificationError

from counterseal.errors import InvalidField, RequestStale, UnfitKey, WrongSignature
from counterseal.models import Algorithm, guid
from counterseal.outbox.documents import (
    SECRET_BYTES,
    VerifiedWebhook,
    read_public_text,
    read_secret_text,
    secret_text,
    verify_asymmetric,
    verify_webhook,
    webhook_headers,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = guid.mint(7, bytes(15))
SECRET, OLD, OTHER = (bytes([n]) * SECRET_BYTES for n in range(3))
BODY = '{"guid":"x","content":"Zoë"}'.encode()


class Noon(datetime):
    """The library checks the age by a clock of its own."""

    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz)


@pytest.fixture(scope="module", autouse=True)
def at_noon():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("standardwebhooks.webhooks.datetime", Noon)
        yield


def headers(*secrets, message=ID, at=NOW, body=BODY):
    return webhook_headers(secrets, message=message, at=at, body=body)


def verify(secret, headers_, body=BODY):
    return Webhook(secret_text(secret)).verify(body, dict(headers_))


class TestAReceiver:
    def test_takes_what_its_secret_signed(self):
        assert verify(SECRET, headers(SECRET)) == {"guid": "x", "content": "Zoë"}

    @pytest.mark.parametrize("secret", [SECRET, OLD])
    def test_takes_either_secret_while_they_change(self, secret):
        assert verify(secret, headers(SECRET, OLD))["guid"] == "x"

    @pytest.mark.parametrize(
        ("secrets", "body"),
        [
            ((OTHER,), BODY),
            ((SECRET,), BODY + b" "),
            ((SECRET,), BODY.replace(b"x", b"y")),
            ((), BODY),
        ],
    )
    def test_refuses_another_secret_another_body_and_no_signature(self, secrets, body):
        with pytest.raises(WebhookVerificationError):
            verify(SECRET, headers(*secrets), body)

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
    def test_refuses_another_id_or_time(self, name):
        headers_ = dict(headers(SECRET))
        changed = {
            "webhook-id": str(ID)[:-1] + "f",
            "webhook-timestamp": str(int(NOW.timestamp()) + 1),
        }
        with pytest.raises(WebhookVerificationError):
            verify(SECRET, {**headers_, name: changed[name]})

    @given(st.binary(max_size=64), st.binary(min_size=24, max_size=64))
    def test_takes_any_bytes_and_any_secret(self, body, secret):
        signed = webhook_headers(
            [secret], message=ID, at=NOW, body=b'"' + body.hex().encode() + b'"'
        )
        assert verify(secret, signed, b'"' + body.hex().encode() + b'"') == body.hex()

    def test_may_sign_for_us_and_we_for_it(self):
        theirs = Webhook(secret_text(SECRET)).sign(ID, NOW, BODY.decode())
        assert dict(headers(SECRET))["webhook-signature"] == theirs


class TestTheHeaders:
    def test_are_these_in_this_order(self):
        at = datetime(2026, 11, 24, 12, 0, 0, 999_999, tzinfo=UTC)
        signed = f"{ID}.1795521600.".encode() + BODY
        signature = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert headers(SECRET, at=at) == (
            ("content-type", "application/json"),
            ("webhook-id", ID),
            ("webhook-timestamp", "1795521600"),
            ("webhook-signature", f"v1,{signature}"),
        )

    def test_hold_one_signature_for_each_secret_the_first_first(self):
        signatures = dict(headers(SECRET, OLD))["webhook-signature"].split(" ")
        one, two = (dict(headers(secret))["webhook-signature"] for secret in (SECRET, OLD))
        assert signatures == [one, two]

    def test_hold_no_signature_without_a_secret(self):
        assert [name for name, _ in headers()] == [
            "content-type",
            "webhook-id",
            "webhook-timestamp",
        ]

    def test_keep_the_id_and_change_the_time_from_one_attempt_to_the_next(self):
        first, second = (dict(headers(SECRET, at=NOW + timedelta(seconds=n * 5))) for n in range(2))
        assert first["webhook-id"] == second["webhook-id"]
        assert first["webhook-timestamp"] != second["webhook-timestamp"]
        assert first["webhook-signature"] != second["webhook-signature"]


def test_a_secret_has_the_form_that_receivers_configure():
    text = secret_text(SECRET)
    assert text.startswith("whsec_")
    assert base64.b64decode(text.removeprefix("whsec_"), validate=True) == SECRET
    assert 24 <= SECRET_BYTES <= 64


class TestASecret:
    @given(st.binary(min_size=24, max_size=64))
    def test_is_read_as_it_is_written(self, secret):
        assert read_secret_text(secret_text(secret)) == secret

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "whsec_",
            "whsec_canary!",
            "whsec_é",
            secret_text(SECRET).replace("_", "_!"),
            secret_text(SECRET) + "\n",
            secret_text(bytes(23)),
            secret_text(bytes(65)),
            secret_text(SECRET).removeprefix("whsec_"),
        ],
    )
    def test_in_another_form_is_refused(self, text):
        with pytest.raises(UnfitKey) as error:
            read_secret_text(text)
        assert "canary" not in str(error.value)


class TestVerifying:
    PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
    PUBLIC = read_public_text(
        "whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
    )

    def asymmetric(self):
        timestamp = str(int(NOW.timestamp()))
        signature = self.PRIVATE.sign(f"{ID}.{timestamp}.".encode() + BODY)
        text = f"v1a,{base64.b64encode(signature).decode()}"
        return {"webhook-id": ID, "webhook-timestamp": timestamp, "webhook-signature": text}

    def test_returns_id_and_time(self):
        webhook = verify_webhook(headers(SECRET), BODY, [SECRET], now=NOW)
        assert webhook == VerifiedWebhook(id=ID, sent_at=NOW)

    def test_needs_one_signature_by_one_of_the_keys(self):
        assert verify_webhook(headers(OLD, SECRET), BODY, [SECRET, OTHER], now=NOW)
        assert verify_webhook(self.asymmetric(), BODY, [SECRET, self.PUBLIC], now=NOW)
        both = dict(headers(SECRET))
        both["webhook-signature"] += f" {self.asymmetric()['webhook-signature']}"
        for key in (SECRET, self.PUBLIC):
            assert verify_webhook(both, BODY, [key], now=NOW)

    def test_takes_as_many_signatures_as_allowed(self):
        many = dict(headers(SECRET))
        many["webhook-signature"] = " ".join(["v1,x"] * 15 + [many["webhook-signature"]])
        assert verify_webhook(many, BODY, [SECRET], now=NOW)

    def test_refuses_signatures_that_no_space_separates(self):
        tabbed = dict(headers(SECRET))
        tabbed["webhook-signature"] = "v1,x\t" + tabbed["webhook-signature"]
        with pytest.raises(WrongSignature):
            verify_webhook(tabbed, BODY, [SECRET], now=NOW)

    def test_reads_headers_in_any_case_as_mapping_or_pairs(self):
        shouted = {name.upper(): value for name, value in headers(SECRET)}
        for form in (shouted, shouted.items(), [*shouted.items(), ("host", "a"), ("host", "b")]):
            assert verify_webhook(form, BODY, [SECRET], now=NOW)

    def test_refuses_other_signatures(self):
        raw = self.PRIVATE.public_key().public_bytes_raw()
        for signed_headers, body, keys in (
            (headers(SECRET), BODY, []),
            (headers(SECRET), BODY, [OTHER, self.PUBLIC]),
            (headers(SECRET), BODY + b" ", [SECRET]),
            (headers(SECRET, message=guid.mint(8, bytes(15))), BODY, [OTHER]),
            (headers(raw), BODY, [self.PUBLIC]),
            (self.asymmetric(), BODY, [SECRET]),
            (self.asymmetric(), BODY + b" ", [self.PUBLIC]),
            (dict(headers(SECRET)) | {"webhook-signature": "v1,é"}, BODY, [SECRET]),
            (dict(headers(SECRET)) | {"webhook-signature": ""}, BODY, [SECRET]),
        ):
            with pytest.raises(WrongSignature):
                verify_webhook(signed_headers, body, keys, now=NOW)

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_refuses_a_header_that_is_missing_or_repeated_or_no_text(self, name):
        signed_headers = dict(headers(SECRET))
        without = {other: value for other, value in signed_headers.items() if other != name}
        for form in (
            without,
            signed_headers | {name: None},
            [*signed_headers.items(), (name.title(), signed_headers[name])],
        ):
            with pytest.raises(InvalidField) as error:
                verify_webhook(form, BODY, [SECRET], now=NOW)
            assert error.value.field == name

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("webhook-id", "a.b"),
            ("webhook-id", ""),
            ("webhook-id", "x" * 129),
            ("webhook-timestamp", "-1"),
            ("webhook-timestamp", "01"),
            ("webhook-timestamp", "9" * 13),
            ("webhook-signature", " ".join(["v1,x"] * 17)),
        ],
    )
    def test_refuses_a_malformed_header(self, name, value):
        with pytest.raises(InvalidField) as error:
            verify_webhook(dict(headers(SECRET)) | {name: value}, BODY, [SECRET], now=NOW)
        assert error.value.field == name

    def test_refuses_a_time_outside_the_tolerance(self):
        for seconds in (-301, 301):
            signed_headers = headers(SECRET, at=NOW + timedelta(seconds=seconds))
            with pytest.raises(RequestStale):
                verify_webhook(signed_headers, BODY, [SECRET], now=NOW)
            wide = timedelta(seconds=301)
            assert verify_webhook(signed_headers, BODY, [SECRET], now=NOW, tolerance=wide)

    def test_refuses_a_signed_time_that_no_datetime_can_be(self):
        timestamp = "9" * 12
        mac = hmac.new(SECRET, f"{ID}.{timestamp}.".encode() + BODY, hashlib.sha256).digest()
        signed_headers = {"webhook-id": ID, "webhook-timestamp": timestamp}
        signed_headers["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
        with pytest.raises(RequestStale):
            verify_webhook(signed_headers, BODY, [SECRET], now=NOW)


class TestAPublicKey:
    """What `v1a` is verified with."""

    PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(32))
    RAW = PRIVATE.public_key().public_bytes_raw()
    TEXT = "whpk_" + base64.b64encode(RAW).decode()

    def test_verifies_what_its_other_half_signed(self):
        key = read_public_text(self.TEXT)
        assert key.algorithm is Algorithm.EDDSA
        signature = self.PRIVATE.sign(BODY)
        verify_asymmetric(signature, BODY, key)
        for changed, data in ((signature, BODY + b" "), (signature[:-1], BODY), (bytes(64), BODY)):
            with pytest.raises(WrongSignature):
                verify_asymmetric(changed, data, key)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "whpk_",
            TEXT.removeprefix("whpk_"),
            TEXT.replace("whpk_", "whsk_"),
            f"whpk_{TEXT}",
            TEXT.rstrip("="),
            f"{TEXT}=",
            f"{TEXT}\n",
            "whpk_é",
            "whpk_" + base64.b64encode(RAW[:31]).decode(),
            "whpk_" + base64.b64encode(RAW * 2).decode(),
            "whpk_" + base64.b64encode(bytes(32)).decode(),
        ],
    )
    def test_of_another_spelling_is_refused(self, text):
        with pytest.raises(UnfitKey):
            read_public_text(text)

    SOUND = st.binary(min_size=32, max_size=32).map(
        lambda seed: Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    )

    @enough_is_read
    @given(
        mostly_sound(SOUND, st.binary()).map(lambda data: "whpk_" + base64.b64encode(data).decode())
    )
    def test_of_whatever_comes_is_refused_or_read(self, text):
        key = read_or_refuse(read_public_text, text, UnfitKey)
        if key is None:
            return
        assert len(base64.b64decode(text[5:])) == 32
        assert key.kid == "whpk_"
