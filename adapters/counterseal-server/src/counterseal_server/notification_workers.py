"""Ringers: threads that ring bells, some for each kind of address."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs

from counterseal import Notifications, Refused, Unavailable
from counterseal.models import (
    AddressKind,
    Guid,
    Notification,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.ports import Notifier
from counterseal_server.house import House
from counterseal_server.metrics import FAILED, UNAVAILABLE, Metrics

FAR_LOOKS = timedelta(milliseconds=250)
"""How often what has no turn is looked past."""

FAR_SHARE = 10
"""A look that took long is made again after so many times as long, at the soonest."""

ALARMING = {PushResult.REJECTED, PushResult.MISCONFIGURED}
"""What an operator, or we, have to mend."""

log = logging.getLogger("counterseal_server")


@attrs.frozen
class Counted:
    """A notifier whose outcomes are counted, and logged where somebody has to do something."""

    notifier: Notifier
    metrics: Metrics

    def kinds(self) -> frozenset[AddressKind]:
        """Return the notifier's."""
        return self.notifier.kinds()

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Let the notifier ring.

        Raises:
            NotifierUnavailable: As the notifier says.
        """
        try:
            outcomes = self.notifier.push(addresses, message)
        except Unavailable:
            for address in addresses:
                self.metrics.pushed(address.kind.value, UNAVAILABLE)
            raise
        for address, outcome in zip(addresses, outcomes, strict=True):
            self.metrics.pushed(address.kind.value, outcome.result.value)
            if outcome.result in ALARMING:
                log.error("push by %s: %s", address.kind.value, outcome.result.value)
        return outcomes


class Ringers:
    """
    The ringers of one process.

    Args:
        house: The service.
        metrics: Where they count.
        freed: What to call when a place is free again.
    """

    def __init__(self, house: House, metrics: Metrics, freed: Callable[[], None]) -> None:
        notifier = Counted(house.ports.notifier, metrics)
        ports = attrs.evolve(house.ports, notifier=notifier)
        self.notifications = Notifications(ports, house.policy)
        self._metrics = metrics
        self._freed = freed
        self._places = house.settings.ringers
        self._pools: dict[AddressKind, ThreadPoolExecutor] = {}
        self._running: dict[Guid, Notification] = {}
        self._looks_far_at = 0.0

    def ring(self) -> bool:
        """Begin to ring for what is due, as far as there are places; never more at once."""
        # Each place that is free again is a reason to look, and few of these look further.
        began = time.monotonic()
        far = began >= self._looks_far_at
        running = dict(self._running)
        found = self.notifications.in_turn(running, self._places, looking_past=far)
        if far:
            took = time.monotonic() - began
            self._looks_far_at = began + max(FAR_LOOKS.total_seconds(), took * FAR_SHARE)
        for noted in found:
            self._running[noted.guid] = noted
            self._pool(noted.kind).submit(self._attempt, noted)
        return False

    def stop(self) -> None:
        """Return when what runs has come to its own end."""
        for pool in self._pools.values():
            pool.shutdown()

    def _pool(self, kind: AddressKind) -> ThreadPoolExecutor:
        # Each kind its own: a channel that hangs holds its own threads only.
        if kind not in self._pools:
            self._pools[kind] = ThreadPoolExecutor(self._places, f"ringer-{kind.value}")
        return self._pools[kind]

    def _attempt(self, noted: Notification) -> None:
        guid, occasion = noted.guid, noted.occasion.value
        try:
            rung = self.notifications.attempt(guid)
            self._metrics.rung(occasion, rung.state.value)
            log.info("notification %s of %s %s: %s", guid, occasion, rung.subject, rung.state.value)
        except Refused as refusal:
            log.debug("notification %s: %s", guid, refusal.code)
        except Unavailable as failure:
            self._metrics.rung(occasion, UNAVAILABLE)
            log.warning("notification %s: %s", guid, failure.code)
        except Exception:
            # A fault of ours: it is due again, at the latest when its lease ends.
            self._metrics.rung(occasion, FAILED)
            log.exception("notification %s", guid)
        finally:
            del self._running[guid]
            self._freed()
