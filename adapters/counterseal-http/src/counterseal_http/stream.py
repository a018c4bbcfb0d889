"""Connections: every wait is bounded by the budget of the request that waits."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2

from counterseal_http.budget import Budget


class GuardedStream(httpcore2.NetworkStream):
    """A connected socket, which httpcore2 talks through."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """
        Return what has come, as soon as something has.

        Raises:
            ReadTimeout: The request's time is over.
            ReadError: The connection broke, or the response is longer than it may be.
        """
        budget = budget_in(timeout)
        if budget.octets <= 0:
            raise httpcore2.ReadError("the response is longer than it may be")
        with _failing_as(httpcore2.ReadTimeout, httpcore2.ReadError):
            self._socket.settimeout(budget.seconds())
            data = self._socket.recv(min(max_bytes, budget.octets))
        budget.octets -= len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """
        Send all of *buffer*.

        Raises:
            WriteTimeout: The request's time is over.
            WriteError: The connection broke.
        """
        budget = budget_in(timeout)
        rest = memoryview(buffer)
        with _failing_as(httpcore2.WriteTimeout, httpcore2.WriteError):
            while rest:
                self._socket.settimeout(budget.seconds())
                rest = rest[self._socket.send(rest) :]

    def close(self) -> None:
        """Close the socket, without a farewell that the other side could delay."""
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> GuardedStream:
        """
        Shake hands; the name that is checked is the address's, not where it led.

        Raises:
            ConnectTimeout: The request's time is over.
            ConnectError: The other side is not who it should be, or breaks off.
        """
        budget = budget_in(timeout)
        try:
            with _failing_as(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                # CPython bounds a whole handshake by the timeout, not each of its reads.
                self._socket.settimeout(budget.seconds())
                wrapped = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return GuardedStream(wrapped)

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore2 asks: whether something waits to be read, or the TLS object."""
        if info == "is_readable":
            return _readable(self._socket)
        if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket):
            return self._socket
        return None


def budget_in(timeout: float | None) -> Budget:
    """
    Return the budget that travels as *timeout*.

    Raises:
        UnsupportedProtocol: There is none: somebody else uses this connection, without an end.
    """
    if not isinstance(timeout, Budget):
        raise httpcore2.UnsupportedProtocol("a request without a budget")
    return timeout


@contextmanager
def _failing_as(late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise late("the time of the whole request is over") from error
    except (OSError, ValueError) as error:
        # `ssl` raises ValueError for names that it cannot check.
        raise broken(type(error).__name__) from error


def _readable(connected: socket.socket) -> bool:
    if connected.fileno() < 0:
        return True  # closed: the next read would tell
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connected], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))
