"""
HTTP connections that have to send whole requests, each within a time.

Uvicorn gives a client as much time for a request as the client wants, and counts its connection
among those that it serves. So clients that send nothing could take every place.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

RECEIVE_SECONDS = 10
"""Seconds within which a whole request has to arrive, from the connection or the last response."""


class HttpConnection(H11Protocol):
    """
    A connection that is closed if its request does not arrive in time.

    The deadline is of the head and the body, however the client sends them. If all places are
    taken, a new connection takes that of the one that has been awaiting a request for the longest
    time, but never that of a call.
    """

    deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Await a request; if all places are taken, end the connection that has waited longest."""
        super().connection_made(transport)
        self._follow()
        self._end_longest_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        super().connection_lost(exc)
        self._cancel_deadline()

    def data_received(self, data: bytes) -> None:
        """Read octets of a request, which may be its last ones."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Await the next request."""
        super().on_response_complete()
        self._follow()

    def abort(self) -> None:
        """Close the connection without a response."""
        self._cancel_deadline()
        self.connections.discard(self)
        self.transport.abort()

    def _follow(self) -> None:
        """Have a deadline while a request is awaited or incomplete, and none while it is served."""
        if self.transport.is_closing() or self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cancel_deadline()
        elif self.deadline is None:
            self.deadline = self.loop.call_later(RECEIVE_SECONDS, self.abort)

    def _cancel_deadline(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _end_longest_waiting(self) -> None:
        """Abort connections that await a request, the oldest ones first, until one is free."""
        limit = self.limit_concurrency
        # Uvicorn answers 503 where there are as many connections as the limit, or more.
        while limit is not None and len(self.connections) >= limit:
            deadlines = {
                each: each.deadline.when()
                for each in self.connections
                if isinstance(each, HttpConnection) and each is not self and each.deadline
            }
            if not deadlines:
                return
            min(deadlines, key=lambda each: deadlines[each]).abort()
