"""What workers do with notifications, and what leaves by them."""

from __future__ import annotations

from counterseal.models import Binding, Guid, Notification, PushAddress
from counterseal.testing.histories.deliveries import DeliveryActs
from counterseal.testing.histories.ledger import Noted
from counterseal.testing.histories.stage import Result
from counterseal.testing.histories.troubles import Trouble


class RingActs(DeliveryActs):
    """The bells at work."""

    def ring(self, notification: str, trouble: Trouble | None = None) -> None:
        """Let a worker ring for a notification, due or not."""
        noted, outbox = self.ledger.noted[notification], self.world.outbox
        record = self.witness.records[Guid(notification)]
        assert isinstance(record, Notification)
        due = record.due_at is not None and record.due_at <= self.at()
        asked = self.ledger.asked.get(noted.subject)
        ended = asked is not None and asked.ending is not None
        late = self.at() >= record.ends_at
        addresses, before = self._addresses(noted), len(outbox.pushes)
        rung: Result[Notification] = self.play(
            "ring",
            lambda: self.world.notifications.attempt(Guid(notification)),
            trouble=trouble,
            notification=notification,
            account=noted.account,
            challenge=noted.subject,
        )
        pushes = [push for push in outbox.pushes[before:] if push.message.guid == notification]
        if ended:
            assert not pushes, "rung for a challenge that was seen to have ended"
        if rung.quiet:
            assert rung.done == due, f"ring: {rung.code}"
            assert not (late and pushes), "rung after the deadline"
        for push in pushes:
            self._tells_nothing(noted.subject, f"{push.message.title} {push.message.body}")
            assert set(push.addresses) <= addresses, "rung elsewhere"

    def _addresses(self, noted: Noted) -> set[PushAddress]:
        bindings = [self.witness.records[Guid(device)] for device in noted.devices]
        return {
            address
            for binding in bindings
            if isinstance(binding, Binding)
            for address in binding.addresses
        }

    def _tells_nothing(self, subject: str, text: str) -> None:
        asked = self.ledger.asked.get(subject)
        if asked is None:
            return
        assert asked.code is None or asked.code not in text, "a code in a push"
        assert asked.buttons[0]["title"] not in text, "a button in a push"
        account_id = self.ledger.people[asked.account].account_id
        assert account_id not in text, "an account id in a push"
