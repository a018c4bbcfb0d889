"""Resolving names: once for each connection, in bounded time."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from counterseal_http.errors import NotAttempted, Unresolved

LOOK_UPS_AT_ONCE = 32
"""`getaddrinfo` cannot be called off: so many may be left behind before others have to wait."""

LookUp: TypeAlias = Callable[..., list[tuple[Any, Any, Any, Any, tuple[Any, ...]]]]

_OURS = {socket.EAI_MEMORY, getattr(socket, "EAI_SYSTEM", socket.EAI_MEMORY)}


class Resolver(Protocol):
    """Tells where a name leads."""

    def resolve(self, host: str, within: float) -> tuple[str, ...]:
        """
        Return all addresses of *host*, the preferred one first.

        Args:
            host: A name in A-labels; never an address.
            within: Seconds until the answer has to be there.

        Raises:
            Unresolved: The name has none, or nobody answered in time.
            NotAttempted: Nobody could be asked.
        """


class SystemResolver:
    """
    The machine's own resolver.

    Args:
        at_once: How many look-ups may run at the same time.
        look_up: `socket.getaddrinfo`, or a double of it.
    """

    def __init__(
        self, at_once: int = LOOK_UPS_AT_ONCE, look_up: LookUp = socket.getaddrinfo
    ) -> None:
        self._free = threading.BoundedSemaphore(at_once)
        self._look_up = look_up

    def resolve(self, host: str, within: float) -> tuple[str, ...]:
        """
        Ask `getaddrinfo`, in a thread that is left behind if it does not come back.

        Raises:
            Unresolved: The name has no address, or none came back in time.
            NotAttempted: All threads are waiting, or none can be started.
        """
        if not self._free.acquire(blocking=False):
            raise NotAttempted("too many names are being looked up")
        answer: queue.SimpleQueue[tuple[str, ...] | Exception] = queue.SimpleQueue()
        try:
            threading.Thread(target=self._ask, args=(host, answer), daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise NotAttempted("no thread to look a name up") from error
        try:
            found = answer.get(timeout=within)
        except queue.Empty:
            raise Unresolved("no answer in time") from None
        if isinstance(found, socket.gaierror) and found.errno not in _OURS:
            raise Unresolved("the name has no address") from found
        if isinstance(found, UnicodeError):
            raise Unresolved("no name that can be looked up") from found
        if isinstance(found, Exception):
            raise NotAttempted("a name could not be looked up") from found
        return found

    def _ask(self, host: str, answer: queue.SimpleQueue[tuple[str, ...] | Exception]) -> None:
        said: tuple[str, ...] | Exception
        try:
            found = self._look_up(host, None, type=socket.SOCK_STREAM)
            said = tuple(str(entry[4][0]) for entry in found)
        except Exception as error:  # noqa: BLE001 (it is raised where it was asked for)
            said = error
        # Who has the answer may ask again at once.
        self._free.release()
        answer.put(said)
