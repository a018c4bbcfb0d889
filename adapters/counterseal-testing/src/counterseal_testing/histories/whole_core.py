"""
The whole core as one history: every use case, in any order, with anything going wrong.

A counterexample is a short program of the rules below.
`@reproduce_failure` and `--hypothesis-seed` run it again.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, multiple, rule

from counterseal_testing.histories.ceremonies import WAYS as CEREMONY_WAYS
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.planned_faults import (
    FAULTS,
    FAULTS_OF_SENDS,
    INTERLEAVED,
    INTERLEAVED_WITH_SENDS,
    PlannedFault,
)
from counterseal_testing.histories.rules import Rules
from counterseal_testing.histories.strategies import (
    ASKABLE,
    ATTACKERS,
    BROWSERS,
    CHALLENGES,
    DRAFTS,
    ENDING,
    ENDINGS,
    HONEST,
    ON_THE_EDGE,
    PICK,
    STATUSES,
    WAY,
    new,
    some,
)


class WholeCore(Rules):
    """
    Histories of the whole core on your adapters.

    Origins ask, phones and browsers answer, an attacker tries, workers deliver, clocks jump, ports
    fail, replies are lost, processes die, and other calls come in between. An oracle that shares
    no code with the core says what must hold: it checks each commit, refusal, callback, push and
    receipt, and no secret may be in an error, a record's `repr` or an audit event.

    Return your adapters from `adapters`; then the `TestCase` is a test::

        class OnMyStore(WholeCore):
            def adapters(self, ports):
                return attrs.evolve(ports, store=MyStore(...))


        TestOnMyStore = OnMyStore.TestCase

    - *What `adapters` gets:* the ports of a `FakeService`, once for each history. Its clock stands
      still until the history moves it, and its audit log is the one that your store writes to
      unless it has its own. A store that `adapters` returns is empty. What it opens is closed in
      `teardown`, after that of the base class.
    - *How many histories:* as many as your Hypothesis profile has examples, 100 without one, of 50
      steps each. `TestOnMyStore.settings = settings(max_examples=20, stateful_step_count=30)` takes
      fewer.
    - *What a failure means:* an `AssertionError` says what did not hold. Run the contract of your
      adapter first (`StoreContract`): it names the clause. If the contract passes, the adapter
      breaks a clause in a way that the contract does not show, or the core has a defect; the
      memory adapters tell which, as the core's own tests play these histories on them. "for no
      reason" says that an adapter raised `Unavailable` though no fault was planned.

    Below the error stands the shortest history that Hypothesis can make of the one that failed, as
    calls of the rules, and what each operation returned.

    Override `verify` to verify signatures with cryptography that is not the core's.
    """

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        seconds=st.sampled_from([0, 11]),
        fault=FAULTS,
    )
    def asks_twice(
        self, pair: tuple[str, str], draft: QuestionDraft, seconds: int, fault: PlannedFault | None
    ) -> MultipleResults[str]:
        """Put a question twice under one key."""
        return new(self.issue_twice(pair, draft, seconds, fault))

    @rule(target=CHALLENGES, pair=ASKABLE, draft=DRAFTS, which=PICK, way=WAY, fault=FAULTS)
    def asks_and_answers(
        self,
        pair: tuple[str, str],
        draft: QuestionDraft,
        which: int,
        way: str,
        fault: PlannedFault | None,
    ) -> MultipleResults[str]:
        """Answer a new question, in any way."""
        return new(self.ask_and_answer(pair, draft, which, way=way, fault=fault))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        way=st.sampled_from(["right", "wrong pin", "right", "wrong pin", "wrong code"]),
        concurrent_calls=st.lists(INTERLEAVED, min_size=1, max_size=6),
        which=PICK,
    )
    def asks_and_answers_in_company(
        self,
        pair: tuple[str, str],
        draft: QuestionDraft,
        way: str,
        concurrent_calls: list[PlannedFault],
        which: int,
    ) -> MultipleResults[str]:
        """Answer new questions, each while somebody else acts."""
        return multiple(*self.answer_with_interleaving(pair, draft, way, concurrent_calls, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        ways=st.lists(WAY, max_size=4),
        which=PICK,
    )
    def asks_and_fumbles(
        self, pair: tuple[str, str], draft: QuestionDraft, ways: list[str], which: int
    ) -> MultipleResults[str]:
        """Answer a new question in several ways."""
        return new(self.answer_in_several_ways(pair, draft, ways, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        verb=st.sampled_from(["lock", "suspend", "revoke"]),
        which=PICK,
    )
    def asks_one_who_is_stopped(
        self, pair: tuple[str, str], draft: QuestionDraft, verb: str, which: int
    ) -> MultipleResults[str]:
        """Let somebody answer who may no longer."""
        return new(self.answer_after_stop(pair, draft, verb, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        endings=st.permutations(ENDINGS),
        which=PICK,
    )
    def asks_and_ends_in_every_way(
        self, pair: tuple[str, str], draft: QuestionDraft, endings: list[str], which: int
    ) -> MultipleResults[str]:
        """End a new question in one way, and then in the others."""
        return new(self.end_in_each_way(pair, draft, endings, which))

    @rule(target=CHALLENGES, pair=ASKABLE, draft=DRAFTS, which=PICK, ticks=ON_THE_EDGE)
    def asks_and_answers_on_the_edge(
        self, pair: tuple[str, str], draft: QuestionDraft, which: int, ticks: int
    ) -> MultipleResults[str]:
        """Answer a new question rightly, just before its deadline, on it, or just after."""
        return new(self.ask_and_answer(pair, draft, which, ticks=ticks))

    @rule(target=CHALLENGES, draft=DRAFTS, count=some(4), fault=FAULTS | INTERLEAVED)
    def asks_and_guesses(
        self, draft: QuestionDraft, count: int, fault: PlannedFault | None
    ) -> MultipleResults[str]:
        """Type wrong codes."""
        return new(self.guess_codes(draft, count, fault))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        count=some(5),
        fault=FAULTS | INTERLEAVED,
    )
    def asks_and_forgets_the_pin(
        self, pair: tuple[str, str], draft: QuestionDraft, count: int, fault: PlannedFault | None
    ) -> MultipleResults[str]:
        """Type wrong PINs."""
        return new(self.mistype_pins(pair, draft, count, fault))

    @rule(target=CHALLENGES, pair=ASKABLE, draft=DRAFTS, count=some(4))
    def asks_and_asks(
        self, pair: tuple[str, str], draft: QuestionDraft, count: int
    ) -> MultipleResults[str]:
        """Put one question after the other."""
        return multiple(*self.ask_repeatedly(pair, draft, count))

    @rule(target=CHALLENGES, draft=DRAFTS, seconds=st.sampled_from([1, 91, 110]), which=PICK)
    def asks_one_who_leaves(
        self, draft: QuestionDraft, seconds: int, which: int
    ) -> MultipleResults[str]:
        """Let somebody answer who was withdrawn."""
        return new(self.answer_after_withdrawal(draft, seconds, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        ending=ENDING,
        statuses=st.lists(STATUSES, min_size=1, max_size=4),
        fault=FAULTS_OF_SENDS,
    )
    def ends_and_delivers(
        self, pair: tuple[str, str], ending: str, statuses: list[int], fault: PlannedFault | None
    ) -> MultipleResults[str]:
        """End a new question, and attempt its callback."""
        return new(self.deliver(pair, ending, statuses, fault))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        ending=ENDING,
        status=STATUSES,
        concurrent_call=INTERLEAVED_WITH_SENDS,
    )
    def ends_and_delivers_in_company(
        self, pair: tuple[str, str], ending: str, status: int, concurrent_call: PlannedFault
    ) -> MultipleResults[str]:
        """End a new question, and attempt its callback while somebody else acts."""
        return new(self.deliver(pair, ending, [status], concurrent_call))

    @rule(
        browser=BROWSERS,
        ways=st.lists(st.sampled_from(CEREMONY_WAYS), max_size=2),
        ticks=st.sampled_from([None, -1, 0, 0, 1]),
        fault=FAULTS | INTERLEAVED,
    )
    def registers_and_authenticates(
        self, browser: str, ways: list[str], ticks: int | None, fault: PlannedFault | None
    ) -> None:
        """Register a passkey, and authenticate by it, perhaps on the edge of the deadline."""
        self.register_and_authenticate(browser, ways, ticks, fault)

    @rule(target=CHALLENGES, mine=ATTACKERS, victim=HONEST, draft=DRAFTS, button=PICK)
    def attacks_in_every_way(
        self, mine: str, victim: str, draft: QuestionDraft, button: int
    ) -> MultipleResults[str]:
        """Attack somebody in every way."""
        return new(self.attack_in_every_way(mine, victim, draft, button))
