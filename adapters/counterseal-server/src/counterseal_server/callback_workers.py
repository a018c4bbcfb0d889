"""Callback workers: they deliver callbacks as fast as these become due; origins take turns."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta

from counterseal import Callbacks
from counterseal.models import Callback, CallbackState, Guid
from counterseal.wire.members import format_time
from counterseal_server.attempts import FAR_SHARE, Attempts
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime

log = logging.getLogger("counterseal_server")

POOL = "callbacks"

EVERY_LOOK = timedelta(milliseconds=250)
"""How often is read what is due, if nothing wakes the workers: retries, and other processes'."""

GATHERING = timedelta(milliseconds=20)
"""
From the first callback that becomes due to the look: those of other answers come with it.

A look and its threads cost as much CPU time as half a delivery.
"""


class CallbackWorkers:
    """
    The callback workers of one process.

    Args:
        runtime: The service.
        metrics: Where outcomes are counted.
        stop: Set when the workers are to stop.

    Attributes:
        woken: Set when a callback has become due, or a slot free.
    """

    def __init__(self, runtime: Runtime, metrics: Metrics, stop: threading.Event) -> None:
        self._stop = stop
        self._callbacks = Callbacks(runtime.ports, runtime.policy)
        self._slots = runtime.settings.senders
        self.woken = threading.Event()
        # Which attempts run is decided by one thread at a time.
        self._lock = threading.Lock()
        self._claimed: set[Guid] = set()
        self._accepts = False
        self._attempts: Attempts[Callback] = Attempts(
            "callback",
            self._attempt,
            lambda _, outcome: metrics.attempted(outcome),
            describe=_describe,
            slots=self._slots,
            freed=self._freed,
        )
        self._waiting: dict[Guid, Callback] = {}
        self._is_new = threading.Event()
        self._looks_at = 0.0
        self._looked_at = 0.0

    def start(self) -> None:
        """Reserve slots from now on."""
        self._accepts = True

    def reserve(self, callback: Callback) -> bool:
        """
        Reserve a slot for *callback*, which is about to be stored; return whether one is free.

        There is none while others of its origin wait that were due before, and origins that wait
        come first.
        """
        if not self._accepts or self._stop.is_set():
            return False
        with self._lock:
            first_of_each = {waiting.origin: waiting for waiting in self._waiting.values()}
            if callback.origin in first_of_each:
                return False
            due = (*first_of_each.values(), callback)
            chosen = self._callbacks.choose(due, self._under_way(), self._slots)
            if all(record is not callback for record in chosen):
                return False
            self._attempts.under_way[callback.guid] = callback
        return True

    def begin(self, callback: Callback) -> None:
        """Begin the attempt in the reserved slot."""
        self._claimed.add(callback.guid)
        try:
            self._attempts.begin(callback, POOL)
        except RuntimeError:
            # There is no thread for it, or the process stops.
            self._claimed.discard(callback.guid)
            log.warning("callback %s: no attempt begins before its lease ends", callback.guid)

    def release(self, callback: Callback) -> None:
        """Give the reserved slot back, since the callback was not stored."""
        del self._attempts.under_way[callback.guid]
        self._freed()

    def wait(self, timeout: timedelta) -> None:
        """Wait for a callback that becomes due, at most for *timeout*."""
        self._callbacks.wait(timeout)
        self._stop.wait(GATHERING.total_seconds())
        self._is_new.set()
        self.woken.set()

    def deliver(self) -> bool:
        """Start attempts for due callbacks while slots are free; always return False."""
        if len(self._attempts.under_way) < self._slots:
            begun_count = self._begin_waiting()
            if self._looks_now(any_begun=bool(begun_count)):
                self._find_due(self._under_way())
                self._begin_waiting()
        return False

    def stop(self) -> None:
        """Return when all running attempts have ended."""
        self._attempts.stop()

    def _freed(self) -> None:
        if self._waiting:
            self.woken.set()

    def _attempt(self, callback: Callback) -> Callback:
        is_claimed = callback.guid in self._claimed
        self._claimed.discard(callback.guid)
        return self._callbacks.attempt(callback, claimed=is_claimed)

    def _under_way(self) -> dict[Guid, Guid]:
        return {guid: each.origin for guid, each in dict(self._attempts.under_way).items()}

    def _begin_waiting(self) -> int:
        """Begin attempts of the callbacks that wait; return how many."""
        with self._lock:
            chosen = self._callbacks.choose(self._waiting.values(), self._under_way(), self._slots)
            for callback in chosen:
                del self._waiting[callback.guid]
                self._attempts.begin(callback, POOL)
        return len(chosen)

    def _looks_now(self, *, any_begun: bool) -> bool:
        now = time.monotonic()
        if self._waiting and now < self._looks_at:
            return False
        is_late = now - self._looked_at >= EVERY_LOOK.total_seconds()
        return not any_begun or is_late or self._is_new.is_set()

    def _find_due(self, under_way: dict[Guid, Guid]) -> None:
        # Before the read: what becomes due from now on is another reason to look.
        self._is_new.clear()
        began = time.monotonic()
        due = self._callbacks.find_due(under_way, self._slots)
        self._waiting = {
            callback.guid: callback for callback in due.callbacks if callback.guid not in under_way
        }
        self._looked_at = time.monotonic()
        pause = 0.0
        if not due.complete:
            took = self._looked_at - began
            pause = max(EVERY_LOOK.total_seconds(), took * FAR_SHARE)
        self._looks_at = self._looked_at + pause


def _describe(callback: Callback) -> str:
    state: str = callback.state.value
    if callback.state not in (CallbackState.QUEUED, CallbackState.DEAD):
        return state
    answer = "no answer" if callback.last_status is None else f"HTTP {callback.last_status}"
    after = f"next attempt at {format_time(callback.next_at)}"
    if callback.cause is not None:
        after = callback.cause.value
    return f"{state}, attempt {callback.attempts}: {answer}; {after}"
