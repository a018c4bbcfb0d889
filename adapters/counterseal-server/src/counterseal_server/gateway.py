"""
Gateway: it runs a WSGI application for an asynchronous server (ASGI 3.0).

A request goes to a thread once, when its whole body has been received, and its reply comes back
once; only a reply of unknown length comes back in pieces, each of which has a deadline.
Requests run in a limited number of threads.
Health checks, metrics and refused bodies have threads of their own, so they never wait for
requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from itertools import chain
from typing import Any
from urllib.parse import unquote_to_bytes

import attrs

from counterseal_server.receiving import (
    BUSY,
    REFUSED,
    Message,
    Receive,
    Receiving,
    Scope,
    Send,
    sender_of,
)
from counterseal_server.thread_pool import ThreadPool

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
"""A WSGI application (PEP 3333)."""

READING = frozenset({"GET", "HEAD"})

BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Statuses whose replies have no body, and need no length (RFC 9110, 6.4.1)."""

STARTED = "counterseal_server.started"
"""The key for when the headers of the request arrived, in `time.perf_counter` seconds."""

PIECE_DEADLINE = timedelta(seconds=60)
"""A client that takes no piece of its reply for so long keeps no thread."""

log = logging.getLogger("counterseal_server")


@attrs.frozen
class Pools:
    """
    The threads that requests run in.

    Attributes:
        requests: For all other requests.
        refusals: For requests whose body was not received.
        reserved: For paths with threads of their own.
    """

    requests: ThreadPool
    refusals: ThreadPool
    reserved: Mapping[str, ThreadPool]

    def of(self, environ: Mapping[str, Any], *, bare: bool) -> ThreadPool:
        """Return the threads for a request; *bare* means that it has no body."""
        if REFUSED in environ:
            return self.refusals
        pool = self.reserved.get(environ["PATH_INFO"])
        reads = bare and environ["REQUEST_METHOD"] in READING
        return pool if pool is not None and reads else self.requests


@attrs.frozen
class Refusal:
    """
    A complete reply, for which no thread is needed.

    Attributes:
        status: The HTTP status.
        headers: By name, in any case.
        body: The whole body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Gateway:
    """
    An ASGI application that runs a WSGI one in threads.

    Args:
        app: Gets each request; if the body was refused, it is empty.
        receiving: Receives the bodies.
        pools: The threads.
        refuse: Returns the reply to a request that cannot be queued, not even for refusals;
            gets the seconds since the headers arrived. It runs in the server's thread and must
            not block.
        begun: Called in the server's thread once its loop runs, before it serves.
        piece_deadline: How long the client may take for one piece of a reply that is sent in
            pieces; after that the reply is broken off.
    """

    def __init__(
        self,
        app: Application,
        receiving: Receiving,
        pools: Pools,
        refuse: Callable[[float], Refusal],
        begun: Callable[[], None] = lambda: None,
        *,
        piece_deadline: timedelta = PIECE_DEADLINE,
    ) -> None:
        self._app = app
        self._receiving = receiving
        self._pools = pools
        self._refuse = refuse
        self._begun = begun
        self._piece_deadline = piece_deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or follow the lifespan of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        started = time.perf_counter()
        received = await self._receiving.received(scope, receive)
        environ = environment(scope, received.body)
        environ[STARTED] = started
        if received.refused is not None:
            environ[REFUSED] = received.refused
        call = _Call(self._app, environ, asyncio.get_running_loop(), self._piece_deadline)
        who = sender_of(scope)
        if not self._pools.of(environ, bare=not received.body).run(call.run, who):
            environ[REFUSED] = BUSY
            if not self._pools.refusals.run(call.run, who):
                await _send(send, self._refuse(time.perf_counter() - started))
                return
        await call.answer(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._begun()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _send(send: Send, refusal: Refusal) -> None:
    headers = _raw_headers(refusal.headers.items())
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body, "more_body": False})


class _Call:
    """One request that runs in a thread."""

    def __init__(
        self,
        app: Application,
        environ: Environ,
        loop: asyncio.AbstractEventLoop,
        piece_deadline: timedelta,
    ) -> None:
        self._app = app
        self._environ = environ
        self._loop = loop
        self._piece_seconds = piece_deadline.total_seconds()
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        # The whole body, or None if it is sent in pieces.
        self._replied: asyncio.Future[bytes | None] = loop.create_future()
        # Only a reply that is sent in pieces has these.
        # None if the head could not be sent: then no piece is, either.
        self._begun: asyncio.Future[Send | None] | None = None
        self._ended: asyncio.Future[None] | None = None
        self._sending: asyncio.Task[Any] | None = None
        self._disconnected = False

    def run(self) -> None:
        """Run the application, in a thread."""
        try:
            pieces = self._app(self._environ, self._start)
            try:
                body = self._whole_or_streamed(iter(pieces))
            finally:
                close = getattr(pieces, "close", None)
                if close is not None:
                    close()
        except Exception as error:  # noqa: BLE001 (its text may contain a secret)
            log.error("a request failed: %s", type(error).__name__)  # noqa: TRY400
            self._resolve(self._replied, error)
            self._resolve(self._ended, None)
        else:
            self._resolve(self._ended if body is None else self._replied, body)

    async def answer(self, receive: Receive, send: Send) -> None:
        """
        Send the reply, in the server's thread.

        Raises:
            Exception: What the application raised; the server answers 500.
            TimeoutError: The client did not take a piece in time; the server breaks the reply off.
        """
        try:
            await self._answer(receive, send)
        except BaseException:
            # Nobody takes a piece any more, and the thread must not wait for that.
            self._disconnected = True
            if self._begun is not None and not self._begun.done():
                self._begun.set_result(None)
            if self._sending is not None:
                self._sending.cancel()
            raise

    async def _answer(self, receive: Receive, send: Send) -> None:
        body = await self._replied
        await send(
            {"type": "http.response.start", "status": self._status, "headers": self._headers}
        )
        if self._begun is not None and self._ended is not None:
            self._begun.set_result(send)
            disconnecting = asyncio.ensure_future(self._wait_for_disconnect(receive))
            try:
                await self._ended
            finally:
                disconnecting.cancel()
        await send({"type": "http.response.body", "body": body or b"", "more_body": False})

    def _start(self, status: str, headers: Iterable[tuple[str, str]], _: Any = None) -> None:
        self._status = int(status[:3])
        self._headers = _raw_headers(headers)

    def _whole_or_streamed(self, pieces: Iterator[bytes]) -> bytes | None:
        # The headers are complete only with the first piece (PEP 3333, start_response).
        first = next(pieces, b"")
        if self._status in BODILESS or b"content-length" in dict(self._headers):
            return first + b"".join(pieces)
        self._begun, self._ended = self._loop.create_future(), self._loop.create_future()
        self._resolve(self._replied, None)
        self._stream(chain([first], pieces))
        return None

    def _stream(self, pieces: Iterable[bytes]) -> None:
        """Send the pieces, as fast as the client reads them."""
        for piece in pieces:
            sending = asyncio.run_coroutine_threadsafe(self._piece(piece), self._loop)
            with contextlib.suppress(CancelledError):  # the client has gone
                sending.result()
            if self._disconnected:
                return

    async def _piece(self, piece: bytes) -> None:
        self._sending = asyncio.current_task()
        try:
            async with asyncio.timeout(self._piece_seconds):
                send = (
                    None
                    if self._disconnected or self._begun is None
                    else await asyncio.shield(self._begun)
                )
                if send is not None:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError as error:
            log.warning("a client did not take its reply within %g s", self._piece_seconds)
            self._disconnected = True
            # Nothing more is sent, and no end: a part must not look like the whole.
            if self._ended is not None and not self._ended.done():
                self._ended.set_exception(error)

    async def _wait_for_disconnect(self, receive: Receive) -> None:
        message: Message = {}
        while message.get("type") != "http.disconnect":
            message = await receive()
        self._disconnected = True

    def _resolve(self, future: asyncio.Future[Any] | None, result: Any) -> None:
        def resolve() -> None:
            if future is None or future.done():
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        with contextlib.suppress(RuntimeError):  # the loop ended: the server has stopped
            self._loop.call_soon_threadsafe(resolve)


_BASE: Environ = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
}

_NAMES = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}

CACHED_NAMES = 128
"""Names of headers whose spellings are cached: clients send few, and anybody may send any."""


@lru_cache(CACHED_NAMES)
def _variable(name: bytes) -> str:
    """Return the name of the variable for a header."""
    return _NAMES.get(name) or "HTTP_" + name.decode("latin-1").upper().replace("-", "_")


@lru_cache(CACHED_NAMES)
def _raw_name(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _raw_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI has them."""
    return [(_raw_name(name), value.encode("latin-1")) for name, value in headers]


def environment(scope: Scope, body: bytes) -> Environ:
    """
    Return the WSGI environment of a request (PEP 3333).

    WSGI has `-` as `_`, so headers with `_` in their name are left out: none may be taken for
    another.

    Args:
        scope: The request in ASGI 3.0.
        body: The whole body.
    """
    path: bytes = scope["raw_path"]
    if b"%" in path:
        path = unquote_to_bytes(path)
    server, client = scope.get("server") or ("", ""), scope.get("client") or ("", "")
    environ = _BASE | {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    for name, value in scope["headers"]:
        if b"_" in name:
            continue
        key = _variable(name)
        text = value.decode("latin-1")
        if key in environ:
            # RFC 9110, 5.3; RFC 6265, 5.4 for cookies.
            text = f"{environ[key]}{';' if key == 'HTTP_COOKIE' else ', '}{text}"
        environ[key] = text
    return environ
