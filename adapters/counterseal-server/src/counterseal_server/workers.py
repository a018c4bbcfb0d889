"""
Workers: threads that do what nobody asks for.

They expire what is over, deliver callbacks, ring bells, and forget what need not be kept.
Any number of processes may have them: records say by leases and versions who does what.
"""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs

from counterseal import Callbacks, Challenges, Invitations, Logins, Refused, Unavailable
from counterseal.models import Guid
from counterseal_server.house import House
from counterseal_server.metrics import FAILED, UNAVAILABLE, Metrics
from counterseal_server.ringers import Ringers

EVERY_LOOK = timedelta(milliseconds=250)
"""How soon a callback is sent, or a bell rung again, after it is due."""

EVERY_WAIT = timedelta(seconds=1)
"""How long it is waited for news at once; a stop takes as long."""

EVERY_SWEEP = timedelta(seconds=1)
EVERY_FORGETTING = timedelta(minutes=10)

AFTER_FAILURE = timedelta(seconds=2)

log = logging.getLogger("counterseal_server")


class Duty(enum.Enum):
    """What workers can be for."""

    DELIVER = enum.auto()
    RING = enum.auto()
    SWEEP = enum.auto()
    """To expire what is over, and to forget what need not be kept."""


@attrs.frozen
class Chore:
    """
    What one thread does again and again.

    Attributes:
        act: One round; true if there is more to do at once.
        bell: What ends the rest before its time.
    """

    name: str
    act: Callable[[], bool]
    every: timedelta
    bell: threading.Event


class Workers:
    """
    The workers of one process.

    Args:
        house: The service.
        metrics: Where they count.
        duties: What they are for.
    """

    def __init__(
        self, house: House, metrics: Metrics, *, duties: Collection[Duty] = frozenset(Duty)
    ) -> None:
        self._house = house
        self._metrics = metrics
        self._stop = threading.Event()
        self._callbacks = Callbacks(house.ports, house.policy)
        self._senders = house.settings.senders
        self._pool = ThreadPoolExecutor(max(1, self._senders), "sender")
        self._running: dict[Guid, Guid] = {}
        self._news = threading.Event()
        self._ringers = Ringers(house, metrics, self._news.set)
        chores = []
        if Duty.DELIVER in duties and self._senders:
            chores.append(Chore("callbacks", self._deliver, EVERY_LOOK, self._stop))
        if Duty.SWEEP in duties:
            chores.append(Chore("expiry", self._expire, EVERY_SWEEP, self._stop))
            chores.append(Chore("forgetting", self._forget, EVERY_FORGETTING, self._stop))
        if Duty.RING in duties and house.settings.ringers:
            chores.append(Chore("news", self._wait_for_news, timedelta(0), self._stop))
            chores.append(Chore("notifications", self._ringers.ring, EVERY_LOOK, self._news))
        self._threads = [
            threading.Thread(
                target=self._keep_doing, args=(chore,), name=f"counterseal-{chore.name}"
            )
            for chore in chores
        ]

    def start(self) -> None:
        """Begin; the process does not end before `stop`, or its main thread's end."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing new, and return when what runs has come to its own end."""
        self._stop.set()
        self._news.set()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown()
        self._ringers.stop()

    def _keep_doing(self, chore: Chore) -> None:
        main = threading.main_thread()
        pause = timedelta(0)
        while main.is_alive() and not self._stop.wait(0):
            try:
                pause = timedelta(0) if chore.act() else chore.every
            except Exception as error:  # noqa: BLE001 (a worker must not end)
                self._metrics.failed(chore.name)
                self._tell(chore, error)
                pause = AFTER_FAILURE
            self._rest(main, pause, chore.bell)

    def _rest(self, main: threading.Thread, pause: timedelta, bell: threading.Event) -> None:
        left = pause
        # In small pieces: the main thread's end rings no bell.
        while left > timedelta(0) and main.is_alive():
            piece = min(left, EVERY_LOOK)
            if bell.wait(piece.total_seconds()):
                break
            left -= piece
        if bell is not self._stop:
            bell.clear()

    def _tell(self, chore: Chore, error: Exception) -> None:
        if isinstance(error, Refused | Unavailable):
            log.warning("%s: %s", chore.name, error.code)
        else:
            log.error("%s", chore.name, exc_info=error)

    def _wait_for_news(self) -> bool:
        # A thread of its own, so that none is missed while those before are looked for.
        self._ringers.notifications.wait(EVERY_WAIT)
        self._news.set()
        return False

    def _expire(self) -> bool:
        ports, policy = self._house.ports, self._house.policy
        limit = 100
        counts = {
            "challenge": Challenges(ports, policy).expire(limit),
            "invitation": Invitations(ports, policy).expire(limit),
            "login": Logins(ports, policy).expire(limit),
        }
        for kind, count in counts.items():
            self._metrics.swept(kind, count)
        return max(counts.values()) == limit

    def _forget(self) -> bool:
        self._metrics.swept("forgotten", self._house.forget())
        return False

    def _deliver(self) -> bool:
        if len(self._running) < self._senders:
            for callback in self._callbacks.in_turn(dict(self._running), self._senders):
                self._running[callback.guid] = callback.origin
                self._pool.submit(self._attempt, callback.guid)
        return False

    def _attempt(self, callback: Guid) -> None:
        try:
            state = self._callbacks.attempt(callback).state
            self._metrics.attempted(state.value)
            log.info("callback %s: %s", callback, state.value)
        except Refused as refusal:
            log.debug("callback %s: %s", callback, refusal.code)
        except Unavailable as failure:
            self._metrics.attempted(UNAVAILABLE)
            log.warning("callback %s: %s", callback, failure.code)
        except Exception:
            # A fault of ours: it is logged whole and counted, and the other callbacks go on;
            # this one is due again, at the latest when its lease ends.
            self._metrics.attempted(FAILED)
            log.exception("callback %s", callback)
        finally:
            del self._running[callback]
