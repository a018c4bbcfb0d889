"""The whole way over sockets, by each channel and by none: bind, ask, ring, answer, call back."""

import contextlib
import http.client
import json
import re
import signal
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from program import PATIENCE, PIN, eventually

from counterseal import trusted_keys
from counterseal.bindings.documents.enrolment import Update, enrolment_document, update_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import AddressKind, PushAddress
from counterseal.outbox.documents import secret_text

for channel in ("fcm", "relay", "webpush"):
    sys.path.insert(0, str(Path(__file__).parents[2] / f"counterseal-{channel}" / "tests"))

import fcm_loopback  # noqa: E402 (it lies with its adapter)
import push_loopback  # noqa: E402 (it lies with its adapter)
import relay_loopback  # noqa: E402 (it lies with its adapter)

LONG = """
[policy]
push_timeout = "1m"
push_lease = "2m"
"""
"""For which nobody waits who asks and answers, though the relay says nothing."""

CANARY = "canary"
QUESTION = {
    "accountId": f"{CANARY}-account",
    "content": f"{CANARY}-content",
    "additionalInfo": json.dumps({"note": f"{CANARY}-info"}),
    "transactionId": f"{CANARY}-transaction",
    "buttons": [
        {"title": f"{CANARY}-yes", "strongAuth": True},
        {"title": f"{CANARY}-no", "strongAuth": False},
    ],
    "showCode": True,
}


def bind(service, *addresses):
    """Let a new software device bind itself; return it, the status and the body."""
    device = SoftwareDevice.make(clock=SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=2)
    status, invited = service.call("PUT", "/account/bind", {"accountId": QUESTION["accountId"]})
    assert status in {200, 201}
    token, space = invited["sessionToken"], invited["appSpaceGuid"]
    enrolment = device.enrolment(token, space, pin=PIN, addresses=addresses)
    return device, *service.call("POST", "/device/bind", enrolment_document(enrolment))


class Phone:
    """A software device of QUESTION's account, which is rung at *addresses*."""

    def __init__(self, service, *addresses):
        self._service = service
        self._device, status, bound = bind(service, *addresses)
        assert status == 200, bound
        self._device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )
        self.guid, self.account = bound["device"], bound["account"]

    def pending(self):
        return self._signed_request("GET", "/device/requests")

    def answer(self, question, code):
        request_document = self._signed_request("GET", f"/device/requests/{question}")
        signed = self._device.answer(request_document["display"], 0, pin=PIN, code=code)
        return self._signed_request("POST", "/device/answer", signed.encode())

    def change(self, *addresses):
        body = json.dumps(update_document(Update(addresses=addresses))).encode()
        return self._call("PATCH", "/device", body, content_type="application/json")

    def _signed_request(self, method, path, body=b""):
        status, content = self._call(method, path, body)
        assert status == 200, content
        return content

    def _call(self, method, path, body=b"", *, content_type="application/jose"):
        call = self._device.signed_call(method, self._service.url + path, body)
        headers = {"Counterseal-Proof": call.proof, "Content-Type": content_type}
        connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())


class Fcm:
    """Firebase, as the service is told of it."""

    def __init__(self, folder):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.server = fcm_loopback.Firebase(key.public_key())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file = folder / "firebase.json"
        file.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": fcm_loopback.PROJECT,
                    "private_key": pem.decode(),
                    "client_email": fcm_loopback.EMAIL,
                    "token_uri": f"{self.server.url}/token",
                }
            )
        )
        self.environment = {
            "COUNTERSEAL_FCM_ACCOUNT_FILE": str(file),
            "COUNTERSEAL_FCM_URL": self.server.url,
        }
        self.address = PushAddress(kind=AddressKind.FCM_TOKEN, value="phone")

    def pushes(self):
        return [(push["token"], push["data"]) for _, push in self.server.messages]

    def requests_seen(self):
        return self.server.raw


class WebPush:
    """A push service of a browser's."""

    def __init__(self, _):
        self.server = push_loopback.PushService()
        self.browser = self.server.browser("phone")
        self.environment = {"COUNTERSEAL_WEBPUSH_CONTACT": "mailto:operator@push.example"}
        self.address = PushAddress(kind=AddressKind.WEBPUSH, value=self.browser.subscription())

    def pushes(self):
        return [
            (
                message.path.rpartition("/")[2],
                json.loads(self.browser.decrypt(message.body))["data"],
            )
            for message in self.server.messages
        ]

    def requests_seen(self):
        return [
            (message.headers, message.body, self.browser.decrypt(message.body))
            for message in self.server.messages
        ]


class Relay:
    """An operator's own push service."""

    def __init__(self, _):
        self.server = relay_loopback.Relay()
        self.environment = {
            "COUNTERSEAL_RELAY_URL": self.server.url,
            "COUNTERSEAL_RELAY_SECRET": secret_text(relay_loopback.SECRET),
        }
        self.address = PushAddress(kind=AddressKind.RELAY, value="pigeon:phone")

    def pushes(self):
        return [
            (name, push["data"])
            for _, push in self.server.messages
            for group in push["notificationMetaData"]
            for name in group["ids"]
        ]

    def requests_seen(self):
        return self.server.messages


@pytest.fixture
def new_channel(tmp_path):
    """Return what makes channels' other ends."""
    channels_made = []

    def make(kind):
        channels_made.append(kind(tmp_path))
        return channels_made[-1]

    yield make
    for channel in channels_made:
        channel.server.close()


@pytest.fixture
def serve(new_service):
    """Return what runs a service with channels."""

    def start(*channels, policy="", **more):
        service = new_service()
        config = service.folder / "policy.toml"
        config.write_text(policy)
        more = {"COUNTERSEAL_CONFIG": str(config)} | more
        environment = {"COUNTERSEAL_ALLOW_PRIVATE_PUSHES": "1"} | more
        for channel in channels:
            environment |= channel.environment
            if isinstance(channel, WebPush):
                channels_made = service.command(
                    "keys", "webpush", "--data", service.folder / "data"
                )
                channel.server.key = json.loads(channels_made)["publicKey"]
        service.serve(**environment)
        return service

    return start


def ask(service, receiver):
    status, output = service.call("POST", "/request/add", QUESTION | {"callback": receiver.url})
    assert status == 201, f"{output}"
    return output


@pytest.mark.parametrize("kind", [Fcm, WebPush, Relay, None])
def test_the_whole_way(serve, new_channel, receiver, kind):
    channel = kind and new_channel(kind)
    service = serve(*[channel] if channel else [])
    phone = Phone(service, *[channel.address] if channel else [])
    question = ask(service, receiver)

    if channel:
        (name, data), *more = eventually(channel.pushes)
        assert (name, more) == ("phone", [])
        assert data == {
            "type": "request",
            "requestGuid": question["guid"],
            "privakeyId": phone.account,
        }
        requests_seen = repr(channel.requests_seen())
        assert CANARY not in requests_seen
        # Six digits may be a part of a GUID, a time or a signature.
        assert not re.search(rf"\b{question['code']}\b", requests_seen)
    else:
        assert question["guid"] in json.dumps(phone.pending())
    assert phone.answer(question["guid"], question["code"])
    _, body = eventually(lambda: receiver.received)[0]
    assert json.loads(body)["guid"] == question["guid"]
    (process,) = service.processes
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


def test_a_malformed_web_push_address_is_refused_at_the_bind_and_at_the_change(serve, new_channel):
    channel = new_channel(WebPush)
    service = serve(channel)
    off_curve = push_loopback.b64(b"\x04" + b"\x01" * 64)
    malformed = PushAddress(
        kind=AddressKind.WEBPUSH,
        value=channel.browser.subscription(keys={"p256dh": off_curve, "auth": "A" * 22}),
    )
    field = "addresses[0].value.keys.p256dh"

    status, refusal = bind(service, channel.address, malformed)[1:]
    assert (status, refusal["code"]) == (400, "invalid_field"), refusal
    assert refusal["field"] == field.replace("[0]", "[1]")
    assert off_curve not in repr(refusal)

    phone = Phone(service, channel.address)
    status, refusal = phone.change(malformed)
    assert (status, refusal["code"], refusal["field"]) == (400, "invalid_field", field)
    assert phone.change(channel.address)[0] == 200


def test_notifications_by_processes_of_their_own(serve, new_channel, receiver):
    relay = new_channel(Relay)
    service = serve(relay, COUNTERSEAL_NOTIFICATION_WORKERS="0")
    phone = Phone(service, relay.address)
    question = ask(service, receiver)
    output = {"COUNTERSEAL_ALLOW_PRIVATE_PUSHES": "1"} | relay.environment
    assert service.call("GET", "/readyz", plain=True)[0] == 200
    assert relay.pushes() == []

    workers = [service.run("notify", "run", **output) for _ in range(2)]

    ((name, data),) = eventually(relay.pushes)
    assert (name, data["requestGuid"]) == ("phone", question["guid"])
    eventually(lambda: service.log.read_text().count("notifying devices") == 2)
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    # Nothing but bells is theirs: what is over is the service's, and so are callbacks.
    assert phone.answer(question["guid"], question["code"])
    eventually(lambda: receiver.received)
    assert len(relay.pushes()) == 1


def test_a_dead_and_a_live_device_a_failing_and_a_healthy_channel(serve, new_channel, receiver):
    fcm, relay = new_channel(Fcm), new_channel(Relay)
    fcm.server.responses["dead"] = fcm_loopback.fcm_error(404, "UNREGISTERED")
    relay.server.response = 503, {"retry-after": "3600"}, b""
    service = serve(fcm, relay, policy=LONG)
    Phone(service, PushAddress(kind=AddressKind.FCM_TOKEN, value="dead"))
    live = Phone(service, fcm.address, relay.address)
    question = ask(service, receiver)

    def output():
        return [name for name, data in fcm.pushes() if data.get("requestGuid") == question["guid"]]

    assert eventually(output) == ["phone"]
    eventually(lambda: relay.server.requests)
    assert live.answer(question["guid"], question["code"])
    eventually(lambda: receiver.received)

    # The dead address is forgotten: the next question is not rung there.
    before = sum('"dead"' in body.decode() for _, body in fcm.server.raw)
    assert before >= 1
    # A channel that hangs holds nobody up who asks.
    relay.server.hanging = True
    second = ask(service, receiver)
    eventually(lambda: any(data.get("requestGuid") == second["guid"] for _, data in fcm.pushes()))
    assert sum('"dead"' in body.decode() for _, body in fcm.server.raw) == before
    assert live.answer(second["guid"], second["code"])
    eventually(lambda: relay.server.hanging_requests)
    assert relay.server.released_requests == 0
    relay.server.released.set()
