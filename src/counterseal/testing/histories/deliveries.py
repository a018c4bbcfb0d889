"""What workers do with callbacks, and how receivers take it."""

from __future__ import annotations

from counterseal.models import OPERATOR, Callback, Guid
from counterseal.testing.histories.answers import AnswerActs
from counterseal.testing.histories.ledger import Owed
from counterseal.testing.histories.stage import Result
from counterseal.testing.histories.troubles import Trouble

OK = range(200, 300)
FINAL = {302, 410}
"""Where a rival worker hears that all is well; elsewhere it fails."""


class DeliveryActs(AnswerActs):
    """The outbox at work."""

    def attempt(self, callback: str, status: int, trouble: Trouble | None = None) -> None:
        """Let a worker attempt a callback, due or not; the receiver answers with *status*."""
        sender, owed = self.world.sender, self.ledger.owed[callback]
        record = self.witness.records[Guid(callback)]
        assert isinstance(record, Callback)
        due = owed.state == "QUEUED" and record.due_at is not None and record.due_at <= self.at()
        mood, sender.otherwise = sender.otherwise, status
        before = len(sender.attempts)
        attempted: Result[Callback] = self.play(
            "attempt",
            lambda: self.world.callbacks.attempt(Guid(callback)),
            trouble=trouble,
            callback=callback,
            account=self.ledger.asked[owed.challenge].account,
            rival_status=204 if status in FINAL else 500,
        )
        sender.otherwise = mood
        self.receivers.hear(self.ledger, sender.attempts)
        erased = self._erased(owed)
        if attempted.quiet:
            sent = due and not erased
            assert (len(sender.attempts) > before) == sent, "attempted out of turn, or not at all"
            assert attempted.done == due, f"attempt: {attempted.code}"
        overtaken = attempted.act.facts.get("overtaken", False)
        assert not (overtaken and attempted.done), "an outcome under a lost lease was recorded"
        if attempted.done:
            self._took(callback, status)

    def requeue(self, callback: str, trouble: Trouble | None = None) -> None:
        """Let an operator queue a dead callback again."""
        dead = self.ledger.owed[callback].state == "DEAD"
        queued = self.play(
            "requeue",
            lambda: self.world.callbacks.requeue(Guid(callback), by=OPERATOR),
            trouble=trouble,
            callback=callback,
        )
        assert not queued.quiet or queued.done == dead, f"requeue: {queued.code}"

    def dead(self, origin: str) -> None:
        """Let an operator list an origin's dead callbacks: all of them, and nobody else's."""
        guid = self.origins[origin].origin.guid
        known = {
            name
            for name, owed in self.ledger.owed.items()
            if owed.state == "DEAD" and self.ledger.asked[owed.challenge].origin == guid
        }
        listed = self.play("dead", lambda: self.world.callbacks.dead(guid, by=OPERATOR))
        assert listed.value is not None, f"dead: {listed.code}"
        assert (len(listed.value), {one.guid for one in listed.value}) == (len(known), known)

    def _took(self, callback: str, status: int) -> None:
        owed = self.ledger.owed[callback]
        if self._erased(owed):
            assert owed.state == "DEAD", "what was erased is tried again"
        elif status in OK:
            assert owed.state == "DELIVERED", "delivered, and tried again"
        elif owed.state == "QUEUED":
            assert status != 410, "a receiver that is gone is tried again"
            assert owed.attempts < self.ledger.limits.attempts, "tried without end"

    def _erased(self, owed: Owed) -> bool:
        return self.ledger.people[self.ledger.asked[owed.challenge].account].erased
