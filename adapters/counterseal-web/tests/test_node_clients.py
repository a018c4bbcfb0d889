"""Node programs with axios call as C-milo, C-mern and C-ue did, from the bind to the callback."""

import http.client
import json
import os
import queue
import shutil
import subprocess
import threading
import urllib.parse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from werkzeug.serving import make_server

import counterseal as cs
from counterseal import Administration, Credentials, keys, trusted_keys
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import memory_ports
from counterseal.models import Clients, DeliveryOutcome, Scheme, TokenForm
from counterseal.outbox.usecases.callbacks import Callbacks
from counterseal_testing import FakeAttestationVerifier, FakeModel, FakePasskey
from counterseal_testing.clock import FrozenClock

pytestmark = pytest.mark.one_face

HERE = Path(__file__).parent / "node"
SOON = 240
HOST = "auth.example.com"
CALLBACK = f"https://{HOST}/api/g-1/mfa/callback"
PIN = "2580"
CHEAP = 2
OUT_OF_REACH = ("EAI_AGAIN", "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder with the programs, and what they need from npm's registry."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no node: none with npm is on the path")
    folder = tmp_path_factory.mktemp("node") / "clients"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules"))
    try:
        ended = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("no npm: its registry does not answer")
    if ended.returncode and any(code in ended.stderr for code in OUT_OF_REACH):
        pytest.skip("no npm: its registry is out of reach")
    assert ended.returncode == 0, ended.stderr
    return folder


class Relay:
    """Sends callbacks where the program listens, as if the host's name led there."""

    port = 0
    lie = (b"", b"")

    def require_callable(self, url):
        pass

    def send(self, delivery):
        parts = urllib.parse.urlsplit(delivery.url)
        assert (parts.scheme, parts.netloc) == ("https", HOST)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)
        connection.request(
            "POST", parts.path, delivery.body.replace(*self.lie), dict(delivery.headers)
        )
        status = connection.getresponse().status
        connection.close()
        return DeliveryOutcome(status=status)


class Program:
    """A relying party in Node; it says what it has, and waits to be told to go on."""

    def __init__(self, folder, name, party):
        self.process = subprocess.Popen(
            [shutil.which("node"), f"{name}.mjs"],
            cwd=folder,
            # No proxy stands between it and this machine.
            env={"PATH": os.environ["PATH"], "PARTY": json.dumps(party)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def hear(self):
        lines = self.lines.get(timeout=SOON)
        assert lines is not None, "the program ended"
        return lines

    def send_line(self, **document):
        self.process.stdin.write(json.dumps(document) + "\n")
        self.process.stdin.flush()

    def ended(self):
        return self.process.wait(SOON) == 0

    def stop(self):
        self.process.kill()
        self.process.wait(SOON)
        self.process.stdin.close()
        self.process.stdout.close()


@attrs.frozen
class Service:
    """A running service over the memory ports and the system's clock, and its operator."""

    base: str
    ports: cs.Ports

    def origin(self, token_form=TokenForm.TEXT, clients=Clients.CX, space=None):
        """An origin as the CX admin calls make it, and what its program is told."""
        administration = Administration(self.ports, cs.STANDARD, by=cs.OPERATOR)
        if space is None:
            company = administration.create_company("Example Ltd")
            space = administration.create_app_space(company.guid, "Example app").guid
        origin = administration.create_origin(space, "Shop", clients=clients, token_form=token_form)
        administration.allow_callback(origin.guid, CALLBACK)
        return space, {
            "base": self.base,
            "origin": origin.guid,
            "key": self.credentials.issue(origin.guid, Scheme.BASIC).secret,
            "callback": CALLBACK,
            "accountId": "user-42",
            "callbackSecret": self.credentials.issue_webhook_key(origin.guid),
        }

    def super_admin(self):
        """What a program is told that creates its tenant by the admin calls."""
        admin = self.credentials.create_admin("super", all_companies=True)
        return {"base": self.base, "superId": admin.guid, "superKey": admin.secret}

    @property
    def credentials(self):
        return Credentials(self.ports, cs.STANDARD, by=cs.OPERATOR)

    def deliver(self, port):
        self.ports.sender.port = port
        callbacks = Callbacks(self.ports, cs.STANDARD)
        for guid in callbacks.due():
            callbacks.attempt(guid)

    def expire(self):
        return cs.Challenges(self.ports, cs.STANDARD).expire()


@attrs.frozen
class DeviceClient:
    """A device that calls over HTTP."""

    base: str
    device: SoftwareDevice

    @classmethod
    def bind(cls, service, token, app_space):
        ports = service.ports
        device = SoftwareDevice.make(clock=ports.clock, entropy=ports.entropy, pin=PIN, cost=CHEAP)
        device_client = cls(service.base, device)
        enrolment = enrolment_document(device.enrolment(token, app_space, pin=PIN))
        bound = device_client.send("POST", "/device/bind", json.dumps(enrolment).encode())
        device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=trusted_keys(bound["serviceKeys"]),
        )
        return device_client

    def send(self, method, path, body=b"", media_type="application/json", **headers):
        connection = http.client.HTTPConnection(self.base.rpartition("/")[2], timeout=SOON)
        connection.request(method, path, body or None, {"Content-Type": media_type, **headers})
        reply = connection.getresponse()
        document = json.load(reply)
        connection.close()
        assert reply.status == 200, document
        return document

    def call(self, method, path, body=b"", media_type="application/json"):
        proof = self.device.signed_call(method, self.base + path, body).proof
        return self.send(method, path, body, media_type, **{"Counterseal-Proof": proof})

    def display_text(self, guid):
        pending = self.call("GET", "/device/requests")["requests"]
        assert guid in [each["guid"] for each in pending]
        return self.call("GET", f"/device/requests/{guid}")["display"]

    def answer(self, guid, button):
        token = self.device.answer(self.display_text(guid), button, pin=PIN).encode()
        return self.call("POST", "/device/answer", token, "application/jose")


@pytest.fixture
def serve(kit):
    """Start services; all stop when the test ends."""
    running = []

    def start(clock=None):
        ports = attrs.evolve(
            memory_ports(clock=clock), sender=Relay(), attestation=FakeAttestationVerifier()
        )
        server = make_server("127.0.0.1", 0, None, threaded=True)
        base = f"http://127.0.0.1:{server.server_port}"
        server.app = kit.application(ports, public_url=base, administration=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return Service(base, ports)

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join(SOON)
        server.server_close()


@pytest.fixture
def launch(programs):
    """Start programs; none outlives the test."""
    launched = []

    def start(name, party):
        program = Program(programs, name, party)
        launched.append(program)
        return program

    yield start
    for program in launched:
        program.stop()


def test_c_milo_asks_and_is_called(serve, launch):
    service = serve()
    space, party = service.origin(TokenForm.OBJECT)
    milo = launch("milo", party)
    bound = milo.hear()
    assert bound["status"] == 201
    assert bound["tokenexpiry"].endswith("Z")
    device_client = DeviceClient.bind(service, bound["token"], space)
    milo.send_line()
    added = milo.hear()
    display_text = json.loads(device_client.display_text(added["guid"]))
    assert display_text["content"] == {"text": "Did you just send yourself a notification?"}
    assert device_client.answer(added["guid"], 0)["approved"]
    service.deliver(bound["port"])
    verdict = milo.hear()
    assert (verdict["approved"], verdict["verified"]) == (True, True)
    assert verdict["callback"]["guid"] == added["guid"]
    assert verdict["callback"]["privakeyId"] == bound["privakeyId"]
    milo.send_line()
    login = milo.hear()
    assert [button["title"] for button in login["buttons"]] == ["Approve", "Reject"]
    assert login["additionalInfo"] == "{'viewType': 'html', 'format': 'standard'}"
    assert not device_client.answer(login["guid"], 1)["approved"]
    assert milo.ended()


def abandon(serve, launch, clients):
    """Let C-milo ask for a log-in that nobody answers, until it is over."""
    clock = FrozenClock(datetime.now(UTC))
    service = serve(clock)
    space, party = service.origin(TokenForm.OBJECT, clients)
    milo = launch("abandoned", party)
    bound = milo.hear()
    device_client = DeviceClient.bind(service, bound["token"], space)
    milo.send_line()
    device_client.display_text(milo.hear()["guid"])
    clock.advance(timedelta(minutes=2))
    assert service.expire() == 1
    return service, milo, device_client, bound["port"]


def test_c_milo_is_not_called_for_a_log_in_that_is_abandoned(serve, launch):
    service, milo, device_client, port = abandon(serve, launch, Clients.CX)
    service.deliver(port)
    milo.send_line()
    assert milo.hear() == {"calls": 0}
    guid = milo.hear()["guid"]
    device_client.answer(guid, 0)
    service.deliver(port)
    assert milo.hear() == {"title": "Approve", "guid": guid, "calls": 1}
    assert milo.ended()


def test_c_milo_would_end_at_a_callback_without_a_button(serve, launch):
    service, milo, _, port = abandon(serve, launch, Clients.CURRENT)
    with pytest.raises((OSError, http.client.HTTPException)):
        service.deliver(port)
    assert not milo.ended()


def test_c_ue_takes_no_device_for_nothing_to_revoke(serve, launch):
    service = serve()
    space, party = service.origin()
    ue = launch("unbound", party)
    event = ue.hear()
    refused = {"status": 404, "code": "unreachable"}
    assert event["unknown"] == {"devices": [], "asked": refused}
    assert event["unbound"] == {"asked": refused}
    device_client = DeviceClient.bind(service, event["token"], space)
    ue.send_line()
    event = ue.hear()
    assert [each["guid"] for each in event["devices"]] == [device_client.device.bond.device]
    assert event["asked"] == {"status": 201}
    assert ue.ended()


def test_clients_of_2019_and_2021_at_one_service_at_the_same_time(serve, launch):
    service = serve()
    space, older = service.origin(TokenForm.OBJECT)
    _, newer = service.origin(TokenForm.TEXT, space=space)
    assert older["accountId"] == newer["accountId"]
    programs = [launch(name, party) for name, party in (("milo", older), ("mern", newer))]
    bound = [program.hear() for program in programs]
    device_clients = [DeviceClient.bind(service, event["token"], space) for event in bound]
    for program in programs:
        program.send_line()
    added = [program.hear()["guid"] for program in programs]
    # It is one user: each phone shows the questions of both.
    for device_client in device_clients:
        pending = device_client.call("GET", "/device/requests")["requests"]
        assert sorted(each["guid"] for each in pending) == sorted(added)
    # The later one is answered first, and each program gets its own callback.
    for at in (1, 0):
        device_clients[at].answer(added[at], 0)
        service.deliver(bound[at]["port"])
        verdict = programs[at].hear()
        assert (verdict["approved"], verdict["verified"]) == (True, True)
        assert verdict["callback"]["guid"] == added[at]
    programs[0].send_line()
    device_clients[0].answer(programs[0].hear()["guid"], 1)
    assert all(program.ended() for program in programs)


@pytest.mark.parametrize(("account_id", "text"), [(42, "42"), (-7, "-7")])
def test_c_mern_names_its_users_by_numbers(serve, launch, account_id, text):
    service = serve()
    space, party = service.origin()
    mern = launch("mern", party | {"accountId": account_id})
    bound = mern.hear()
    assert bound["fresh"]
    device_client = DeviceClient.bind(service, bound["token"], space)
    mern.send_line()
    guid = mern.hear()["guid"]
    assert json.loads(device_client.display_text(guid))["account"]["id"] == text
    device_client.answer(guid, 0)
    service.deliver(bound["port"])
    verdict = mern.hear()
    assert (verdict["approved"], verdict["callback"]["accountId"]) == (True, text)
    assert mern.ended()


@pytest.mark.parametrize("button", [0, 1])
def test_c_mern_asks_and_is_called(serve, launch, button):
    service = serve()
    space, party = service.origin()
    mern = launch("mern", party)
    bound = mern.hear()
    assert bound["fresh"]
    device_client = DeviceClient.bind(service, bound["token"], space)
    mern.send_line()
    added = mern.hear()
    assert added["status"] == 201
    device_client.answer(added["guid"], button)
    service.deliver(bound["port"])
    verdict = mern.hear()
    assert (verdict["approved"], verdict["verified"]) == (button == 0, True)
    assert verdict["callback"]["buttonSelected"] == button
    assert mern.ended()


@pytest.fixture
def ue(serve, launch):
    """The program, set up and bound, with its phone."""
    service = serve()
    program = launch("ue", service.super_admin() | {"host": HOST})
    bound = program.hear()
    device_client = DeviceClient.bind(service, bound["token"], bound["appSpaceGuid"])
    program.send_line(callbackSecret=service.credentials.issue_webhook_key(bound["origin"]))
    return program, service, bound, device_client


@pytest.mark.parametrize("button", [0, 1])
def test_c_ue_sets_itself_up_asks_and_confirms_the_result(ue, button):
    ue, service, bound, device_client = ue
    assert bound["before"] == []
    (origin,) = service.ports.store.get(bound["origin"])
    assert (origin.domains, origin.entries[1].guid) == ((HOST,), bound["domain"])
    added = ue.hear()
    assert added["transactionId"] == added["sent"]
    display_text = json.loads(device_client.display_text(added["guid"]))
    assert display_text["content"]["keys"] == [{"key": "Example Platform", "value": "Zöe"}]
    assert not display_text["code"]
    device_client.answer(added["guid"], button)
    service.deliver(bound["port"])
    verdict = ue.hear()
    assert (verdict["agrees"], verdict["verified"]) == (True, True)
    assert verdict["approved"] is (button == 0)
    assert verdict["callback"]["buttonSelected"] == button
    assert verdict["callback"].items() <= verdict["requeried"].items()
    ue.send_line()
    (device,) = ue.hear()["devices"]
    assert (device["guid"], device["status"]) == (device_client.device.bond.device, "REVOKED")
    assert ue.ended()


def test_c_ue_believes_no_callback_that_lies(ue):
    ue, service, bound, device_client = ue
    guid = ue.hear()["guid"]
    device_client.answer(guid, 1)
    service.ports.sender.lie = (b'"buttonSelected":1', b'"buttonSelected":0')
    service.deliver(bound["port"])
    verdict = ue.hear()
    assert verdict["callback"]["buttonSelected"] == 0
    assert (verdict["approved"], verdict["agrees"], verdict["verified"]) == (False, False, False)


@pytest.mark.parametrize(
    ("host", "rp_id", "web_origin"),
    [(HOST, HOST, f"https://{HOST}"), ("localhost:3000", "localhost", "http://localhost:3000")],
)
def test_c_ue_enables_passkeys_registers_and_logs_in(serve, launch, host, rp_id, web_origin):
    service = serve()
    party = service.super_admin() | {"host": host, "accountId": "user-42"}
    program = launch("passkeys", party)
    bound = program.hear()
    (origin,) = service.ports.store.get(bound["origin"])
    assert bound["entries"] == [origin.entries[1].guid] * 2
    assert origin.domains == (web_origin.partition("//")[2],)
    assert bound["location"].endswith(f"/api/account/{bound['privakeyId']}")
    options = bound["registrationOptions"]
    assert options["rp"]["id"] == rp_id
    passkey = FakePasskey(rp_id=rp_id, origin=web_origin)
    challenge = keys.unb64url(options["challenge"])
    created = FakeModel(attestation="none").create(passkey, challenge)
    program.send_line(
        credential=credential(
            passkey,
            clientDataJSON=created.client_data,
            attestationObject=created.attestation_object,
        )
    )
    begun = program.hear()
    assert begun["registered"]["privakeyId"] == bound["privakeyId"]
    parts = passkey.get(keys.unb64url(begun["assertionOptions"]["challenge"]))
    program.send_line(
        credential=credential(
            passkey,
            clientDataJSON=parts.client_data,
            authenticatorData=parts.authenticator_data,
            signature=parts.signature,
            userHandle=keys.unb64url(options["user"]["id"]),
        )
    )
    assert program.hear() == {
        "loggedIn": True,
        "replayed": {"status": 409, "code": "wrong_state"},
    }
    assert program.ended()


def credential(passkey, **response):
    credential_id = passkey.public.passkey.credential_id
    return {
        "type": "public-key",
        "id": credential_id,
        "rawId": credential_id,
        "authenticatorAttachment": "platform",
        "response": {name: keys.b64url(data) for name, data in response.items()},
        "clientExtensionResults": {"credProps": {"rk": True}},
    }
