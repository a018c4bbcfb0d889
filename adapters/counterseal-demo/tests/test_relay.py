"""`counterseal relay`: what a service hands on is printed or forwarded, and nothing else."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest

from counterseal.memory import SystemClock
from counterseal.models import (
    AddressKind,
    Guid,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.models.guid import derive_guid
from counterseal.outbox.documents import secret_text, webhook_headers
from counterseal_demo import relay as relays
from counterseal_http import Guard
from counterseal_relay import RelayNotifier
from counterseal_server.printing import print_json

SECRET = b"0123456789abcdef0123456789abcdef"
DELIVERED, MISCONFIGURED, LATER = (
    PushOutcome(result=getattr(PushResult, name))
    for name in ("DELIVERED", "MISCONFIGURED", "LATER")
)

PATIENCE = 240
"""Seconds; a machine that is busy with other things is no failure."""


def message(name="bell"):
    return PushMessage(
        guid=derive_guid(7, name),
        occasion=Occasion.CHALLENGE,
        subject=derive_guid(7, "question"),
        account=derive_guid(7, "account"),
        title="A question",
        body="Open the app, Zoë.",
        life=timedelta(minutes=2),
        timeout=timedelta(seconds=PATIENCE),
    )


@pytest.fixture
def push():
    """Return what rings through a relay at an address."""
    relays_made = []

    def notify(url, name="bell", secret=SECRET):
        guard = Guard(allow_http=True, allow_private=True, ports=None)
        relays_made.append(RelayNotifier(url, [secret], SystemClock(), guard=guard))
        address = PushAddress(kind=AddressKind.RELAY, value="pigeon:1")
        return relays_made[-1].push((address,), message(name))[0]

    yield notify
    for notifier in relays_made:
        notifier.close()


@pytest.fixture
def serving():
    """Return what serves a relay, given what becomes of pushes, and its address."""
    relays_made = []

    def serve(deliver):
        server = relays.Relay("127.0.0.1", 0, [SECRET], SystemClock(), deliver)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        relays_made.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield serve
    for server, thread in relays_made:
        server.shutdown()
        server.server_close()
        thread.join()


def test_what_holds_is_printed_once_in_one_line(serving, push, capsys):
    url = serving(relays.printing(partial(print_json, indent=None)))

    assert push(url) == push(url) == DELIVERED
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "id": derive_guid(7, "bell"),
        "targets": [{"framework": "pigeon", "id": "1"}],
        "title": "A question",
        "body": "Open the app, Zoë.",
        "data": {
            "type": "request",
            "requestGuid": derive_guid(7, "question"),
            "privakeyId": derive_guid(7, "account"),
        },
        "priority": 1,
        "ttl": 120,
    }


def test_what_does_not_hold_is_refused(serving, push):
    lines = []
    url = serving(relays.printing(lines.append))
    assert push(url, secret=b"x" * 32) == MISCONFIGURED
    assert lines == []


def test_what_is_forwarded_holds_there_too(serving, push):
    lines = []
    end = serving(relays.printing(lines.append))
    assert push(serving(relays.forwarding(end))) == DELIVERED
    assert lines[0]["title"] == "A question"


@pytest.mark.parametrize("status", [500, 404, 302, None])
def test_what_cannot_be_forwarded_comes_again(serving, push, status):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response_only(status)
            self.send_header("content-length", "0")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as end:
        thread = threading.Thread(target=end.serve_forever, args=(0.01,))
        thread.start()
        try:
            port = end.server_port if status else 1
            url = serving(relays.forwarding(f"http://127.0.0.1:{port}/"))
            assert push(url) == push(url) == LATER
        finally:
            end.shutdown()
            thread.join()


def test_of_many_ids_the_last_ones_are_remembered(serving, push, monkeypatch):
    monkeypatch.setattr(relays, "REMEMBERED", 2)
    lines = []
    url = serving(relays.printing(lines.append))
    for name in ("a", "b", "a", "c", "b", "a"):
        assert push(url, name) == DELIVERED
    assert [line["id"] for line in lines] == [derive_guid(7, name) for name in "abca"]


@pytest.mark.parametrize(
    ("length", "status"),
    [("x", 413), ("-1", 413), ("1048577", 413), ("9" * 30, 413), ("", 413), ("0", 401)],
)
def test_odd_lengths(serving, length, status):
    url = serving(relays.printing(print))
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    connection.putrequest("POST", "/")
    connection.putheader("content-length", length)
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()


def test_whoever_comes_when_all_places_are_taken_is_sent_away(serving, push, monkeypatch):
    over, inside = threading.Event(), threading.Event()

    def hang(*_):
        inside.set()
        return over.wait(PATIENCE)

    monkeypatch.setattr(relays, "SLOTS", 1)
    url = serving(hang)
    first = threading.Thread(target=push, args=(url,))
    first.start()
    try:
        assert inside.wait(PATIENCE)
        assert push(url, "other") == LATER
    finally:
        over.set()
        first.join()


def test_the_command(push):
    environment = {**os.environ, "COUNTERSEAL_RELAY_SECRET": secret_text(SECRET)}
    program = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
    running = subprocess.Popen(
        [*program, "relay", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    )
    try:
        url = running.stderr.readline().split()[-1]
        assert push(url) == DELIVERED
        assert json.loads(running.stdout.readline())["title"] == "A question"
    finally:
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "stdin", "lines"),
    [
        ([], None, "secret: missing: give --secret-file, or COUNTERSEAL_RELAY_SECRET"),
        (["--secret-file", "-"], "canary", "secret: not whsec_ and base64 of 24 to 64 bytes"),
        (["--secret-file", "/nowhere"], None, "secret-file: cannot read /nowhere"),
    ],
)
def test_what_the_command_refuses(run, arguments, stdin, lines):
    done = run("relay", *arguments, stdin=stdin)
    assert done.exit_code == 2
    assert lines in done.stderr
    assert "canary" not in done.stderr


def test_an_old_one_is_refused(serving):
    url = serving(relays.printing(print))
    body = b"{}"
    at = datetime.now(UTC) - timedelta(hours=1)
    headers = dict(webhook_headers([SECRET], message=Guid("a"), at=at, body=body))
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    connection.request("POST", "/", body, headers)
    assert connection.getresponse().status == 401
    connection.close()
