"""
Receiving: the bodies of requests, whole, before anything is done with them.

A client that sends its body slowly holds the thread that reads it, and the server breaks no read
off.
So there are many threads that may read, which cost little as long as they only wait, and no one
address gets more than its share of them.
What is received runs in few threads, which no client can hold.
"""

from __future__ import annotations

import io
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REFUSED = "counterseal_server.refused"
"""Where an application finds the word for why a body was not received; absent if it was."""

BUSY, BROKEN = "busy", "bad_request"

RECEIVED_BYTES = 262_144
"""The server closes a connection with more to read, and who still writes sees no answer."""


SHARE = 4
"""One address may hold so small a part of the places; a proxy is one address."""

NETWORK_BYTES = 8
"""Of an IPv6 address: who has one has all that begin with these (RFC 6177, RFC 7421)."""


class Places:
    """
    Places for bodies that are still coming.

    Args:
        total: How many there are.
    """

    def __init__(self, total: int) -> None:
        self._lock = threading.Lock()
        self._free = total
        self._share = max(1, total // SHARE)
        self._held: Counter[str | bytes] = Counter()

    def taken(self, sender: str | bytes) -> bool:
        """Take one for *sender*; tell whether there was one."""
        with self._lock:
            if not self._free or self._held[sender] >= self._share:
                return False
            self._free -= 1
            self._held[sender] += 1
            return True

    def free(self, sender: str | bytes) -> None:
        """Give back what *sender* took."""
        with self._lock:
            self._free += 1
            self._held[sender] -= 1
            if not self._held[sender]:
                del self._held[sender]


class Receiving:
    """
    An application whose requests come with their bodies received.

    Args:
        app: Gets each request, also one with a body that was refused, which is empty then.
        places: How many bodies may be received at a time.
        at_once: How many requests it gets at a time; the others wait, with their bodies.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], places: int, at_once: int) -> None:
        self._app = app
        self._places = Places(places)
        self._turns = threading.Semaphore(at_once)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Receive the body, if there is a place for it, and pass the request on."""
        body = b""
        if _brings_body(environ):
            sender = _sender(environ)
            if self._places.taken(sender):
                try:
                    body = _received(environ)
                finally:
                    self._places.free(sender)
            else:
                environ[REFUSED] = BUSY
        environ["wsgi.input"] = io.BytesIO(body)
        with self._turns:
            return self._app(environ, start_response)


def _sender(environ: WSGIEnvironment) -> str | bytes:
    """Return whom a place is counted for: an address, or the network of an IPv6 one."""
    address: str = environ.get("REMOTE_ADDR", "")
    if ":" not in address or "." in address:  # the latter is IPv4 in the clothes of IPv6
        return address
    try:
        return socket.inet_pton(socket.AF_INET6, address)[:NETWORK_BYTES]
    except OSError:
        return address


def _brings_body(environ: WSGIEnvironment) -> bool:
    # In HTTP/2 nothing has to say beforehand that there is one.
    return (
        environ.get("CONTENT_LENGTH", "0") != "0"
        or "HTTP_TRANSFER_ENCODING" in environ
        or environ.get("SERVER_PROTOCOL") == "HTTP/2"
    )


def _received(environ: WSGIEnvironment) -> bytes:
    """Return the body, or its first bytes; note if less came than was said."""
    source = environ["wsgi.input"]
    pieces: list[bytes] = []
    left = RECEIVED_BYTES
    try:
        while left > 0 and (piece := source.read(left)):
            pieces.append(piece)
            left -= len(piece)
    except (OSError, ValueError):
        environ[REFUSED] = BROKEN
    said = environ.get("CONTENT_LENGTH", "")
    if said.isdecimal() and left > 0 and RECEIVED_BYTES - left < int(said):
        # Half a form may well read as another one.
        environ[REFUSED] = BROKEN
    return b"".join(pieces)
