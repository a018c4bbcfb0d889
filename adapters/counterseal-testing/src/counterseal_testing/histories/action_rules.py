"""
Histories of actions: people approve them, and origins use them, report, and give them back.

They are a machine of their own, so that those of the whole core search as deep as without them.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, rule

from counterseal.models import UseState
from counterseal_testing.histories.actions import WAYS, ActionCalls
from counterseal_testing.histories.planned_faults import FAULTS, INTERLEAVED, PlannedFault
from counterseal_testing.histories.rules import Rules
from counterseal_testing.histories.strategies import ASKABLE, CHALLENGES, PICK, new

COPIES = st.integers(1, 3)
VALIDITY = st.sampled_from([None, None, 30, 90, 300])
WAY = st.sampled_from(WAYS)
OUTCOME = st.sampled_from([UseState.EXECUTED, UseState.FAILED])
TICKS = st.sampled_from([None, None, None, None, -1, 0, 1])
"""How far from the end of the approval it is used; None for at once."""
BETWEEN = st.sampled_from([*[""] * 8, "lock", "unbind", "suspend", "erase", "sweep", "give back"])
"""What happens between the approval and its use."""


class ApprovedActions(ActionCalls):
    """
    Histories of actions on your adapters: people approve them, and origins use each once.

    Origins ask for actions, use them with the approved arguments, with others, with none, or those
    of another origin, report, and withdraw approvals; in between, accounts are locked, devices
    revoked, and time runs out. At the end of a history, no approval is left that could be used.
    Beside these are the operations of a `WholeCore` that concern them, and the oracle is the same.

    `adapters`, the number of histories, and what a failure means are as `WholeCore` describes.
    """

    answers = Rules.answers
    asks = Rules.asks
    cancels = Rules.cancels
    changes_state = Rules.changes_state
    disowns = Rules.disowns
    erases = Rules.erases
    heals = Rules.heals
    locks = Rules.locks
    pushes = Rules.pushes
    pushes_all = Rules.pushes_all
    sweeps = Rules.sweeps
    turns_the_clock_back = Rules.turns_the_clock_back
    unbinds = Rules.unbinds
    waits = Rules.waits

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        copies=COPIES,
        validity=VALIDITY,
        which=PICK,
        between=BETWEEN,
        ways=st.lists(WAY, max_size=2),
        ticks=TICKS,
        outcomes=st.lists(OUTCOME, max_size=2),
        button=st.sampled_from([0, 0, 0, 1]),
        fault=st.none() | FAULTS | INTERLEAVED,
    )
    def asks_approves_and_uses(
        self,
        *,
        pair: tuple[str, str],
        copies: int,
        validity: int | None,
        which: int,
        between: str,
        ways: list[str],
        ticks: int | None,
        outcomes: list[UseState],
        button: int,
        fault: PlannedFault | None,
    ) -> MultipleResults[str]:
        """Ask for an action, approve or refuse it, use it in several ways, and report."""
        challenge = self.ask_for_action(pair, copies, validity, callback=which % 2 == 0)
        if challenge is None:
            return new(None)
        if name := self.own_phone(challenge, which):
            self.answer(name, challenge, button, "right")
        self._do(between, challenge)
        if ticks is not None:
            self.go_to_the_end(challenge, ticks)
        for number, way in enumerate([*ways, "right"]):
            self.consume(challenge, way, fault if number == 0 else None)
        for outcome in outcomes:
            self.report(challenge, outcome)
        return new(challenge)

    @rule(target=CHALLENGES, pair=ASKABLE, copies=COPIES, validity=VALIDITY)
    def asks_for_an_action(
        self, pair: tuple[str, str], copies: int, validity: int | None
    ) -> MultipleResults[str]:
        """Ask for an action, which other rules answer and use."""
        return new(self.ask_for_action(pair, copies, validity, callback=True))

    @rule(challenge=CHALLENGES, way=WAY, fault=FAULTS)
    def uses(self, challenge: str, way: str, fault: PlannedFault | None) -> None:
        """Use an action, whatever became of it."""
        self.consume(challenge, way, fault)

    @rule(challenge=CHALLENGES, outcome=OUTCOME, fault=FAULTS)
    def reports(self, challenge: str, outcome: UseState, fault: PlannedFault | None) -> None:
        """Report what came of a use."""
        if self.ledger.challenges[challenge].arguments is not None:
            self.report(challenge, outcome, fault)

    @rule(challenge=CHALLENGES, fault=FAULTS)
    def gives_back(self, challenge: str, fault: PlannedFault | None) -> None:
        """Withdraw an approval."""
        if self.ledger.challenges[challenge].arguments is not None:
            self.give_back(challenge, fault)

    def _do(self, between: str, challenge: str) -> None:
        action = self.ledger.actions.get(challenge)
        account = self.ledger.challenges[challenge].account
        if between == "lock":
            self.lock(account)
        elif between in {"unbind", "suspend"} and action is not None:
            self.change_state("revoke" if between == "unbind" else "suspend", action.device)
        elif between == "erase":
            self.erase(account)
        elif between == "sweep":
            self.sweep()
        elif between == "give back":
            self.give_back(challenge)
