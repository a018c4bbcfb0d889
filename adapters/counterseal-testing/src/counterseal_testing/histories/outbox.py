"""What workers do with callbacks and notifications, and how their receivers take it."""

from __future__ import annotations

from counterseal.models import OPERATOR, Binding, Callback, Guid, Notification, PushAddress
from counterseal_testing.histories.answers import AnswerCalls
from counterseal_testing.histories.ledger import CallbackEntry, NotificationEntry
from counterseal_testing.histories.model import Result
from counterseal_testing.histories.planned_faults import PlannedFault

OK = range(200, 300)
FINAL = {302, 410}
"""Where a concurrent worker's attempt succeeds; elsewhere it fails."""


class CallbackCalls(AnswerCalls):
    """The workers' calls about callbacks."""

    def attempt(self, callback: str, status: int, fault: PlannedFault | None = None) -> None:
        """Let a worker attempt a callback, due or not; the receiver answers with *status*."""
        sender, delivery = self.service.sender, self.ledger.callbacks[callback]
        record = self.recorder.records[Guid(callback)]
        assert isinstance(record, Callback)
        due = (
            delivery.state == "QUEUED" and record.due_at is not None and record.due_at <= self.at()
        )
        usual_status, sender.otherwise = sender.otherwise, status
        before = len(sender.attempts)
        attempted: Result[Callback] = self.run_operation(
            "attempt",
            lambda: self.service.callbacks.attempt(Guid(callback)),
            fault=fault,
            callback=callback,
            account=delivery.account,
            concurrent_status=204 if status in FINAL else 500,
        )
        sender.otherwise = usual_status
        self.receivers.receive(self.ledger, sender.attempts)
        erased = self._erased(delivery)
        if attempted.quiet:
            is_sent = due and not erased
            assert (len(sender.attempts) > before) == is_sent, (
                "attempted out of turn, or not at all"
            )
            assert attempted.done == due, f"attempt: {attempted.code}"
        overtaken = attempted.operation.facts.get("overtaken", False)
        assert not (overtaken and attempted.done), "an outcome under a lost lease was recorded"
        if attempted.done:
            self._check_outcome(callback, status)

    def requeue(self, callback: str, fault: PlannedFault | None = None) -> None:
        """Let an operator queue a dead callback again."""
        dead = self.ledger.callbacks[callback].state == "DEAD"
        requeued = self.run_operation(
            "requeue",
            lambda: self.service.callbacks.requeue(Guid(callback), by=OPERATOR),
            fault=fault,
            callback=callback,
        )
        assert not requeued.quiet or requeued.done == dead, f"requeue: {requeued.code}"

    def dead(self, origin: str) -> None:
        """Let an operator list an origin's dead callbacks: all of them, and nobody else's."""
        guid = self.origins[origin].origin.guid
        expected = {
            name
            for name, delivery in self.ledger.callbacks.items()
            if delivery.state == "DEAD" and delivery.origin == guid
        }
        listed = self.run_operation(
            "dead", lambda: self.service.callbacks.list_dead(guid, by=OPERATOR)
        )
        assert listed.value is not None, f"dead: {listed.code}"
        assert (len(listed.value), {one.guid for one in listed.value}) == (len(expected), expected)

    def _check_outcome(self, callback: str, status: int) -> None:
        delivery = self.ledger.callbacks[callback]
        if self._erased(delivery):
            assert delivery.state == "DEAD", "what was erased is tried again"
        elif status in OK:
            assert delivery.state == "DELIVERED", "delivered, and tried again"
        elif delivery.state == "QUEUED":
            assert status != 410, "a receiver that is gone is tried again"
            assert delivery.attempts < self.ledger.limits.attempts, "tried without end"

    def _erased(self, delivery: CallbackEntry) -> bool:
        # Events name no user of an account that is erased.
        return self.ledger.accounts[delivery.account].erased and not delivery.event


class NotificationCalls(CallbackCalls):
    """The workers' calls about notifications."""

    def push(self, notification: str, fault: PlannedFault | None = None) -> None:
        """Let a worker attempt a notification, due or not."""
        notice, outbox = self.ledger.notifications[notification], self.service.outbox
        record = self.recorder.records[Guid(notification)]
        assert isinstance(record, Notification)
        due = record.due_at is not None and record.due_at <= self.at()
        entry = self.ledger.challenges.get(notice.subject)
        asks = notice.occasion in {"challenge", "challenge_reminder"}
        has_ended = asks and entry is not None and entry.ending is not None
        late = self.at() >= record.ends_at
        addresses, before = self._addresses(notice), len(outbox.pushes)
        attempted: Result[Notification] = self.run_operation(
            "push",
            lambda: self.service.notifications.attempt(Guid(notification)),
            fault=fault,
            notification=notification,
            account=notice.account,
            challenge=notice.subject,
        )
        pushes = [push for push in outbox.pushes[before:] if push.message.guid == notification]
        if has_ended:
            assert not pushes, "pushed for a challenge that was seen to have ended"
        if attempted.quiet:
            assert attempted.done == due, f"push: {attempted.code}"
            assert not (late and pushes), "pushed after the deadline"
        for push in pushes:
            self._require_no_content(notice.subject, f"{push.message.title} {push.message.body}")
            assert set(push.addresses) <= addresses, "pushed elsewhere"

    def _addresses(self, notice: NotificationEntry) -> set[PushAddress]:
        bindings = [self.recorder.records[Guid(device)] for device in notice.devices]
        return {
            address
            for binding in bindings
            if isinstance(binding, Binding)
            for address in binding.addresses
        }

    def _require_no_content(self, subject: str, text: str) -> None:
        entry = self.ledger.challenges.get(subject)
        if entry is None:
            return
        assert entry.code is None or entry.code not in text, "a code in a push"
        assert entry.buttons[0]["title"] not in text, "a button in a push"
        account_id = self.ledger.accounts[entry.account].account_id
        assert account_id not in text, "an account id in a push"
