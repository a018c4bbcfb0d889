"""Callback workers: they deliver callbacks as fast as these become due; origins take turns."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from counterseal import Callbacks
from counterseal.models import Callback, CallbackState, Guid
from counterseal.wire.claims import format_time
from counterseal_server.attempts import Attempts
from counterseal_server.metrics import Metrics
from counterseal_server.runtime import Runtime

EVERY_LOOK = timedelta(milliseconds=250)
"""How often is read what is due, if nothing wakes the workers: retries, and other processes'."""

GATHERING = timedelta(milliseconds=20)
"""
From the first callback that becomes due to the look: those of other answers come with it.

A look and its threads cost as much CPU time as half a delivery.
"""

FAR_SHARE = 10
"""
After a look that did not read all, and while what it read has no turn, the next one waits so many
times as long as that took.
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
        self._attempts: Attempts[Callback] = Attempts(
            "callback",
            self._callbacks.attempt,
            lambda _, outcome: metrics.attempted(outcome),
            describe=_describe,
            slots=self._slots,
            freed=self._freed,
        )
        self._waiting: dict[Guid, Callback] = {}
        self._is_new = threading.Event()
        self._looks_at = 0.0
        self._looked_at = 0.0

    def wait(self, timeout: timedelta) -> None:
        """Wait for a callback that becomes due, at most for *timeout*."""
        self._callbacks.wait(timeout)
        self._stop.wait(GATHERING.total_seconds())
        self._is_new.set()
        self.woken.set()

    def deliver(self) -> bool:
        """Start attempts for due callbacks while slots are free; always return False."""
        under_way = {guid: each.origin for guid, each in dict(self._attempts.under_way).items()}
        if len(under_way) < self._slots:
            chosen = self._callbacks.choose(self._waiting.values(), under_way, self._slots)
            if self._looks_now(any_chosen=bool(chosen)):
                self._find_due(under_way)
                chosen = self._callbacks.choose(self._waiting.values(), under_way, self._slots)
            for callback in chosen:
                del self._waiting[callback.guid]
                self._attempts.begin(callback, "callbacks")
        return False

    def stop(self) -> None:
        """Return when all running attempts have ended."""
        self._attempts.stop()

    def _freed(self) -> None:
        if self._waiting:
            self.woken.set()

    def _looks_now(self, *, any_chosen: bool) -> bool:
        now = time.monotonic()
        if self._waiting and now < self._looks_at:
            return False
        is_late = now - self._looked_at >= EVERY_LOOK.total_seconds()
        return not any_chosen or is_late or self._is_new.is_set()

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
