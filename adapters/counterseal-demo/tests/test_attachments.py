"""Attachments of an action: the device command approves only what it has fetched and compared."""

import hashlib
import itertools
import ssl
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs
import pytest
import trustme

from counterseal import keys
from counterseal.errors import InvalidField
from counterseal_demo.device_cli.attachments import (
    LARGEST,
    TIMEOUT,
    attachment_client,
    demand_attachments,
)
from counterseal_http import Guard, GuardedClient, GuardedTransport
from counterseal_http.devices import ServiceUnreachable

LEASE = b"The lease."
HOST = "files.example.com"
PATH = "/lease.txt?key=7"


def display_of(body=LEASE, **members):
    attachment = {
        "name": "Lease.txt",
        "size": len(body),
        "type": "text/plain",
        "sha256": keys.b64url(hashlib.sha256(body).digest()),
        "url": f"https://{HOST}{PATH}",
    }
    return {"action": {"attachments": [attachment | members]}}


class Resolver:
    """Every name is this machine."""

    def resolve(self, host, timeout):
        return ["127.0.0.1"]


@attrs.frozen
class FileServer:
    """A server of one reply, and the requests that it got."""

    port: int
    tls: ssl.SSLContext
    requests: list = attrs.field(factory=list)

    @property
    def url(self):
        return f"https://{HOST}:{self.port}{PATH}"

    def new_client(self, **more):
        guard = Guard(allow_private=True, ports=None, resolver=Resolver())
        more = {"tls": self.tls} | more
        return GuardedClient(
            GuardedTransport(guard, timeout=TIMEOUT, response_limit=2 * LARGEST, **more)
        )

    def demand(self, display=None, **more):
        """Demand the attachment; return what the person reads."""
        lines = []
        display = display_of(url=self.url) if display is None else display
        demand_attachments(display, lines.append, new_client=lambda: self.new_client(**more))
        return lines


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def serve(authority):
    """Return a context that serves one reply."""

    @contextmanager
    def served(status, body, location=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                names = ("Authorization", "Cookie")
                files.requests.append((self.path, *(self.headers.get(name) for name in names)))
                self.send_response(status)
                if location is not None:
                    self.send_header("Location", location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(OSError):  # the device may have read enough
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        files = FileServer(server.server_port, trust)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield files
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    return served


def test_the_document_that_the_request_names_is_announced_and_accepted(serve):
    with serve(200, LEASE) as files:
        lines = files.demand()
    assert lines == [f"fetching Lease.txt, 10 bytes, from {HOST}:{files.port}"]
    assert files.requests == [(PATH, None, None)]


@pytest.mark.parametrize("body", [LEASE[:-1], LEASE + b".", LEASE[:-1] + b"!", b""])
def test_another_document_is_refused_by_its_index(serve, body):
    with serve(200, body) as files, pytest.raises(InvalidField) as refusal:
        files.demand()
    assert refusal.value.field == "attachments[0]"


@pytest.mark.parametrize(
    ("status", "location"),
    [(302, "/other.txt"), (302, "https://other.example/"), (404, None), (204, None), (500, None)],
)
def test_what_is_not_there_or_elsewhere_is_not_fetched(serve, status, location):
    body = b"" if status == 204 else LEASE
    with serve(status, body, location) as files, pytest.raises(ServiceUnreachable):
        files.demand()
    assert len(files.requests) == 1


def test_the_time_of_all_reads_together_has_an_end(serve):
    body = bytes(LARGEST)
    with serve(200, body) as files:
        display = display_of(body, url=files.url)
        seconds = itertools.count()  # each look at the clock is a second later
        with pytest.raises(ServiceUnreachable, match="the time of the whole request is over"):
            files.demand(display, monotonic=lambda: next(seconds))


@pytest.mark.parametrize(
    "members",
    [
        {"size": LARGEST + 1},
        {"url": "http://files.example.com/lease.txt"},
        {"url": "http://127.0.0.1/lease.txt"},
        {"url": "https://user:secret@files.example.com/lease.txt"},
        {"url": "https:///lease.txt"},
        {"url": "https://[files.example.com/lease.txt"},
        {"url": "https://files.example.com:port/lease.txt"},
        {"url": "https://127.0.0.1/lease.txt"},
        {"url": "https://10.2.3.4/lease.txt"},
        {"url": "https://[fd00:1::1]/lease.txt"},
        {"url": "https://169.254.169.254/lease.txt"},
    ],
    ids=str,
)
def test_nothing_is_fetched_of_another_address_or_size(members):
    with pytest.raises(InvalidField) as refusal:
        demand_attachments(display_of(**members), lambda _: None, new_client=attachment_client)
    assert refusal.value.field == "attachments[0]"


def test_a_connection_requires_a_valid_certificate(serve):
    with serve(200, LEASE) as files, pytest.raises(ServiceUnreachable):
        files.demand(tls=ssl.create_default_context())
    assert files.requests == []


def test_a_question_without_documents_needs_none():
    lines = []
    demand_attachments({}, lines.append)
    demand_attachments({"action": {"type": "payment"}}, lines.append)
    assert lines == []
