"""
Histories of refusals: reasons, what follows from them, policies that are narrowed, and events.

They are a machine of their own, so that those of the whole core search as deep as without them.
"""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, multiple, rule

from counterseal.models import Reaction
from counterseal_testing.histories import actors
from counterseal_testing.histories.answers import REASON_WAYS
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.ledger import Plain
from counterseal_testing.histories.planned_faults import (
    FAULTS,
    FAULTS_OF_SENDS,
    INTERLEAVED,
    PlannedFault,
)
from counterseal_testing.histories.refusals import RefusalCalls
from counterseal_testing.histories.rules import Rules
from counterseal_testing.histories.strategies import (
    ASKABLE,
    CHALLENGES,
    DRAFTS,
    PHONES,
    STATUSES,
    new,
)

REASONS = st.sampled_from(actors.REASONS)
OTHERS = st.lists(st.sampled_from(["shop", "shop", "post", "door"]), max_size=3)
LEVELS = st.sampled_from([actors.SIMPLE, actors.SIMPLE, actors.WITH_PROVIDER])
REACTIONS = st.frozensets(st.sampled_from([reaction.value for reaction in Reaction]))
LIVES = st.sampled_from([None, 30, 60, 120, 240])
COUNTS = {"pending_limit": 5, "code_limit": 3, "strike_limit": 4, "cooldown_after": 4}
"""The first count of each setting that is looser than the service's."""
NARROWED: st.SearchStrategy[Plain] = st.one_of(
    *(st.fixed_dictionaries({f"on_{word}": st.none() | REACTIONS}) for word in actors.REASONS),
    *(
        st.fixed_dictionaries({name: st.sampled_from([None, *range(1, looser + 1)])})
        for name, looser in COUNTS.items()
    ),
    st.fixed_dictionaries({"challenge_life_limit": LIVES}),
    st.fixed_dictionaries({"codes_demanded": st.sampled_from([None, 60, 90, 180])}),
)
"""A setting that an App Space narrows, or tries to loosen."""
LIMITED: st.SearchStrategy[Plain] = st.fixed_dictionaries(
    {"strike_limit": st.sampled_from([None, 1, 2]), "code_limit": st.sampled_from([None, 1])}
)
"""How often a person may be wrong."""
WRONG = st.lists(st.sampled_from(["wrong pin", "wrong code"]), max_size=3)
FAULTS_OF_PUBLISHING: st.SearchStrategy[PlannedFault | None] = FAULTS | st.sampled_from(
    [
        PlannedFault("publish"),
        PlannedFault("publish", skip=1),
        PlannedFault("crash after"),
        PlannedFault("crash", at="store.commit", skip=1),
    ]
)
"""Another worker that publishes, and a process that dies between the two commits of an event."""


class Refusals(RefusalCalls):
    """
    Histories of refusals, and of the policies and events that they lead to, on your adapters.

    People refuse for reasons and lock their accounts, App Spaces and origins narrow the policy, and
    the events of accounts reach origins in their order; at the end of a history, none is missing.
    Beside these are the operations of a `WholeCore` that concern them, and the oracle is the same.

    `adapters`, the number of histories, and what a failure means are as `WholeCore` describes.
    """

    open_limit: ClassVar[int] = 4

    answers = Rules.answers
    asks = Rules.asks
    attempts = Rules.attempts
    cancels = Rules.cancels
    changes_state = Rules.changes_state
    disowns = Rules.disowns
    erases = Rules.erases
    heals = Rules.heals
    locks = Rules.locks
    pushes_all = Rules.pushes_all
    replays = Rules.replays
    requeues = Rules.requeues
    sweeps = Rules.sweeps
    turns_the_clock_back = Rules.turns_the_clock_back
    waits = Rules.waits

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        reason=REASONS,
        added=st.none() | REACTIONS,
        others=OTHERS,
        disowns=st.booleans(),
        fault=FAULTS | INTERLEAVED,
    )
    def refuses_for_a_reason(
        self,
        *,
        pair: tuple[str, str],
        draft: QuestionDraft,
        reason: str,
        added: frozenset[str] | None,
        others: list[str],
        disowns: bool,
        fault: PlannedFault | None,
    ) -> MultipleResults[str]:
        """Refuse one of several questions, and say why."""
        challenges = self.refuse_for_reason(
            pair, draft, reason, added=added, others=others, fault=fault, disowns=disowns
        )
        return multiple(*challenges)

    @rule(
        target=CHALLENGES, pair=ASKABLE, draft=DRAFTS, ways=st.permutations([*REASON_WAYS, "right"])
    )
    def presses_for_wrong_reasons(
        self, pair: tuple[str, str], draft: QuestionDraft, ways: list[str]
    ) -> MultipleResults[str]:
        """Sign reasons that must not be there."""
        return new(self.press_for_wrong_reasons(pair, draft, ways))

    @rule(name=PHONES, fault=FAULTS | INTERLEAVED)
    def locks_by_a_device(self, name: str, fault: PlannedFault | None) -> None:
        """Let a phone lock its account."""
        self.lock_by_device(name, fault)

    @rule(level=LEVELS, settings=NARROWED, fault=FAULTS)
    def narrows(self, level: str, settings: Plain, fault: PlannedFault | None) -> None:
        """Let an App Space narrow the policy, or try to loosen it."""
        self.narrow(level, settings, fault)

    @rule(target=CHALLENGES, pair=ASKABLE, draft=DRAFTS, by_origin=st.booleans(), settings=NARROWED)
    def asks_under_narrowing(
        self,
        pair: tuple[str, str],
        draft: QuestionDraft,
        by_origin: bool,  # noqa: FBT001
        settings: Plain,
    ) -> MultipleResults[str]:
        """Ask before and after an App Space or an origin narrows the policy."""
        level = pair[0] if by_origin else actors.ORIGINS[pair[0]]
        if by_origin:
            settings = {"challenge_life_limit": settings.get("challenge_life_limit", 30)}
        return multiple(*self.ask_under_narrowing(pair, draft, level, settings))

    @rule(target=CHALLENGES, pair=ASKABLE, draft=DRAFTS, settings=LIMITED, ways=WRONG)
    def answers_under_narrowing(
        self, pair: tuple[str, str], draft: QuestionDraft, settings: Plain, ways: list[str]
    ) -> MultipleResults[str]:
        """Narrow how often a person may be wrong while a question is open, and answer it."""
        return new(self.answer_under_narrowing(pair, draft, settings, ways))

    @rule(fault=FAULTS_OF_PUBLISHING)
    def publishes(self, fault: PlannedFault | None) -> None:
        """Publish the events that are due."""
        self.publish(fault)

    @rule(statuses=st.lists(STATUSES, min_size=1, max_size=4), fault=FAULTS_OF_SENDS)
    def publishes_and_delivers(self, statuses: list[int], fault: PlannedFault | None) -> None:
        """Publish events, and attempt their callbacks."""
        self.deliver_events(statuses, fault)
