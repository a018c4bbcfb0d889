"""Concurrent calls: what others do between a use case's reading and its commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from counterseal.models import Role
from counterseal_testing.histories import actors
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.ledger import Operation
from counterseal_testing.histories.new_devices import NewDeviceCalls

LATE = timedelta(microseconds=1)
LEASE = timedelta(seconds=20)
BACK = timedelta(seconds=30)
PLAIN = QuestionDraft(actors.CONTENTS[0], actors.BUTTONS[0], life=None, code=False, callback=True)


class ConcurrentCalls(NewDeviceCalls):
    """Calls by others about the very records of the operation that is running."""

    def concurrent_call(self, name: str, operation: Operation) -> None:
        """Make the call *name* while *operation* runs."""
        device, challenge = operation.facts.get("device", ""), operation.facts.get("challenge", "")
        account = operation.facts.get("account") or self._account_of(device)
        operations: dict[str, Callable[[], object]] = {
            "revoke": lambda: self.change_state("revoke", device or self._active(account)),
            "suspend": lambda: self.change_state("suspend", device or self._active(account)),
            "lock": lambda: self.lock(account),
            "erase": lambda: self.erase(account),
            "rotate": lambda: self._rotate(account, device),
            "withdraw": lambda: self._overtake(account, operation),
            "answer": lambda: self._end("answer", account, device, challenge),
            "disown": lambda: self._end("disown", account, device, challenge),
            "cancel": lambda: self._end("cancel", account, device, challenge),
            "wait until late": lambda: self._wait(challenge),
            "fetch, and wait until late": lambda: self._fetch(account, device, challenge),
            "strike": lambda: self._strike(device, challenge),
            "sweep": lambda: self._sweep(challenge),
            "ask": lambda: self._ask(account),
            "turn the clock back": lambda: self.service.clock.jump(self.at() - BACK),
            "attempt": lambda: self._attempt_too(operation),
            "outlast the lease": lambda: self._outlast(operation),
        }
        operations[name]()

    def _active(self, account: str) -> str:
        return next(iter(self.ledger.bindings_of(account, "ACTIVE")), "")

    def _rotate(self, account: str, device: str) -> None:
        """Let the phone that is at work replace its keys, or else another one of the account."""
        if name := self._phone_at_work(device) or self._phone_of(account, device):
            self.rotate(name, frozenset(Role), actors.PIN)

    def _overtake(self, account: str, operation: Operation) -> None:
        # The provider has answered for `operation` already, and changes its mind.
        self.withdraw(account)
        operation.facts["overtaken"] = True

    def _sweep(self, challenge: str) -> None:
        self._wait(challenge)
        self.sweep()

    def _fetch(self, account: str, device: str, challenge: str) -> None:
        name = self._phone_of(account, device)
        if name and challenge in self.ledger.challenges:
            self.fetch(name, challenge)
        self._wait(challenge)

    def _strike(self, device: str, challenge: str) -> None:
        """Let the phone that is at work sign with a wrong PIN."""
        name = self._phone_at_work(device)
        entry = self.ledger.challenges.get(challenge)
        if name and entry is not None and entry.account == self._account_of(device):
            self.answer(name, challenge, 0, "wrong pin")

    def _outlast(self, operation: Operation) -> None:
        self.service.clock.advance(LEASE)
        self._attempt_too(operation)

    def _end(self, name: str, account: str, device: str, challenge: str) -> None:
        entry = self.ledger.challenges.get(challenge)
        if entry is None or entry.ending is not None:
            open_ones = self.ledger.unfinished(account, self.at())
            if not open_ones:
                return
            challenge = open_ones[0]
            entry = self.ledger.challenges[challenge]
        if name == "cancel":
            names = [
                origin
                for origin, party in self.origins.items()
                if party.origin.guid == entry.origin
            ]
            self.cancel(challenge, names[0])
        elif phone := self._phone_of(entry.account, device):
            if name == "disown":
                self.disown(phone, challenge)
            else:
                self.answer(phone, challenge, len(entry.buttons) - 1, "right")

    def _wait(self, challenge: str) -> None:
        entry = self.ledger.challenges.get(challenge)
        if entry is not None and self.at() < entry.deadline:
            self.service.clock.jump(entry.deadline)
        else:
            self.service.clock.advance(LATE)

    def _ask(self, account: str) -> None:
        for origin, person in actors.ASKABLE:
            if self.person(person) == account and account:
                question = PLAIN.question(actors.PEOPLE[person].account_id)
                self.issue(origin, question.account_id, question)
                return

    def _attempt_too(self, operation: Operation) -> None:
        if operation.verb == "push":
            self.push(operation.facts["notification"])
        if operation.verb == "attempt":
            callback = operation.facts["callback"]
            claims = self.ledger.callbacks[callback].claims
            self.attempt(callback, operation.facts["concurrent_status"])
            operation.facts["overtaken"] = self.ledger.callbacks[callback].claims > claims

    def _account_of(self, device: str) -> str:
        binding_entry = self.ledger.bindings.get(device)
        return "" if binding_entry is None else binding_entry.account

    def _phone_at_work(self, device: str) -> str:
        """Return the phone with the binding *device*; empty if none is at work."""
        return next((name for name in self.phones if device and self.device(name) == device), "")

    def _phone_of(self, account: str, device: str) -> str:
        """Return another active phone of the account, or else the one that is at work."""
        active = [
            name
            for name in self.phones
            if account and self.owner(name) == account and self.is_active(name)
        ]
        others = [name for name in active if self.device(name) != device]
        return next(iter(others + active), "")
