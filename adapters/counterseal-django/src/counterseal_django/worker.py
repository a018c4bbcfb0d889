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
        self._forget_at = 0.0

    def work_once(self) -> None:
        """
        Do one round of everything, and forget old records.

        Raises:
            Unavailable: The store failed.
        """
        made = approvals()
        for duty in self._duties(made):
            duty(made)
        forget_records(made)

    def work(self) -> None:
        """Work until the process is about to end; a round that fails is repeated."""
        made = self._wait_for_approvals()
        if made is None:
            return
        threads = [
            threading.Thread(target=self._repeat, args=(duty, made, EVERY_ROUND), name=duty.__name__)
            for duty in self._duties(made)
        ]
        threads.append(
            threading.Thread(target=self._repeat, args=(forget_records, made, EVERY_FORGETTING))
        )
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

    def _duties(self, made: Approvals) -> Iterator[Callable[[Approvals], None]]:
        yield expire
        if not isinstance(made.service.ports.sender, CollectingSender):
            yield deliver
        if not isinstance(made.service.ports.notifier, SilentNotifier):
            yield notify

    def _repeat(
        self, duty: Callable[[Approvals], None], made: Approvals, pause: timedelta
    ) -> None:
        while not self._stop.is_set():
            try:
                duty(made)
            except cs.Unavailable as error:
                log.warning("%s: %s", duty.__name__, error.code)
            except Exception:
                log.exception("%s", duty.__name__)
            self._stop.wait(pause.total_seconds())


def expire(made: Approvals) -> None:
    """End what is past its deadline."""
    service = made.service
    service.challenges.expire()
    service.invitations.expire()
    service.actions.expire()
    service.ceremonies.expire()
    service.logins.expire()


def deliver(made: Approvals) -> None:
    """Publish events, and deliver the callbacks that are due."""
    made.service.events.publish_due()
    for callback in made.service.callbacks.due():
        _attempt(made.service.callbacks.attempt, callback)


def notify(made: Approvals) -> None:
    """Notify devices."""
    notifications = cs.Notifications(made.service.ports, made.service.policy)
    for notification in notifications.due():
        _attempt(notifications.attempt, notification)


def forget_records(made: Approvals) -> None:
    """Delete what is no longer needed; the audit log stays."""
    if made.database is not None:
        forget(made.database, made.service.ports.clock.now() - FORGET_AFTER)


def _attempt(attempt: Callable[..., object], record: Callback | Notification | Guid) -> None:
    try:
        attempt(record)
    except cs.Refused as refusal:
        # Another worker has it, or it is due again when the lease is over.
        log.info("%s", refusal.code)
