"""
Histories of people's devices: strong keys that are passkeys, and phones that invite others.

They are a machine of their own, so that those of the whole core search as deep as without them.
"""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, multiple, precondition, rule

from counterseal import Invitation
from counterseal_testing.histories.answers import PASSKEY_WAYS
from counterseal_testing.histories.attacks import ON_NEW_DEVICES
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.planned_faults import FAULTS, INTERLEAVED, PlannedFault
from counterseal_testing.histories.rules import Rules
from counterseal_testing.histories.strategies import (
    ATTACKERS,
    CHALLENGES,
    DRAFTS,
    HONEST,
    INVITATIONS,
    NEW_PHONES,
    ORIGINS,
    PASSKEY_PHONES,
    PHONES,
    STEP,
    new,
    some,
)


class NewDevices(Rules):
    """
    Histories of new devices, and of passkeys that answer, on your adapters.

    Devices invite others, people and origins confirm, refuse or move to these, an attacker tries to
    add one, and the strong keys of some devices are passkeys. Beside these are all operations of a
    `WholeCore` that are one call each, and the oracle is the same.

    `adapters`, the number of histories, and what a failure means are as `WholeCore` describes.
    """

    passkeys: ClassVar[frozenset[str]] = frozenset({"tablet", "watch"})

    @rule(target=INVITATIONS, name=PHONES, new_phone=PHONES, fault=FAULTS)
    def invites_another(
        self, name: str, new_phone: str, fault: PlannedFault | None
    ) -> tuple[str, Invitation] | MultipleResults[tuple[str, Invitation]]:
        """Let a phone invite another, whoever gets the invitation."""
        invitation = self.invite_another(name, fault)
        return multiple() if invitation is None else (new_phone, invitation)

    @precondition(lambda self: self.waiting())
    @rule(pick=some(4), name=PHONES, step=STEP, origin=ORIGINS, fault=FAULTS)
    def decides(
        self,
        pick: int,
        name: str,
        step: tuple[str, str],
        origin: str,
        fault: PlannedFault | None,
    ) -> None:
        """Decide on a new device, with any phone or any origin."""
        binding = self.waiting()[pick % len(self.waiting())]
        choice, way = step
        if choice == "compare":
            self.compare(binding, origin, "right" if way == "right" else "wrong code", fault)
        else:
            self.decide(name, binding, choice, way, fault)

    @rule(
        target=CHALLENGES,
        name=NEW_PHONES,
        steps=st.lists(STEP, min_size=1, max_size=3),
        ticks=st.sampled_from([None, None, None, -1, 0, 1]),
        draft=DRAFTS,
        fault=FAULTS | INTERLEAVED,
    )
    def brings_another_device(
        self,
        name: str,
        steps: list[tuple[str, str]],
        ticks: int | None,
        draft: QuestionDraft,
        fault: PlannedFault | None,
    ) -> MultipleResults[str]:
        """Let a phone invite another, which waits, and let people decide on it."""
        return new(self.bring_another(name, steps, ticks, draft, fault))

    @rule(target=CHALLENGES, name=NEW_PHONES, draft=DRAFTS)
    def moves_to_another_device(self, name: str, draft: QuestionDraft) -> MultipleResults[str]:
        """Let a new phone take the place of an old one, which tries it once more."""
        return new(self.bring_another(name, [("move", "right")] * 2, None, draft, None))

    @rule(target=CHALLENGES, name=NEW_PHONES, draft=DRAFTS, count=some(4))
    def compares_and_guesses(
        self, name: str, draft: QuestionDraft, count: int
    ) -> MultipleResults[str]:
        """Type wrong comparison codes before the right one."""
        steps = [("compare", "wrong code")] * count + [("compare", "right")]
        return new(self.bring_another(name, steps, None, draft, None))

    @rule(way=st.sampled_from(ON_NEW_DEVICES), mine=ATTACKERS, victim=HONEST)
    def attacks_a_new_device(self, way: str, mine: str, victim: str) -> None:
        """Try to let a new device of somebody else count."""
        self.attack_device(way, mine, victim)

    @rule(
        target=CHALLENGES,
        name=PASSKEY_PHONES,
        draft=DRAFTS,
        ways=st.permutations(PASSKEY_WAYS),
        button=some(3),
        fault=FAULTS | INTERLEAVED,
    )
    def answers_by_passkey(
        self,
        name: str,
        draft: QuestionDraft,
        ways: list[str],
        button: int,
        fault: PlannedFault | None,
    ) -> MultipleResults[str]:
        """Answer by a passkey: in every wrong way, and then rightly."""
        return multiple(*self.answer_by_passkey(name, draft, ways, button, fault))
