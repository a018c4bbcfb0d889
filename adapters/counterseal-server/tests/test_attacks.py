"""The service under attack: what strangers send it, and whom it still serves meanwhile."""

import contextlib
import socket

from program import PATIENCE, QUESTION

from counterseal_server.places import SENDER_PART

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


def connection(service, address):
    return socket.create_connection(
        ("127.0.0.1", service.port), PATIENCE, source_address=(address, 0)
    )


def test_http_2_is_not_spoken(service):
    service.serve()
    with connection(service, "127.0.0.1") as line:
        said = b""
        with contextlib.suppress(ConnectionError):
            line.sendall(PREFACE + frame(SETTINGS, 0, 0))
            # A server that does speak it begins with its settings.
            said = line.recv(9)
    assert said in {b"", b"HTTP/1.1 "}
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
    status, told = service.call("POST", "/request/add", QUESTION)
    assert (status, told["code"]) == (404, "unreachable"), told
    assert service.call("GET", "/healthz", plain=True)[0] == 200
