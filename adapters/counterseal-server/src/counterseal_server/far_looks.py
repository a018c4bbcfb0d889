"""Far looks: how often a worker reads past records that are due and that it can do nothing with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

FAR_SHARE = 10
"""A far look that took long is repeated after so many times as long, at the soonest."""


class FarLooks:
    """
    The far looks of one worker.

    Args:
        every: The shortest time from one to the next.
    """

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._next_at = 0.0

    @contextmanager
    def measure_look(self) -> Iterator[bool]:
        """Measure one look; tell whether it may be a far one."""
        began = time.monotonic()
        far = began >= self._next_at
        yield far
        if far:
            took = time.monotonic() - began
            self._next_at = began + max(self._every.total_seconds(), took * FAR_SHARE)
