"""
The modules of `fapi-ciba-id1-test-plan` about pings, by name: a client answers over a real socket.

See `test_fapi_ciba`.
"""

import json
import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from ciba_world import TOKEN, World

from counterseal import OPERATOR
from counterseal.models import CallbackState, DeadReason, DeliveryMode
from counterseal_http import Guard, HttpCallbackSender
from counterseal_testing.clock import FrozenClock
from counterseal_testing.sender import ScriptedSender

HOST = "shop.example"


class Notifications(BaseHTTPRequestHandler):
    """The notification endpoint of a client, which answers as its server says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, dict(self.headers), body))
        status, headers, content = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def endpoint(authority):
    """Return the server of the notification endpoint."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Notifications)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.received, server.answer = [], (204, {}, b"")
    server.url = f"https://{HOST}:{server.server_port}/ping"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Resolver:
    """Every name is this machine."""

    def resolve(self, host, timeout):
        return ("127.0.0.1",)


@pytest.fixture
def world(authority, endpoint):
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    guard = Guard(allow=["127.0.0.1/32"], ports=None, resolver=Resolver())
    with HttpCallbackSender(guard, FrozenClock(), tls=trust) as sender:
        yield World(sender=sender)


@pytest.fixture
def client(world, endpoint):
    return world.client(mode=DeliveryMode.PING, endpoint=endpoint.url)


@pytest.fixture
def ping(world, client):
    """Return a function that lets a request end; it returns the request and its ping's record."""

    def end():
        begun = client.begun(client_notification_token=TOKEN)
        (challenge,) = world.phone.pending()
        world.phone.answer(world.phone.fetch(challenge.guid))
        (callback,) = world.core.deliver()
        return begun, world.core.callbacks.get(callback, by=OPERATOR)

    return end


def test_an_endpoint_that_may_not_be_called_any_more_is_named():
    sender, url = ScriptedSender(), "https://shop.example/ping"
    client = World(sender=sender).client(mode=DeliveryMode.PING, endpoint=url)
    sender.uncallable[url] = "not a public address"

    reply = client.begin(form={"client_notification_token": TOKEN})

    assert (reply.status, reply.error) == (400, "unauthorized_client")
    description = "notification endpoint: not a public address"
    assert reply.body["error_description"] == description


def test_ping_notification_endpoint(endpoint, client, ping):
    begun, callback = ping()

    ((path, headers, body),) = endpoint.received
    assert path == "/ping"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"auth_req_id": begun}
    assert callback.state is CallbackState.DELIVERED
    assert client.poll(begun).status == 200


def test_ping_backchannel_notification_endpoint_response_has_body(endpoint, client, ping):
    endpoint.answer = (200, {"content-type": "application/json"}, b'{"error": "access_denied"}')

    begun, callback = ping()

    assert callback.state is CallbackState.DELIVERED
    assert client.poll(begun).status == 200


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(401, id="ping_backchannel_notification_endpoint_response_401"),
        pytest.param(403, id="ping_backchannel_notification_endpoint_response_403"),
    ],
)
def test_a_refused_ping_changes_nothing_for_the_client(endpoint, client, ping, status):
    endpoint.answer = (status, {}, b"")

    begun, callback = ping()

    assert (callback.last_status, callback.cause) == (status, DeadReason.FINAL)
    assert client.poll(begun).status == 200


def test_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry(
    world, endpoint, ping
):
    endpoint.answer = (401, {"www-authenticate": "Bearer"}, b"")
    ping()

    for _ in range(5):
        world.core.clock.advance(timedelta(hours=6))
        world.core.deliver()

    assert len(endpoint.received) == 1


def test_ping_backchannel_notification_endpoint_return_redirect_request(endpoint, client, ping):
    """A redirect is not followed; the same address is pinged again later."""
    elsewhere = endpoint.url.replace("/ping", "/elsewhere")
    endpoint.answer = (301, {"location": elsewhere}, b"")

    begun, callback = ping()

    assert [path for path, _, _ in endpoint.received] == ["/ping"]
    assert callback.state is CallbackState.QUEUED
    assert client.poll(begun).status == 200


def test_a_ping_is_repeated_after_a_transient_error(world, endpoint, client, ping):
    endpoint.answer = (503, {}, b"")
    begun, callback = ping()
    endpoint.answer = (204, {}, b"")

    world.core.clock.advance(callback.next_at - world.core.clock.now())
    world.core.deliver()

    assert [json.loads(body) for _, _, body in endpoint.received] == [{"auth_req_id": begun}] * 2
    assert client.poll(begun).status == 200


def test_a_client_that_is_pinged_names_a_token(client):
    assert client.begin().error == "invalid_request"


@pytest.mark.parametrize("token", ["x" * 1_025, "two words", 'quoted"', "\u00fc"])
def test_ensure_client_notification_token_is_a_bearer_token(client, token):
    answer = client.begin(client_notification_token=token)

    assert answer.error == "invalid_request"
    assert answer.body["error_description"].startswith("client_notification_token: ")
