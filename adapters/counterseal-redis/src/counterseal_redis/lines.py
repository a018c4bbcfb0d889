"""
The line to one server: a connection of redis-py's, and what is said over it.

It does what a pipeline of redis-py does that is no transaction, with its connections and its
retries, in a third of the time: all that is said is written at once and not word by word, and the
connection that was used last is kept at hand.
"""

from __future__ import annotations

import contextlib
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any

from redis import Redis, exceptions

from counterseal_redis.durability import Command

Connection = Any
"""Any of redis-py's; only what its `ConnectionInterface` has is used."""

IDLE_SECONDS = 0.1
"""
A connection that has been silent for less is used without asking whether it is open and empty.

All replies were read, or it would have been closed here; and Redis closes after seconds.
"""


class Line:
    """
    The line to the server of one client, for all threads of a process.

    Args:
        client: Of one server, or of the one that Sentinel says.
        keeps: Whether to keep the connection that was used last, one at most; all others go back
            to the client's pool, so that nobody who shares it waits for more than that one.
    """

    def __init__(self, client: Redis, *, keeps: bool = False) -> None:
        self._client = client
        self._keeps = keeps
        # Each with when it spoke last. What is taken off is nobody else's.
        self._spare: deque[tuple[Connection, float]] = deque()
        weakref.finalize(self, _given_back, client.connection_pool, self._spare).atexit = False

    def talk(self, commands: Sequence[Command]) -> list[Any]:
        """
        Send *commands* over one connection, in one trip.

        Returns:
            The reply to each; where the server refused one, the error.

        Raises:
            RedisError: No connection, or it broke; all may have been applied, or none.
        """
        said = b"".join(map(packed, commands))
        pool = self._client.connection_pool
        connection: Connection = None

        def exchange() -> list[Any]:
            connection.send_packed_command([said])
            return [self._answer(connection, command) for command in commands]

        try:
            spoke_at = 0.0
            with contextlib.suppress(IndexError):
                connection, spoke_at = self._spare.pop()
            if connection is not None and not self._is_fit(connection, spoke_at):
                pool.release(connection)
                connection = None
            if connection is None:
                connection = pool.get_connection()
            replies: list[Any] = connection.retry.call_with_retry(
                exchange, lambda _: connection.disconnect()
            )
        except BaseException:
            # Whoever has it next is not to read the replies to this.
            if connection is not None:
                connection.disconnect()
            raise
        finally:
            if connection is not None:
                if self._keeps and not self._spare:
                    self._spare.append((connection, time.monotonic()))
                else:
                    pool.release(connection)
        return replies

    def _is_fit(self, connection: Connection, spoke_at: float) -> bool:
        # What a pool looks at when it takes a connection back, and when it hands one out: whose
        # it is (after a fork, or a failover that Sentinel told), whether it is to be made anew or
        # has to log in again, and, unless it spoke a moment ago, whether the server has closed it.
        # A server that ended since is found out by the call, which is made again as the client's
        # retries say.
        if not connection.is_connected or connection.should_reconnect():
            return False
        if not self._client.connection_pool.owns_connection(connection):
            return False
        try:
            connection.re_auth()
            idle = time.monotonic() - spoke_at >= IDLE_SECONDS
            return not (idle and connection.can_read())
        except (exceptions.ConnectionError, exceptions.TimeoutError, OSError):
            connection.disconnect()
            return False

    def _answer(self, connection: Connection, command: Command) -> Any:
        try:
            return self._client.parse_response(connection, command[0])  # type: ignore[no-untyped-call]
        except exceptions.ResponseError as error:
            return error


def _given_back(pool: Any, spare: deque[tuple[Connection, float]]) -> None:
    while spare:
        connection, _ = spare.pop()
        pool.release(connection)


def packed(command: Command) -> bytes:
    """Return *command* as it is sent: an array of bulk strings (RESP)."""
    words = [
        word if isinstance(word, bytes) else (word if isinstance(word, str) else str(word)).encode()
        for word in command
    ]
    said = b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])
    return b"*%d\r\n%b" % (len(words), said)
