"""The network backend of httpcore2: it connects only to addresses that the guard allows."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import NoReturn

import httpcore2

from counterseal_http.errors import Forbidden, NotAttempted
from counterseal_http.guard import Guard
from counterseal_http.networks import Address
from counterseal_http.stream import GuardedStream, budget_in

MAX_ADDRESSES = 4
"""Addresses of one name that are tried in turn; they share the remaining time equally."""

_LOCAL_ERRORS = {
    errno.EADDRNOTAVAIL,  # no local port is free
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
}


class GuardedBackend(httpcore2.NetworkBackend):
    """
    Resolves a name, checks its addresses and connects, in one step.

    Args:
        guard: Which addresses may be called.
        scheme: The scheme of its connections, `http` or `https`.
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
        Resolve *host*, check all of its addresses, and connect to one of them.

        Raises:
            Forbidden: One of the addresses is not allowed.
            Unresolved: *host* has no address.
            NotAttempted: This machine could not try.
            ConnectTimeout: The request timed out.
            ConnectError: No address accepted the connection.
        """
        budget = budget_in(timeout)
        try:
            addresses = self._guard.addresses(host, budget.seconds(), self._scheme)[:MAX_ADDRESSES]
            for number, address in enumerate(addresses, 1):
                share = budget.seconds() / (len(addresses) - number + 1)
                try:
                    return GuardedStream(_connect(address, port, share))
                except OSError as error:
                    if error.errno in _LOCAL_ERRORS:
                        raise NotAttempted("no socket to connect with") from error
                    if number == len(addresses):
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


def _connect(address: Address, port: int, seconds: float) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect((str(address), port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection
