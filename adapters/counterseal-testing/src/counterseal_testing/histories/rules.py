"""The rules of a history that are one operation each, in any order."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, initialize, multiple, precondition, rule

from counterseal import Invitation
from counterseal.memory import MemorySigner
from counterseal.models import Guid, Role
from counterseal_testing.histories import actors
from counterseal_testing.histories.attacks import ON_ANSWERS, ON_DEVICES, ON_LOGINS
from counterseal_testing.histories.ceremonies import WAYS as CEREMONY_WAYS
from counterseal_testing.histories.challenges import QuestionDraft
from counterseal_testing.histories.planned_faults import (
    FAULTS,
    FAULTS_OF_PUSHES,
    FAULTS_OF_SENDS,
    PlannedFault,
)
from counterseal_testing.histories.scenarios import Scenarios
from counterseal_testing.histories.strategies import (
    ASKABLE,
    ATTACKERS,
    BROWSERS,
    CEREMONIES,
    CHALLENGES,
    DRAFTS,
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
    TOWN,
    WAY,
    some,
)


class Beginning(Scenarios):
    """How each history begins."""

    @initialize(
        target=CHALLENGES, seed=some(2**32), supersede=st.booleans(), first=DRAFTS, second=DRAFTS
    )
    def begin(
        self,
        seed: int,
        supersede: bool,  # noqa: FBT001
        first: QuestionDraft,
        second: QuestionDraft,
    ) -> MultipleResults[str]:
        """Build the service, and put two questions."""
        self.build_service(seed=seed, supersede=supersede)
        for name, setup in actors.PHONES.items():
            if setup.bound:
                invitation = self.invite(name)
                assert invitation is not None
                self.bind(name, invitation)
        entry = [self.ask_anew(("shop", "zoe"), first), self.ask_anew(("door", "lena"), second)]
        return multiple(*(challenge for challenge in entry if challenge is not None))

    def bind(self, name: str, invitation: Invitation, fault: PlannedFault | None = None) -> None:
        """Finish a bind, and leave the spent token where an attacker finds it."""
        if self.complete(name, invitation, fault).done:
            self.spent.append((invitation.token, name))


class Rules(Beginning):
    """Every use case, with anything going wrong."""

    # Devices

    @rule(target=INVITATIONS, name=PHONES, fault=FAULTS)
    def invites(
        self, name: str, fault: PlannedFault | None
    ) -> tuple[str, Invitation] | MultipleResults[tuple[str, Invitation]]:
        """Invite a phone."""
        invitation = self.invite(name, fault)
        return multiple() if invitation is None else (name, invitation)

    @rule(invited=INVITATIONS, fault=FAULTS)
    def completes(self, invited: tuple[str, Invitation], fault: PlannedFault | None) -> None:
        """Finish a bind."""
        self.bind(*invited, fault)

    @rule(
        name=PHONES, roles=ROLES, pin=st.sampled_from([actors.PIN, actors.WRONG_PIN]), fault=FAULTS
    )
    def rotates(
        self, name: str, roles: frozenset[Role], pin: str, fault: PlannedFault | None
    ) -> None:
        """Replace a phone's keys."""
        self.rotate(name, roles, pin, fault)

    @rule(name=PHONES, fault=FAULTS)
    def updates(self, name: str, fault: PlannedFault | None) -> None:
        """Change a phone's name and push address."""
        self.update(name, fault)

    @rule(name=PHONES, fault=FAULTS)
    def unbinds(self, name: str, fault: PlannedFault | None) -> None:
        """Let a phone revoke itself."""
        self.unbind(name, fault)

    @rule(name=PHONES, verb=st.sampled_from(["suspend", "resume", "revoke"]), fault=FAULTS)
    def changes_state(self, name: str, verb: str, fault: PlannedFault | None) -> None:
        """Suspend, resume or revoke a phone."""
        self.change_state(verb, self.device(name), fault)

    @rule(name=PHONES, origin=ORIGINS)
    def revokes(self, name: str, origin: str) -> None:
        """Revoke a phone on an origin's word."""
        self.revoke_by(origin, self.device(name))

    @rule(name=PEOPLE, locked=st.booleans(), fault=FAULTS)
    def locks(self, name: str, locked: bool, fault: PlannedFault | None) -> None:  # noqa: FBT001
        """Lock or unlock an account."""
        self.lock(self.person(name), locked=locked, fault=fault)

    @rule(name=PEOPLE, fault=FAULTS)
    def erases(self, name: str, fault: PlannedFault | None) -> None:
        """Erase an account; its user may come back, as somebody else."""
        self.erase(self.person(name), fault)

    @rule(name=MEMBERS, verb=st.sampled_from(["withdraw", "admit", "vouch"]), fault=FAULTS)
    def revalidates(self, name: str, verb: str, fault: PlannedFault | None) -> None:
        """Withdraw, admit or revalidate a user of the Identity Provider."""
        account = self.person(name)
        if verb == "withdraw":
            self.withdraw(account)
        elif verb == "admit":
            self.admit(account)
        else:
            self.revalidate(account, fault)

    # Questions

    @rule(
        target=CHALLENGES,
        pair=ASKABLE,
        draft=DRAFTS,
        key=KEYS,
        fault=FAULTS,
        chosen=st.none() | st.none() | PHONES,
    )
    def asks(
        self,
        pair: tuple[str, str],
        draft: QuestionDraft,
        key: str | None,
        fault: PlannedFault | None,
        chosen: str | None,
    ) -> str | MultipleResults[str]:
        """Put a question, perhaps to one device, which may be anybody's."""
        origin, person = pair
        account_id = actors.PEOPLE[person].account_id
        device = Guid(self.device(chosen)) if chosen and self.device(chosen) else None
        question = draft.question(account_id, device)
        challenge = self.issue(origin, account_id, question, key, fault)
        return multiple() if challenge is None else challenge

    @precondition(lambda self: self.keys_used)
    @rule(target=CHALLENGES, pick=some(4), fault=FAULTS)
    def asks_again(self, pick: int, fault: PlannedFault | None) -> str | MultipleResults[str]:
        """Put a question again, with the key that it had."""
        used = list(self.keys_used.items())
        (origin, key), (account_id, question) = used[pick % len(used)]
        challenge = self.issue(origin, account_id, question, key, fault)
        return multiple() if challenge is None else challenge

    @rule(challenge=CHALLENGES, origin=ORIGINS, fault=FAULTS)
    def cancels(self, challenge: str, origin: str, fault: PlannedFault | None) -> None:
        """Take a question back."""
        self.cancel(challenge, origin, fault)

    @rule(challenge=CHALLENGES, origin=ORIGINS)
    def reads_status(self, challenge: str, origin: str) -> None:
        """Look at a question."""
        self.status(challenge, origin)

    @rule(fault=FAULTS)
    def sweeps(self, fault: PlannedFault | None) -> None:
        """Expire what is over."""
        self.sweep(fault)

    # Answers

    @rule(challenge=CHALLENGES, name=PHONES, fault=FAULTS)
    def fetches(self, challenge: str, name: str, fault: PlannedFault | None) -> None:
        """Read a question, with any phone."""
        self.fetch(name, challenge, fault)

    @rule(name=PHONES)
    def lists(self, name: str) -> None:
        """Ask what is pending."""
        self.pending(name)

    @rule(challenge=CHALLENGES, which=PICK, button=PICK, way=WAY, fault=FAULTS)
    def answers(
        self, challenge: str, which: int, button: int, way: str, fault: PlannedFault | None
    ) -> None:
        """Answer a question, whatever became of it, with a phone of its account."""
        if name := self.own_phone(challenge, which):
            self.answer(name, challenge, button, way, fault)

    @rule(challenge=CHALLENGES, which=PICK, pin=PINS, fault=FAULTS)
    def disowns(
        self, challenge: str, which: int, pin: str | None, fault: PlannedFault | None
    ) -> None:
        """Say that nobody asked for this."""
        if name := self.own_phone(challenge, which):
            self.disown(name, challenge, fault, pin=pin)

    @rule(person=PEOPLE)
    def heals(self, person: str) -> None:
        """Let somebody be able to answer again."""
        self.make_able(person)

    @rule(challenge=CHALLENGES, name=PHONES)
    def repeats(self, challenge: str, name: str) -> None:
        """Send an accepted answer once more."""
        self.repeat(name, challenge)

    # Callbacks

    @precondition(lambda self: self.ledger.callbacks)
    @rule(pick=some(8), status=STATUSES, fault=FAULTS_OF_SENDS)
    def attempts(self, pick: int, status: int, fault: PlannedFault | None) -> None:
        """Attempt one callback, the newest first."""
        delivery = list(self.ledger.callbacks)[::-1]
        self.attempt(delivery[pick % len(delivery)], status, fault)

    @precondition(lambda self: self.ledger.callbacks)
    @rule(status=STATUSES)
    def works(self, status: int) -> None:
        """Attempt every callback that is due."""
        for callback in self.service.callbacks.due():
            self.attempt(callback, status)

    @precondition(lambda self: self.ledger.callbacks)
    @rule(pick=some(8), fault=FAULTS)
    def requeues(self, pick: int, fault: PlannedFault | None) -> None:
        """Queue a callback again."""
        delivery = list(self.ledger.callbacks)[::-1]
        self.requeue(delivery[pick % len(delivery)], fault)

    @precondition(lambda self: self.ledger.callbacks)
    @rule(origin=ORIGINS)
    def mourns(self, origin: str) -> None:
        """List the callbacks that are dead."""
        self.dead(origin)

    # Notifications

    @precondition(lambda self: self.ledger.notifications)
    @rule(pick=some(8), failing=st.booleans(), fault=FAULTS_OF_PUSHES)
    def pushes(self, pick: int, failing: bool, fault: PlannedFault | None) -> None:  # noqa: FBT001
        """Attempt one notification, the newest first; the push service may fail this once."""
        notifications, outbox = list(self.ledger.notifications)[::-1], self.service.outbox
        before, outbox.failing = outbox.failing, outbox.failing or failing
        self.push(notifications[pick % len(notifications)], fault)
        outbox.failing = before

    @precondition(lambda self: self.ledger.notifications)
    @rule()
    def pushes_all(self) -> None:
        """Attempt every notification that is due."""
        for notifications in self.service.notifications.due():
            self.push(notifications.guid)

    # Ceremonies

    @rule(browser=BROWSERS, kind=CEREMONIES, origin=TOWN, fault=FAULTS)
    def begins_a_ceremony(
        self, browser: str, kind: str, origin: str, fault: PlannedFault | None
    ) -> None:
        """Begin a registration or an authentication."""
        begun = self.begin_ceremony(browser, kind, origin, fault)
        if begun is not None:
            self.ceremonies.append(begun)

    @precondition(lambda self: self.ceremonies)
    @rule(pick=some(4), way=st.sampled_from(CEREMONY_WAYS), origin=TOWN, fault=FAULTS)
    def ends_a_ceremony(self, pick: int, way: str, origin: str, fault: PlannedFault | None) -> None:
        """Answer a ceremony, whatever became of it, the newest first."""
        begun = self.ceremonies[::-1][pick % len(self.ceremonies)]
        self.end_ceremony(begun, way, origin, fault)

    @rule(browser=BROWSERS, verb=st.sampled_from(["suspend", "resume", "revoke"]), fault=FAULTS)
    def changes_a_browser(self, browser: str, verb: str, fault: PlannedFault | None) -> None:
        """Suspend, resume or revoke the binding of a browser's passkey."""
        self.change_state(verb, self.browser_binding(browser), fault)

    # Time, and what is outside

    @rule(seconds=st.sampled_from([1, 4, 11, 21, 61, 130]))
    def waits(self, seconds: int) -> None:
        """Let time pass."""
        self.service.clock.advance(timedelta(seconds=seconds))

    @rule(challenge=CHALLENGES, ticks=ON_THE_EDGE)
    def waits_for_the_deadline(self, challenge: str, ticks: int) -> None:
        """Go to the edge of a deadline, or over it."""
        self.go_to_the_edge(challenge, ticks)

    @rule(seconds=st.sampled_from([1, 30, 300]))
    def turns_the_clock_back(self, seconds: int) -> None:
        """Set the clock back."""
        self.service.clock.jump(self.at() - timedelta(seconds=seconds))

    @rule(failing=st.booleans(), twice=st.booleans(), dead=st.booleans(), renewed=st.booleans())
    def turns_the_world(self, failing: bool, twice: bool, dead: bool, renewed: bool) -> None:  # noqa: FBT001
        """Let the push service fail, deliver twice, or bury addresses; renew the service's key."""
        outbox = self.service.outbox
        outbox.failing, outbox.duplicating = failing, twice
        outbox.dead = (
            set(actors.address("phone")) | set(actors.address("new phone")) if dead else set()
        )
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
