"""
Workers: threads for work that belongs to no request.

They expire challenges, publish events, deliver callbacks, notify devices, chain the audit log, and
delete old records.
Any number of processes may run them: leases and versions in the records share out the work.
"""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable, Collection
from datetime import timedelta

import attrs

from counterseal import (
    Actions,
    Ceremonies,
    Challenges,
    Events,
    Invitations,
    Logins,
    Refused,
    Sessions,
    Unavailable,
)
from counterseal_server.attempts import FarLooks
from counterseal_server.audit_heads import AuditHeads
from counterseal_server.backlog import read_backlog
from counterseal_server.callback_workers import CallbackWorkers
from counterseal_server.metrics import Metrics
from counterseal_server.notification_workers import NotificationWorkers
from counterseal_server.runtime import Runtime

EVERY_LOOK = timedelta(milliseconds=250)
"""Seconds within which a due attempt starts."""

EVERY_WAIT = timedelta(seconds=1)
"""Seconds for one wait for a new callback or notification; a stop takes as long."""

EVERY_SWEEP = timedelta(seconds=1)
EVERY_CHAIN = timedelta(milliseconds=500)
CHAINED_AT_ONCE = 1_000
"""Events of the audit log; on SQLite, all other writers wait meanwhile."""
EVERY_FORGETTING = timedelta(minutes=10)
EVERY_GAUGES = timedelta(seconds=10)

EVENTS_AT_ONCE = 100
"""Accounts' events that are published before the workers look again."""

AFTER_FAILURE = timedelta(seconds=2)

log = logging.getLogger("counterseal_server")


class Duty(enum.Enum):
    """The kinds of work."""

    DELIVER = enum.auto()
    NOTIFY = enum.auto()
    SWEEP = enum.auto()
    """
    Expire challenges, invitations and log-ins, chain the audit log, delete old records, and read
    the backlog for the metrics.
    """


@attrs.frozen
class Chore:
    """
    The work that one thread repeats.

    Attributes:
        task: Does one round; returns whether there is more to do at once.
        woken: Ends the pause between two rounds early.
    """

    name: str
    task: Callable[[], bool]
    every: timedelta
    woken: threading.Event


class Workers:
    """
    The workers of one process.

    Args:
        runtime: The service.
        metrics: Where results are counted.
        duties: The kinds of work that they do.
    """

    def __init__(
        self, runtime: Runtime, metrics: Metrics, *, duties: Collection[Duty] = frozenset(Duty)
    ) -> None:
        self._runtime = runtime
        self._metrics = metrics
        self._stop = threading.Event()
        self._senders = runtime.settings.senders
        self._delivering = CallbackWorkers(runtime, metrics, self._stop)
        self._far_looks = FarLooks(EVERY_SWEEP)
        self._ends_bindings = True
        delivers = Duty.DELIVER in duties and bool(self._senders)
        if delivers:
            # For every use case made afterwards.
            runtime.ports = attrs.evolve(runtime.ports, callback_slots=self._delivering)
        self._events = Events(runtime.ports, runtime.policy)
        self._wake_event = threading.Event()
        self._notifying = NotificationWorkers(runtime, metrics, self._wake_event.set)
        chores = []
        if delivers:
            chores.append(
                Chore("callback-wake", self._wait_for_callbacks, timedelta(0), self._stop)
            )
            chores.append(
                Chore("callbacks", self._delivering.deliver, EVERY_LOOK, self._delivering.woken)
            )
            chores.append(Chore("events", self._publish, EVERY_LOOK, self._stop))
        if Duty.SWEEP in duties:
            chores.append(Chore("expiry", self._expire, EVERY_SWEEP, self._stop))
            self._audit_heads = AuditHeads(runtime, metrics)
            chores.append(Chore("audit", self._chain, EVERY_CHAIN, self._stop))
            chores.append(Chore("forgetting", self._forget, EVERY_FORGETTING, self._stop))
            if runtime.settings.metrics:
                chores.append(Chore("gauges", self._read_backlog, EVERY_GAUGES, self._stop))
        if Duty.NOTIFY in duties and runtime.settings.notification_workers:
            chores.append(Chore("wake", self._wait_for_notifications, timedelta(0), self._stop))
            chores.append(
                Chore("notifications", self._notifying.notify, EVERY_LOOK, self._wake_event)
            )
        self._threads = [
            threading.Thread(
                target=self._keep_doing, args=(chore,), name=f"counterseal-{chore.name}"
            )
            for chore in chores
        ]

        for chore in chores:
            metrics.began(chore.name)

    def start(self) -> None:
        """Start the threads; the process ends after `stop`, or after its main thread."""
        self._delivering.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Start nothing new, and return when running work has ended."""
        self._stop.set()
        self._wake_event.set()
        self._delivering.woken.set()
        for thread in self._threads:
            thread.join()
        self._delivering.stop()
        self._notifying.stop()

    def _keep_doing(self, chore: Chore) -> None:
        main = threading.main_thread()
        pause = timedelta(0)
        while main.is_alive() and not self._stop.wait(0):
            try:
                pause = timedelta(0) if chore.task() else chore.every
            except Exception as error:  # noqa: BLE001 (a worker must not end)
                self._metrics.failed(chore.name)
                self._log_failure(chore, error)
                pause = AFTER_FAILURE
            else:
                self._metrics.worked(chore.name)
            self._metrics.ended_round(chore.name)
            self._rest(main, pause, chore.woken)

    def _rest(self, main: threading.Thread, pause: timedelta, woken: threading.Event) -> None:
        remaining = pause
        # In short pauses: the end of the main thread wakes nobody.
        while remaining > timedelta(0) and main.is_alive():
            piece = min(remaining, EVERY_LOOK)
            if woken.wait(piece.total_seconds()):
                break
            remaining -= piece
        if woken is not self._stop:
            woken.clear()

    def _log_failure(self, chore: Chore, error: Exception) -> None:
        if isinstance(error, Refused | Unavailable):
            log.warning("%s: %s", chore.name, error.code)
        else:
            log.error("%s", chore.name, exc_info=error)

    def _wait_for_notifications(self) -> bool:
        # A thread of its own, so that no wake-up is missed while due records are loaded.
        self._notifying.notifications.wait(EVERY_WAIT)
        self._wake_event.set()
        return False

    def _wait_for_callbacks(self) -> bool:
        self._delivering.wait(EVERY_WAIT)
        return False

    def _expire(self) -> bool:
        ports, policy = self._runtime.ports, self._runtime.policy
        limit = 100
        with self._far_looks.measure_look() as far:
            # While bindings end, those behind them have their turn without it.
            past = far and not self._ends_bindings
            counts = {
                "challenge": Challenges(ports, policy).expire(limit),
                "invitation": Invitations(ports, policy).expire(limit, read_further=past),
                "login": Logins(ports, policy).expire(limit),
                "ceremony": Ceremonies(ports, policy).expire(limit),
                "session": Sessions(ports, policy).expire(limit, read_further=past),
                "action": Actions(ports, policy).expire(limit),
            }
        self._ends_bindings = counts["invitation"] + counts["session"] > 0
        for kind, count in counts.items():
            self._metrics.swept(kind, count)
        return max(counts.values()) >= limit

    def _chain(self) -> bool:
        return self._audit_heads.chain(CHAINED_AT_ONCE) == CHAINED_AT_ONCE

    def _forget(self) -> bool:
        self._metrics.swept("forgotten", self._runtime.forget())
        return False

    def _read_backlog(self) -> bool:
        self._metrics.backlog.show(read_backlog(self._runtime.ports))
        return False

    def _publish(self) -> bool:
        # What was published counts, and not what is due: an event that fails is due at once.
        return self._events.publish_due(EVENTS_AT_ONCE) > 0
