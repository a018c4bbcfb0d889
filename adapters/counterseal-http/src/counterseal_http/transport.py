"""The transport: httpx2's requests over guarded connections, each within one budget."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpcore2
import httpx2

from counterseal_http.backend import GuardedBackend
from counterseal_http.budget import Budget
from counterseal_http.errors import NotAttempted
from counterseal_http.guard import Guard
from counterseal_http.target import DEFAULT_PORTS

LONGEST = timedelta(seconds=30)
"""A request that asks for no shorter time; Standard Webhooks 1.0 advises 15 to 30 seconds."""

RESPONSE_LIMIT = 1_048_576
"""Octets of a body that are read; key sets and discovery documents are far smaller."""

CONNECTIONS = 32
IDLE_SECONDS = 5.0
"""Shorter than servers keep idle connections, so that seldom a request meets one being closed."""

_SAME_NAME = (
    "ConnectError",
    "ConnectTimeout",
    "LocalProtocolError",
    "NetworkError",
    "PoolTimeout",
    "ProtocolError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "TimeoutException",
    "UnsupportedProtocol",
    "WriteError",
    "WriteTimeout",
)
_HTTPX2 = {getattr(httpcore2, name): getattr(httpx2, name) for name in _SAME_NAME}


class GuardedTransport(httpx2.BaseTransport):
    """
    Sends requests where the guard lets them go.

    - One budget of time for name, connection, TLS, request and response together.
    - Bounded heads and bodies; no body in a coding that could blow up.
    - No proxy, no redirect, no cookie, no retry, and nothing from the environment.

    Args:
        guard: What may be called.
        timeout: The longest that any request may take.
        response_limit: Octets of a body that are read.
        connections: How many requests run at once; others wait, within their time.
        tls: How servers prove who they are; the machine's authorities if none is given.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        timeout: timedelta = LONGEST,
        response_limit: int = RESPONSE_LIMIT,
        connections: int = CONNECTIONS,
        tls: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guard = guard
        self._longest = timeout.total_seconds()
        self._response_limit = response_limit
        self._monotonic = monotonic
        self._free = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._running = 0
        self._closed = False
        # A pool for each: a backend is not told which scheme it connects for.
        context = tls or httpx2.create_ssl_context(trust_env=False)
        self._pools = {
            scheme: httpcore2.ConnectionPool(
                ssl_context=context,
                max_connections=connections,
                keepalive_expiry=IDLE_SECONDS,
                network_backend=GuardedBackend(guard, scheme),
            )
            for scheme in DEFAULT_PORTS
        }
        # At DEBUG it logs the headers of responses, which may repeat what was sent.
        logging.getLogger("httpcore2.http11").addFilter(_without_headers)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """
        Send *request* once.

        The largest of its timeouts bounds the whole of it, body included.

        Raises:
            Forbidden: The guard does not let it go; nothing was sent.
            Unresolved: Its name leads nowhere; nothing was sent.
            NotAttempted: This side could not try; nothing was sent.
            TransportError: It failed in one of the ways that httpx2 knows.
        """
        timeouts = list(request.extensions.get("timeout", {}).values())
        bounded = timeouts and None not in timeouts
        seconds = min(self._longest, max(timeouts)) if bounded else self._longest
        return self.exchange(request, Budget(seconds, monotonic=self._monotonic))

    def exchange(self, request: httpx2.Request, budget: Budget) -> httpx2.Response:
        """
        Send *request* once, within *budget*.

        Raises:
            Forbidden: The guard does not let it go; nothing was sent.
            Unresolved: Its name leads nowhere; nothing was sent.
            NotAttempted: This side could not try; nothing was sent.
            TransportError: It failed in one of the ways that httpx2 knows.
        """
        target = self._guard.target(str(request.url))
        path = request.extensions.get("target", target.path.encode("ascii"))
        sent = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=path),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), budget)},
        )
        self._begin(budget)
        try:
            with _as_httpx2():
                got = self._pools[target.scheme].handle_request(sent)
        except BaseException:
            self._end()
            raise
        budget.octets = self._response_limit
        return httpx2.Response(
            got.status,
            headers=got.headers,
            stream=_Body(got, self._end),
            extensions={"http_version": got.extensions["http_version"]},
        )

    def close(self) -> None:
        """
        Attempt nothing from now on, and close all connections.

        Requests that run come to their own end, within their time; the last one closes.
        """
        with self._lock:
            self._closed = True
            last = not self._running
        if last:
            self._close()

    def _begin(self, budget: Budget) -> None:
        try:
            free = self._free.acquire(timeout=budget.seconds())
        except TimeoutError:
            free = False
        if not free:
            raise NotAttempted("all connections are in use")
        with self._lock:
            self._running += 1
            closed = self._closed
        if closed:
            self._end()
            raise NotAttempted("the transport is closed")

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
            last = self._closed and not self._running
        if last:
            # Not sooner: a socket that is closed under its reader may be another's by then.
            self._close()
        self._free.release()

    def _close(self) -> None:
        for pool in self._pools.values():
            pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response, end: Callable[[], None]) -> None:
        self._response = response
        self._end = end
        self._open = True

    def __iter__(self) -> Iterator[bytes]:
        codings = [v for name, v in self._response.headers if name.lower() == b"content-encoding"]
        if any(coding.strip().lower() != b"identity" for coding in codings):
            # None was accepted (RFC 9110, 12.5.3), and a small one can become a huge body.
            raise httpx2.DecodingError("a body in a coding that was not asked for")
        with _as_httpx2():
            yield from self._response.iter_stream()

    def close(self) -> None:
        if self._open:
            self._open = False
            try:
                self._response.close()
            finally:
                self._end()


@contextmanager
def _as_httpx2() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        kind = _HTTPX2.get(type(error))
        if kind is None:
            raise
        raise kind(str(error)) from error


def _without_headers(record: logging.LogRecord) -> bool:
    return "receive_response_headers.complete" not in record.getMessage()
