"""The service under attack: what strangers send it, and whom it still serves meanwhile."""

import contextlib
import http.client
import json
import re
import resource
import selectors
import socket
import threading
import time
from collections import Counter

import pytest
from program import PATIENCE, QUESTION, eventually, received

from counterseal import Administration
from counterseal.models import OPERATOR, IdpSettings
from counterseal_server.configuration import settings
from counterseal_server.runtime import Runtime
from counterseal_server.slots import SENDER_PART

CONNECTIONS, ADDRESSES = 20, 5
STREAMS = 100
"""In one connection: with all of them, each address begins more bodies than its share."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_HEADERS = 4


def frame(kind, flags, stream, payload=b""):
    """Return a frame of HTTP/2 (RFC 9113, 4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def literal(index, text):
    """Return a field whose name is in the static table (RFC 7541, 6.2.2)."""
    return bytes([index, len(text)]) + text


POST = b"\x83\x86" + literal(1, b"x") + literal(4, b"/request/add")
"""`:method` and `:scheme` as they are in the static table, `:authority` and `:path`."""


def unfinished():
    """Return the bytes of a connection whose requests all begin a body and never end it."""
    streams = b"".join(
        frame(HEADERS, END_HEADERS, number, POST) + frame(DATA, 0, number, b"{")
        for number in range(1, 2 * STREAMS, 2)
    )
    return PREFACE + frame(SETTINGS, 0, 0) + streams


HEALTHY_SECONDS = 20
"""Milliseconds, where anybody has time for it; and still less than any attack lasts."""

FIFTH = "127.0.0.99"
"""The address of a client that attacks nobody."""


def assert_healthy(service):
    begun = time.monotonic()
    assert service.call("GET", "/healthz", plain=True) == (200, {"status": "alive"})
    assert time.monotonic() - begun < HEALTHY_SECONDS


def asked_from(service, address):
    """Return what the origin is told that asks from *address*."""
    client = http.client.HTTPConnection(
        "127.0.0.1", service.port, timeout=PATIENCE, source_address=(address, 0)
    )
    with contextlib.closing(client):
        headers = {
            "Authorization": service.output["authorization"],
            "Content-Type": "application/json",
        }
        client.request("POST", "/request/add", json.dumps(QUESTION), headers)
        return received(client.getresponse())


def assert_served(service):
    status, output = asked_from(service, FIFTH)
    # The account has no device: it was looked for.
    assert (status, output["code"]) == (404, "unreachable"), output


def in_use(service, what):
    """Return how much of *what* the service says is in use."""
    _, metrics = service.call("GET", "/metrics", plain=True)
    (number,) = re.findall(rb'counterseal_in_use\{what="%b"\} ([0-9.]+)' % what.encode(), metrics)
    return float(number)


def connection(service, address):
    return socket.create_connection(
        ("127.0.0.1", service.port), PATIENCE, source_address=(address, 0)
    )


def test_http_2_is_not_spoken(service):
    service.serve()
    with connection(service, "127.0.0.1") as line:
        received_bytes = b""
        with contextlib.suppress(ConnectionError):
            line.sendall(PREFACE + frame(SETTINGS, 0, 0))
            # A server that does speak it begins with its settings.
            received_bytes = line.recv(9)
    assert received_bytes in {b"", b"HTTP/1.1 "}
    assert service.call("POST", "/request/add", QUESTION)[0] == 404


def test_abandoned_streams_keep_nobody_out(service):
    service.serve()
    assert STREAMS * CONNECTIONS // ADDRESSES > 1_024 // SENDER_PART
    for number in range(CONNECTIONS):
        address = f"127.0.0.{2 + number % ADDRESSES}"
        with connection(service, address) as line, contextlib.suppress(ConnectionError):
            line.sendall(unfinished())
            # Closed only once the other side has read it, and answered or hung up.
            line.recv(1)
    assert_healthy(service)
    assert_served(service)


SLOW, SLOW_ADDRESSES = 1_024, 4
HEAD = b"POST /request/add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture
def many_files():
    """Let this process open as many connections as an attacker does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * SLOW:
        pytest.skip(f"this machine lets a process open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * SLOW), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_slow_bodies_of_four_addresses_keep_nobody_out_and_end(service):
    service.serve()
    output = Counter()
    with contextlib.ExitStack() as connections:
        slow = []
        for number in range(SLOW):
            line = connection(service, f"127.0.0.{2 + number % SLOW_ADDRESSES}")
            slow.append(connections.enter_context(line))
            with contextlib.suppress(ConnectionError):
                line.sendall(HEAD + b"Content-Length: 9\r\n\r\n{")
        assert_healthy(service)
        assert_served(service)

        selector = connections.enter_context(selectors.DefaultSelector())
        for line in slow:
            selector.register(line, selectors.EVENT_READ)

        def over():
            for key, _ in selector.select(0):
                output[key.fileobj.makefile("rb").readline().split()[1]] += 1
                selector.unregister(key.fileobj)
            return not selector.get_map()

        # A byte now and then is no reason to wait longer.
        for line in slow:
            with contextlib.suppress(OSError):
                line.sendall(b"{")
        eventually(over)
        assert_served(service)
        assert set(output) <= {b"503", b"408"}
        # Each address has a seventh of the places that are free; the others were refused at once.
        assert output[b"408"] >= SLOW_ADDRESSES * SLOW // (SLOW_ADDRESSES + SENDER_PART - 1)
        eventually(lambda: in_use(service, "bodies") == 0)
    for number in range(SLOW_ADDRESSES):
        assert asked_from(service, f"127.0.0.{2 + number}")[0] == 404


PROVIDERS, LOG_INS = 6, 90


def test_providers_that_hang_keep_nobody_out(service):
    environment = {"COUNTERSEAL_ALLOW_PRIVATE_PROVIDERS": "1"}
    spaces = []
    with contextlib.ExitStack() as connections:
        with Runtime(settings({"data": service.folder / "data"}, environment)) as runtime:
            administration = Administration(runtime.ports, runtime.policy, by=OPERATOR)
            for number in range(PROVIDERS):
                # It takes connections, and says nothing on them.
                listener = connections.enter_context(
                    socket.create_server(("127.0.0.1", 0), backlog=256)
                )
                idp = IdpSettings(
                    issuer=f"http://127.0.0.1:{listener.getsockname()[1]}",
                    client_id="client",
                    redirect_uri=f"{service.url}/device/login/return",
                    returns=("http://127.0.0.1/return",),
                )
                company = administration.create_company(f"Company {number}")
                spaces.append(administration.create_app_space(company.guid, "Staff", idp=idp).guid)
        service.serve(**environment)
        stop, output = threading.Event(), Counter()

        def log_in(number):
            document = {
                "appSpaceGuid": spaces[number % PROVIDERS],
                "redirectUri": "http://127.0.0.1/return",
            }
            while not stop.is_set():
                output[service.call("POST", "/device/login/redirect", document, plain=True)[0]] += 1

        attackers = [
            threading.Thread(target=log_in, args=(number,), daemon=True)
            for number in range(LOG_INS)
        ]
        for attacker in attackers:
            attacker.start()
        try:
            eventually(lambda: in_use(service, "threads") >= PROVIDERS)
            for _ in range(3):
                assert_healthy(service)
                assert_served(service)
                assert service.call("GET", "/readyz", plain=True)[0] == 200
        finally:
            stop.set()
            for attacker in attackers:
                attacker.join(PATIENCE)
        assert set(output) == {503}, output
