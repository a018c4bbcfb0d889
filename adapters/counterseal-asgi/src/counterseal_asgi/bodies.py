"""Bodies, received by the event loop: a slow client holds no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import timedelta
from typing import Any

from counterseal_web.bodies import read_length, require_length
from counterseal_web.problems import BodyTooSlowError, BrokenBodyError, RefusedRequestError


class ClientDisconnected(Exception):
    """The client has closed the connection before the response was sent."""


async def receive_body(
    headers: Mapping[str, str],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    limit: int,
    deadline: timedelta,
    http_version: str,
) -> Callable[[int], bytes]:
    """
    Return what `Request.read_body` is, over the body that *receive* returns.

    It raises what is wrong with the body when the body is read, so that a request that is refused
    for another reason is refused for that.

    Args:
        headers: By lower-case name.
        receive: ASGI's.
        limit: Bytes. No message is awaited after those that bring more, and none at all where the
            headers announce more, or are malformed.
        deadline: How long the whole body may take.
        http_version: ASGI's, as "1.1". No message is awaited where it says that there is no body.

    Raises:
        ClientDisconnected: It has.
    """
    try:
        length = read_length(headers.get("content-length", ""))
        require_length(length, limit)
    except RefusedRequestError as error:
        return _refusing(error)
    if http_version.startswith("1") and length is None and "transfer-encoding" not in headers:
        # Such a request has no body (RFC 9112, 6.3).
        return _reading(b"")
    body = bytearray()
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            more = True
            while more and len(body) <= limit:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnected
                body += message.get("body", b"")
                more = message.get("more_body", False)
    except TimeoutError:
        return _refusing(BodyTooSlowError())
    if length is not None and len(body) < length:
        return _refusing(BrokenBodyError())
    return _reading(bytes(body))


def _reading(body: bytes) -> Callable[[int], bytes]:
    return lambda size: body[:size]


def _refusing(error: RefusedRequestError) -> Callable[[int], bytes]:
    def read(_: int) -> bytes:
        raise error

    return read
