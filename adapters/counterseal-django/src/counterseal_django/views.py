"""Views: the HTTP API and the browser device, inside Django's own routing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TypeVar

import attrs
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from counterseal_django.asgi_call import respond_in_loop
from counterseal_django.wiring import approvals
from counterseal_pwa import Pages
from counterseal_web import MOUNT, Request, Response
from counterseal_web.bodies import read_length
from counterseal_web.problems import BrokenBodyError
from counterseal_web.wsgi import read_environ

V = TypeVar("V", bound=Callable[..., object])


def _own(view: V) -> V:
    """Mark a view whose calls are signed, and whose commits are its own."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return csrf_exempt(view)


def respond(request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer a call of a device or of an origin."""
    current = approvals()
    return write_response(request, current.application.respond(read_request(request, f"/{path}")))


async def wait_and_respond(request: HttpRequest, path: str) -> HttpResponseBase:
    """
    Answer a call that may wait.

    On an ASGI server it waits in the event loop, and on a WSGI server in the request's thread.
    """
    if not isinstance(request, ASGIRequest):
        return await sync_to_async(respond)(request, path)
    current = await sync_to_async(approvals)()
    return await respond_in_loop(current, request, f"/{path}")


def respond_with_file(request: HttpRequest, path: str) -> HttpResponseBase:
    """Send a file of the browser device."""
    return write_response(request, pages().respond(read_request(request, MOUNT + path)))


api = _own(respond)
waiting_api = _own(wait_and_respond)
app = _own(respond_with_file)


@cache
def pages() -> Pages:
    """Return the files of the browser device."""
    return Pages()


def read_request(request: HttpRequest, path: str) -> Request:
    """
    Return *request* as Counterseal reads it.

    Args:
        request: Its body is read when it is needed, and no further than the limit.
        path: What the client wrote after the public URL.
    """
    environ = {**request.META, "PATH_INFO": ""}
    if isinstance(request, ASGIRequest):
        # Django has decoded it.
        environ["QUERY_STRING"] = request.scope["query_string"].decode("latin-1")
    length = environ.get("CONTENT_LENGTH", "")
    # On a WSGI server, Django reads no body without a length, and so leaves it to others.
    reads = bool(length) or isinstance(request, ASGIRequest)
    read_body = partial(_read_body, request, length) if reads else None
    return attrs.evolve(read_environ(environ, read_body), path=path)


def _read_body(request: HttpRequest, content_length: str, limit: int) -> bytes:
    length = read_length(content_length)
    missing = limit if length is None else min(length, limit)
    pieces = []
    try:
        while missing and (piece := request.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
    except OSError:
        raise BrokenBodyError from None
    if length is not None and missing:
        raise BrokenBodyError
    return b"".join(pieces)


def write_response(request: HttpRequest, response: Response) -> HttpResponseBase:
    """Return *response* as Django sends it; to `HEAD`, without its body."""
    django_response: HttpResponseBase
    if response.stream is not None and request.method != "HEAD":
        django_response = StreamingHttpResponse(response.stream, status=response.status)
    else:
        body = b"" if request.method == "HEAD" else response.body
        django_response = HttpResponse(body, status=response.status)
        _close(response)
    del django_response.headers["Content-Type"]
    for name, value in response.headers:
        django_response.headers[name] = value
    return django_response


def _close(response: Response) -> None:
    close: Callable[[], None] = getattr(response.stream, "close", lambda: None)
    close()
