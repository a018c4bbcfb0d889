"""The transport: requests of httpx2 over guarded connections, each within one budget."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpcore2
import httpx2

from counterseal_http.authorities import Authorities, load_machine_authorities
from counterseal_http.backend import GuardedBackend
from counterseal_http.budget import Budget
from counterseal_http.errors import NotAttempted
from counterseal_http.guard import Guard
from counterseal_http.target import Target

MAX_TIMEOUT = timedelta(seconds=30)
"""The default and the maximum; Standard Webhooks 1.0 advises 15 to 30 seconds."""

RESPONSE_LIMIT = 1_048_576
"""Octets of a body that are read; key sets and discovery documents are far smaller."""

CONNECTIONS = 32
IDLE_SECONDS = 5.0
"""Servers keep idle connections longer, so few requests use one that is being closed."""

_ERROR_NAMES = (
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
_HTTPX2 = {getattr(httpcore2, name): getattr(httpx2, name) for name in _ERROR_NAMES}


class GuardedTransport(httpx2.BaseTransport):
    """
    Sends the requests that the guard allows.

    - One time budget for name, connection, TLS, request and response together.
    - Bounded heads and bodies; no content coding, which could expand a body.
    - No proxy, no redirect, no cookie, no retry, and nothing from the environment.

    Args:
        guard: Which URLs may be called.
        timeout: The longest that a request may take.
        response_limit: Octets of a body that are read.
        connections: How many requests run at the same time; others wait, within their budget.
        tls: The authorities that servers' certificates need; by default the machine's.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        timeout: timedelta = MAX_TIMEOUT,
        response_limit: int = RESPONSE_LIMIT,
        connections: int = CONNECTIONS,
        tls: Authorities | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guard = guard
        self._max_seconds = timeout.total_seconds()
        self._response_limit = response_limit
        self._monotonic = monotonic
        self._slots = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._running = 0
        self._closed = False
        self._connections = connections
        self._tls = load_machine_authorities if tls is None else tls
        self._pools: dict[str, httpcore2.ConnectionPool] = {}
        # At DEBUG it logs the headers of responses, which may contain secrets of the request.
        logging.getLogger("httpcore2.http11").addFilter(_without_headers)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """
        Send *request* once.

        The largest of its timeouts bounds the whole request, with the response's body.

        Raises:
            Forbidden: The guard refuses it; nothing was sent.
            Unresolved: Its host name has no address; nothing was sent.
            NotAttempted: This machine could not try; nothing was sent.
            TransportError: It failed in another way.
        """
        timeouts = list(request.extensions.get("timeout", {}).values())
        is_bounded = timeouts and None not in timeouts
        seconds = min(self._max_seconds, max(timeouts)) if is_bounded else self._max_seconds
        return self.exchange(request, Budget(seconds, monotonic=self._monotonic))

    def exchange(self, request: httpx2.Request, budget: Budget) -> httpx2.Response:
        """Send *request* once, within *budget*; raise the errors of `handle_request`."""
        target = self._guard.target(str(request.url))
        path = request.extensions.get("target", target.path.encode("ascii"))
        core_request = httpcore2.Request(
            request.method,
            httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=path),
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), budget)},
        )
        response = self._send(core_request, target.scheme, budget)
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, self._end),
            extensions={"http_version": response.extensions["http_version"]},
        )

    def post(
        self, target: Target, headers: Iterable[tuple[str, str]], body: bytes, budget: Budget
    ) -> tuple[int, httpx2.Headers]:
        """
        Send a `POST` once, and read what the response limit allows of the response.

        It costs half the CPU time of `exchange`, which builds a request and a response of httpx2.

        Args:
            target: What the guard returned.
            headers: Without those about the host, the body and the connection.

        Returns:
            The response's status and headers, even if its body cannot be read.

        Raises:
            Forbidden: The guard refuses it; nothing was sent.
            Unresolved: Its host name has no address; nothing was sent.
            NotAttempted: This machine could not try; nothing was sent.
            TransportError: It failed in another way.
        """
        host = target.origin.partition("://")[2]
        lines = (("Host", host), *headers, ("Content-Length", str(len(body))))
        request = httpcore2.Request(
            b"POST",
            httpcore2.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.path.encode(),
            ),
            headers=[(name.encode("ascii"), value.encode("ascii")) for name, value in lines],
            content=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), budget)},
        )
        response = self._send(request, target.scheme, budget)
        try:
            for _ in response.iter_stream():
                pass
        except tuple(_HTTPX2):
            pass
        finally:
            try:
                response.close()
            finally:
                self._end()
        return response.status, httpx2.Headers(response.headers)

    def _send(self, request: httpcore2.Request, scheme: str, budget: Budget) -> httpcore2.Response:
        """Send *request*; who gets the response calls `_end` once it has been read."""
        self._start(budget)
        try:
            with _as_httpx2():
                response = self._open_pool(scheme).handle_request(request)
        except BaseException:
            self._end()
            raise
        budget.octets = self._response_limit
        return response

    def close(self) -> None:
        """
        Refuse further requests, and close all connections.

        Requests that run are completed; the last one closes the connections.
        """
        with self._lock:
            self._closed = True
            is_last = not self._running
        if is_last:
            self._close()

    def _open_pool(self, scheme: str) -> httpcore2.ConnectionPool:
        """Return the pool of one scheme: a backend does not learn the scheme of a connection."""
        with self._lock:
            if scheme not in self._pools:
                self._pools[scheme] = httpcore2.ConnectionPool(
                    ssl_context=self._load_context() if scheme == "https" else None,
                    max_connections=self._connections,
                    keepalive_expiry=IDLE_SECONDS,
                    network_backend=GuardedBackend(self._guard, scheme),
                )
            return self._pools[scheme]

    def _load_context(self) -> ssl.SSLContext:
        return self._tls if isinstance(self._tls, ssl.SSLContext) else self._tls()

    def _start(self, budget: Budget) -> None:
        try:
            is_acquired = self._slots.acquire(timeout=budget.seconds())
        except TimeoutError:
            is_acquired = False
        if not is_acquired:
            raise NotAttempted("all connections are in use")
        with self._lock:
            self._running += 1
            is_closed = self._closed
        if is_closed:
            self._end()
            raise NotAttempted("the transport is closed")

    def _end(self) -> None:
        with self._lock:
            self._running -= 1
            is_last = self._closed and not self._running
        if is_last:
            # Not earlier: the descriptor of a closed socket can be reused while a thread reads it.
            self._close()
        self._slots.release()

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
            # The request accepts none (RFC 9110, 12.5.3), and a small body could expand.
            raise httpx2.DecodingError("a content coding that the request does not accept")
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
