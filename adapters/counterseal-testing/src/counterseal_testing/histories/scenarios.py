"""Scenarios: operations that belong together, so that histories reach the states with bugs."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal_testing.histories import actors
from counterseal_testing.histories.attacks import ON_ANSWERS, ON_DEVICES, Attacks
from counterseal_testing.histories.ceremonies import AUTHENTICATION, REGISTRATION
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.planned_faults import PlannedFault

CODED = ("shop", "zoe")
"""An origin that makes people type codes, and one of its people."""


class Scenarios(Attacks):
    """What the rules let happen in one go."""

    def ask_and_answer(
        self,
        pair: tuple[str, str],
        draft: QuestionDraft,
        which: int,
        *,
        way: str = "right",
        fault: PlannedFault | None = None,
        ticks: int | None = None,
    ) -> str | None:
        """Put a question and answer it, *ticks* from its deadline if they are given."""
        challenge = self.ask_anew(pair, draft)
        if challenge is None:
            return None
        if ticks is not None:
            self.go_to_the_edge(challenge, ticks)
        if name := self.own_phone(challenge, which):
            self.answer(name, challenge, which, way, fault)
        return challenge

    def answer_with_interleaving(
        self,
        pair: tuple[str, str],
        draft: QuestionDraft,
        way: str,
        concurrent_calls: list[PlannedFault],
        which: int,
    ) -> list[str]:
        """Put a question for each of *concurrent_calls*, which runs while it is answered."""
        strong = [index for index, button in enumerate(draft.buttons) if button.strong]
        pressed = strong[-1] if strong else which
        entry = [
            self.ask_and_answer(pair, draft, pressed, way=way, fault=concurrent_call)
            for concurrent_call in concurrent_calls
        ]
        return [challenge for challenge in entry if challenge is not None]

    def answer_in_several_ways(
        self, pair: tuple[str, str], draft: QuestionDraft, ways: list[str], which: int
    ) -> str | None:
        """Put a question, answer it in some *ways*, and rightly in the end."""
        challenge = self.ask_anew(pair, draft)
        if challenge is None:
            return None
        for number, way in enumerate([*ways, "right"]):
            if name := self.own_phone(challenge, which):
                self.answer(name, challenge, which + number, way)
        return challenge

    def attack_in_every_way(
        self, mine: str, victim: str, draft: QuestionDraft, button: int
    ) -> str | None:
        """Put a question to a victim, and attack it, its phone and its log-ins in every way."""
        person = actors.PHONES[victim].owner
        origin = "door" if actors.PEOPLE[person].space == actors.WITH_PROVIDER else "shop"
        challenge = self.ask_anew((origin, person), draft)
        if challenge is not None:
            for way in ON_ANSWERS:
                self.attack(way, mine, victim, challenge, button)
        for way in ON_DEVICES:
            self.attack_device(way, mine, victim)
        for captured in self.captured[-3:]:
            self.replay(captured)
        return challenge

    def guess_codes(
        self, draft: QuestionDraft, count: int, fault: PlannedFault | None
    ) -> str | None:
        """Put a question with a code, and type wrong ones before the right one."""
        buttons = actors.BUTTONS[0]
        challenge = self.ask_anew(CODED, attrs.evolve(draft, code=True, buttons=buttons))
        if challenge is None:
            return None
        for number in range(count + 1):
            way = "wrong code" if number < count else "right"
            if name := self.own_phone(challenge, number):
                self.answer(name, challenge, 0, way, fault if number == count - 1 else None)
        return challenge

    def mistype_pins(
        self, pair: tuple[str, str], draft: QuestionDraft, count: int, fault: PlannedFault | None
    ) -> str | None:
        """Put a question, and type wrong PINs before the right one, all on one phone."""
        challenge = self.ask_anew(pair, attrs.evolve(draft, code=False))
        if challenge is None:
            return None
        name = self.own_phone(challenge, 0)
        for number in range(count + 1 if name else 0):
            way = "wrong pin" if number < count else "right"
            self.answer(name, challenge, 0, way, fault if number == count - 1 else None)
        return challenge

    def ask_repeatedly(self, pair: tuple[str, str], draft: QuestionDraft, count: int) -> list[str]:
        """Put questions that nobody answers."""
        first = self.ask_anew(pair, draft)
        origin, person = pair
        question = draft.question(actors.PEOPLE[person].account_id)
        more = [self.issue(origin, question.account_id, question) for _ in range(count)]
        return [challenge for challenge in (first, *more) if challenge is not None]

    def answer_after_withdrawal(self, draft: QuestionDraft, seconds: int, which: int) -> str | None:
        """Ask a member whom the Identity Provider then withdraws, and let the phone answer late."""
        challenge = self.ask_anew(("door", "lena"), attrs.evolve(draft, life=120, code=False))
        if challenge is None:
            return None
        self.withdraw(self.person("lena"))
        self.service.clock.advance(timedelta(seconds=seconds))
        if name := self.own_phone(challenge, which):
            self.answer(name, challenge, which, "right")
        return challenge

    def answer_after_stop(
        self, pair: tuple[str, str], draft: QuestionDraft, verb: str, which: int
    ) -> str | None:
        """Put a question to somebody who is then stopped, and tries to answer all the same."""
        challenge = self.ask_anew(pair, draft)
        name = "" if challenge is None else self.own_phone(challenge, which)
        if challenge is None or not name:
            return challenge
        if verb == "lock":
            self.lock(self.owner(name))
        else:
            self.change_state(verb, self.device(name))
        self.answer(name, challenge, which, "right")
        self.disown(name, challenge)
        return challenge

    def register_and_authenticate(
        self, browser: str, ways: list[str], ticks: int | None, fault: PlannedFault | None
    ) -> None:
        """Register a passkey and authenticate by it, in some *ways* and rightly, and each again."""
        for kind in (REGISTRATION, AUTHENTICATION, REGISTRATION):
            begun = self.begin_ceremony(browser, kind, "shop")
            if begun is None:
                return
            self.ceremonies.append(begun)
            if ticks is not None and kind == AUTHENTICATION:
                deadline = self.ledger.ceremonies[begun.guid].deadline
                self.service.clock.jump(deadline + timedelta(microseconds=ticks))
            self.end_ceremony(begun, "right", "post")
            for way in (*ways, "right", "right"):
                self.end_ceremony(begun, way, "shop", fault)
                fault = None

    def bring_another(
        self,
        new: str,
        steps: list[tuple[str, str]],
        ticks: int | None,
        draft: QuestionDraft,
        fault: PlannedFault | None,
    ) -> str | None:
        """
        Let a phone invite the phone *new*, which waits while a question is open.

        Then take *steps*, each a choice and its way: `add`, `move` or `refuse` by the old phone, or
        `compare` by an origin; *ticks* from the end of the waiting, if they are given.
        """
        person = actors.PHONES[new].owner
        if self.is_active(new):
            self.change_state("revoke", self.device(new))
        self.make_able(person)
        old = next((name for name in self.phones if self._is_beside(name, new)), "")
        invitation = self.invite_another(old) if old else None
        if invitation is None or not self.complete(new, invitation).done:
            return None
        binding, origin = invitation.binding, "shop" if person == "zoe" else "door"
        question = draft.question(actors.PEOPLE[person].account_id)
        challenge = self.issue(origin, question.account_id, question)
        self._use(new, challenge)
        self.list_new_devices(old)
        if ticks is not None:
            deadline = self.ledger.bindings[binding].deadline
            self.service.clock.jump(deadline + timedelta(microseconds=ticks))
        for choice, way in (("add", "other keys"), *steps):
            if choice == "compare":
                self.compare(binding, origin, "right" if way == "right" else "wrong code", fault)
            else:
                self.decide(old, binding, choice, way, fault)
            fault = None
        for name in (old, new):
            self._use(name, challenge)
        return challenge

    def answer_by_passkey(
        self,
        name: str,
        draft: QuestionDraft,
        ways: list[str],
        button: int,
        fault: PlannedFault | None,
    ) -> list[str]:
        """
        Put two questions to the person of *name*, whose passkey answers.

        The first rightly, so that there is an assertion to replay; the second in *ways* before.
        """
        person = actors.PHONES[name].owner
        origin = "shop" if person == "zoe" else "door"
        challenges = []
        for wrong_ways in ([], ways):
            challenge = self.ask_anew((origin, person), draft)
            if challenge is None:
                break
            challenges.append(challenge)
            if not self.is_active(name):
                invitation = self.invite(name)
                if invitation is None or not self.complete(name, invitation).done:
                    break
            next_fault = fault if wrong_ways else None
            for way in (*wrong_ways, "right"):
                self.answer(name, challenge, button, way, next_fault)
                next_fault = None
        return challenges

    def _is_beside(self, name: str, new: str) -> bool:
        own = actors.PHONES[name].owner == actors.PHONES[new].owner
        return own and name != new and self.is_active(name)

    def _use(self, name: str, challenge: str | None) -> None:
        self.pending(name)
        if challenge is not None:
            self.fetch(name, challenge)
            self.answer(name, challenge, 0, "right")

    def issue_twice(
        self, pair: tuple[str, str], draft: QuestionDraft, seconds: int, fault: PlannedFault | None
    ) -> str | None:
        """Put a question twice under one idempotency key."""
        origin, person = pair
        self.make_able(person)
        question = draft.question(actors.PEOPLE[person].account_id)
        key = f"key {len(self.keys_used)}"
        first = self.issue(origin, question.account_id, question, key, fault)
        self.service.clock.advance(timedelta(seconds=seconds))
        second = self.issue(origin, question.account_id, question, key)
        assert None in {first, second} or first == second, "one key, two challenges"
        return second or first

    def end_in_each_way(
        self, pair: tuple[str, str], draft: QuestionDraft, endings: list[str], which: int
    ) -> str | None:
        """End a question in one way, and then in the others."""
        challenge = self.ask_anew(pair, draft)
        if challenge is not None:
            for number, ending in enumerate(endings):
                self.end(challenge, pair[0], ending, which + number)
        return challenge

    def end(self, challenge: str, origin: str, ending: str, which: int = 0) -> None:
        """End a question, as far as it can be ended so."""
        name = self.own_phone(challenge, which)
        if ending == "cancel":
            self.cancel(challenge, origin)
        elif ending == "expire":
            self.go_to_the_edge(challenge, 0)
            self.sweep()
        elif ending == "disown" and name:
            self.disown(name, challenge)
        elif name:
            self.answer(name, challenge, which, "right")

    def deliver(
        self, pair: tuple[str, str], ending: str, statuses: list[int], fault: PlannedFault | None
    ) -> str | None:
        """End a question that has a callback; let a worker attempt it, and an operator requeue."""
        draft = QuestionDraft(
            actors.CONTENTS[0], actors.BUTTONS[0], life=30, code=False, callback=True
        )
        challenge = self.ask_anew(pair, draft)
        if challenge is None:
            return None
        self.end(challenge, pair[0], ending, 1)
        guids = [
            guid
            for guid, delivery in self.ledger.callbacks.items()
            if delivery.challenge == challenge
        ]
        for guid in guids:
            for status in statuses:
                self.attempt(guid, status, fault)
                self.service.clock.advance(timedelta(seconds=31))
            self.requeue(guid)
        return challenge

    def go_to_the_edge(self, challenge: str, ticks: int) -> None:
        """Set the clock to a challenge's deadline, *ticks* microseconds off."""
        entry = self.ledger.challenges[challenge]
        if entry.ending is None:
            self.service.clock.jump(entry.deadline + timedelta(microseconds=ticks))

    def own_phone(self, challenge: str, which: int) -> str:
        """Return a phone of the challenge's account, an active one if there is one."""
        account = self.ledger.challenges[challenge].account
        own = [name for name in self.phones if self.device(name) and self.owner(name) == account]
        active = [name for name in own if self.is_active(name)] or own
        return active[which % len(active)] if active else ""
