"""
The whole core as one history: every use case, in any order, with anything going wrong.

A counterexample is a short program of the rules below.
`@reproduce_failure` and `--hypothesis-seed` play it again.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, multiple, rule

from counterseal.testing.histories.choices import (
    ASKABLE,
    ATTACKERS,
    CHALLENGES,
    ENDING,
    ENDINGS,
    HONEST,
    ON_THE_EDGE,
    PICK,
    STATUSES,
    WANTED,
    WAY,
    new,
    some,
)
from counterseal.testing.histories.questions import Wanted
from counterseal.testing.histories.troubles import (
    COMPANY,
    SEND_COMPANY,
    TROUBLED_SENDS,
    TROUBLES,
    Trouble,
)
from counterseal.testing.histories.turns import Turns


class WholeCore(Turns):
    """
    Histories of the whole core.

    Override `adapters` to play them on other adapters than the memory's,
    and `verify` to judge signatures with cryptography that is not the core's.
    """

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        seconds=st.sampled_from([0, 11]),
        trouble=TROUBLES,
    )
    def asks_twice(
        self, pair: tuple[str, str], wanted: Wanted, seconds: int, trouble: Trouble | None
    ) -> MultipleResults[str]:
        """Put a question twice under one key."""
        return new(self.asked_twice(pair, wanted, seconds, trouble))

    @rule(target=CHALLENGES, pair=ASKABLE, wanted=WANTED, which=PICK, way=WAY, trouble=TROUBLES)
    def asks_and_answers(
        self, pair: tuple[str, str], wanted: Wanted, which: int, way: str, trouble: Trouble | None
    ) -> MultipleResults[str]:
        """Answer a new question, in any way."""
        return new(self.answered(pair, wanted, which, way=way, trouble=trouble))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        way=st.sampled_from(["right", "wrong pin", "right", "wrong pin", "wrong code"]),
        rivals=st.lists(COMPANY, min_size=1, max_size=6),
        which=PICK,
    )
    def asks_and_answers_in_company(
        self, pair: tuple[str, str], wanted: Wanted, way: str, rivals: list[Trouble], which: int
    ) -> MultipleResults[str]:
        """Answer new questions, each while somebody else acts."""
        return multiple(*self.contested(pair, wanted, way, rivals, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        ways=st.lists(WAY, max_size=4),
        which=PICK,
    )
    def asks_and_fumbles(
        self, pair: tuple[str, str], wanted: Wanted, ways: list[str], which: int
    ) -> MultipleResults[str]:
        """Answer a new question in several ways."""
        return new(self.fumbled(pair, wanted, ways, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        verb=st.sampled_from(["lock", "suspend", "revoke"]),
        which=PICK,
    )
    def asks_one_who_is_stopped(
        self, pair: tuple[str, str], wanted: Wanted, verb: str, which: int
    ) -> MultipleResults[str]:
        """Let somebody answer who may no longer."""
        return new(self.stopped(pair, wanted, verb, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        endings=st.permutations(ENDINGS),
        which=PICK,
    )
    def asks_and_ends_in_every_way(
        self, pair: tuple[str, str], wanted: Wanted, endings: list[str], which: int
    ) -> MultipleResults[str]:
        """End a new question in one way, and then in the others."""
        return new(self.ended(pair, wanted, endings, which))

    @rule(target=CHALLENGES, pair=ASKABLE, wanted=WANTED, which=PICK, ticks=ON_THE_EDGE)
    def asks_and_answers_on_the_edge(
        self, pair: tuple[str, str], wanted: Wanted, which: int, ticks: int
    ) -> MultipleResults[str]:
        """Answer a new question rightly, just before its deadline, on it, or just after."""
        return new(self.answered(pair, wanted, which, ticks=ticks))

    @rule(target=CHALLENGES, wanted=WANTED, count=some(4), trouble=TROUBLES | COMPANY)
    def asks_and_guesses(
        self, wanted: Wanted, count: int, trouble: Trouble | None
    ) -> MultipleResults[str]:
        """Type wrong codes."""
        return new(self.guessed(wanted, count, trouble))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        count=some(5),
        trouble=TROUBLES | COMPANY,
    )
    def asks_and_forgets_the_pin(
        self, pair: tuple[str, str], wanted: Wanted, count: int, trouble: Trouble | None
    ) -> MultipleResults[str]:
        """Type wrong PINs."""
        return new(self.forgot(pair, wanted, count, trouble))

    @rule(target=CHALLENGES, pair=ASKABLE, wanted=WANTED, count=some(4))
    def asks_and_asks(
        self, pair: tuple[str, str], wanted: Wanted, count: int
    ) -> MultipleResults[str]:
        """Put one question after the other."""
        return multiple(*self.besieged(pair, wanted, count))

    @rule(target=CHALLENGES, wanted=WANTED, seconds=st.sampled_from([1, 91, 110]), which=PICK)
    def asks_one_who_leaves(self, wanted: Wanted, seconds: int, which: int) -> MultipleResults[str]:
        """Let somebody answer who was withdrawn."""
        return new(self.left(wanted, seconds, which))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        ending=ENDING,
        statuses=st.lists(STATUSES, min_size=1, max_size=4),
        trouble=TROUBLED_SENDS,
    )
    def ends_and_delivers(
        self, pair: tuple[str, str], ending: str, statuses: list[int], trouble: Trouble | None
    ) -> MultipleResults[str]:
        """End a new question, and attempt its callback."""
        return new(self.delivered(pair, ending, statuses, trouble))

    @rule(target=CHALLENGES, pair=ASKABLE, ending=ENDING, status=STATUSES, rival=SEND_COMPANY)
    def ends_and_delivers_in_company(
        self, pair: tuple[str, str], ending: str, status: int, rival: Trouble
    ) -> MultipleResults[str]:
        """End a new question, and attempt its callback while somebody else acts."""
        return new(self.delivered(pair, ending, [status], rival))

    @rule(target=CHALLENGES, mine=ATTACKERS, victim=HONEST, wanted=WANTED, button=PICK)
    def besets(self, mine: str, victim: str, wanted: Wanted, button: int) -> MultipleResults[str]:
        """Attack somebody in every way."""
        return new(self.beset(mine, victim, wanted, button))
