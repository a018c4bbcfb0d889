"""Scenes: a few acts that belong together, so that histories get to where bugs live."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal.testing.histories import cast
from counterseal.testing.histories.attacks import ON_ANSWERS, ON_DEVICES, Attacks
from counterseal.testing.histories.questions import Wanted
from counterseal.testing.histories.troubles import Trouble

CODED = ("shop", "zoe")
"""An origin that makes people type codes, and one of its people."""


class Scenes(Attacks):
    """What the rules let happen in one go."""

    def answered(
        self,
        pair: tuple[str, str],
        wanted: Wanted,
        which: int,
        *,
        way: str = "right",
        trouble: Trouble | None = None,
        ticks: int | None = None,
    ) -> str | None:
        """Put a question and answer it, *ticks* from its deadline if they are given."""
        challenge = self.ask_anew(pair, wanted)
        if challenge is None:
            return None
        if ticks is not None:
            self.go_to_the_edge(challenge, ticks)
        if name := self.own_phone(challenge, which):
            self.answer(name, challenge, which, way, trouble)
        return challenge

    def contested(
        self, pair: tuple[str, str], wanted: Wanted, way: str, rivals: list[Trouble], which: int
    ) -> list[str]:
        """Put a question for each of *rivals*, who comes between while it is answered."""
        strong = [index for index, button in enumerate(wanted.buttons) if button.strong]
        pressed = strong[-1] if strong else which
        asked = [self.answered(pair, wanted, pressed, way=way, trouble=rival) for rival in rivals]
        return [challenge for challenge in asked if challenge is not None]

    def fumbled(
        self, pair: tuple[str, str], wanted: Wanted, ways: list[str], which: int
    ) -> str | None:
        """Put a question, answer it in some *ways*, and rightly in the end."""
        challenge = self.ask_anew(pair, wanted)
        if challenge is None:
            return None
        for number, way in enumerate([*ways, "right"]):
            if name := self.own_phone(challenge, which):
                self.answer(name, challenge, which + number, way)
        return challenge

    def beset(self, mine: str, victim: str, wanted: Wanted, button: int) -> str | None:
        """Put a question to a victim, and attack it, its phone and its log-ins in every way."""
        person = cast.PHONES[victim].owner
        origin = "door" if cast.PEOPLE[person].space == cast.CLUB else "shop"
        challenge = self.ask_anew((origin, person), wanted)
        if challenge is not None:
            for way in ON_ANSWERS:
                self.attack(way, mine, victim, challenge, button)
        for way in ON_DEVICES:
            self.attack_device(way, mine, victim)
        for captured in self.captured[-3:]:
            self.replay(captured)
        return challenge

    def guessed(self, wanted: Wanted, count: int, trouble: Trouble | None) -> str | None:
        """Put a question with a code, and type wrong ones before the right one."""
        buttons = cast.BUTTONS[0]
        challenge = self.ask_anew(CODED, attrs.evolve(wanted, code=True, buttons=buttons))
        if challenge is None:
            return None
        for number in range(count + 1):
            way = "wrong code" if number < count else "right"
            if name := self.own_phone(challenge, number):
                self.answer(name, challenge, 0, way, trouble if number == count - 1 else None)
        return challenge

    def forgot(
        self, pair: tuple[str, str], wanted: Wanted, count: int, trouble: Trouble | None
    ) -> str | None:
        """Put a question, and type wrong PINs before the right one, all on one phone."""
        challenge = self.ask_anew(pair, attrs.evolve(wanted, code=False))
        if challenge is None:
            return None
        name = self.own_phone(challenge, 0)
        for number in range(count + 1 if name else 0):
            way = "wrong pin" if number < count else "right"
            self.answer(name, challenge, 0, way, trouble if number == count - 1 else None)
        return challenge

    def besieged(self, pair: tuple[str, str], wanted: Wanted, count: int) -> list[str]:
        """Put questions that nobody answers."""
        first = self.ask_anew(pair, wanted)
        origin, person = pair
        question = wanted.question(cast.PEOPLE[person].account_id)
        more = [self.issue(origin, question.account_id, question) for _ in range(count)]
        return [challenge for challenge in (first, *more) if challenge is not None]

    def left(self, wanted: Wanted, seconds: int, which: int) -> str | None:
        """Ask a member whom the Identity Provider then withdraws, and let the phone answer late."""
        challenge = self.ask_anew(("door", "lena"), attrs.evolve(wanted, life=120, code=False))
        if challenge is None:
            return None
        self.withdraw(self.person("lena"))
        self.world.clock.advance(timedelta(seconds=seconds))
        if name := self.own_phone(challenge, which):
            self.answer(name, challenge, which, "right")
        return challenge

    def stopped(self, pair: tuple[str, str], wanted: Wanted, verb: str, which: int) -> str | None:
        """Put a question to somebody who is then stopped, and tries to answer all the same."""
        challenge = self.ask_anew(pair, wanted)
        name = "" if challenge is None else self.own_phone(challenge, which)
        if challenge is None or not name:
            return challenge
        if verb == "lock":
            self.lock(self.owner(name))
        else:
            self.stand(verb, self.device(name))
        self.answer(name, challenge, which, "right")
        self.disown(name, challenge)
        return challenge

    def asked_twice(
        self, pair: tuple[str, str], wanted: Wanted, seconds: int, trouble: Trouble | None
    ) -> str | None:
        """Put a question twice under one idempotency key."""
        origin, person = pair
        self.heal(person)
        question = wanted.question(cast.PEOPLE[person].account_id)
        key = f"key {len(self.keys_used)}"
        first = self.issue(origin, question.account_id, question, key, trouble)
        self.world.clock.advance(timedelta(seconds=seconds))
        second = self.issue(origin, question.account_id, question, key)
        assert None in {first, second} or first == second, "one key, two challenges"
        return second or first

    def ended(
        self, pair: tuple[str, str], wanted: Wanted, endings: list[str], which: int
    ) -> str | None:
        """End a question in one way, and then in the others."""
        challenge = self.ask_anew(pair, wanted)
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

    def delivered(
        self, pair: tuple[str, str], ending: str, statuses: list[int], trouble: Trouble | None
    ) -> str | None:
        """End a question that has a callback; let a worker attempt it, and an operator requeue."""
        wanted = Wanted(cast.CONTENTS[0], cast.BUTTONS[0], life=30, code=False, callback=True)
        challenge = self.ask_anew(pair, wanted)
        if challenge is None:
            return None
        self.end(challenge, pair[0], ending, 1)
        guids = [guid for guid, owed in self.ledger.owed.items() if owed.challenge == challenge]
        for guid in guids:
            for status in statuses:
                self.attempt(guid, status, trouble)
                self.world.clock.advance(timedelta(seconds=31))
            self.requeue(guid)
        return challenge

    def go_to_the_edge(self, challenge: str, ticks: int) -> None:
        """Set the clock to a challenge's deadline, *ticks* microseconds off."""
        asked = self.ledger.asked[challenge]
        if asked.ending is None:
            self.world.clock.jump(asked.deadline + timedelta(microseconds=ticks))

    def own_phone(self, challenge: str, which: int) -> str:
        """Return a phone of the challenge's account, an active one if there is one."""
        account = self.ledger.asked[challenge].account
        own = [name for name in self.phones if self.device(name) and self.owner(name) == account]
        active = [name for name in own if self.is_active(name)] or own
        return active[which % len(active)] if active else ""
