"""Notification workers: they send push messages; each channel has threads of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import attrs

from counterseal import Notifications, Unavailable
from counterseal.models import (
    AddressKind,
    Notification,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.ports import Notifier
from counterseal_server.attempts import Attempts, FarLooks
from counterseal_server.metrics import UNAVAILABLE, Metrics
from counterseal_server.runtime import Runtime

FAR_LOOKS = timedelta(milliseconds=250)
"""How often a look goes past what has no turn."""

ALARMING = {PushResult.REJECTED, PushResult.MISCONFIGURED}
"""Outcomes that an operator or we have to correct."""

log = logging.getLogger("counterseal_server")


@attrs.frozen
class CountingNotifier:
    """A notifier that counts outcomes, and logs those that somebody has to act on."""

    notifier: Notifier
    metrics: Metrics

    def kinds(self) -> frozenset[AddressKind]:
        """Return the kinds of the notifier."""
        return self.notifier.kinds()

    def require_sendable(self, address: PushAddress) -> None:
        """
        Refuse what the notifier refuses.

        Raises:
            InvalidField: The notifier raised it.
        """
        self.notifier.require_sendable(address)

    def push(
        self, addresses: tuple[PushAddress, ...], message: PushMessage
    ) -> tuple[PushOutcome, ...]:
        """
        Send with the notifier, and count the outcomes.

        Raises:
            NotifierUnavailable: The notifier raised it.
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


class NotificationWorkers:
    """
    The notification workers of one process.

    Args:
        runtime: The service.
        metrics: Where outcomes are counted.
        freed: Called when a slot becomes free.

    Attributes:
        notifications: The use cases of notifications.
    """

    def __init__(self, runtime: Runtime, metrics: Metrics, freed: Callable[[], None]) -> None:
        notifier = CountingNotifier(runtime.ports.notifier, metrics)
        ports = attrs.evolve(runtime.ports, notifier=notifier)
        self.notifications = Notifications(ports, runtime.policy)
        self._slots = runtime.settings.notification_workers
        self._attempts: Attempts[Notification] = Attempts(
            "notification",
            self.notifications.attempt,
            lambda record, outcome: metrics.notified(record.occasion.value, outcome),
            describe=lambda record: record.state.value,
            slots=self._slots,
            freed=freed,
        )
        self._far_looks = FarLooks(FAR_LOOKS)

    def notify(self) -> bool:
        """Start attempts for due notifications while slots are free; always return False."""
        # Each slot that is free again is a reason to look, and few of these look further.
        under_way = dict(self._attempts.under_way)
        with self._far_looks.measure_look() as far:
            due = self.notifications.find_next(under_way, self._slots, read_further=far)
        for notification in due:
            # Each channel has threads of its own: one that stalls does not stop the others.
            self._attempts.begin(notification, notification.kind.value)
        return False

    def stop(self) -> None:
        """Return when all running attempts have ended."""
        self._attempts.stop()
