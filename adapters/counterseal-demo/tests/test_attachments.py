"""Attachments of an action: the device command approves only what it has fetched and compared."""

import hashlib
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from counterseal import keys
from counterseal.errors import InvalidField
from counterseal_demo.device_cli.attachments import LARGEST, connect, demand_attachments
from counterseal_http.devices import ServiceUnreachable

LEASE = b"The lease."


def display_of(body=LEASE, **members):
    attachment = {
        "name": "Lease.txt",
        "size": len(body),
        "type": "text/plain",
        "sha256": keys.b64url(hashlib.sha256(body).digest()),
        "url": "https://files.example.com/lease.txt?key=7",
    }
    return {"action": {"attachments": [attachment | members]}}


@contextmanager
def file_server(status, body, location=None):
    """Serve one reply; yield a function that connects to it, and the paths of requests."""
    paths = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append((self.path, self.headers.get("Authorization"), self.headers.get("Cookie")))
            self.send_response(status)
            if location is not None:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield (lambda _host, _port: HTTPConnection("127.0.0.1", server.server_port)), paths
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_document_that_the_request_names_is_accepted():
    with file_server(200, LEASE) as (connect_here, paths):
        demand_attachments(display_of(), connect=connect_here)
    assert paths == [("/lease.txt?key=7", None, None)]


@pytest.mark.parametrize("body", [LEASE[:-1], LEASE + b".", LEASE[:-1] + b"!", b""])
def test_another_document_is_refused_by_its_index(body):
    with file_server(200, body) as (connect_here, _), pytest.raises(InvalidField) as refusal:
        demand_attachments(display_of(), connect=connect_here)
    assert refusal.value.field == "attachments[0]"


@pytest.mark.parametrize(
    ("status", "location"), [(302, "/other.txt"), (404, None), (204, None), (500, None)]
)
def test_what_is_not_there_or_elsewhere_is_not_fetched(status, location):
    body = b"" if status == 204 else LEASE
    with (
        file_server(status, body, location) as (connect_here, paths),
        pytest.raises(ServiceUnreachable),
    ):
        demand_attachments(display_of(), connect=connect_here)
    assert len(paths) == 1


@pytest.mark.parametrize(
    "members",
    [
        {"size": LARGEST + 1},
        {"url": "https://user:secret@files.example.com/lease.txt"},
        {"url": "https:///lease.txt"},
        {"url": "https://[files.example.com/lease.txt"},
        {"url": "https://files.example.com:port/lease.txt"},
    ],
    ids=str,
)
def test_nothing_is_fetched_of_another_address_or_size(members):
    def refuse(_host, _port):
        raise AssertionError("a connection was opened")

    with pytest.raises(InvalidField):
        demand_attachments(display_of(**members), connect=refuse)


def test_a_connection_requires_a_valid_certificate():
    with file_server(200, LEASE) as (connect_here, _):
        port = connect_here("", None).port
        with pytest.raises(ServiceUnreachable):
            demand_attachments(
                display_of(), connect=lambda _host, _port: connect("127.0.0.1", port)
            )


def test_a_question_without_documents_needs_none():
    demand_attachments({})
    demand_attachments({"action": {"type": "payment"}})
