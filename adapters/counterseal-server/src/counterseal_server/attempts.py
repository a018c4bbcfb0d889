"""Attempts: threads that deliver the callbacks and notifications that are due in the outbox."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Generic, TypeVar

from counterseal import Refused, Unavailable
from counterseal.models import TRACE, Callback, Guid, Notification
from counterseal_server.metrics import FAILED, UNAVAILABLE

R = TypeVar("R", bound=Callback | Notification)

log = logging.getLogger("counterseal_server")

FAR_SHARE = 10
"""A far look that took long is repeated after so many times as long, at the soonest."""


class Attempts(Generic[R]):
    """
    The running attempts of one process, for one kind of record.

    Args:
        noun: The name of such a record in the log.
        attempt: Makes one attempt.
        count: Counts an attempt and its result.
        describe: Returns what the log says of an attempt's result.
        slots: How many attempts run at once in each pool.
        freed: Called when a slot becomes free.

    Attributes:
        under_way: The GUIDs of the records whose attempts run.
    """

    def __init__(
        self,
        noun: str,
        attempt: Callable[[R], R],
        count: Callable[[R, str], None],
        *,
        describe: Callable[[R], str],
        slots: int,
        freed: Callable[[], None],
    ) -> None:
        self.under_way: dict[Guid, R] = {}
        self._noun = noun
        self._attempt = attempt
        self._count = count
        self._describe = describe
        self._slots = slots
        self._freed = freed
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()
        self._is_stopped = False

    def begin(self, record: R, pool: str) -> None:
        """
        Start an attempt in one of the pools; if it stalls, other pools keep their threads.

        Any thread may call it.

        Raises:
            RuntimeError: There is no thread for it, or `stop` was called.
        """
        self.under_way[record.guid] = record
        try:
            self._pool(pool).submit(self._run, record)
        except RuntimeError:
            del self.under_way[record.guid]
            if threading.main_thread().is_alive():
                raise
            # The interpreter ends, and with it every pool; the record stays due.

    def stop(self) -> None:
        """Return when all running attempts have ended; none begins from now on."""
        with self._lock:
            self._is_stopped = True
        for pool in self._pools.values():
            pool.shutdown()

    def _pool(self, name: str) -> ThreadPoolExecutor:
        with self._lock:
            if self._is_stopped:
                raise RuntimeError("no attempt begins any more")
            if name not in self._pools:
                self._pools[name] = ThreadPoolExecutor(self._slots, f"{self._noun}-{name}")
            return self._pools[name]

    def _run(self, record: R) -> None:
        noun, guid = self._noun, record.guid
        # The log's lines about a callback name the trace of the request that led to it.
        trace = TRACE.set(record.trace if isinstance(record, Callback) else None)
        try:
            attempted = self._attempt(record)
            self._count(record, attempted.state.value)
            log.info("%s %s: %s", noun, guid, self._describe(attempted))
        except Refused as refusal:
            log.debug("%s %s: %s", noun, guid, refusal.code)
        except Unavailable as failure:
            self._count(record, UNAVAILABLE)
            log.warning("%s %s: %s", noun, guid, failure.code)
        except Exception:
            # A bug of ours: it is logged with its traceback and counted. Other records go on, and
            # this one is due again, at the latest when its lease ends.
            self._count(record, FAILED)
            log.exception("%s %s", noun, guid)
        finally:
            TRACE.reset(trace)
            del self.under_way[guid]
            self._freed()


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
