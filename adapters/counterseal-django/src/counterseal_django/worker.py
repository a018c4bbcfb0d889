"""Worker: what no request does, for any number of processes that run it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import counterseal as cs
from counterseal.memory import CollectingSender, SilentNotifier
from counterseal.models import Callback, Guid, Notification
from counterseal_django.wiring import Approvals, approvals
from counterseal_sql import forget

EVERY_ROUND = timedelta(seconds=1)
EVERY_FORGETTING = timedelta(minutes=10)
FORGET_AFTER = timedelta(hours=1)
"""How long a record stays that is no longer needed."""

log = logging.getLogger("counterseal_django")


class Worker:
    """
    The duties of a worker, each in a thread of its own, so that no slow receiver delays another.

    Args:
        stop: Set when the process is about to end.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def work_once(self) -> None:
        """
        Do one round of everything, and forget old records.

        Raises:
            Unavailable: The store failed.
        """
        current = approvals()
        for duty in self._duties(current):
            duty(current)
        forget_records(current)

    def work(self) -> None:
        """Work until the process is about to end; a round that fails is repeated."""
        current = self._wait_for_approvals()
        if current is None:
            return
        pauses = dict.fromkeys(self._duties(current), EVERY_ROUND)
        pauses[forget_records] = EVERY_FORGETTING
        threads = [
            threading.Thread(target=self._repeat, args=(duty, current, pause), name=duty.__name__)
            for duty, pause in pauses.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _wait_for_approvals(self) -> Approvals | None:
        while not self._stop.is_set():
            try:
                return approvals()
            except cs.Unavailable as error:
                log.warning("try again in a second: %s", error.code)
                self._stop.wait(EVERY_ROUND.total_seconds())
        return None

    def _duties(self, current: Approvals) -> Iterator[Callable[[Approvals], None]]:
        yield expire
        if not isinstance(current.service.ports.sender, CollectingSender):
            yield deliver
        if not isinstance(current.service.ports.notifier, SilentNotifier):
            yield notify

    def _repeat(
        self, duty: Callable[[Approvals], None], current: Approvals, pause: timedelta
    ) -> None:
        while not self._stop.is_set():
            try:
                duty(current)
            except cs.Unavailable as error:
                log.warning("%s: %s", duty.__name__, error.code)
            except Exception:
                log.exception("%s", duty.__name__)
            self._stop.wait(pause.total_seconds())


def expire(current: Approvals) -> None:
    """End what is past its deadline."""
    service = current.service
    service.challenges.expire()
    service.invitations.expire()
    service.actions.expire()
    service.ceremonies.expire()
    service.logins.expire()


def deliver(current: Approvals) -> None:
    """Publish events, and deliver the callbacks that are due."""
    current.service.events.publish_due()
    for callback in current.service.callbacks.due():
        _attempt(current.service.callbacks.attempt, callback)


def notify(current: Approvals) -> None:
    """Notify devices."""
    notifications = cs.Notifications(current.service.ports, current.service.policy)
    for notification in notifications.due():
        _attempt(notifications.attempt, notification)


def forget_records(current: Approvals) -> None:
    """Delete what is no longer needed; the audit log stays."""
    if current.database is not None:
        forget(current.database, current.service.ports.clock.now() - FORGET_AFTER)


def _attempt(attempt: Callable[..., object], record: Callback | Notification | Guid) -> None:
    try:
        attempt(record)
    except cs.Refused as refusal:
        # Another worker has it, or it is due again when the lease is over.
        log.info("%s", refusal.code)
