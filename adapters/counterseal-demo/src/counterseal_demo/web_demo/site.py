"""The site: the response to each request, from one origin, to its own name only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import segno

from counterseal import CHARTS, CountersealError, Refused, table
from counterseal.models import Guid
from counterseal.wire.members import format_time
from counterseal_demo.approval_demo.forgeries import FORGERIES
from counterseal_demo.approval_demo.questions import PAYMENT
from counterseal_demo.web_demo.journal import Move
from counterseal_demo.web_demo.world import CALLBACK, World
from counterseal_web import Request, Response
from counterseal_web.messages import JSON
from counterseal_web.wsgi import read_environ, write_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STATIC = Path(__file__).parent / "static"
INDEX = "index.html"
ASSETS = "/demo/"
CALLS = "/demo/calls/"

MACHINES = ("binding", "challenge", "callback")
"""The charts that the page draws."""

DIRECTIVES: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "frame-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
"""Nothing inline, nothing evaluated, nothing from elsewhere, and no frame around the page."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in DIRECTIVES.items()),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
"""By the end of the file's name; no other file is served."""

BODY_LIMIT = 2_097_152
"""Bytes of a callback that are read."""

READING = frozenset({"GET", "HEAD"})
_FORGERY = re.compile(r"forgeries/([0-9]{1,2})")

Call = Callable[[], Any]


class Site:
    """
    A WSGI application for the page, its calls, the web app and the service.

    It answers requests to its own name only. Otherwise a page from elsewhere, whose name was made
    to resolve to this machine, could read what is here (DNS rebinding).

    Args:
        world: What the requests are answered with.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._host = urlsplit(world.url).netloc
        self._files = {
            path.name: (MEDIA_TYPES[path.suffix], path.read_bytes())
            for path in STATIC.iterdir()
            if path.suffix in MEDIA_TYPES
        }
        self._reads: Mapping[str, Call] = {"setting": self._setting, "state": self._state}
        self._writes: Mapping[str, Call] = {
            "connect": self._connect,
            "pay": world.shop.pay,
            "cancel": world.shop.cancel,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = read_environ(environ)
        return write_response(self.respond(request), request.method, start_response)

    def respond(self, request: Request) -> Response:
        """Return the response to *request*."""
        if request.headers.get("host", "").lower() != self._host:
            return _plain(HTTPStatus.MISDIRECTED_REQUEST, f"This is {self._world.url}\n")
        if request.path == CALLBACK and request.method == "POST":
            status = self._world.shop.receive(request.headers, request.read_body(BODY_LIMIT))
            return _response(status)
        if request.path.startswith(CALLS):
            return self._respond_to_call(request, request.path.removeprefix(CALLS))
        if request.path == "/" or request.path.startswith(ASSETS):
            return self._file(request)
        if self._world.app.serves(request.path):
            return self._world.app.respond(request)
        return self._world.api.respond(request)

    def _file(self, request: Request) -> Response:
        if request.method not in READING:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})
        name = INDEX if request.path == "/" else request.path.removeprefix(ASSETS)
        if name not in self._files:
            return _response(HTTPStatus.NOT_FOUND)
        media_type, body = self._files[name]
        return _response(HTTPStatus.OK, {"Content-Type": media_type}, body)

    def _respond_to_call(self, request: Request, name: str) -> Response:
        if request.method in READING and name in self._reads:
            return _document(self._reads[name]())
        call = self._writing_call(name)
        if request.method != "POST" or call is None:
            return _response(HTTPStatus.NOT_FOUND)
        # A browser says which page calls; pages from elsewhere may not change anything here.
        if request.headers.get("origin") != self._world.url:
            return _response(HTTPStatus.FORBIDDEN)
        try:
            return _document(call())
        except CountersealError as error:
            status = HTTPStatus.CONFLICT
            if not isinstance(error, Refused):
                status = HTTPStatus.SERVICE_UNAVAILABLE
            return _document({"code": error.code, "problem": str(error)}, status)

    def _writing_call(self, name: str) -> Call | None:
        match = _FORGERY.fullmatch(name)
        if match is None:
            return self._writes.get(name)
        number = int(match[1])
        if number >= len(FORGERIES):
            return None
        return lambda: self._world.forger.send(number).document()

    def _connect(self) -> dict[str, Any]:
        """Return the link for a phone, and the rows of its QR code: 1 is dark."""
        state = self._moves(self._binding())
        link = self._world.shop.connect(again=not state or state[-1]["state"] != "INVITED")
        code = segno.make(link, error="l", micro=False)
        return {"link": link, "code": ["".join(map(str, row)) for row in code.matrix]}

    def _setting(self) -> dict[str, Any]:
        """Return what does not change."""
        content = PAYMENT["content"]
        return {
            "order": {"title": content["title"], "pairs": content["keys"]},
            "charts": {name: _chart(name) for name in MACHINES},
            "forgeries": [
                {"name": each.name, "description": each.description} for each in FORGERIES
            ],
        }

    def _state(self) -> dict[str, Any]:
        """Return what changes: the records' moves, and what the shop has."""
        world, shop = self._world, self._world.shop
        pending_request = shop.pending_request
        challenge = pending_request.guid if pending_request else None
        guids = {
            "binding": self._binding(),
            "challenge": challenge,
            "callback": world.journal.callback_of(challenge) if challenge else None,
        }
        return {
            "machines": {
                name: {"guid": guid, "moves": self._moves(guid)} for name, guid in guids.items()
            },
            "question": pending_request
            and {
                "code": pending_request.code,
                "expiresAt": format_time(pending_request.expires_at),
            },
            "callback": shop.received_callback and shop.received_callback.document(),
            "verdict": shop.verdict and shop.verdict.document(),
        }

    def _binding(self) -> Guid | None:
        account = self._world.shop.account
        bindings = self._world.ports.store.bindings(account) if account else ()
        return bindings[-1].guid if bindings else None

    def _moves(self, guid: Guid | None) -> list[dict[str, str]]:
        return [_move(move) for move in self._world.journal.moves(guid)] if guid else []


def _chart(name: str) -> dict[str, Any]:
    chart = CHARTS[name]
    return {
        "states": [state.value for state in chart.states],
        "finished": [state.value for state in chart.states if state in chart.finished],
        "rows": [
            {"source": row.source, "event": row.event, "target": row.target} for row in table(chart)
        ],
    }


def _move(move: Move) -> dict[str, str]:
    return {"state": move.state, "event": move.event, "at": format_time(move.at)}


def _document(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = json.dumps(document if document is not None else {}).encode()
    return _response(status, {"Content-Type": JSON}, body)


def _plain(status: HTTPStatus, text: str) -> Response:
    return _response(status, {"Content-Type": "text/plain; charset=utf-8"}, text.encode())


def _response(
    status: HTTPStatus, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Response:
    all_headers = {**HEADERS, **(headers or {})}
    if status is not HTTPStatus.NO_CONTENT:
        all_headers["Content-Length"] = str(len(body))
    return Response(status=int(status), headers=tuple(all_headers.items()), body=body)
