"""Views: the HTTP API and the browser device, inside Django's own routing."""

from __future__ import annotations

from functools import cache

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from counterseal_django.wiring import approvals
from counterseal_pwa import MOUNT, Pages
from counterseal_web import Request, Response
from counterseal_web.bodies import read_length
from counterseal_web.problems import BrokenBodyError


@csrf_exempt  # each call is signed
def api(request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer a call of a device or of an origin."""
    return write_response(approvals().application.respond(read_request(request, f"/{path}")))


@csrf_exempt
def app(request: HttpRequest, path: str) -> HttpResponseBase:
    """Send a file of the browser device."""
    return write_response(pages().respond(read_request(request, MOUNT + path)))


@cache
def pages() -> Pages:
    """Return the files of the browser device."""
    return Pages()


def read_request(request: HttpRequest, path: str) -> Request:
    """Return *request* as Counterseal reads it; *path* begins after the public URL."""
    headers = {name.lower(): value for name, value in request.headers.items()}

    def read_body(limit: int) -> bytes:
        length = read_length(headers.get("content-length", ""))
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

    return Request(
        method=(request.method or "").upper(),
        path=path,
        query=request.META.get("QUERY_STRING", "").encode("latin-1"),
        headers=headers,
        read_body=read_body,
    )


def write_response(response: Response) -> HttpResponseBase:
    """Return *response* as Django sends it."""
    written: HttpResponseBase
    if response.stream is None:
        written = HttpResponse(response.body, status=response.status)
    else:
        written = StreamingHttpResponse(response.stream, status=response.status)
    del written.headers["Content-Type"]
    for name, value in response.headers:
        written.headers[name] = value
    return written
