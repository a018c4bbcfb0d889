"""What origins do with questions: put them, look at them, take them back; and the sweep."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal._decisions.issuing import Issued
from counterseal.models import OPERATOR, Account, Button, Codes, Content, Guid, Question
from counterseal.testing.histories import cast
from counterseal.testing.histories.devices import DeviceActs
from counterseal.testing.histories.secrecy import CANARY
from counterseal.testing.histories.stage import Result
from counterseal.testing.histories.troubles import Trouble
from counterseal.testing.histories.witness import plain

REST = timedelta(seconds=61)
"""Longer than the window in which questions are counted, and than any cool-down."""


@attrs.frozen
class Wanted:
    """What a question is made of."""

    content: Content
    buttons: tuple[Button, ...]
    life: int | None
    code: bool
    callback: bool

    def question(self, account_id: str) -> Question:
        """Return the question to one account."""
        return Question(
            account_id=account_id,
            content=self.content,
            buttons=self.buttons,
            duration=None if self.life is None else timedelta(seconds=self.life),
            additional_info={"note": CANARY},
            transaction_id=f"{CANARY} 7",
            callback=cast.CALLBACK if self.callback else None,
            notification_title=f"{CANARY} bell",
            show_code=self.code,
        )


class QuestionActs(DeviceActs):
    """What origins, and the worker that expires, do with challenges."""

    def issue(
        self,
        origin: str,
        account_id: str,
        question: Question,
        key: str | None = None,
        trouble: Trouble | None = None,
    ) -> str | None:
        """Put a question; return the challenge, if the origin learned of one."""
        party = self.origins[origin]
        coded = question.show_code and cast.CODES[origin] is Codes.TYPED
        fresh = key is None or (origin, key) not in self.keys_used
        expected = self._expected(origin, account_id) if fresh else None
        issued = self.play(
            "issue",
            lambda: self.world.challenges.issue(party, question, idempotency_key=key),
            trouble=trouble,
            origin=party.origin.guid,
            space=party.app_space.guid,
            account_id=account_id,
            account=self._account(origin, account_id),
            question=cast.told(question, code_asked=coded),
            key=key,
        )
        if key is not None:
            self.keys_used.setdefault((origin, key), (account_id, question))
        if issued.quiet and expected is not None:
            assert issued.done == expected, f"asked: {issued.code}"
        return self._learned(issued)

    def ask_anew(self, pair: tuple[str, str], wanted: Wanted) -> str | None:
        """Put a question to somebody who is able to answer, waiting until it is allowed."""
        origin, person = pair
        self.heal(person)
        question = wanted.question(cast.PEOPLE[person].account_id)
        challenge = self.issue(origin, question.account_id, question)
        if challenge is None:
            self.world.clock.advance(REST)
            self.sweep()
            challenge = self.issue(origin, question.account_id, question)
        return challenge

    def cancel(self, challenge: str, origin: str, trouble: Trouble | None = None) -> None:
        """Take a question back; only its own origin may."""
        asked, party = self.ledger.asked[challenge], self.origins[origin]
        own = asked.origin == party.origin.guid
        may = own and asked.ending is None and self.at() < asked.deadline
        cancelled = self.play(
            "cancel",
            lambda: self.world.challenges.cancel(party, Guid(challenge)),
            trouble=trouble,
            attacker=not own,
            origin=party.origin.guid,
            challenge=challenge,
        )
        assert not cancelled.quiet or cancelled.done == may, f"cancel: {cancelled.code}"

    def status(self, challenge: str, origin: str) -> None:
        """Look at a question; only its own origin may, and it is told the truth."""
        asked, party = self.ledger.asked[challenge], self.origins[origin]
        own = asked.origin == party.origin.guid
        looked = self.play("status", lambda: self.world.challenges.status(party, Guid(challenge)))
        told = own and not self.ledger.people[asked.account].erased
        assert looked.done == told, "a challenge was shown to another origin, or to none"
        if looked.value is not None:
            state = asked.state
            if asked.ending is None and self.at() >= asked.deadline:
                state = "EXPIRED"
            assert looked.value.state.value == state, "the status is not the truth"

    def erase(self, account: str, trouble: Trouble | None = None) -> None:
        """Let staff erase an account: nothing of its user is left where it can be found."""
        if not account or self.ledger.people[account].erased:
            return
        erased: Result[Account] = self.play(
            "erase",
            lambda: self.world.accounts.erase(Guid(account), by=OPERATOR),
            trouble=trouble,
            account=account,
        )
        assert not erased.quiet or erased.done, f"erase: {erased.code}"
        if not erased.done:
            return
        (held,) = self.witness.get(Guid(account))
        assert self.witness.pending(Guid(account)) == (), "an erased account is still asked"
        for left in (held, *self.witness.bindings(Guid(account))):
            assert CANARY not in str(plain(left)), "something of an erased user is left"
        for challenge, asked in self.ledger.asked.items():
            if asked.account == account:
                self.status(challenge, self._name(asked.origin))
                by_this = asked.ending and asked.ending["outcome"]["reason"] == "erased"
                assert not by_this or CANARY not in str(asked.ending), "a question is left"

    def sweep(self, trouble: Trouble | None = None) -> None:
        """Be the worker that expires what is over."""
        swept = self.play("sweep", self.world.sweep, trouble=trouble)
        if swept.quiet:
            for asked in self.ledger.asked.values():
                assert asked.ending or self.at() < asked.deadline, "the sweep left one out"

    def _name(self, origin: str) -> str:
        return next(name for name, party in self.origins.items() if party.origin.guid == origin)

    def _account(self, origin: str, account_id: str) -> str:
        space = self.origins[origin].app_space.guid
        for guid, person in self.ledger.people.items():
            if (person.space, person.account_id) == (space, account_id):
                return guid
        return ""

    def _learned(self, issued: Result[Issued]) -> str | None:
        if issued.value is None:
            return None
        guid, code = issued.value.challenge.guid, issued.value.code
        asked = self.ledger.asked[guid]
        if asked.ending is None:
            assert (code is not None) == asked.code_asked, "a code is there, or is not"
        if code is not None:
            assert asked.code in {None, code}, "two codes for one challenge"
            asked.code = code
            self.secrecy.codes.add(code)
        return guid

    def _expected(self, origin: str, account_id: str) -> bool | None:
        """Foretell whether the question may be put; None where that hangs on finer rules."""
        limits, account = self.ledger.limits, self._account(origin, account_id)
        if not account:
            return False
        person = self.ledger.people[account]
        if person.locked or not self.ledger.holders_of(account, "ACTIVE"):
            return False
        easy = (
            len(person.asked) < limits.asks_origin
            and self.ledger.hardship(account, self.at()) < limits.refusals
            and len(self.ledger.unfinished(account, self.at())) < limits.pending
        )
        return True if easy else None
