"""Histories of sessions: a model of its own says which tokens work, after whatever was done."""

from datetime import timedelta
from functools import partial

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from counterseal.errors import Refused
from counterseal.models import OPERATOR, LogInMethod
from counterseal.policy import Policy
from counterseal_testing import FakeService

LINK, ENROLLING, ACTIVE, SUSPENDED, OVER = "link", "enrolling", "active", "suspended", "over"
PICK = st.integers(0, 9)


@attrs.define(eq=False)
class Passkey:
    """One passkey as the model knows it; *suspensions* is how often it was suspended."""

    guid: str
    admin: int
    state: str = ACTIVE
    suspensions: int = 0


@attrs.define
class Entry:
    """
    One session as the model knows it; *deadline* is when it ends if nobody uses it.

    *proofs* are the passkeys that opened it or stepped it up, each with its suspensions by then.
    """

    state: str
    token: str
    admin: int
    deadline: object
    started: object = None
    old: list = attrs.field(factory=list)
    proofs: list = attrs.field(factory=list)

    def prove(self, passkey):
        """Note that *passkey* has opened the session, or stepped it up."""
        if passkey not in [proven for proven, _ in self.proofs]:
            self.proofs.append((passkey, passkey.suspensions))

    def stands(self):
        """Tell whether all its passkeys are active, and were so without a break."""
        return all(
            passkey.state == ACTIVE and passkey.suspensions == count
            for passkey, count in self.proofs
        )

    def renew(self, token):
        """Note that the session has another secret."""
        self.old.append(self.token)
        self.token = token


class Histories(RuleBasedStateMachine):
    """Two administrators, their links and their browsers."""

    def __init__(self):
        super().__init__()
        self.service = FakeService(policy=Policy(portal_sessions_limit=3, bindings_limit=100))
        self.policy = self.service.policy
        self.uses = self.service.sessions
        self.admins = [
            self.service.credentials.create_person(name, all_companies=True) for name in "AB"
        ]
        self.revoked = set()
        self.entries = []
        self.passkeys = [
            Passkey(self.service.bind_passkey(self.admins[number].guid).guid, number)
            for number in (0, 0, 1, 1)
        ]

    @property
    def now(self):
        """The time of the service."""
        return self.service.clock.now()

    def lives(self, entry, state):
        """Tell whether a token works in the way that *state* allows."""
        return (
            entry.state == state and self.now < entry.deadline and entry.admin not in self.revoked
        )

    def attempt(self, call, *, fits):
        """Require that *call* succeeds if it fits, and is refused if not; return its result."""
        try:
            result = call()
        except Refused:
            assert not fits
            return None
        assert fits
        return result

    def may_use(self, entry):
        """Tell whether a session may be used; it ends now if a passkey of it has ended."""
        if not self.lives(entry, ACTIVE):
            return False
        if not entry.stands():
            entry.state = OVER
        return entry.state == ACTIVE

    def used_until(self, entry):
        """Return when a session ends that is used now."""
        life = entry.started + self.policy.portal_session_life
        return min(self.now + self.policy.portal_session_idle, life)

    def pick(self, number):
        """Return one of the entries, mostly of those that live; None if there is none."""
        living = [entry for entry in self.entries if entry.state != OVER]
        pool = living if living and number < 8 else self.entries
        return pool[number % len(pool)] if pool else None

    @rule(number=st.integers(0, 1))
    def create_link(self, number):
        """A newer link ends an older one, also one that was opened."""
        issued = self.attempt(
            lambda: self.uses.create_link(self.admins[number].guid, by=OPERATOR),
            fits=number not in self.revoked,
        )
        if issued is not None:
            for entry in self.entries:
                if entry.state in {LINK, ENROLLING} and entry.admin == number:
                    entry.state = OVER
            deadline = self.now + self.policy.portal_link_life
            self.entries.append(Entry(LINK, issued.token, number, deadline))

    @rule(number=PICK)
    def redeem(self, number):
        """A link serves once."""
        entry = self.pick(number)
        if entry is not None:
            issued = self.attempt(
                lambda: self.uses.redeem(entry.token, browser=""), fits=self.lives(entry, LINK)
            )
            if issued is not None:
                entry.state = ENROLLING
                entry.renew(issued.token)

    @rule(number=PICK)
    def enrol(self, number):
        """A browser that has redeemed a link registers a passkey, and logs in by that."""
        entry = self.pick(number)
        if entry is not None:
            session = entry.token.partition(".")[0]
            admin = self.admins[entry.admin].guid
            passkey = Passkey(self.service.bind_passkey(admin, session=session).guid, entry.admin)
            for other in self.passkeys:
                self.attempt(lambda: self.uses.enrol(entry.token, other.guid), fits=False)  # noqa: B023
            issued = self.attempt(
                lambda: self.uses.enrol(entry.token, passkey.guid),
                fits=self.lives(entry, ENROLLING),
            )
            if issued is not None:
                self.passkeys.append(passkey)
                entry.prove(passkey)
                entry.state, entry.started = ACTIVE, self.now
                entry.deadline = self.used_until(entry)
                entry.renew(issued.token)

    @rule(choice=PICK)
    def log_in(self, choice):
        """One more log-in; the oldest browser is logged out if there are too many."""
        passkey = self.passkeys[choice % len(self.passkeys)]
        number = passkey.admin
        issued = self.attempt(
            lambda: self.uses.start(
                self.admins[number].guid, LogInMethod.PASSKEY, binding=passkey.guid, browser=""
            ),
            fits=number not in self.revoked and passkey.state == ACTIVE,
        )
        if issued is not None:
            active = [each for each in self.entries if (each.state, each.admin) == (ACTIVE, number)]
            for each in active[: max(len(active) + 1 - self.policy.portal_sessions_limit, 0)]:
                each.state = OVER
            entry = Entry(ACTIVE, issued.token, number, None, started=self.now)
            entry.deadline = self.used_until(entry)
            entry.prove(passkey)
            self.entries.append(entry)

    @rule(number=PICK)
    def use(self, number):
        """Use a session."""
        entry = self.pick(number)
        if entry is not None:
            call = lambda: self.uses.authenticate(entry.token)  # noqa: E731
            self.note_use(entry, self.attempt(call, fits=self.may_use(entry)))

    @rule(number=PICK, choice=PICK)
    def step_up(self, number, choice):
        """Step a session up by a passkey of the administrator, which changes its secret."""
        entry = self.pick(number)
        if entry is None:
            return
        own = [passkey for passkey in self.passkeys if passkey.admin == entry.admin]
        passkey = own[choice % len(own)]
        # What ends a session is looked at after what proves the step-up.
        fits = passkey.state == ACTIVE and self.may_use(entry)
        reply = self.attempt(lambda: self.uses.step_up(entry.token, passkey.guid), fits=fits)
        self.note_use(entry, reply)
        if reply is not None:
            entry.renew(reply.token)
            entry.prove(passkey)

    def note_use(self, entry, reply):
        """Note when a session ends that was used, unless the use was refused."""
        if reply is None:
            return
        assert reply.admin.guid == self.admins[entry.admin].guid
        # The last use is written once a minute at most: the record says since when it counts.
        entry.deadline = reply.session.deadline
        assert entry.deadline <= self.used_until(entry)

    @rule(number=PICK)
    def end_others(self, number):
        """End the other sessions and the link of an administrator."""
        entry = self.pick(number)
        if entry is not None:
            fits = self.may_use(entry)
            count = self.attempt(lambda: self.uses.end_others(entry.token), fits=fits)
            if count is not None:
                for other in self.entries:
                    if other is not entry and other.admin == entry.admin:
                        other.state = OVER

    @rule(choice=PICK, changes=st.sampled_from(["suspend", "resume", "suspend resume", "revoke"]))
    def change_passkey(self, choice, changes):
        """Suspend, resume or revoke a passkey."""
        passkey = self.passkeys[choice % len(self.passkeys)]
        for change in changes.split():
            before, after = {
                "suspend": ({ACTIVE}, SUSPENDED),
                "resume": ({SUSPENDED}, ACTIVE),
                "revoke": ({ACTIVE, SUSPENDED}, OVER),
            }[change]
            call = getattr(self.service.devices, change)
            fits = passkey.state in before
            self.attempt(lambda: call(passkey.guid, by=OPERATOR), fits=fits)  # noqa: B023
            if fits:
                passkey.state = after
                passkey.suspensions += change == "suspend"

    @rule(number=PICK)
    def log_out(self, number):
        """Log out, whatever has become of the administrator."""
        entry = self.pick(number)
        if entry is not None:
            self.uses.log_out(entry.token)
            entry.state = OVER

    @rule(number=PICK)
    def revoke_admin(self, number):
        """Revoke an administrator, for good, and seldom."""
        if number > 1:
            return
        self.service.credentials.revoke_admin(self.admins[number].guid)
        self.revoked.add(number)

    @rule(minutes=st.sampled_from([0.5, 1, 1, 5, 5, 14, 15, 60, 480]), sweeps=st.booleans())
    def wait(self, minutes, sweeps):
        """Let time pass, and perhaps a worker expire what is over."""
        self.service.clock.advance(timedelta(minutes=minutes))
        if sweeps:
            self.uses.expire()
            for entry in self.entries:
                if entry.deadline <= self.now or not entry.stands():
                    entry.state = OVER

    @invariant()
    def no_old_secret_works(self):
        """What was there before a log-in or a step-up opens nothing."""
        for entry in self.entries:
            for token in entry.old[-2:]:
                for call in (
                    *(self.uses.authenticate, self.uses.log_out, self.uses.end_others),
                    partial(self.uses.step_up, binding=self.passkeys[0].guid),
                ):
                    self.attempt(lambda: call(token), fits=False)  # noqa: B023

    @invariant()
    def the_list_has_what_lives(self):
        """And nothing else."""
        for number, admin in enumerate(self.admins):
            listed = {each.guid for each in self.uses.list(admin.guid, by=OPERATOR)}
            living = {
                entry.token.partition(".")[0]
                for entry in self.entries
                if entry.admin == number and entry.state != OVER and self.now < entry.deadline
            }
            assert listed == living


def test_histories_of_sessions():
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=100, stateful_step_count=15)
    )
