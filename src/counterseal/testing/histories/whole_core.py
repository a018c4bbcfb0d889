"""
The whole core as one history: every use case, in any order, with anything going wrong.

A counterexample is a short program of the rules below.
`@reproduce_failure` and `--hypothesis-seed` play it again.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, precondition, rule
from hypothesis.strategies import SearchStrategy

from counterseal.bindings import Invitation
from counterseal.memory import MemorySigner
from counterseal.models import Role
from counterseal.testing.histories import cast
from counterseal.testing.histories.answers import WAYS
from counterseal.testing.histories.attacks import ON_ANSWERS, ON_DEVICES, ON_LOGINS
from counterseal.testing.histories.questions import Wanted
from counterseal.testing.histories.scenes import Scenes
from counterseal.testing.histories.troubles import (
    COMPANY,
    SEND_COMPANY,
    TROUBLED_SENDS,
    TROUBLES,
    Trouble,
)

CHALLENGES: Bundle[str] = Bundle("challenges")
INVITATIONS: Bundle[tuple[str, Invitation]] = Bundle("invitations")

PHONES = st.sampled_from(tuple(cast.PHONES))
HONEST = st.sampled_from(
    [name for name, prop in cast.PHONES.items() if not cast.PEOPLE[prop.owner].attacker]
)
ATTACKERS = st.sampled_from(["burner", "badge"])
PEOPLE = st.sampled_from(tuple(cast.PEOPLE))
MEMBERS = st.sampled_from(["lena", "mallory at the club"])
ORIGINS = st.sampled_from(tuple(cast.ORIGINS))
ASKABLE = st.sampled_from(cast.ASKABLE)
WANTED = st.builds(
    Wanted,
    content=st.sampled_from(cast.CONTENTS),
    buttons=st.sampled_from(cast.BUTTONS),
    life=st.sampled_from([None, 120, 30, 5]),
    code=st.booleans(),
    callback=st.sampled_from([True, True, False]),
)
KEYS = st.sampled_from([None, None, "one", "two"])
PICK = st.integers(0, 5)
ROLES = st.sampled_from([frozenset(Role), frozenset({Role.DEVICE}), frozenset({Role.STRONG})])
WAY = st.sampled_from(WAYS)
PINS = st.sampled_from([None, cast.PIN, cast.WRONG_PIN])
STATUSES = st.sampled_from([204, 200, 500, 500, 503, 302, 410])
ENDINGS = ("answer", "cancel", "expire", "disown")
ENDING = st.sampled_from(ENDINGS)
ON_THE_EDGE = st.sampled_from([-1, 0, 1])


def _some(count: int) -> SearchStrategy[int]:
    return st.integers(0, count - 1)


def _new(challenge: str | None) -> MultipleResults[str]:
    return multiple() if challenge is None else multiple(challenge)


class WholeCore(Scenes):
    """
    Histories of the whole core.

    Override `adapters` to play them on other adapters than the memory's,
    and `verify` to judge signatures with cryptography that is not the core's.
    """

    @initialize(
        target=CHALLENGES, seed=_some(2**32), supersede=st.booleans(), first=WANTED, second=WANTED
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
    @rule(target=CHALLENGES, pick=_some(4), trouble=TROUBLES)
    def asks_again(self, pick: int, trouble: Trouble | None) -> str | MultipleResults[str]:
        """Put a question again, with the key that it had."""
        used = list(self.keys_used.items())
        (origin, key), (account_id, question) = used[pick % len(used)]
        challenge = self.issue(origin, account_id, question, key, trouble)
        return multiple() if challenge is None else challenge

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
        return _new(self.asked_twice(pair, wanted, seconds, trouble))

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

    @rule(target=CHALLENGES, pair=ASKABLE, wanted=WANTED, which=PICK, way=WAY, trouble=TROUBLES)
    def asks_and_answers(
        self, pair: tuple[str, str], wanted: Wanted, which: int, way: str, trouble: Trouble | None
    ) -> MultipleResults[str]:
        """Answer a new question, in any way."""
        return _new(self.answered(pair, wanted, which, way=way, trouble=trouble))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        way=st.sampled_from(["right", "right", "wrong pin", "wrong code"]),
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
        return _new(self.fumbled(pair, wanted, ways, which))

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
        return _new(self.stopped(pair, wanted, verb, which))

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
        return _new(self.ended(pair, wanted, endings, which))

    @rule(target=CHALLENGES, pair=ASKABLE, wanted=WANTED, which=PICK, ticks=ON_THE_EDGE)
    def asks_and_answers_on_the_edge(
        self, pair: tuple[str, str], wanted: Wanted, which: int, ticks: int
    ) -> MultipleResults[str]:
        """Answer a new question rightly, just before its deadline, on it, or just after."""
        return _new(self.answered(pair, wanted, which, ticks=ticks))

    @rule(target=CHALLENGES, wanted=WANTED, count=_some(4), trouble=TROUBLES | COMPANY)
    def asks_and_guesses(
        self, wanted: Wanted, count: int, trouble: Trouble | None
    ) -> MultipleResults[str]:
        """Type wrong codes."""
        return _new(self.guessed(wanted, count, trouble))

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        wanted=WANTED,
        count=_some(5),
        trouble=TROUBLES | COMPANY,
    )
    def asks_and_forgets_the_pin(
        self, pair: tuple[str, str], wanted: Wanted, count: int, trouble: Trouble | None
    ) -> MultipleResults[str]:
        """Type wrong PINs."""
        return _new(self.forgot(pair, wanted, count, trouble))

    @rule(target=CHALLENGES, pair=ASKABLE, wanted=WANTED, count=_some(4))
    def asks_and_asks(
        self, pair: tuple[str, str], wanted: Wanted, count: int
    ) -> MultipleResults[str]:
        """Put one question after the other."""
        return multiple(*self.besieged(pair, wanted, count))

    @rule(target=CHALLENGES, wanted=WANTED, seconds=st.sampled_from([1, 91, 110]), which=PICK)
    def asks_one_who_leaves(self, wanted: Wanted, seconds: int, which: int) -> MultipleResults[str]:
        """Let somebody answer who was withdrawn."""
        return _new(self.left(wanted, seconds, which))

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
    @rule(pick=_some(8), status=STATUSES, trouble=TROUBLED_SENDS)
    def attempts(self, pick: int, status: int, trouble: Trouble | None) -> None:
        """Attempt one callback, the newest first."""
        owed = list(self.ledger.owed)[::-1]
        self.attempt(owed[pick % len(owed)], status, trouble)

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
        return _new(self.delivered(pair, ending, statuses, trouble))

    @rule(target=CHALLENGES, pair=ASKABLE, ending=ENDING, status=STATUSES, rival=SEND_COMPANY)
    def ends_and_delivers_in_company(
        self, pair: tuple[str, str], ending: str, status: int, rival: Trouble
    ) -> MultipleResults[str]:
        """End a new question, and attempt its callback while somebody else acts."""
        return _new(self.delivered(pair, ending, [status], rival))

    @precondition(lambda self: self.ledger.owed)
    @rule(status=STATUSES)
    def works(self, status: int) -> None:
        """Attempt every callback that is due."""
        for callback in self.world.callbacks.due():
            self.attempt(callback, status)

    @precondition(lambda self: self.ledger.owed)
    @rule(pick=_some(8), trouble=TROUBLES)
    def requeues(self, pick: int, trouble: Trouble | None) -> None:
        """Queue a callback again."""
        owed = list(self.ledger.owed)[::-1]
        self.requeue(owed[pick % len(owed)], trouble)

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

    @rule(target=CHALLENGES, mine=ATTACKERS, victim=HONEST, wanted=WANTED, button=PICK)
    def besets(self, mine: str, victim: str, wanted: Wanted, button: int) -> MultipleResults[str]:
        """Attack somebody in every way."""
        return _new(self.beset(mine, victim, wanted, button))

    @precondition(lambda self: self.captured)
    @rule(pick=_some(8))
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
