"""Turns: the rules of a history that are one act, in any order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, initialize, multiple, precondition, rule

from counterseal._decisions.invitations import Invitation
from counterseal.memory import MemorySigner
from counterseal.models import Role
from counterseal.testing.histories import cast
from counterseal.testing.histories.attacks import ON_ANSWERS, ON_DEVICES, ON_LOGINS
from counterseal.testing.histories.choices import (
    ASKABLE,
    ATTACKERS,
    CHALLENGES,
    HONEST,
    INVITATIONS,
    KEYS,
    MEMBERS,
    ON_THE_EDGE,
    ORIGINS,
    PEOPLE,
    PHONES,
    PICK,
    PINS,
    ROLES,
    STATUSES,
    WANTED,
    WAY,
    some,
)
from counterseal.testing.histories.questions import Wanted
from counterseal.testing.histories.scenes import Scenes
from counterseal.testing.histories.troubles import TROUBLED_RINGS, TROUBLED_SENDS, TROUBLES, Trouble


class Turns(Scenes):
    """Every use case, with anything going wrong."""

    @initialize(
        target=CHALLENGES, seed=some(2**32), supersede=st.booleans(), first=WANTED, second=WANTED
    )
    def begin(
        self,
        seed: int,
        supersede: bool,  # noqa: FBT001
        first: Wanted,
        second: Wanted,
    ) -> MultipleResults[str]:
        """Build the world, and put two questions."""
        self.raise_curtain(seed=seed, supersede=supersede)
        for name, prop in cast.PHONES.items():
            if prop.bound:
                invitation = self.invite(name)
                assert invitation is not None
                self.bind(name, invitation)
        asked = [self.ask_anew(("shop", "zoe"), first), self.ask_anew(("door", "lena"), second)]
        return multiple(*(challenge for challenge in asked if challenge is not None))

    def bind(self, name: str, invitation: Invitation, trouble: Trouble | None = None) -> None:
        """Finish a bind, and leave the spent token where an attacker finds it."""
        if self.complete(name, invitation, trouble).done:
            self.spent.append((invitation.token, name))

    # Devices

    @rule(target=INVITATIONS, name=PHONES, trouble=TROUBLES)
    def invites(
        self, name: str, trouble: Trouble | None
    ) -> tuple[str, Invitation] | MultipleResults[tuple[str, Invitation]]:
        """Invite a phone."""
        invitation = self.invite(name, trouble)
        return multiple() if invitation is None else (name, invitation)

    @rule(invited=INVITATIONS, trouble=TROUBLES)
    def completes(self, invited: tuple[str, Invitation], trouble: Trouble | None) -> None:
        """Finish a bind."""
        self.bind(*invited, trouble)

    @rule(
        name=PHONES, roles=ROLES, pin=st.sampled_from([cast.PIN, cast.WRONG_PIN]), trouble=TROUBLES
    )
    def rotates(self, name: str, roles: frozenset[Role], pin: str, trouble: Trouble | None) -> None:
        """Replace a phone's keys."""
        self.rotate(name, roles, pin, trouble)

    @rule(name=PHONES, trouble=TROUBLES)
    def updates(self, name: str, trouble: Trouble | None) -> None:
        """Change a phone's name and push address."""
        self.update(name, trouble)

    @rule(name=PHONES, verb=st.sampled_from(["suspend", "resume", "revoke"]), trouble=TROUBLES)
    def stands(self, name: str, verb: str, trouble: Trouble | None) -> None:
        """Suspend, resume or revoke a phone."""
        self.stand(verb, self.device(name), trouble)

    @rule(name=PHONES, origin=ORIGINS)
    def revokes(self, name: str, origin: str) -> None:
        """Revoke a phone on an origin's word."""
        self.revoke_by(origin, self.device(name))

    @rule(name=PEOPLE, locked=st.booleans(), trouble=TROUBLES)
    def locks(self, name: str, locked: bool, trouble: Trouble | None) -> None:  # noqa: FBT001
        """Lock or unlock an account."""
        self.lock(self.person(name), locked=locked, trouble=trouble)

    @rule(name=PEOPLE, trouble=TROUBLES)
    def erases(self, name: str, trouble: Trouble | None) -> None:
        """Erase an account; its user may come back, as somebody else."""
        self.erase(self.person(name), trouble)

    @rule(name=MEMBERS, verb=st.sampled_from(["withdraw", "admit", "vouch"]), trouble=TROUBLES)
    def vouches(self, name: str, verb: str, trouble: Trouble | None) -> None:
        """Let the Identity Provider speak."""
        account = self.person(name)
        if verb == "withdraw":
            self.withdraw(account)
        elif verb == "admit":
            self.admit(account)
        else:
            self.vouch(account, trouble)

    # Questions

    @rule(target=CHALLENGES, pair=ASKABLE, wanted=WANTED, key=KEYS, trouble=TROUBLES)
    def asks(
        self, pair: tuple[str, str], wanted: Wanted, key: str | None, trouble: Trouble | None
    ) -> str | MultipleResults[str]:
        """Put a question."""
        origin, person = pair
        account_id = cast.PEOPLE[person].account_id
        challenge = self.issue(origin, account_id, wanted.question(account_id), key, trouble)
        return multiple() if challenge is None else challenge

    @precondition(lambda self: self.keys_used)
    @rule(target=CHALLENGES, pick=some(4), trouble=TROUBLES)
    def asks_again(self, pick: int, trouble: Trouble | None) -> str | MultipleResults[str]:
        """Put a question again, with the key that it had."""
        used = list(self.keys_used.items())
        (origin, key), (account_id, question) = used[pick % len(used)]
        challenge = self.issue(origin, account_id, question, key, trouble)
        return multiple() if challenge is None else challenge

    @rule(challenge=CHALLENGES, origin=ORIGINS, trouble=TROUBLES)
    def cancels(self, challenge: str, origin: str, trouble: Trouble | None) -> None:
        """Take a question back."""
        self.cancel(challenge, origin, trouble)

    @rule(challenge=CHALLENGES, origin=ORIGINS)
    def looks(self, challenge: str, origin: str) -> None:
        """Look at a question."""
        self.status(challenge, origin)

    @rule(trouble=TROUBLES)
    def sweeps(self, trouble: Trouble | None) -> None:
        """Expire what is over."""
        self.sweep(trouble)

    # Answers

    @rule(challenge=CHALLENGES, name=PHONES, trouble=TROUBLES)
    def fetches(self, challenge: str, name: str, trouble: Trouble | None) -> None:
        """Read a question, with any phone."""
        self.fetch(name, challenge, trouble)

    @rule(name=PHONES)
    def lists(self, name: str) -> None:
        """Ask what is pending."""
        self.pending(name)

    @rule(challenge=CHALLENGES, which=PICK, button=PICK, way=WAY, trouble=TROUBLES)
    def answers(
        self, challenge: str, which: int, button: int, way: str, trouble: Trouble | None
    ) -> None:
        """Answer a question, whatever became of it, with a phone of its account."""
        if name := self.own_phone(challenge, which):
            self.answer(name, challenge, button, way, trouble)

    @rule(challenge=CHALLENGES, which=PICK, pin=PINS, trouble=TROUBLES)
    def disowns(self, challenge: str, which: int, pin: str | None, trouble: Trouble | None) -> None:
        """Say that nobody asked for this."""
        if name := self.own_phone(challenge, which):
            self.disown(name, challenge, trouble, pin=pin)

    @rule(person=PEOPLE)
    def heals(self, person: str) -> None:
        """Let somebody be able to answer again."""
        self.heal(person)

    @rule(challenge=CHALLENGES, name=PHONES)
    def repeats(self, challenge: str, name: str) -> None:
        """Send an accepted answer once more."""
        self.repeat(name, challenge)

    # Callbacks

    @precondition(lambda self: self.ledger.owed)
    @rule(pick=some(8), status=STATUSES, trouble=TROUBLED_SENDS)
    def attempts(self, pick: int, status: int, trouble: Trouble | None) -> None:
        """Attempt one callback, the newest first."""
        owed = list(self.ledger.owed)[::-1]
        self.attempt(owed[pick % len(owed)], status, trouble)

    @precondition(lambda self: self.ledger.owed)
    @rule(status=STATUSES)
    def works(self, status: int) -> None:
        """Attempt every callback that is due."""
        for callback in self.world.callbacks.due():
            self.attempt(callback, status)

    @precondition(lambda self: self.ledger.owed)
    @rule(pick=some(8), trouble=TROUBLES)
    def requeues(self, pick: int, trouble: Trouble | None) -> None:
        """Queue a callback again."""
        owed = list(self.ledger.owed)[::-1]
        self.requeue(owed[pick % len(owed)], trouble)

    @precondition(lambda self: self.ledger.owed)
    @rule(origin=ORIGINS)
    def mourns(self, origin: str) -> None:
        """List the callbacks that are dead."""
        self.dead(origin)

    # Bells

    @precondition(lambda self: self.ledger.noted)
    @rule(pick=some(8), trouble=TROUBLED_RINGS)
    def rings(self, pick: int, trouble: Trouble | None) -> None:
        """Ring for one notification, the newest first."""
        noted = list(self.ledger.noted)[::-1]
        self.ring(noted[pick % len(noted)], trouble)

    @precondition(lambda self: self.ledger.noted)
    @rule()
    def rings_for_all(self) -> None:
        """Ring for every notification that is due."""
        for noted in self.world.notifications.due():
            self.ring(noted.guid)

    # Time, and the world outside

    @rule(seconds=st.sampled_from([1, 4, 11, 21, 61, 130]))
    def waits(self, seconds: int) -> None:
        """Let time pass."""
        self.world.clock.advance(timedelta(seconds=seconds))

    @rule(challenge=CHALLENGES, ticks=ON_THE_EDGE)
    def waits_for_the_deadline(self, challenge: str, ticks: int) -> None:
        """Go to the edge of a deadline, or over it."""
        self.go_to_the_edge(challenge, ticks)

    @rule(seconds=st.sampled_from([1, 30, 300]))
    def turns_the_clock_back(self, seconds: int) -> None:
        """Set the clock back."""
        self.world.clock.jump(self.at() - timedelta(seconds=seconds))

    @rule(failing=st.booleans(), twice=st.booleans(), dead=st.booleans(), renewed=st.booleans())
    def turns_the_world(self, failing: bool, twice: bool, dead: bool, renewed: bool) -> None:  # noqa: FBT001
        """Let the push service fail, deliver twice, or bury addresses; renew the service's key."""
        outbox = self.world.outbox
        outbox.failing, outbox.duplicating = failing, twice
        outbox.dead = set(cast.address("phone")) | set(cast.address("new phone")) if dead else set()
        if renewed and isinstance(self.signer, MemorySigner):
            self.signer.rotate()
            self.ledger.service_keys = self.published()

    # The attacker

    @rule(
        challenge=CHALLENGES,
        way=st.sampled_from(ON_ANSWERS),
        mine=ATTACKERS,
        victim=HONEST,
        button=PICK,
    )
    def attacks_a_challenge(
        self, challenge: str, way: str, mine: str, victim: str, button: int
    ) -> None:
        """Try to answer somebody else's question."""
        self.attack(way, mine, victim, challenge, button)

    @precondition(lambda self: self.captured)
    @rule(pick=some(8))
    def replays(self, pick: int) -> None:
        """Send again what was read on its way, the latest first."""
        self.replay(self.captured[::-1][pick % len(self.captured)])

    @rule(way=st.sampled_from(ON_DEVICES), mine=ATTACKERS, victim=HONEST)
    def attacks_a_device(self, way: str, mine: str, victim: str) -> None:
        """Try to take over somebody else's binding."""
        self.attack_device(way, mine, victim)

    @rule(way=st.sampled_from(ON_LOGINS))
    def attacks_a_login(self, way: str) -> None:
        """Try to come in by somebody else's log-in."""
        self.attack_login(way)
