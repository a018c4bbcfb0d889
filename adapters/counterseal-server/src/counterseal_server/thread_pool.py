"""
ThreadPool: threads that run jobs, and a queue of limited length.

The threads end with the process: nothing waits for a job that hangs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from counterseal_server.slots import Sender, SenderSlots

log = logging.getLogger("counterseal_server")


class Exhaustion:
    """
    Counts how much of something is in use, and since when all of it is.

    Args:
        total: How much there is.
        monotonic: Returns seconds that only grow.

    Attributes:
        total: How much there is.
    """

    def __init__(self, total: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.total = total
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._used = 0
        self._since: float | None = None

    def used(self) -> int:
        """Return how much is in use."""
        return self._used

    def take(self) -> None:
        """Count one more in use."""
        with self._lock:
            self._used += 1
            if self._used >= self.total:
                self._since = self._monotonic()

    def give_back(self) -> None:
        """Count one fewer in use."""
        with self._lock:
            self._used -= 1
            self._since = None

    def lasts(self, seconds: float) -> bool:
        """Return whether all has been in use for *seconds*, and none became free."""
        with self._lock:
            return self._since is not None and self._monotonic() - self._since >= seconds


class ThreadPool:
    """
    Threads that are started when they are needed, and stay.

    Args:
        name: The name of the threads.
        count: How many jobs run at once.
        waiting: How many more may wait, at least one; no sender gets more than its share.
        monotonic: Returns seconds that only grow.
    """

    def __init__(
        self,
        name: str,
        count: int,
        waiting: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._count = count
        self._slots = SenderSlots(waiting)
        self._lock = threading.Lock()
        self._tasks: SimpleQueue[tuple[Callable[[], None], Sender | None]] = SimpleQueue()
        self._unfinished = 0
        self._started = 0
        self.exhaustion = Exhaustion(count, monotonic)
        """Since when all threads are busy."""

    def run(self, task: Callable[[], None], who: Sender) -> bool:
        """
        Run *task* in one of the threads, as soon as one is free.

        Args:
            task: The job; it raises nothing.
            who: The sender, who has a share of the queue; the job counts until it starts.

        Returns:
            Whether it will run; False if too many jobs wait, of *who* or in total, or if no
            thread can be started.
        """
        # A thread counts once it has started; the lock hides the moment before.
        with self._lock:
            waits = self._unfinished >= self._count
            if waits and not self._slots.take_for(who):
                return False
            if self._unfinished >= self._started and self._started < self._count:
                self._start()
            if not self._started:
                return False
            self._unfinished += 1
        self._tasks.put((task, who if waits else None))
        return True

    def _start(self) -> None:
        name = f"{self._name}-{self._started + 1}"
        try:
            threading.Thread(target=self._work, name=name, daemon=True).start()
        except RuntimeError:  # the machine has no more
            log.error("no thread %s: the machine starts no more", name)  # noqa: TRY400
        else:
            self._started += 1

    def _work(self) -> None:
        while True:
            task, waited = self._tasks.get()
            if waited is not None:
                with self._lock:
                    self._slots.give_back_of(waited)
            self.exhaustion.take()
            try:
                task()
            finally:
                self.exhaustion.give_back()
                with self._lock:
                    self._unfinished -= 1
