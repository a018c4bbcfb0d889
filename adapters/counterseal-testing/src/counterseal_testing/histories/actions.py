"""What origins do with actions: ask for one, use what was approved, report, and give it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from counterseal.models import Action, Button, Guid, Question, UseState
from counterseal_testing.histories import actors
from counterseal_testing.histories.ledger import Plain
from counterseal_testing.histories.model import Result
from counterseal_testing.histories.observers import CANARY
from counterseal_testing.histories.planned_faults import PlannedFault
from counterseal_testing.histories.rules import Beginning

BUTTONS = (
    Button(title="Yes", strong=True, approving=True),
    Button(title="No", strong=False),
)
WAYS = ("right", "right", "right", "other arguments", "no arguments", "another origin")
"""How an origin uses an action; only the right way may succeed."""


class ActionCalls(Beginning):
    """The calls about actions, and what the rules let happen in one go."""

    def ask_for_action(
        self, pair: tuple[str, str], copies: int, validity: int | None, *, callback: bool
    ) -> str | None:
        """Ask somebody who is able to answer for an action; *validity* is in seconds."""
        origin, person = pair
        self.make_able(person)
        question = self._question(person, copies, validity, callback=callback)
        challenge = self.issue(origin, question.account_id, question)
        if challenge is None:
            # Longer than the window in which questions are counted, and than any cool-down.
            self.service.clock.advance(timedelta(seconds=61))
            self.sweep()
            question = self._question(person, copies, validity, callback=callback)
            challenge = self.issue(origin, question.account_id, question)
        return challenge

    def consume(self, challenge: str, way: str, fault: PlannedFault | None = None) -> None:
        """Let an origin use an action, in a right or wrong *way*."""
        entry, party = self.ledger.challenges[challenge], self._party(challenge, way)
        if entry.arguments is None:
            return
        arguments = dict(entry.arguments)
        if way == "other arguments":
            arguments["copies"] += 1
        expected, actions = self._expected_refusal(challenge, way), self.service.actions
        presented = way != "no arguments"
        used: Result[Any] = self.run_operation(
            "consume",
            lambda: (
                actions.consume(party, Guid(challenge), arguments)
                if presented
                else actions.consume_unpresented(party, Guid(challenge))
            ),
            fault=fault,
            attacker=way == "another origin",
            **self._facts_of_action(challenge),
            arguments=arguments if presented else None,
            how=way,
        )
        if used.quiet:
            assert used.code == expected, f"use, {way}: {used.code or 'done'}, not {expected}"

    def report(self, challenge: str, outcome: UseState, fault: PlannedFault | None = None) -> None:
        """Let the origin report what came of a use, perhaps of none, perhaps again."""
        action, party = self.ledger.actions.get(challenge), self._party(challenge, "right")
        erased = self.ledger.accounts[self.ledger.challenges[challenge].account].erased
        may = action is not None and action.use in {"UNKNOWN", outcome.value} and not erased
        reported = self.run_operation(
            "report",
            lambda: self.service.actions.report(party, Guid(challenge), outcome),
            fault=fault,
            **self._facts_of_action(challenge),
        )
        assert not reported.quiet or reported.done == may, f"report: {reported.code}"

    def give_back(self, challenge: str, fault: PlannedFault | None = None) -> None:
        """Let the origin withdraw an approval."""
        action, party = self.ledger.actions.get(challenge), self._party(challenge, "right")
        erased = self.ledger.accounts[self.ledger.challenges[challenge].account].erased
        may = action is not None and not erased
        if action is not None and action.state != "WITHDRAWN":
            may = may and action.state == "APPROVED" and self.at() < action.valid_until
        withdrawn = self.run_operation(
            "give_back",
            lambda: self.service.actions.withdraw(party, Guid(challenge)),
            fault=fault,
            **self._facts_of_action(challenge),
        )
        assert not withdrawn.quiet or withdrawn.done == may, f"withdraw: {withdrawn.code}"

    def go_to_the_end(self, challenge: str, ticks: int) -> None:
        """Go to the edge of the time in which an approval can be used, or over it."""
        action = self.ledger.actions.get(challenge)
        if action is not None and self.at() < action.valid_until:
            self.service.clock.jump(action.valid_until + ticks * timedelta(microseconds=1))

    def teardown(self) -> None:
        """Let everything that is due happen, and demand that no approval is left."""
        super().teardown()
        if self.is_built() and self.is_intact:
            states = {action.state for action in self.ledger.actions.values()}
            assert "APPROVED" not in states, "an approval that never ended"

    def _question(
        self, person: str, copies: int, validity: int | None, *, callback: bool
    ) -> Question:
        until = None if validity is None else self.at() + timedelta(seconds=validity)
        return Question(
            account_id=actors.PEOPLE[person].account_id,
            content=Action(
                type="tool-call",
                resource="print",
                arguments={"to": CANARY, "copies": copies},
                valid_until=until,
            ),
            buttons=BUTTONS,
            callback=actors.CALLBACK if callback else None,
        )

    def _party(self, challenge: str, way: str) -> Any:
        own = self.ledger.challenges[challenge].origin
        foreign = way == "another origin"
        return next(
            party for party in self.origins.values() if (party.origin.guid != own) is foreign
        )

    def _facts_of_action(self, challenge: str) -> Plain:
        entry, action = self.ledger.challenges[challenge], self.ledger.actions.get(challenge)
        return {
            "challenge": challenge,
            "account": entry.account,
            "origin": entry.origin,
            "device": "" if action is None else action.device,
        }

    def _expected_refusal(self, challenge: str, way: str) -> str:
        """Foretell the code of the refusal; empty if there is none."""
        action = self.ledger.actions.get(challenge)
        if way == "another origin":
            return "foreign"
        if self.ledger.accounts[self.ledger.challenges[challenge].account].erased:
            return "not_found"
        if action is None:
            return "not_approved"
        ended = {"USED": "action_used", "EXPIRED": "deadline_passed", "WITHDRAWN": "not_approved"}
        if action.state in ended:
            return ended[action.state]
        for code, holds in (
            ("deadline_passed", self.at() >= action.valid_until),
            ("account_locked", self.ledger.accounts[action.account].locked),
            ("approver_inactive", self.ledger.bindings[action.device].state != "ACTIVE"),
            ("arguments_missing", way == "no arguments"),
            ("arguments_differ", way == "other arguments"),
        ):
            if holds:
                return code
        return ""
