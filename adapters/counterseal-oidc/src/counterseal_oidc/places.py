"""Places: how many calls at one provider run at once, so that one that hangs holds up no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from counterseal.errors import IdentityUnavailable


class Places:
    """Bounds the calls at each provider that run at once; may be shared by threads."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    @contextmanager
    def at(self, issuer: str) -> Iterator[None]:
        """
        Have a place at *issuer*.

        Raises:
            IdentityUnavailable: All are taken.
        """
        with self._lock:
            running = self._running.get(issuer, 0)
            if running >= self._at_once:
                raise IdentityUnavailable("too many calls wait for it already")
            self._running[issuer] = running + 1
        try:
            yield
        finally:
            with self._lock:
                self._running[issuer] -= 1
                if not self._running[issuer]:
                    del self._running[issuer]
