"""Resolving host names: once for each connection, in bounded time."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from counterseal_http.errors import NotAttempted, Unresolved

CONCURRENCY = 32
"""`getaddrinfo` cannot be cancelled; this many calls may hang before others are refused."""

LookUp: TypeAlias = Callable[..., list[tuple[Any, Any, Any, Any, tuple[Any, ...]]]]

_LOCAL_ERRORS = {socket.EAI_MEMORY, getattr(socket, "EAI_SYSTEM", socket.EAI_MEMORY)}


class Resolver(Protocol):
    """Resolves host names."""

    def resolve(self, host: str, timeout: float) -> tuple[str, ...]:
        """
        Return all addresses of *host*, the preferred one first.

        Args:
            host: A name in A-labels; never an address.
            timeout: The seconds that it may take.

        Raises:
            Unresolved: The name has none, or no name server answered in time.
            NotAttempted: This machine could not resolve it.
        """


class SystemResolver:
    """
    The machine's own resolver.

    Args:
        concurrency: How many names are resolved at the same time.
        look_up: `socket.getaddrinfo`, or a fake of it.
    """

    def __init__(
        self, concurrency: int = CONCURRENCY, look_up: LookUp = socket.getaddrinfo
    ) -> None:
        self._slots = threading.BoundedSemaphore(concurrency)
        self._look_up = look_up

    def resolve(self, host: str, timeout: float) -> tuple[str, ...]:
        """
        Call `getaddrinfo` in a thread; if it is too slow, the thread goes on without its caller.

        Raises:
            Unresolved: The name has no address, or no answer came in time.
            NotAttempted: All threads are waiting, or none can be started.
        """
        if not self._slots.acquire(blocking=False):
            raise NotAttempted("too many names are being resolved")
        results: queue.SimpleQueue[tuple[str, ...] | Exception] = queue.SimpleQueue()
        try:
            threading.Thread(target=self._look_up_into, args=(host, results), daemon=True).start()
        except RuntimeError as error:
            self._slots.release()
            raise NotAttempted("no thread to resolve a name") from error
        try:
            result = results.get(timeout=timeout)
        except queue.Empty:
            raise Unresolved("no answer in time") from None
        if isinstance(result, socket.gaierror) and result.errno not in _LOCAL_ERRORS:
            raise Unresolved("the name has no address") from result
        if isinstance(result, UnicodeError):
            raise Unresolved("not a name that can be resolved") from result
        if isinstance(result, Exception):
            raise NotAttempted("a name could not be resolved") from result
        return result

    def _look_up_into(
        self, host: str, results: queue.SimpleQueue[tuple[str, ...] | Exception]
    ) -> None:
        result: tuple[str, ...] | Exception
        try:
            entries = self._look_up(host, None, type=socket.SOCK_STREAM)
            result = tuple(str(entry[4][0]) for entry in entries)
        except Exception as error:  # noqa: BLE001 (raised again in the thread that waits)
            result = error
        # The slot is free before the receiver continues, which may need it at once.
        self._slots.release()
        results.put(result)
