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
from counterseal.accounts.documents import (
    BindInvitation,
    account_document,
    device_document,
    invitation_document,
)
from counterseal.challenges.documents.messages import processed_document, read_processed
from counterseal.challenges.documents.question import request_document
from counterseal.errors import CredentialRefused, WrongState
from counterseal.ijson import compact
from counterseal.models import UNFINISHED, Question, Scheme, TextContent, TokenForm
from counterseal_client import Client, PendingRequest, ProcessedRequest, Trust
from counterseal_client.pending_request import read_pending_request
from counterseal_flask import Settings, create_blueprints
from counterseal_testing import FakeService

CALLBACK = "https://shop.example/done"
POLL = timedelta(milliseconds=250)

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
class HttpRequest:
    """One request over HTTP."""

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
        defaults = {
            "scheme": self.scheme,
            "app_space": self.world.app_space.guid,
            "clock": self.world.clock,
            "entropy": self.world.entropy,
            "sleep": passing.sleep,
            "monotonic": lambda: passing.now,
        }
        origin = self.world.origin.origin.guid
        kind, url = settings.pop("kind", Client), settings.pop("url", self.url)
        return kind(url, origin, self.key, **(defaults | settings))

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
        self.requests = []
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
        http_request = HttpRequest(
            handler.command, handler.path, headers, handler.rfile.read(length)
        )
        self.requests.append(http_request)
        fault = self.script.popleft() if self.script else plainly
        with suppress(OSError):
            fault(self, handler, http_request)

    def answer(self, http_request):
        try:
            return self.handled(http_request)
        except cs.Refused as refusal:
            body = {"code": refusal.public_code, "status": STATUS.get(refusal.public_code, 400)}
            if hasattr(refusal, "field"):
                body["field"] = refusal.field
            more = {"content-type": "application/problem+json"}
            if hasattr(refusal, "retry_after"):
                more["retry-after"] = str(int(refusal.retry_after) + 1)
            return body["status"], body, more

    def handled(self, http_request):
        world = self.world
        try:
            party = world.authentication.authenticate(
                cs.SignedRequest(
                    method=http_request.method,
                    uri=self.url + http_request.path,
                    body=http_request.body,
                    authorization=http_request.headers.get("authorization", ""),
                    headers=tuple(http_request.headers.items()),
                )
            )
        except cs.Refused:
            # The reply does not say what is wrong with a credential.
            raise CredentialRefused from None
        parts = urlsplit(http_request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = cs.read_json(http_request.body) if http_request.body else {}
        call = getattr(self, parts.path.removeprefix("/api/").replace("/", "_"))
        status, document = call(party, body | query, http_request)
        return status, document, {}

    def account_bind(self, party, members, _):
        invitation = self.world.invitations.invite(
            party, members["accountId"], user_info=members.get("userInfo")
        )
        return 201, invitation_document(
            BindInvitation(
                account=invitation.account.guid,
                app_space=invitation.app_space.guid,
                app_space_name=invitation.app_space.name,
                token=invitation.token,
                expires_at=invitation.deadline,
            ),
            TokenForm.TEXT,
        )

    def request_add(self, party, members, http_request):
        issued = self.world.challenges.issue(
            party,
            cs.read_question(members),
            idempotency_key=http_request.headers.get("idempotency-key"),
        )
        return 201, self.processed(issued.challenge, code=issued.code)

    def request_getRequest(self, party, members, _):  # noqa: N802
        challenge = members["requestGuid"]
        end = time.monotonic() + int(members.get("wait", 0))
        record = self.world.challenges.status(party, challenge)
        while record.state in UNFINISHED and time.monotonic() < end and not self.over.is_set():
            # A wake between a read and a wait is missed, so that no wait is long.
            self.world.ports.wake.wait(challenge, POLL)
            record = self.world.challenges.status(party, challenge)
        return 200, self.processed(record)

    def request_cancel(self, party, members, _):
        return 200, self.processed(self.world.challenges.cancel(party, members["requestGuid"]))

    def device_getAll(self, party, members, _):  # noqa: N802
        # An account that there is none of is 404.
        self.world.accounts.get(party, members["accountId"])
        devices = self.world.accounts.list_devices(party, members["accountId"])
        return 200, [device_document(each) for each in devices]

    def device_revoke(self, party, members, _):
        with suppress(WrongState):
            self.world.devices.revoke(members["deviceGuid"], by=party)
        return 204, None

    def account_getAccount(self, party, members, _):  # noqa: N802
        return 200, account_document(self.world.accounts.get(party, members["accountId"]))

    def processed(self, challenge, code=None):
        return processed_document(challenge, now=self.world.clock.now(), code=code)


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


def plainly(service, handler, http_request):
    reply(handler, *service.answer(http_request))


def lose(service, handler, http_request):
    """Do it, and close the connection before the reply."""
    service.answer(http_request)
    handler.close_connection = True


def say(status, document=None, more=None, *, body=None):
    """Do nothing, and reply this."""

    def fault(service, handler, http_request):
        reply(handler, status, document, more, body=body)

    return fault


def changed(**members):
    """Do it, and reply with other members."""

    def fault(service, handler, http_request):
        status, document, more = service.answer(http_request)
        changed = {name: value for name, value in (document | members).items() if value is not ...}
        reply(handler, status, changed, more)

    return fault


def hang(service, handler, http_request):
    """Send nothing for as long as the test runs."""
    service.over.wait()


def drip(service, handler, http_request):
    """Send a little now and then for as long as the test runs."""
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
    services = []

    def make(*args, **kwargs):
        services.append(Service(*args, **kwargs))
        return services[-1]

    yield make
    for service in services:
        service.close()


class FlaskService(Origin):
    """The service as counterseal-flask serves it."""

    def __init__(self, scheme, **world):
        super().__init__(scheme, **world)
        app = Flask("auth")
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        settings = Settings(public_url=self.url, app_origins=["https://files.example.com"])
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
    pending_request: PendingRequest
    document: dict
    trust: Trust

    @property
    def reply(self) -> ProcessedRequest:
        return read_processed(self.document)


@pytest.fixture(scope="session")
def make_story():
    """Return a factory of stories; each has a world of its own."""

    def story(button=0, *, do=None, trust=None, world=None, content="Pay 10 EUR to Zoë?", **more):
        world = world or FakeService()
        phone = world.bind("zoe")
        content = TextContent(text=content) if isinstance(content, str) else content
        question = Question(account_id="zoe", content=content, **more)
        body = compact(request_document(question))
        issued = world.challenges.issue(world.origin, cs.read_question(cs.read_json(body)))
        now = world.clock.now()
        first = processed_document(issued.challenge, now=now, code=issued.code)
        origin = world.origin.origin.guid
        pending_request = read_pending_request(body.decode(), first, origin=origin)
        if do is None:
            phone.answer(phone.fetch(issued.challenge.guid), button, code=issued.code)
        else:
            do(world, phone, issued)
        ended = world.challenges.status(world.origin, issued.challenge.guid)
        document = processed_document(ended, now=world.clock.now())
        return Story(
            world, pending_request, document, trust or Trust(keys=world.ports.signer.jwks())
        )

    return story
