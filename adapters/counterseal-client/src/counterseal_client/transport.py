"""Sends one attempt of a request, within limits of time and size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import attrs
import httpx2

from counterseal import Refused, read_json
from counterseal_client.errors import BadReply, NotSent, ReplyLost, Unfit
from counterseal_http import (
    Authorities,
    Forbidden,
    Guard,
    NotAttempted,
    Unresolved,
    describe_failure,
    guarded_client,
)

R = TypeVar("R")

REPLY_LIMIT = 2_097_152
"""Octets of a reply: enough for the longest receipt and everything else."""

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
            # The text names a member; none of these errors contains a value.
            raise BadReply(str(error)) from None


class Transport:
    """
    Sends requests through a guarded client: no proxy, no redirect, no cookie, no retry.

    Args:
        guard: Which URLs may be called.
        longest: The longest that any request may take.
        connections: How many requests run at once; others wait, within their time.
        tls: The authorities that the service's certificate needs; by default the machine's.
    """

    def __init__(
        self, guard: Guard, *, longest: timedelta, connections: int, tls: Authorities | None
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
            method: The HTTP method, in capitals.
            uri: The full URI.
            target: The target in the request line, sent unchanged, since it is signed.
            headers: The request's headers.
            body: The request's body; if it is empty, none is sent.
            within: The time from the look-up of the name to the last octet of the reply.

        Raises:
            NotSent: The service was not reached.
            Unfit: The guard refuses the URI.
            ReplyLost: No reply arrived, it was late, or it was too large.
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
            raise NotSent(describe_failure(error)) from None
        except httpx2.HTTPError as error:
            raise ReplyLost(type(error).__name__) from None
        return Reply(status=response.status_code, headers=response.headers, body=response.content)

    def close(self) -> None:
        """Refuse further requests; requests that run are completed."""
        self._client.close()
