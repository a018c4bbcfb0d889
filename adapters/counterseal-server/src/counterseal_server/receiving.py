"""
Receiving: the bodies of requests, whole, before anything is done with them.

A body is received without a thread: a slow client holds a place for it, a connection and the
memory for what it has sent, about twice, since the server has a buffer besides.
The whole body has a deadline, however often a piece of it comes; one that is not there by then
is refused, and its connection is closed, so that every place comes back.
No sender gets more than its share of the places (`counterseal_server.slots`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

import attrs

from counterseal_server.slots import Sender, Slots, sender
from counterseal_server.thread_pool import Exhaustion

REFUSED = "counterseal_server.refused"
"""Where an application finds the word for why a body was not received; absent if it was."""

BUSY, BROKEN, SLOW, TOO_LARGE = "busy", "bad_request", "too_slow", "too_large"

RECEIVED_BYTES = 262_144
"""
Of a body that is too long, how much is read, and not kept.

The server closes a connection with more to read, and who still writes sees no answer.
"""

PIECES = 4_096
"""Of one body; each costs the server's one thread as much as a large one."""

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
"""As ASGI 3.0 has them."""


@attrs.frozen
class Received:
    """
    What came of a body.

    Attributes:
        body: The whole of it.
        refused: The word for why it was not received; *body* is empty then.
    """

    body: bytes = b""
    refused: str | None = None


NONE = Received()


class Receiving:
    """
    Receives bodies, so many at a time.

    Args:
        places: How many.
        deadline: How long a whole body may take.
        limit: Bytes of the longest body that is kept.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self,
        slots: int,
        deadline: timedelta,
        limit: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = Slots(slots)
        self._seconds = deadline.total_seconds()
        self._limit = limit
        self.exhaustion = Exhaustion(slots, monotonic)
        """Since when there is no place for a body."""

    async def received(self, scope: Scope, receive: Receive) -> Received:
        """
        Receive the body of a request, if it brings one and there is a place for it.

        Args:
            scope: The request (ASGI 3.0, HTTP).
            receive: Returns the next piece of it.
        """
        length, brings = announced(scope["headers"])
        if not brings:
            return NONE
        who = sender_of(scope)
        if not self._slots.take(who):
            return Received(refused=BUSY)
        self.exhaustion.take()
        try:
            async with asyncio.timeout(self._seconds):
                return await _receive_body(receive, length, self._limit)
        except TimeoutError:
            return Received(refused=SLOW)
        finally:
            self._slots.give_back(who)
            self.exhaustion.give_back()


def sender_of(scope: Scope) -> Sender:
    """Return whom a request's place is counted for."""
    return sender((scope.get("client") or ("",))[0])


def announced(headers: Iterable[tuple[bytes, bytes]]) -> tuple[int | None, bool]:
    """Return the length of a body, if it is said, and whether there is a body."""
    length: int | None = None
    chunked = False
    for name, value in headers:
        if name == b"content-length":
            length = int(value) if value.isdigit() else None
        elif name == b"transfer-encoding":
            chunked = True
    return length, chunked or bool(length)


async def _receive_body(receive: Receive, length: int | None, limit: int) -> Received:
    """Receive a body; one that breaks off is refused, and so is one too long."""
    body = bytearray()
    size = count = 0
    end = RECEIVED_BYTES if length is None else min(length, RECEIVED_BYTES)
    too_large = length is not None and length > limit
    while size < end:
        message = await receive()
        if message["type"] != "http.request":
            # Half a form may well read as another one.
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
