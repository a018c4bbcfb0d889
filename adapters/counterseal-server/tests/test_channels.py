"""Channels: which ones the settings ask for, what does not fit, one that fails beside others."""

import base64
import json
import sys
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from counterseal.errors import InvalidField, NotifierUnavailable
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import (
    AddressKind,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.models.guid import derive_guid
from counterseal.outbox.documents import secret_text
from counterseal_http import load_machine_authorities
from counterseal_server.channels import Channels, channels
from counterseal_server.configuration import settings
from counterseal_server.webpush_key import ensure_public_key, public_webpush_key
from counterseal_testing.outbox import OutboxNotifier
from counterseal_web import Settings as Face

DELIVERED, GONE, MISCONFIGURED, LATER = (
    PushOutcome(result=getattr(PushResult, name))
    for name in ("DELIVERED", "GONE", "MISCONFIGURED", "LATER")
)
SECRET = secret_text(b"0123456789abcdef0123456789abcdef")
FCM = {AddressKind.FCM_TOKEN, AddressKind.FCM_FID}
MESSAGE = PushMessage(
    guid=derive_guid(7, "bell"),
    occasion=Occasion.CHALLENGE,
    subject=derive_guid(7, "question"),
    account=derive_guid(7, "account"),
    title="A question",
    body="Open the app.",
    life=timedelta(minutes=2),
    timeout=timedelta(seconds=1),
)


@pytest.fixture
def opened(tmp_path):
    """Return what makes channels from an environment, in which all files are in one folder."""
    opened_channels = []

    def make(**environment):
        variables = {f"COUNTERSEAL_{name.upper()}": value for name, value in environment.items()}
        loaded_settings = settings({"data": str(tmp_path)}, variables)
        opened_channels.append(
            channels(loaded_settings, SystemClock(), SystemEntropy(), tls=load_machine_authorities)
        )
        return opened_channels[-1]

    yield make
    for each in opened_channels:
        each.close()


@pytest.fixture
def account(tmp_path):
    """Write the key file of a service account, and return where it is."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    members = {
        "type": "service_account",
        "project_id": "bell-test",
        "private_key": key.decode(),
        "client_email": "sender@bell-test.example",
        "token_uri": "http://127.0.0.1:1/token",
    }
    path = tmp_path / "firebase.json"
    path.write_text(json.dumps(members))
    return str(path)


def at(kind, value="1"):
    return PushAddress(kind=kind, value=value)


def test_by_default_there_is_none(opened):
    none = opened()
    assert none.kinds() == frozenset()
    none.open()
    assert none.push((at(AddressKind.RELAY),), MESSAGE) == (MISCONFIGURED,)


def test_each_of_them_and_all(opened, account, tmp_path):
    contact = {"webpush_contact": "mailto:operator@push.example"}
    ensure_public_key(settings({"data": str(tmp_path)}, {}), SystemEntropy())
    relay = {"relay_url": "https://push.example/relay", "relay_secret": SECRET}
    expected = {
        frozenset(FCM): {"fcm_account_file": account},
        frozenset({AddressKind.WEBPUSH}): contact,
        frozenset(AddressKind): relay,
        frozenset({*FCM, AddressKind.WEBPUSH}): {"fcm_account_file": account, **contact},
    }
    for kinds, environment in expected.items():
        opened_channels = opened(**environment)
        opened_channels.open()
        assert opened_channels.kinds() == kinds

    every = opened(fcm_account_file=account, **contact, **relay)
    every.open()
    assert every.kinds() == frozenset(AddressKind)
    assert [type(every._channel(kinds)).__name__ for kinds in every._makers] == [
        "FcmNotifier",
        "WebPushNotifier",
        "RelayNotifier",
    ]
    assert every._channel(list(every._makers)[2]).kinds() == {AddressKind.RELAY, AddressKind.APNS}


@pytest.mark.parametrize(
    ("environment", "field"),
    [
        ({"fcm_account_file": "/nowhere"}, "fcm_account_file"),
        ({"fcm_account_file": __file__}, "fcm_account_file"),
        ({"webpush_contact": "mailto:a@b.example"}, "webpush_key_file"),
        ({"webpush_contact": "mailto:a@b.example", "webpush_key": "canary"}, "webpush_key"),
        (
            {"webpush_contact": "nobody", "webpush_key": base64.b64encode(b"x" * 32).decode()},
            "webpush_contact",
        ),
        ({"relay_url": "push.example", "relay_secret": SECRET}, "relay_url"),
        ({"relay_url": "http://push.example/", "relay_secret": SECRET}, "relay_url"),
        ({"relay_url": "https://push.example/"}, "relay_secret"),
        ({"relay_url": "https://push.example/", "relay_secret": "canary"}, "relay_secret"),
        (
            {"relay_url": "https://push.example/", "relay_secret_file": "/nowhere"},
            "relay_secret_file",
        ),
    ],
)
def test_what_does_not_fit_is_said_at_the_start(opened, environment, field):
    with pytest.raises(InvalidField) as refused:
        opened(**environment).open()
    assert refused.value.field == field
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "value", "extra"),
    [
        ("fcm_account_file", "/nowhere", "fcm"),
        ("webpush_contact", "mailto:a@b.example", "webpush"),
        ("relay_url", "https://push.example/", "relay"),
    ],
)
def test_an_extra_that_is_not_there_is_named(opened, monkeypatch, setting, value, extra):
    monkeypatch.setitem(sys.modules, f"counterseal_{extra}", None)
    with pytest.raises(InvalidField, match=rf"counterseal_{extra} .*\[{extra}\]") as refused:
        opened(**{setting: value}).open()
    assert refused.value.field == setting


def test_a_secret_in_a_file_and_two_while_they_change(opened, tmp_path):
    file = tmp_path / "relay.secret"
    file.write_text(f"{secret_text(b'x' * 32)}\n{SECRET}\n")
    opened(relay_url="https://push.example/", relay_secret_file=str(file)).open()


def test_one_that_fails_changes_nothing_for_another():
    class Closing(OutboxNotifier):
        def close(self):
            pass

    failing, healthy = Closing(AddressKind.APNS), Closing(AddressKind.RELAY)
    failing.failing = True
    several = Channels({one.kinds(): (lambda one=one: one) for one in (failing, healthy)})
    dead = at(AddressKind.RELAY, "dead")
    healthy.dead.add(dead)

    addresses = (at(AddressKind.APNS), dead, at(AddressKind.WEBPUSH), at(AddressKind.RELAY))
    assert several.push(addresses, MESSAGE) == (LATER, GONE, MISCONFIGURED, DELIVERED)
    with pytest.raises(NotifierUnavailable):
        failing.push(addresses, MESSAGE)


def test_an_address_is_checked_by_the_channel_of_its_kind(opened):
    several = opened(relay_url="https://push.example/", relay_secret=SECRET)
    several.require_sendable(at(AddressKind.RELAY))
    with pytest.raises(InvalidField, match="value"):
        several.require_sendable(at(AddressKind.RELAY, "pigeon:"))
    opened().require_sendable(at(AddressKind.RELAY, "pigeon:"))


def test_the_key_of_web_push_is_made_once(tmp_path):
    loaded_settings = settings({"data": str(tmp_path)}, {})
    public = ensure_public_key(loaded_settings, SystemEntropy())
    assert ensure_public_key(loaded_settings, SystemEntropy()) == public
    assert len(public) == 87
    assert loaded_settings.webpush_key_file.stat().st_mode & 0o777 == 0o600

    private_key = loaded_settings.webpush_key_file.read_text()
    elsewhere = settings(
        {"data": str(tmp_path / "other")}, {"COUNTERSEAL_WEBPUSH_KEY": private_key}
    )
    assert ensure_public_key(elsewhere, SystemEntropy()) == public
    assert not elsewhere.webpush_key_file.exists()

    loaded_settings.webpush_key_file.write_text("canary")
    with pytest.raises(InvalidField, match="webpush_key"):
        ensure_public_key(loaded_settings, SystemEntropy())


def test_devices_get_the_public_key_where_the_service_sends_web_push(tmp_path):
    contact = {"COUNTERSEAL_WEBPUSH_CONTACT": "mailto:operator@push.example"}
    silent, sending = (settings({"data": str(tmp_path)}, more) for more in ({}, contact))
    with pytest.raises(InvalidField, match="webpush_key_file"):
        public_webpush_key(sending)
    public = ensure_public_key(silent, SystemEntropy())
    assert (public_webpush_key(silent), public_webpush_key(sending)) == (None, public)
    assert Face(public_url="https://a.example", webpush_key=public).webpush_key == public


def test_the_command_that_makes_it(run, tmp_path):
    opened_channels = [run("keys", "webpush", "--data", tmp_path) for _ in range(2)]
    assert [done.exit_code for done in opened_channels] == [0, 0]
    assert opened_channels[0].stdout == opened_channels[1].stdout
    assert len(json.loads(opened_channels[0].stdout)["publicKey"]) == 87
