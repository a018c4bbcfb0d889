"""
WSGI: the HTTP API for any WSGI server, and to be mounted in any WSGI application (PEP 3333).

    application = WsgiApplication(Service(ports, policy, Settings(public_url=...)))

With the device in the browser at `/app`:

    settings = Settings(public_url=url, app_url=url + MOUNT)
    application = WsgiApplication(Service(ports, policy, settings), pages=counterseal_pwa.Pages())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from http.client import responses
from typing import TYPE_CHECKING

from counterseal_web.application import Application
from counterseal_web.bodies import read_length
from counterseal_web.browser_pages import BrowserPages, require_linked
from counterseal_web.messages import Request, Response
from counterseal_web.problems import BrokenBodyError
from counterseal_web.service import Service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HEADER = "HTTP_"
CACHED_NAMES = 128
"""Headers whose names are cached: clients send few, and anybody may send any."""

BODY_HEADERS = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


class WsgiApplication:
    """
    The HTTP API as a WSGI application.

    Mounted under a prefix that the host moves from `PATH_INFO` to `SCRIPT_NAME`, the prefix is
    the end of `public_url`.

    Args:
        service: The use cases, and the settings.
        pages: The device in the browser, `counterseal_pwa.Pages`, which is served at `/app` too.

    Raises:
        PolicyUnsound: There are pages, and the settings have no `app_url`.
    """

    def __init__(self, service: Service, *, pages: BrowserPages | None = None) -> None:
        self._pages = require_linked(pages, service.settings)
        self._application = Application(service)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request, pages = read_environ(environ), self._pages
        if pages is not None and pages.serves(request.path):
            response = pages.respond(request)
        else:
            response = self._application.respond(request)
        return write_response(response, request.method, start_response)


def write_response(
    response: Response,
    method: str,
    start_response: StartResponse,
    more_headers: tuple[tuple[str, str], ...] = (),
) -> Iterable[bytes]:
    """
    Begin *response* and return its body.

    Args:
        response: What the application returned.
        method: Of the request; the response to `HEAD` has no body.
        start_response: The server's.
        more_headers: Those that the host adds to the response's own.
    """
    status = f"{response.status} {responses[response.status]}"
    try:
        start_response(status, [*response.headers, *more_headers])
    except BaseException:
        _close(response)
        raise
    if response.stream is None:
        return [b"" if method == "HEAD" else response.body]
    if method == "HEAD":
        _close(response)
        return []
    return response.stream


def _close(response: Response) -> None:
    close: Callable[[], None] = getattr(response.stream, "close", lambda: None)
    close()


def read_environ(
    environ: WSGIEnvironment, read_body: Callable[[int], bytes] | None = None
) -> Request:
    """
    Return the request that *environ* describes.

    Args:
        environ: As the server made it.
        read_body: Returns the body as `Request.read_body` does, where the host has a way of
            its own.
    """
    headers = {
        _header_name(name): value for name, value in environ.items() if name.startswith(HEADER)
    }
    for name, header in BODY_HEADERS.items():
        headers.pop(header, None)
        if environ.get(name):
            headers[header] = environ[name]
    return Request(
        method=environ["REQUEST_METHOD"].upper(),
        path=environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace"),
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        headers=headers,
        read_body=partial(_read_body, environ) if read_body is None else read_body,
    )


@lru_cache(CACHED_NAMES)
def _header_name(variable: str) -> str:
    return variable[len(HEADER) :].replace("_", "-").lower()


def _read_body(environ: WSGIEnvironment, limit: int) -> bytes:
    length = read_length(environ.get("CONTENT_LENGTH", ""))
    if length is None and not environ.get("wsgi.input_terminated"):
        return b""  # PEP 3333: what comes after the body must not be read
    pieces, missing = [], limit if length is None else min(length, limit)
    try:
        while missing and (piece := environ["wsgi.input"].read(missing)):
            pieces.append(piece)
            missing -= len(piece)
    except OSError:
        raise BrokenBodyError from None
    if length is not None and missing:
        raise BrokenBodyError
    return b"".join(pieces)
