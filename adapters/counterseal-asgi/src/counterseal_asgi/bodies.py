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

    Raises:
        ClientDisconnected: It has.
    """
    try:
        length = read_length(headers.get("content-length", ""))
        require_length(length, limit)
    except RefusedRequestError as error:
        return _refusing(error)
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
    data = bytes(body)
    return lambda size: data[:size]


def _refusing(error: RefusedRequestError) -> Callable[[int], bytes]:
    def read(_: int) -> bytes:
        raise error

    return read
