"""
Notifications: a worker sends push messages, after the commit of the change that they announce.

An attempt is repeated as long as a push service may still take the message, until the
notification's `ends_at` (of a challenge, its deadline), and never once the challenge was seen to
have ended. Nothing waits for it, and its outcome changes no challenge: a device that was not
notified finds the challenge when it next asks the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar

import attrs

from counterseal._audit_context import AuditContext
from counterseal._input_limits import LIST_LIMIT
from counterseal._plan import record_with_account, records
from counterseal._transaction import UseCase
from counterseal.errors import NotifierUnavailable
from counterseal.models import Administrator, Binding, Guid, Notification, PushOutcome, PushResult
from counterseal.outbox.decisions import notifications
from counterseal.outbox.decisions.claims import claim_notification
from counterseal.outbox.decisions.notifications import AddressOutcomes, Recipients
from counterseal.outbox.decisions.outbox import NEW_NOTIFICATIONS
from counterseal.outbox.rules.slots import (
    kinds_with_slots,
    next_notifications,
)
from counterseal.outbox.usecases.claims import CANDIDATES_PER_SLOT, attempt_context, claim_attempt
from counterseal.ports import Due

R = TypeVar("R")


@attrs.frozen
class Notifications(UseCase):
    """
    What workers and administrators do with notifications.

    Each verb that takes *by*, who acts, can raise:

    - Foreign: the account is out of the administrator's reach;
    - RoleLacking: the administrator's role does not include this.
    """

    def due(self, limit: int = 100) -> tuple[Notification, ...]:
        """Return the notifications of which an attempt is due now, at most *limit*."""
        records = self.ports.store.due(Due.NOTIFICATION, self.ports.clock.now(), limit)
        return tuple(record for record in records if isinstance(record, Notification))

    def find_next(
        self, under_way: Mapping[Guid, Notification], slots: int, *, read_further: bool = True
    ) -> tuple[Notification, ...]:
        """
        Return the due notifications to attempt next, so that nobody delays the others.

        Each kind of address has slots of its own, and accounts take turns in them.
        If the first notifications cannot fill the free slots, up to 1000 more are read for each
        kind that has a free slot, by one read of the store each.

        Args:
            under_way: Those of which the caller's attempts run.
            slots: How many of its attempts may run at once, of each kind.
            read_further: Whether to read these; else only those that have been due for longest are.

        Raises:
            Unavailable: The store did not answer.
        """
        kinds = self.ports.notifier.kinds()
        limit = CANDIDATES_PER_SLOT * slots * max(1, len(kinds))
        due = self.due(limit)
        chosen = next_notifications(due, under_way, slots)
        if len(due) < limit or not read_further:
            return chosen
        free = kinds_with_slots(kinds, (*under_way.values(), *chosen), slots)
        if not free:
            return chosen
        now = self.ports.clock.now()
        candidates = {one.guid: one for one in due}
        for kind in free:
            records = self.ports.store.due(Due.NOTIFICATION, now, LIST_LIMIT, kind)
            candidates |= {one.guid: one for one in records if isinstance(one, Notification)}
        return next_notifications(candidates.values(), under_way, slots)

    def wait(self, timeout: timedelta) -> None:
        """Return when a notification was queued, or after *timeout*, or for no reason."""
        self.ports.wake.wait(NEW_NOTIFICATIONS, timeout)

    def attempt(self, notification: Notification | Guid) -> Notification:
        """
        Claim one notification, send it to the addresses of each device, and record the outcome.

        Nothing is sent after the notification's `ends_at`, or once its challenge has ended.
        An address that is gone is taken off its device, which stays bound.

        Args:
            notification: As `find_next` returned it, which saves a trip; or its GUID.

        Raises:
            NotFound: There is no such notification.
            WrongState: It is not queued.
            DeadlineAhead: Its next attempt is not due, or another worker has claimed it.
            LeaseLost: The attempt took so long that another worker claimed it.
        """
        claimed = claim_attempt(
            self._transactions, "notification", notification, claim_notification
        )
        context = attempt_context("notification", claimed)
        recipients = self._transactions.transact(
            context,
            records(claimed.subject, claimed.account, claimed.app_space),
            notifications.compose,
            claimed,
        )
        outcomes = self._send(recipients)
        return self._transactions.transact(
            context,
            notifications.attempt_records(claimed, outcomes),
            notifications.record_attempt,
            claimed,
            outcomes,
            recipients.skip_reason,
        )

    def get(self, notification: Guid, *, by: Administrator) -> Notification:
        """
        Return one notification; `skip_reason` says why no device was notified, if none was.

        Raises:
            NotFound: There is no such notification.
        """
        return self._decide_for(
            by,
            "notification.get",
            notification,
            records(notification),
            notifications.administer,
            Notification,
            notifications.read_notification,
        )

    def test(self, device: Guid, *, by: Administrator) -> AddressOutcomes:
        """
        Send a test message once to every address of one device, and return each outcome.

        An address that is gone is taken off it, as at any other attempt.

        Raises:
            NotFound: There is no such device.
            WrongState: It is not active.
        """
        event = "binding.push"
        recipients = self._decide_for(
            by,
            event,
            device,
            records(device),
            notifications.administer,
            Binding,
            notifications.compose_test,
        )
        outcomes = self._send(recipients)
        context = AuditContext(event=event, actor=by.actor, subject=device)
        return self._transactions.transact(
            context, record_with_account(device), notifications.record_test, outcomes
        )

    def _send(self, recipients: Recipients) -> dict[Guid, AddressOutcomes]:
        message, notifier = recipients.message, self.ports.notifier
        addresses = tuple(each for every in recipients.addresses.values() for each in every)
        if message is None:
            return {}
        try:
            outcomes = notifier.push(addresses, message) if addresses else ()
        except NotifierUnavailable:
            outcomes = (PushOutcome(result=PushResult.LATER),) * len(addresses)
        pairs = iter(tuple(zip(addresses, outcomes, strict=True)))
        return {
            device: tuple(next(pairs) for _ in each)
            for device, each in recipients.addresses.items()
        }
