"""Time and luck of this machine, and a bell for the threads of this process."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from counterseal.models import Guid


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        return datetime.now(UTC)


class SystemEntropy:
    """The operating system's generator."""

    def token(self, size: int) -> bytes:
        """Return *size* random bytes."""
        return os.urandom(size)


class MemoryWake:
    """Wakes the threads of this process."""

    def __init__(self) -> None:
        self._waiting: dict[Guid, set[threading.Event]] = defaultdict(set)
        self._lock = threading.Lock()

    def ring(self, guid: Guid) -> None:
        """Wake those who wait for *guid*."""
        with self._lock:
            for event in self._waiting.pop(guid, ()):
                event.set()

    def wait(self, guid: Guid, timeout: timedelta) -> None:
        """Return when *guid* is rung, or after *timeout*."""
        event = threading.Event()
        with self._lock:
            self._waiting[guid].add(event)
        try:
            event.wait(timeout.total_seconds())
        finally:
            with self._lock:
                waiting = self._waiting.get(guid)
                if waiting is not None:
                    waiting.discard(event)
                    if not waiting:
                        del self._waiting[guid]
