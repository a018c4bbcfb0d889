"""Transport: one attempt of one request, bounded in time and in size."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import attrs
import httpx2

from counterseal import Refused, read_json
from counterseal_client.errors import BadReply, NotSent, ReplyLost, Unfit
from counterseal_http import Forbidden, Guard, NotAttempted, Unresolved, guarded_client

R = TypeVar("R")

REPLY_LIMIT = 2_097_152
"""Octets of a reply; a receipt of the greatest length and everything else fit."""

_NOTHING_SENT = (
    NotAttempted,
    Unresolved,
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
)


@attrs.frozen(kw_only=True)
class Reply:
    """The service's reply to one attempt."""

    status: int
    headers: httpx2.Headers = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    def read(self, reader: Callable[[Any], R]) -> R:
        """
        Return what *reader* returns for the body's JSON.

        Raises:
            BadReply: It is not JSON, or the reader refuses it.
        """
        try:
            return reader(read_json(self.body))
        except Refused as error:
            # It names a member; none of these errors holds a value.
            raise BadReply(str(error)) from None


class Transport:
    """
    Sends requests through a guarded client: no proxy, no redirect, no cookie, no retry.

    Args:
        guard: What may be called.
        longest: The longest that any request may take.
        connections: How many requests run at once; others wait, within their time.
        tls: How the service proves who it is; the machine's authorities if none is given.
    """

    def __init__(
        self, guard: Guard, *, longest: timedelta, connections: int, tls: ssl.SSLContext | None
    ) -> None:
        self._client = guarded_client(
            guard, timeout=longest, response_limit=REPLY_LIMIT, connections=connections, tls=tls
        )

    def send(
        self,
        method: str,
        uri: str,
        *,
        target: bytes,
        headers: list[tuple[str, str]],
        body: bytes,
        within: timedelta,
    ) -> Reply:
        """
        Send one request.

        Args:
            method: In capitals.
            uri: The full address.
            target: What the request line holds, to the octet: it is signed.
            headers: The request's.
            body: The request's; none is sent where it is empty.
            within: From the look-up of the name to the last octet of the reply.

        Raises:
            NotSent: The service was not reached.
            Unfit: The address is too long, or odd.
            ReplyLost: No reply came, or not in time, or too large a one.
        """
        request = self._client.build_request(
            method,
            uri,
            headers=headers,
            content=body or None,
            timeout=within.total_seconds(),
            extensions={"target": target},
        )
        try:
            response = self._client.send(request)
        except Forbidden as error:
            if error.final:
                raise Unfit(f"a call that cannot be sent: {error}") from None
            raise NotSent(str(error)) from None
        except _NOTHING_SENT as error:
            raise NotSent(type(error).__name__) from None
        except httpx2.HTTPError as error:
            raise ReplyLost(type(error).__name__) from None
        return Reply(status=response.status_code, headers=response.headers, body=response.content)

    def close(self) -> None:
        """Send nothing from now on; requests that run come to their own end."""
        self._client.close()
