"""A realm, the service that is its authentication channel, and a person with a phone."""

import json
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import attrs
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_keycloak import SECOND, SUB, FakeKeycloak

from counterseal import OPERATOR, ChannelRealms
from counterseal.models import Action, Callback, Question
from counterseal_http import Guard, HttpCallbackSender
from counterseal_keycloak import Channel, callback_of
from counterseal_testing.service import FakeService
from counterseal_web import Request, Service, Settings


class World:
    """The fake of Keycloak, and the service, each over HTTP; one clock for both."""

    def __init__(self):
        self.core = FakeService(adapters=self._with_sender)
        self.keycloak = FakeKeycloak(lambda: self.core.clock.now().timestamp())
        self.keycloak.users["zoe"] = SUB
        self.keycloak.clients["web-shop"] = None
        service = Service(
            self.core.ports, self.core.policy, Settings(public_url="https://auth.example.com")
        )
        self.channel = Channel(service)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.channel))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.origin = self.core.origin.origin.guid
        self.path = f"/keycloak/{self.origin}/authentication"
        self.keycloak.channel = f"http://127.0.0.1:{self._server.server_port}{self.path}"
        self.core.administration.allow_callback(self.origin, self.keycloak.callback)
        self.register()
        self.phone = self.core.bind(SUB)

    def register(self, **members):
        arguments = {
            "issuer": self.keycloak.issuer,
            "callback": callback_of(self.keycloak.issuer),
            "jwks": self.keycloak.jwks(),
        }
        realms = ChannelRealms(self.core.ports, self.core.policy, by=OPERATOR)
        self.core.origin = attrs.evolve(
            self.core.origin, origin=realms.register(self.origin, **arguments | members)
        )

    def close(self):
        self.keycloak.close()
        self.sender.close()
        self._server.shutdown()
        self._server.server_close()

    def begin(self, client="web-shop", **form):
        """Let the client begin, and return its `auth_req_id`."""
        status, body = self.keycloak.authenticate(client, **form)
        assert status == 200, (body, self.keycloak.statuses)
        return body["auth_req_id"]

    def refused(self, *, status=400, **form):
        """Let the client begin, in vain; return our problem."""
        reply, body = self.keycloak.authenticate(**form)
        assert (reply, body["error"]) == (503, "server_error")
        assert self.keycloak.statuses[-1] == status
        assert self.phone.pending() == ()
        return json.loads(self.keycloak.content)

    def post(self, bearer, body=None, **headers):
        """Send a request as Keycloak does not; return the status."""
        request = Request(
            method="POST",
            path=self.path,
            headers={
                "authorization": f"Bearer {bearer}",
                "content-type": "application/json",
                "content-length": str(len(content := json.dumps(body or {}).encode())),
            }
            | {name.replace("_", "-"): text for name, text in headers.items()},
            read_body=lambda limit: content[:limit],
        )
        response = self.channel.respond(request)
        assert dict(response.headers)["Cache-Control"] == "no-store"
        return response.status

    def rows(self):
        """Return what the phone shows of the one open request: the rows, by their keys."""
        (challenge,) = self.phone.pending()
        content = json.loads(challenge.display)["content"]
        return {row["key"]: row["value"] for row in content["keys"]}

    def answer(self, button=0):
        (challenge,) = self.phone.pending()
        self.phone.answer(self.phone.fetch(challenge.guid), button)

    def issue(self, **members):
        """Let the origin ask about a payment, for the client; return the challenge."""
        action = Action(
            type="tool-call", resource="delete_folder", arguments={"path": "/srv/backups/2019"}
        )
        question = Question(
            account_id=SUB,
            content=action,
            duration=timedelta(seconds=100),
            transaction_id="web-shop",
        )
        question = attrs.evolve(question, **members)
        return self.core.challenges.issue(self.core.origin, question).challenge

    def deliver(self):
        """Let a worker attempt what is due; return the callback as it stands."""
        self.core.clock.advance(SECOND)
        for guid in self.core.callbacks.due():
            self.core.callbacks.attempt(guid)
        (callback,) = self.callbacks()
        return callback

    def callbacks(self):
        records = self.core.ports.store._records.values()
        return [record for record in records if isinstance(record, Callback)]

    def _with_sender(self, ports):
        guard = Guard(allow=["127.0.0.1/32"], ports=None, allow_http=True)
        self.sender = HttpCallbackSender(guard, ports.clock)
        return attrs.evolve(ports, sender=self.sender)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def keycloak(world):
    return world.keycloak


def _handler(channel):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            request = Request(
                method="POST",
                path=self.path,
                headers={name.lower(): text for name, text in self.headers.items()},
                read_body=lambda limit: self.rfile.read(
                    min(limit, int(self.headers["content-length"]))
                ),
            )
            response = channel.respond(request)
            self.send_response(response.status)
            for name, text in response.headers:
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *_):
            pass

    return Handler
