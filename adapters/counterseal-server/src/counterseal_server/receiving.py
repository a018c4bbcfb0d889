"""
Receiving: it receives the whole body of a request before the request is handled.

A body occupies no thread: a slow client occupies a place, a connection, and about twice the
memory of what it has sent, because the server has a buffer too.
The whole body has a deadline, however often a piece of it arrives. A body that is late is refused
and its connection is closed, so every place becomes free again.
No sender gets more than its share of the places (`counterseal_server.slots`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

import attrs

from counterseal_server.slots import Sender, SenderSlots, sender
from counterseal_server.thread_pool import Exhaustion
from counterseal_web.bodies import read_length, require_length
from counterseal_web.problems import BodyTooLargeError, BrokenBodyError

REFUSED = "counterseal_server.refused"
"""The key for why a body was not received; absent if it was."""

BUSY, BROKEN, SLOW, TOO_LARGE = "busy", "bad_request", "too_slow", "too_large"

RECEIVED_BYTES = 262_144
"""
How many bytes of a too long body are read and discarded.

The server closes a connection with unread bytes, and a client that still writes gets no reply.
"""

PIECES = 4_096
"""The most pieces of one body: each costs the event loop the same, however small."""

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
"""As ASGI 3.0 has them."""


@attrs.frozen
class Received:
    """
    The result of receiving a body.

    Attributes:
        body: The whole body.
        refused: The code for why it was not received; *body* is empty then.
    """

    body: bytes = b""
    refused: str | None = None


NONE = Received()


class Receiving:
    """
    Receives bodies, a limited number at a time.

    Args:
        slots: How many at a time.
        deadline: How long a whole body may take.
        limit: The largest body in bytes.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        slots: int,
        deadline: timedelta,
        limit: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = SenderSlots(slots)
        self._seconds = deadline.total_seconds()
        self._limit = limit
        self.exhaustion = Exhaustion(slots, monotonic)
        """Since when there is no place for a body."""

    async def received(self, scope: Scope, receive: Receive) -> Received:
        """
        Receive the body of a request, if it has one and a place is free.

        Args:
            scope: The request (ASGI 3.0, HTTP).
            receive: Returns the next piece of it.
        """
        length_text, brings = announced(scope["headers"])
        if not brings:
            return NONE
        try:
            length = read_length(length_text)
        except BrokenBodyError:
            return Received(refused=BROKEN)
        who = sender_of(scope)
        if not self._slots.take_for(who):
            return Received(refused=BUSY)
        self.exhaustion.take()
        try:
            async with asyncio.timeout(self._seconds):
                return await _receive_body(receive, length, self._limit)
        except TimeoutError:
            return Received(refused=SLOW)
        finally:
            self._slots.give_back_of(who)
            self.exhaustion.give_back()


def sender_of(scope: Scope) -> Sender:
    """Return the sender of a request, to whose share its place counts."""
    return sender((scope.get("client") or ("",))[0])


def announced(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, bool]:
    """Return the `Content-Length`, empty if it is missing, and whether there is a body."""
    lengths: list[str] = []
    chunked = False
    for name, value in headers:
        if name == b"content-length":
            lengths.append(value.decode("latin-1"))
        elif name == b"transfer-encoding":
            chunked = True
    length = ", ".join(lengths)
    return length, chunked or bool(length.lstrip("0"))


async def _receive_body(receive: Receive, length: int | None, limit: int) -> Received:
    """Receive a body; refuse one that is cut off or too long."""
    body = bytearray()
    size = count = 0
    end = RECEIVED_BYTES if length is None else min(length, RECEIVED_BYTES)
    try:
        require_length(length, limit)
    except BodyTooLargeError:
        too_large = True
    else:
        too_large = False
    while size < end:
        message = await receive()
        if message["type"] != "http.request":
            # Half a form may be a valid form with another meaning.
            return Received(refused=BROKEN)
        count += 1
        if count > PIECES:
            return Received(refused=BROKEN)
        piece = message.get("body", b"")
        size += len(piece)
        too_large = too_large or size > limit
        if too_large:
            body.clear()
        else:
            body += piece
        if not message.get("more_body", False):
            break
    if length is not None and size < end:
        return Received(refused=BROKEN)
    return Received(refused=TOO_LARGE) if too_large else Received(bytes(body))
