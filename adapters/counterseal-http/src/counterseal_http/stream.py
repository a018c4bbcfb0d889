"""Connections: the budget of the request bounds each wait."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2

from counterseal_http.budget import Budget
from counterseal_http.errors import CertificateRefused


class GuardedStream(httpcore2.NetworkStream):
    """A connected socket, as httpcore2 uses it."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """
        Return the next octets, as soon as there are any.

        Raises:
            ReadTimeout: The request timed out.
            ReadError: The connection broke, or the response is too long.
        """
        budget = budget_in(timeout)
        if budget.octets <= 0:
            raise httpcore2.ReadError("the response is too long")
        with _raise_as(httpcore2.ReadTimeout, httpcore2.ReadError):
            self._socket.settimeout(budget.seconds())
            data = self._socket.recv(min(max_bytes, budget.octets))
        budget.octets -= len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """
        Send all of *buffer*.

        Raises:
            WriteTimeout: The request timed out.
            WriteError: The connection broke.
        """
        budget = budget_in(timeout)
        rest = memoryview(buffer)
        with _raise_as(httpcore2.WriteTimeout, httpcore2.WriteError):
            while rest:
                self._socket.settimeout(budget.seconds())
                rest = rest[self._socket.send(rest) :]

    def close(self) -> None:
        """Close the socket, without a TLS close that the server could delay."""
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> GuardedStream:
        """
        Do the TLS handshake; the certificate has to be for the name in the URL.

        Raises:
            ConnectTimeout: The request timed out.
            CertificateRefused: The certificate does not verify.
            ConnectError: The handshake fails in another way.
        """
        budget = budget_in(timeout)
        try:
            with _raise_as(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                # CPython applies the timeout to the whole handshake, not to each of its reads.
                self._socket.settimeout(budget.seconds())
                wrapped = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return GuardedStream(wrapped)

    def get_extra_info(self, info: str) -> Any:
        """Return whether there is something to read, or the TLS object; both for httpcore2."""
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket):
            return self._socket
        return None


def budget_in(timeout: float | None) -> Budget:
    """
    Return the budget that is passed as *timeout*.

    Raises:
        UnsupportedProtocol: *timeout* is not a budget, so that the request would be unbounded.
    """
    if not isinstance(timeout, Budget):
        raise httpcore2.UnsupportedProtocol("a request without a budget")
    return timeout


@contextmanager
def _raise_as(timeout_error: type[Exception], failure: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timeout_error("the time of the whole request is over") from error
    except ssl.SSLCertVerificationError as error:
        raise CertificateRefused(error) from error
    except (OSError, ValueError) as error:
        # `ssl` raises ValueError for names that it cannot check.
        raise failure(type(error).__name__) from error


def _is_readable(connected: socket.socket) -> bool:
    if connected.fileno() < 0:
        return True  # closed: the next read reports it
    if isinstance(connected, ssl.SSLSocket) and connected.pending():
        return True  # of a record that the system has handed over as a whole
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connected], [], [], 0)[0])
    poll = select.poll()
    poll.register(connected, select.POLLIN)
    return bool(poll.poll(0))
