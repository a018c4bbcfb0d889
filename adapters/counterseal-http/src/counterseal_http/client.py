"""A client for other adapters: httpx2's way of asking, and nothing that it does by itself."""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import Any

import httpx2

from counterseal_http.guard import Guard
from counterseal_http.transport import CONNECTIONS, LONGEST, RESPONSE_LIMIT, GuardedTransport

HEADERS = {"accept-encoding": "identity", "user-agent": "counterseal"}
"""
`identity`: a body of a few octets cannot become one of many (RFC 9110, 12.5.3).
The agent has no version: which one runs is nobody's business.
"""


class GuardedClient(httpx2.Client):
    """
    `httpx2.Client` over a guarded transport.

    A request goes to the transport and nowhere else: no proxy, no `.netrc`, no redirect,
    no cookie that a server set, and no log line with its address, which may be a secret.
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
            request: As `build_request` makes it.
            stream: Whether the caller reads and closes the response.
            auth: Not supported; set the header.
            follow_redirects: Not supported.

        Raises:
            ValueError: Something is asked for that is not supported.
            Forbidden: The guard does not let it go; nothing was sent.
            Unresolved: Its name leads nowhere; nothing was sent.
            NotAttempted: This side could not try; nothing was sent.
            RequestError: It failed in one of the ways that httpx2 knows.
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
    timeout: timedelta = LONGEST,
    response_limit: int = RESPONSE_LIMIT,
    connections: int = CONNECTIONS,
    tls: ssl.SSLContext | None = None,
) -> GuardedClient:
    """
    Make a client whose requests the guard judges; it may be shared by threads.

    Args:
        guard: What may be called.
        timeout: The longest that any request may take, from the look-up to the last octet.
        response_limit: Octets of a body that are read.
        connections: How many requests run at once.
        tls: How servers prove who they are; the machine's authorities if none is given.
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
