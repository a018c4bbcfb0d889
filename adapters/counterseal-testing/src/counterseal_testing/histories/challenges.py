"""What origins do with questions: put them, look at them, take them back; and the sweep."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal import Issued
from counterseal.models import (
    OPERATOR,
    Account,
    Button,
    Codes,
    Content,
    Guid,
    Question,
    RequestContext,
)
from counterseal_testing.histories import actors
from counterseal_testing.histories.devices import DeviceCalls
from counterseal_testing.histories.model import Result
from counterseal_testing.histories.observers import CANARY, plain
from counterseal_testing.histories.planned_faults import PlannedFault

REST = timedelta(seconds=61)
"""Longer than the window in which questions are counted, and than any cool-down."""


@attrs.frozen
class QuestionDraft:
    """What a question is made of."""

    content: Content
    buttons: tuple[Button, ...]
    life: int | None
    code: bool
    callback: bool
    context: RequestContext | None = None

    def question(self, account_id: str, device: Guid | None = None) -> Question:
        """Return the question to one account, or to one device of it."""
        return Question(
            account_id=account_id,
            content=self.content,
            buttons=self.buttons,
            duration=None if self.life is None else timedelta(seconds=self.life),
            additional_info={"note": CANARY},
            transaction_id=f"{CANARY} 7",
            callback=actors.CALLBACK if self.callback else None,
            notification_title=f"{CANARY} title",
            show_code=self.code,
            device=device,
            context=self.context,
        )


class ChallengeCalls(DeviceCalls):
    """What origins, and the worker that expires, do with challenges."""

    def issue(
        self,
        origin: str,
        account_id: str,
        question: Question,
        key: str | None = None,
        fault: PlannedFault | None = None,
    ) -> str | None:
        """Put a question; return the challenge, if the origin learned of one."""
        party = self.origins[origin]
        codes_typed = actors.CODES[origin] is Codes.TYPED
        fresh = key is None or (origin, key) not in self.keys_used
        expected = self._expected(origin, question) if fresh else None
        issued = self.run_operation(
            "issue",
            lambda: self.service.challenges.issue(party, question, idempotency_key=key),
            fault=fault,
            origin=party.origin.guid,
            space=party.app_space.guid,
            account_id=account_id,
            account=self._account(origin, account_id),
            question=actors.question_facts(question, codes_typed=codes_typed),
            key=key,
        )
        if key is not None:
            self.keys_used.setdefault((origin, key), (account_id, question))
        if issued.quiet and expected is not None:
            assert issued.done == expected, f"asked: {issued.code}"
        return self._guid_of(issued)

    def ask_anew(self, pair: tuple[str, str], draft: QuestionDraft) -> str | None:
        """Put a question to somebody who is able to answer, waiting until it is allowed."""
        origin, person = pair
        self.make_able(person)
        question = draft.question(actors.PEOPLE[person].account_id)
        challenge = self.issue(origin, question.account_id, question)
        if challenge is None:
            self.service.clock.advance(REST)
            self.sweep()
            challenge = self.issue(origin, question.account_id, question)
        return challenge

    def cancel(self, challenge: str, origin: str, fault: PlannedFault | None = None) -> None:
        """Take a question back; only its own origin may."""
        entry, party = self.ledger.challenges[challenge], self.origins[origin]
        own = entry.origin == party.origin.guid
        may = own and entry.ending is None and self.at() < entry.deadline
        cancelled = self.run_operation(
            "cancel",
            lambda: self.service.challenges.cancel(party, Guid(challenge)),
            fault=fault,
            attacker=not own,
            origin=party.origin.guid,
            challenge=challenge,
        )
        assert not cancelled.quiet or cancelled.done == may, f"cancel: {cancelled.code}"

    def status(self, challenge: str, origin: str) -> None:
        """Read a challenge's status: only its own origin may, and it gets the true one."""
        entry, party = self.ledger.challenges[challenge], self.origins[origin]
        own = entry.origin == party.origin.guid
        result = self.run_operation(
            "status", lambda: self.service.challenges.status(party, Guid(challenge))
        )
        is_visible = own and not self.ledger.accounts[entry.account].erased
        assert result.done == is_visible, "a challenge was shown to another origin, or to none"
        if result.value is not None:
            state = entry.state
            if entry.ending is None and self.at() >= entry.deadline:
                state = "EXPIRED"
            assert result.value.state.value == state, "the status is not the truth"

    def erase(self, account: str, fault: PlannedFault | None = None) -> None:
        """Let staff erase an account: nothing of its user is left where it can be found."""
        if not account or self.ledger.accounts[account].erased:
            return
        erased: Result[Account] = self.run_operation(
            "erase",
            lambda: self.service.accounts.erase(Guid(account), by=OPERATOR),
            fault=fault,
            account=account,
        )
        assert not erased.quiet or erased.done, f"erase: {erased.code}"
        if not erased.done:
            return
        (account_record,) = self.recorder.get(Guid(account))
        assert self.recorder.pending(Guid(account)) == (), "an erased account is still asked"
        for record in (account_record, *self.recorder.bindings(Guid(account))):
            assert CANARY not in str(plain(record)), "something of an erased user is left"
        for challenge, entry in self.ledger.challenges.items():
            if entry.account == account:
                self.status(challenge, self._name(entry.origin))
                by_this = entry.ending and entry.ending["outcome"]["reason"] == "erased"
                assert not by_this or CANARY not in str(entry.ending), "a question is left"

    def sweep(self, fault: PlannedFault | None = None) -> None:
        """Be the worker that expires what is over."""
        swept = self.run_operation("sweep", self.service.sweep, fault=fault)
        if swept.quiet:
            for entry in self.ledger.challenges.values():
                assert entry.ending or self.at() < entry.deadline, "the sweep left one out"

    def _name(self, origin: str) -> str:
        return next(name for name, party in self.origins.items() if party.origin.guid == origin)

    def _account(self, origin: str, account_id: str) -> str:
        space = self.origins[origin].app_space.guid
        for guid, person in self.ledger.accounts.items():
            if (person.space, person.account_id) == (space, account_id):
                return guid
        return ""

    def _guid_of(self, issued: Result[Issued]) -> str | None:
        if issued.value is None:
            return None
        guid, code = issued.value.challenge.guid, issued.value.code
        entry = self.ledger.challenges[guid]
        if entry.ending is None:
            assert (code is not None) == entry.code_asked, "a code is there, or is not"
        if code is not None:
            assert entry.code in {None, code}, "two codes for one challenge"
            entry.code = code
            self.leaks.codes.add(code)
        return guid

    def _expected(self, origin: str, question: Question) -> bool | None:
        """Foretell whether the question may be put; None where that hangs on finer rules."""
        party, device = self.origins[origin], question.device
        limits = self.ledger.limits_in(party.app_space.guid, party.origin.guid)
        account = self._account(origin, question.account_id)
        too_long = question.duration is not None and question.duration.total_seconds()
        if not account or too_long > limits.life_limit:
            return False
        person = self.ledger.accounts[account]
        active = self.ledger.bindings_of(account, "ACTIVE")
        if person.locked or not active or (device is not None and device not in active):
            return False
        easy = (
            len(person.ask_times) < limits.asks_origin
            and all(until is None for until in (person.cooled, person.codes_until))
            and self.ledger.refusals_of(account, self.at()) < limits.refusals
            and len(self.ledger.unfinished(account, self.at())) < limits.pending
        )
        return True if easy else None
