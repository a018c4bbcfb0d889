"""
Posts: `POST` requests over connections that stay open, one request at a time on each.

The pool of httpcore2 looks at all of its connections for each request, and asks the system about
those that are idle: with 48 of them, that takes longer than the request. This one takes the
connection that was returned last, and looks at no other.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeAlias

import h11
import httpcore2
import httpx2

from counterseal_http.budget import HEAD_LIMIT, Budget
from counterseal_http.target import Target

READ_OCTETS = 65_536

EVENT_LIMIT = 2 * HEAD_LIMIT
"""More than the octets of a head that the budget allows, which is the limit."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"

_REQUEST_HEADERS = re.compile(rb"(?:%b: (?:[!-~](?:[\t -~]*[!-~])?)?\r\n)+" % _TOKEN)
"""RFC 9110, 5.1 and 5.5, in ASCII."""

_SIMPLE_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) [\t -~]*\r\n((?:%b:[\t -~]*\r\n)*)\r\n" % _TOKEN
)
_SHORT_LENGTH = re.compile(rb"[0-9]{1,5}")
_NOT_SIMPLE = frozenset({b"connection", b"transfer-encoding", b"upgrade"})
_NO_CONTENT = 204
_WITHOUT_BODY = frozenset({_NO_CONTENT, 304})
"""Statuses whose responses have none, even with a length (RFC 9110, 6.4.1)."""

Headers: TypeAlias = list[tuple[bytes, bytes]]


def read_simple_response(octets: bytes) -> tuple[int, Headers] | None:
    """
    Return the status and headers of a whole HTTP/1.1 response that is nothing but plain.

    It is final and in ASCII, has a body of a length that is said once, and leaves the connection
    open. It takes a fifth of the CPU time that h11 takes.

    Args:
        octets: All that was received.

    Returns:
        None if it may be anything else, which only h11 reads.
    """
    head = _SIMPLE_HEAD.match(octets)
    if head is None:
        return None
    status, lengths, headers = int(head[1]), [], []
    for line in head[2].split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        headers.append((name, value))
        if name in _NOT_SIMPLE:
            return None
        if name == b"content-length":
            lengths.append(value)
    if status == _NO_CONTENT and not lengths:
        lengths = [b"0"]
    elif status in _WITHOUT_BODY:
        return None
    if len(lengths) != 1 or not _SHORT_LENGTH.fullmatch(lengths[0]):
        return None
    return (status, headers) if len(octets) == head.end() + int(lengths[0]) else None


class PostConnection:
    """
    A connection to one server.

    Args:
        stream: It is connected, with TLS if the URL has `https`.

    Attributes:
        is_reusable: Whether another request can be sent.
    """

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self.is_reusable = False
        self._stream = stream

    def post(
        self, path: bytes, headers: Headers, body: bytes, budget: Budget, response_limit: int
    ) -> tuple[int, Headers]:
        """
        Send a request, and read the response; return its status and headers.

        Args:
            path: Printable ASCII without space.
            headers: All of them, with `Host` and `Content-Length`.
            response_limit: Octets of the response's body that are read. If it is longer, or breaks
                off, the connection cannot be used again.

        Raises:
            LocalProtocolError: A header is invalid; nothing was sent.
            RemoteProtocolError: The response is invalid, or there is none.
            ReadError: The connection broke, or the head is too long.
            ReadTimeout: The request timed out while it was read.
            WriteTimeout: The request timed out while it was sent.
        """
        self.is_reusable = False
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        # A value with a line break could be another header.
        if not _REQUEST_HEADERS.fullmatch(lines) or lines.count(b"\n") != len(headers):
            raise httpx2.LocalProtocolError("an invalid header")
        # A server may respond before it has read the request, and close the connection.
        with contextlib.suppress(httpcore2.WriteError):
            request = b"POST %b HTTP/1.1\r\n%b\r\n%b" % (path, lines, body)
            self._stream.write(request, timeout=budget)
        octets = self._stream.read(READ_OCTETS, timeout=budget)
        simple_response = read_simple_response(octets)
        if simple_response is not None:
            self.is_reusable = True
            return simple_response
        return self._read_by_h11(octets, budget, response_limit)

    def is_open(self) -> bool:
        """Tell whether the server has neither closed it nor sent anything since its response."""
        return not self._stream.get_extra_info("is_readable")

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def _read_by_h11(
        self, octets: bytes, budget: Budget, response_limit: int
    ) -> tuple[int, Headers]:
        """Read the response by h11; *octets* are the first of it."""
        protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=EVENT_LIMIT)
        # It has to know that a request was sent, and not which.
        protocol.send(h11.Request(method=b"POST", target=b"/", headers=[(b"Host", b"")]))
        protocol.send(h11.EndOfMessage())
        protocol.receive_data(octets)
        try:
            response = self._next_event(protocol, budget)
            while not isinstance(response, h11.Response):
                response = self._next_event(protocol, budget)
        except h11.RemoteProtocolError as error:
            raise httpx2.RemoteProtocolError(str(error)) from error
        budget.octets = response_limit
        # Only the status counts.
        with contextlib.suppress(
            h11.RemoteProtocolError, httpcore2.ReadError, httpcore2.ReadTimeout
        ):
            while not isinstance(self._next_event(protocol, budget), h11.EndOfMessage):
                pass
        # Octets that follow are no response to any request.
        is_whole = protocol.our_state is protocol.their_state is h11.DONE
        self.is_reusable = is_whole and protocol.trailing_data == (b"", False)
        return response.status_code, list(response.headers)

    def _next_event(self, protocol: h11.Connection, budget: Budget) -> object:
        while True:
            event = protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            # At the end of the connection there are none, which h11 takes for what it is.
            protocol.receive_data(self._stream.read(READ_OCTETS, timeout=budget))


class PostConnections:
    """
    Connections to any number of servers.

    Args:
        connect: Connects to a server, within a budget.
        limit: How many are open at once, if no more are in use.
        idle_seconds: For so long one stays open that is not in use.
        monotonic: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        connect: Callable[[Target, Budget], httpcore2.NetworkStream],
        *,
        limit: int,
        idle_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._in_use = 0
        # Both in the order in which they were returned: all of them, and those of each server.
        self._idle: dict[PostConnection, tuple[str, float]] = {}
        self._by_server: defaultdict[str, list[PostConnection]] = defaultdict(list)

    def take(self, target: Target, budget: Budget) -> PostConnection:
        """
        Return a connection to *target*, which only the caller uses, until it is returned.

        Raises:
            Exception: No connection can be made; see `GuardedBackend`.
        """
        with self._lock:
            surplus = self._remove_expired()
            connection = self._take_idle(target.origin, surplus)
            self._in_use += 1
            if connection is None and self._idle and self._in_use + len(self._idle) > self._limit:
                surplus.append(self._remove_oldest())
        try:
            _close(surplus)
            if connection is not None:
                return connection
            return PostConnection(self._connect(target, budget))
        except BaseException:
            with self._lock:
                self._in_use -= 1
            raise

    def give_back(self, target: Target, connection: PostConnection) -> None:
        """Take a connection back, and close it unless it is reusable."""
        with self._lock:
            self._in_use -= 1
            surplus = self._remove_expired()
            if connection.is_reusable:
                until = self._monotonic() + self._idle_seconds
                self._idle[connection] = target.origin, until
                self._by_server[target.origin].append(connection)
            else:
                surplus.append(connection)
        _close(surplus)

    def close(self) -> None:
        """Close those that are not in use."""
        with self._lock:
            surplus = list(self._idle)
            self._idle.clear()
            self._by_server.clear()
        _close(surplus)

    def _take_idle(self, server: str, closed: list[PostConnection]) -> PostConnection | None:
        """Return the connection that was returned last; add to *closed* what the server closed."""
        while server in self._by_server:
            connection = self._by_server[server][-1]
            self._remove(connection)
            if connection.is_open():
                return connection
            closed.append(connection)
        return None

    def _remove_expired(self) -> list[PostConnection]:
        expired, now = [], self._monotonic()
        while self._idle and next(iter(self._idle.values()))[1] < now:
            expired.append(self._remove_oldest())
        return expired

    def _remove_oldest(self) -> PostConnection:
        connection = next(iter(self._idle))
        self._remove(connection)
        return connection

    def _remove(self, connection: PostConnection) -> None:
        server, _ = self._idle.pop(connection)
        self._by_server[server].remove(connection)
        if not self._by_server[server]:
            del self._by_server[server]


def _close(connections: Iterable[PostConnection]) -> None:
    for connection in connections:
        connection.close()
