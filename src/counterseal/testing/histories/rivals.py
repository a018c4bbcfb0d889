"""Rivals: what others do between a use case's look at the store and its commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from counterseal.models import Role
from counterseal.testing.histories import cast
from counterseal.testing.histories.ledger import Act
from counterseal.testing.histories.questions import Wanted
from counterseal.testing.histories.rings import RingActs

LATE = timedelta(microseconds=1)
LEASE = timedelta(seconds=20)
BACK = timedelta(seconds=30)
PLAIN = Wanted(cast.CONTENTS[0], cast.BUTTONS[0], life=None, code=False, callback=True)


class Rivals(RingActs):
    """Others, who go for just what the act at work is about."""

    def rival(self, name: str, act: Act) -> None:
        """Play the act *name* against *act*."""
        device, challenge = act.facts.get("device", ""), act.facts.get("challenge", "")
        account = act.facts.get("account") or self._account_of(device)
        acts: dict[str, Callable[[], object]] = {
            "revoke": lambda: self.stand("revoke", device or self._active(account)),
            "suspend": lambda: self.stand("suspend", device or self._active(account)),
            "lock": lambda: self.lock(account),
            "erase": lambda: self.erase(account),
            "rotate": lambda: self._rotate(account, device),
            "withdraw": lambda: self._overtake(account, act),
            "answer": lambda: self._end("answer", account, device, challenge),
            "disown": lambda: self._end("disown", account, device, challenge),
            "cancel": lambda: self._end("cancel", account, device, challenge),
            "wait until late": lambda: self._wait(challenge),
            "fetch, and wait until late": lambda: self._fetch(account, device, challenge),
            "strike": lambda: self._strike(device, challenge),
            "sweep": lambda: self._sweep(challenge),
            "ask": lambda: self._ask(account),
            "turn the clock back": lambda: self.world.clock.jump(self.at() - BACK),
            "attempt": lambda: self._attempt_too(act),
            "outlast the lease": lambda: self._outlast(act),
        }
        acts[name]()

    def _active(self, account: str) -> str:
        return next(iter(self.ledger.holders_of(account, "ACTIVE")), "")

    def _rotate(self, account: str, device: str) -> None:
        if name := self._phone_of(account, device):
            self.rotate(name, frozenset(Role), cast.PIN)

    def _overtake(self, account: str, act: Act) -> None:
        # The provider has spoken for `act` already, and changes its mind.
        self.withdraw(account)
        act.facts["overtaken"] = True

    def _sweep(self, challenge: str) -> None:
        self._wait(challenge)
        self.sweep()

    def _fetch(self, account: str, device: str, challenge: str) -> None:
        name = self._phone_of(account, device)
        if name and challenge in self.ledger.asked:
            self.fetch(name, challenge)
        self._wait(challenge)

    def _strike(self, device: str, challenge: str) -> None:
        """Let the phone that is at work sign with a wrong PIN."""
        name = next((name for name in self.phones if device and self.device(name) == device), "")
        asked = self.ledger.asked.get(challenge)
        if name and asked is not None and asked.account == self._account_of(device):
            self.answer(name, challenge, 0, "wrong pin")

    def _outlast(self, act: Act) -> None:
        self.world.clock.advance(LEASE)
        self._attempt_too(act)

    def _end(self, name: str, account: str, device: str, challenge: str) -> None:
        asked = self.ledger.asked.get(challenge)
        if asked is None or asked.ending is not None:
            open_ones = self.ledger.unfinished(account, self.at())
            if not open_ones:
                return
            challenge = open_ones[0]
            asked = self.ledger.asked[challenge]
        if name == "cancel":
            names = [
                known for known, party in self.origins.items() if party.origin.guid == asked.origin
            ]
            self.cancel(challenge, names[0])
        elif phone := self._phone_of(asked.account, device):
            if name == "disown":
                self.disown(phone, challenge)
            else:
                self.answer(phone, challenge, len(asked.buttons) - 1, "right")

    def _wait(self, challenge: str) -> None:
        asked = self.ledger.asked.get(challenge)
        if asked is not None and self.at() < asked.deadline:
            self.world.clock.jump(asked.deadline)
        else:
            self.world.clock.advance(LATE)

    def _ask(self, account: str) -> None:
        for origin, person in cast.ASKABLE:
            if self.person(person) == account and account:
                question = PLAIN.question(cast.PEOPLE[person].account_id)
                self.issue(origin, question.account_id, question)
                return

    def _attempt_too(self, act: Act) -> None:
        if act.verb == "ring":
            self.ring(act.facts["notification"])
        if act.verb == "attempt":
            callback = act.facts["callback"]
            claims = self.ledger.owed[callback].claims
            self.attempt(callback, act.facts["rival_status"])
            act.facts["overtaken"] = self.ledger.owed[callback].claims > claims

    def _account_of(self, device: str) -> str:
        holder = self.ledger.holders.get(device)
        return "" if holder is None else holder.account

    def _phone_of(self, account: str, device: str) -> str:
        """Return another active phone of the account, or else the one that is at work."""
        active = [
            name
            for name in self.phones
            if account and self.owner(name) == account and self.is_active(name)
        ]
        others = [name for name in active if self.device(name) != device]
        return next(iter(others + active), "")
