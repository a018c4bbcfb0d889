"""What the tests share: a service on loopback over the core in memory, with real signatures."""

import json
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from flask import Flask
from werkzeug.serving import make_server

import counterseal as cs
from counterseal.errors import CredentialRefused, WrongState
from counterseal.models import UNFINISHED, Scheme
from counterseal.testing import FakeService
from counterseal.wire.claims import format_time
from counterseal.wire.messages import processed_document, read_processed
from counterseal_client import Asked, Client, ProcessedRequest, Trust
from counterseal_client.asked import read_asked
from counterseal_client.question import question_body
from counterseal_flask import Settings, create_blueprints

CALLBACK = "https://shop.example/done"
LOOK = timedelta(milliseconds=250)

STATUS = {
    "unauthorized": 401,
    "not_found": 404,
    "unreachable": 404,
    "wrong_state": 409,
    "key_in_progress": 409,
    "key_reused": 422,
    "too_often": 429,
    "too_many_pending": 429,
}


class Time:
    """Seconds that pass only where the client would sleep."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


@attrs.frozen
class Sent:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict
    body: bytes


class Origin:
    """
    An origin's side of a service, for tests.

    Attributes:
        world: The service's.
        url: Where the service is.
        key: The origin's.
    """

    def __init__(self, scheme, **world):
        self.world = FakeService(**world)
        self.scheme = scheme
        issued = self.world.credentials.issue(self.world.origin.origin.guid, Scheme(scheme))
        self.key = issued.secret

    def client(self, **settings):
        passing = Time()
        given = {
            "scheme": self.scheme,
            "app_space": self.world.app_space.guid,
            "clock": self.world.clock,
            "entropy": self.world.entropy,
            "sleep": passing.sleep,
            "monotonic": lambda: passing.now,
        }
        origin = self.world.origin.origin.guid
        return Client(settings.pop("url", self.url), origin, self.key, **(given | settings))

    @property
    def trust(self):
        return Trust(keys=self.world.ports.signer.jwks())

    def bound(self, invitation, **how):
        """Finish a bind as a phone would that was shown the link."""
        phone = self.world.phone(**how)
        enrolment = phone.device.enrolment(
            invitation.token, invitation.app_space, pin=phone.pin, name="A phone"
        )
        phone.device.complete_binding(self.world.enrolments.complete(enrolment))
        return phone


class Service(Origin):
    """The calls of an origin over HTTP, and a script of what goes wrong with the next ones."""

    def __init__(self, scheme="basic", *, tls=None, **world):
        super().__init__(scheme, **world)
        self.got = []
        self.script = deque()
        self.over = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                service.take(self)

            do_GET = do_PUT = do_POST = do_PATCH = do  # noqa: N815

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None
        name = "https://localhost" if tls else "http://127.0.0.1"
        self.url = f"{name}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, handler):
        length = int(handler.headers.get("content-length", 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        sent = Sent(handler.command, handler.path, headers, handler.rfile.read(length))
        self.got.append(sent)
        act = self.script.popleft() if self.script else plainly
        with suppress(OSError):
            act(self, handler, sent)

    def answer(self, sent):
        try:
            return self.handled(sent)
        except cs.Refused as refusal:
            body = {"code": refusal.public_code, "status": STATUS.get(refusal.public_code, 400)}
            if hasattr(refusal, "field"):
                body["field"] = refusal.field
            more = {"content-type": "application/problem+json"}
            if hasattr(refusal, "retry_after"):
                more["retry-after"] = str(int(refusal.retry_after) + 1)
            return body["status"], body, more

    def handled(self, sent):
        world = self.world
        try:
            party = world.authentication.authenticate(
                cs.SignedRequest(
                    method=sent.method,
                    uri=self.url + sent.path,
                    body=sent.body,
                    authorization=sent.headers.get("authorization", ""),
                    headers=tuple(sent.headers.items()),
                )
            )
        except cs.Refused:
            # Whatever is wrong with a credential, the outside is told the same.
            raise CredentialRefused from None
        parts = urlsplit(sent.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = cs.read_json(sent.body) if sent.body else {}
        call = getattr(self, parts.path.removeprefix("/api/").replace("/", "_"))
        status, document = call(party, body | query, sent)
        return status, document, {}

    def account_bind(self, party, asked, _):
        made = self.world.invitations.invite(
            party, asked["accountId"], user_info=asked.get("userInfo")
        )
        return 201, {
            "privakeyId": made.account.guid,
            "sessionToken": made.token,
            "sessionTokenExpiration": format_time(made.deadline),
            "appSpaceGuid": made.app_space.guid,
            "appSpaceName": made.app_space.name,
        }

    def request_add(self, party, asked, sent):
        issued = self.world.challenges.issue(
            party, cs.read_question(asked), idempotency_key=sent.headers.get("idempotency-key")
        )
        code = {} if issued.code is None else {"code": issued.code}
        return 201, self.told(issued.challenge) | code

    def request_getRequest(self, party, asked, _):  # noqa: N802
        challenge = asked["requestGuid"]
        end = time.monotonic() + int(asked.get("wait", 0))
        held = self.world.challenges.status(party, challenge)
        while held.state in UNFINISHED and time.monotonic() < end and not self.over.is_set():
            # Who rings between a look and a wait is not heard: so none is long.
            self.world.ports.wake.wait(challenge, LOOK)
            held = self.world.challenges.status(party, challenge)
        return 200, self.told(held)

    def request_cancel(self, party, asked, _):
        return 200, self.told(self.world.challenges.cancel(party, asked["requestGuid"]))

    def device_getAll(self, party, asked, _):  # noqa: N802
        devices = self.world.accounts.list_devices(party, asked["accountId"])
        return 200, [
            {"guid": each.guid, "name": each.name, "status": each.state.value} for each in devices
        ]

    def device_revoke(self, party, asked, _):
        with suppress(WrongState):
            self.world.devices.revoke(asked["deviceGuid"], by=party)
        return 204, None

    def account_getAccount(self, party, asked, _):  # noqa: N802
        held = self.world.accounts.get(party, asked["accountId"])
        return 200, {
            "privakeyId": held.guid,
            "accountId": held.account_id,
            "userInfo": held.user_info,
        }

    def told(self, challenge):
        return processed_document(challenge, now=self.world.clock.now())


def reply(handler, status, document=None, more=None, *, body=None):
    if body is None:
        body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode()
    handler.send_response(status)
    for name, value in ({"content-type": "application/json"} | (more or {})).items():
        handler.send_header(name, value)
    if status != 204:
        handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def plainly(service, handler, sent):
    reply(handler, *service.answer(sent))


def lose(service, handler, sent):
    """Do it, and break off before the reply."""
    service.answer(sent)
    handler.close_connection = True


def say(status, document=None, more=None, *, body=None):
    """Do nothing, and say this."""

    def act(service, handler, sent):
        reply(handler, status, document, more, body=body)

    return act


def changed(**members):
    """Do it, and tell it with other members."""

    def act(service, handler, sent):
        status, document, more = service.answer(sent)
        told = {name: value for name, value in (document | members).items() if value is not ...}
        reply(handler, status, told, more)

    return act


def hang(service, handler, sent):
    """Say nothing for as long as the test runs."""
    service.over.wait()


def drip(service, handler, sent):
    """Say a little now and then for as long as the test runs."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not service.over.wait(0.02):
        handler.wfile.write(b"x")


@pytest.fixture
def faults():
    """Return what can go wrong."""
    functions = (lose, say, changed, hang, drip)
    return attrs.make_class("Faults", [each.__name__ for each in functions])(*functions)


@pytest.fixture
def serve():
    """Return a factory of services."""
    made = []

    def make(*args, **kwargs):
        made.append(Service(*args, **kwargs))
        return made[-1]

    yield make
    for service in made:
        service.close()


class FlaskService(Origin):
    """The service as counterseal-flask serves it."""

    def __init__(self, scheme, **world):
        super().__init__(scheme, **world)
        app = Flask("auth")
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        settings = Settings(public_url=self.url)
        for blueprint in create_blueprints(self.world.ports, self.world.policy, settings):
            app.register_blueprint(blueprint)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(params=["basic", "hmac", "signature"])
def flask_service(request):
    """Return a service of counterseal-flask whose origin has one of the schemes."""
    service = FlaskService(request.param)
    yield service
    service.close()


@pytest.fixture(params=["basic", "hmac", "signature"])
def service(serve, request):
    """Return a service whose origin has one of the schemes."""
    return serve(request.param)


@pytest.fixture
def client(service):
    """Return the origin's client."""
    with service.client() as client:
        yield client


@attrs.frozen
class Story:
    """One question that was answered, without HTTP."""

    world: FakeService
    asked: Asked
    document: dict
    trust: Trust

    @property
    def told(self) -> ProcessedRequest:
        return read_processed(self.document)


@pytest.fixture(scope="session")
def tell():
    """Return a factory of stories; each has a world of its own."""

    def story(button=0, *, do=None, trust=None, world=None, content="Pay 10 EUR to Zoë?", **asked):
        world = world or FakeService()
        phone = world.bind("zoe")
        members = {"showNotification": True, "showCode": False} | asked
        buttons = members.pop("buttons", None)
        sent = question_body("zoe", content, buttons, None, **members)
        issued = world.challenges.issue(world.origin, cs.read_question(cs.read_json(sent)))
        code = {} if issued.code is None else {"code": issued.code}
        first = processed_document(issued.challenge, now=world.clock.now()) | code
        kept = read_asked(sent.decode(), first, origin=world.origin.origin.guid)
        if do is None:
            phone.answer(phone.fetch(issued.challenge.guid), button, code=issued.code)
        else:
            do(world, phone, issued)
        ended = world.challenges.status(world.origin, issued.challenge.guid)
        document = processed_document(ended, now=world.clock.now())
        return Story(world, kept, document, trust or Trust(keys=world.ports.signer.jwks()))

    return story
