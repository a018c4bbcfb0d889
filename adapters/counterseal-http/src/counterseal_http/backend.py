"""The network as httpcore2 sees it: connections go where the guard says, and nowhere else."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import NoReturn

import httpcore2

from counterseal_http.addresses import Address
from counterseal_http.errors import Forbidden, NotAttempted
from counterseal_http.guard import Guard
from counterseal_http.stream import GuardedStream, budget_in

TRIES = 4
"""Addresses of one name that are tried, one after the other, in equal parts of the time left."""

_OURS = {
    errno.EADDRNOTAVAIL,  # no local port is free
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
}


class GuardedBackend(httpcore2.NetworkBackend):
    """
    Resolves, judges and connects, in one step.

    Args:
        guard: What may be called.
        scheme: What is spoken over its connections, `http` or `https`.
    """

    def __init__(self, guard: Guard, scheme: str) -> None:
        self._guard = guard
        self._scheme = scheme

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 (httpcore2's)
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> GuardedStream:
        """
        Connect to one of the addresses of *host* that were judged just now.

        Raises:
            Forbidden: One of them may not be reached.
            Unresolved: There is none.
            NotAttempted: This machine could not try.
            ConnectTimeout: The request's time is over.
            ConnectError: None of them takes the connection.
        """
        budget = budget_in(timeout)
        try:
            tried = self._guard.addresses(host, budget.seconds(), self._scheme)[:TRIES]
            for place, address in enumerate(tried, 1):
                share = budget.seconds() / (len(tried) - place + 1)
                try:
                    return GuardedStream(_connected(address, port, share))
                except OSError as error:
                    if error.errno in _OURS:
                        raise NotAttempted("no socket to connect with") from error
                    if place == len(tried):
                        raise
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("no connection in time") from error
        except OSError as error:
            raise httpcore2.ConnectError(type(error).__name__) from error
        raise AssertionError  # pragma: no cover (there is at least one address)

    def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 (httpcore2's)
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> NoReturn:
        """
        Refuse.

        Raises:
            Forbidden: Always.
        """
        raise Forbidden("a socket of this machine", final=True)


def _connected(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.settimeout(seconds)
        connecting.connect((str(address), port))
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connecting.close()
        raise
    return connecting
