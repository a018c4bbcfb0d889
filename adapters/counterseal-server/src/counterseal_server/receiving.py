"""
Receiving: the bodies of requests, whole, before anything is done with them.

A client that sends its body slowly holds the thread that reads it, and the server tells nobody
how long it may.
So only some threads may read at a time, and there are as many beside them: whoever brings no body
is always served.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REFUSED = "counterseal_server.refused"
"""Where an application finds the word for why a body was not received; absent if it was."""

BUSY, BROKEN = "busy", "bad_request"

RECEIVED_BYTES = 262_144
"""The server closes a connection with more to read, and who still writes sees no answer."""


class Receiving:
    """
    An application whose requests come with their bodies received.

    Args:
        app: Gets each request, also one with a body that was refused, which is empty then.
        places: How many bodies may be received at a time.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], places: int) -> None:
        self._app = app
        self._places = threading.Semaphore(places)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Receive the body, if there is a place for it, and pass the request on."""
        body = b""
        if _brings_body(environ):
            if self._places.acquire(blocking=False):
                try:
                    body = _received(environ)
                finally:
                    self._places.release()
            else:
                environ[REFUSED] = BUSY
        environ["wsgi.input"] = io.BytesIO(body)
        return self._app(environ, start_response)


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
