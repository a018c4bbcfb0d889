"""A client for other adapters: httpx2's interface, without what httpx2 does on its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2

from counterseal_http.authorities import Authorities
from counterseal_http.guard import Guard
from counterseal_http.transport import CONNECTIONS, MAX_TIMEOUT, RESPONSE_LIMIT, GuardedTransport

HEADERS = {"accept-encoding": "identity", "user-agent": "counterseal"}
"""
`identity`: a small body cannot expand into a large one (RFC 9110, 12.5.3).
The agent has no version, which would help an attacker.
"""


class GuardedClient(httpx2.Client):
    """
    `httpx2.Client` over a guarded transport.

    A request only goes to the transport: no proxy, no `.netrc`, no redirect, no cookie that a
    server set, and no log line with its URL, which may be a secret.
    """

    def __init__(self, transport: GuardedTransport) -> None:
        super().__init__(transport=transport, headers=HEADERS, timeout=None, trust_env=False)
        self._guarded = transport

    def send(
        self,
        request: httpx2.Request,
        *,
        stream: bool = False,
        auth: Any = None,
        follow_redirects: Any = None,
    ) -> httpx2.Response:
        """
        Send *request* once.

        Args:
            request: Built by `build_request`.
            stream: Whether the caller reads and closes the response.
            auth: Not supported; set the header.
            follow_redirects: Not supported.

        Raises:
            ValueError: *auth* or *follow_redirects* is set.
            Forbidden: The guard refuses it; nothing was sent.
            Unresolved: Its host name has no address; nothing was sent.
            NotAttempted: This machine could not try; nothing was sent.
            RequestError: It failed in another way.
        """
        if auth not in {None, httpx2.USE_CLIENT_DEFAULT}:
            raise ValueError("auth: set the header `authorization`")
        if follow_redirects not in {None, False, httpx2.USE_CLIENT_DEFAULT}:
            raise ValueError("follow_redirects: no redirect is followed")
        response = self._guarded.handle_request(request)
        response.request = request
        if not stream:
            try:
                response.read()
            finally:
                response.close()
        return response


def guarded_client(
    guard: Guard,
    *,
    timeout: timedelta = MAX_TIMEOUT,
    response_limit: int = RESPONSE_LIMIT,
    connections: int = CONNECTIONS,
    tls: Authorities | None = None,
) -> GuardedClient:
    """
    Return a client whose requests the guard checks; it may be shared by threads.

    Args:
        guard: Which URLs may be called.
        timeout: The longest that a request may take, from resolving the name to the last octet.
        response_limit: Octets of a body that are read.
        connections: How many requests run at the same time.
        tls: The authorities that servers' certificates need; by default the machine's.
    """
    return GuardedClient(
        GuardedTransport(
            guard,
            timeout=timeout,
            response_limit=response_limit,
            connections=connections,
            tls=tls,
        )
    )
