"""Histories of sessions: a model of its own says which tokens work, after whatever was done."""

from datetime import timedelta

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from counterseal.errors import Refused
from counterseal.models import OPERATOR, LogInMethod
from counterseal.policy import Policy
from counterseal.testing import FakeService

LINK, ENROLLING, ACTIVE, OVER = "link", "enrolling", "active", "over"
PICK = st.integers(0, 9)


@attrs.define
class Entry:
    """One session as the model knows it; *deadline* is when it ends if nobody uses it."""

    state: str
    token: str
    admin: int
    deadline: object
    started: object = None
    old: list = attrs.field(factory=list)

    def renew(self, token):
        """Note that the session has another secret."""
        self.old.append(self.token)
        self.token = token


class Histories(RuleBasedStateMachine):
    """Two administrators, their links and their browsers."""

    def __init__(self):
        super().__init__()
        self.service = FakeService(policy=Policy(portal_sessions_limit=3))
        self.policy = self.service.policy
        self.uses = self.service.sessions
        self.admins = [
            self.service.credentials.create_person(name, all_companies=True) for name in "AB"
        ]
        self.revoked = set()
        self.entries = []

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

    def used_until(self, entry):
        """Return when a session ends that is used now."""
        life = entry.started + self.policy.portal_session_life
        return min(self.now + self.policy.portal_session_idle, life)

    def pick(self, number):
        """Return one of the entries; None if there is none."""
        return self.entries[number % len(self.entries)] if self.entries else None

    @rule(number=st.integers(0, 1))
    def create_link(self, number):
        """A newer link ends an older one that is open."""
        issued = self.attempt(
            lambda: self.uses.create_link(self.admins[number].guid, by=OPERATOR),
            fits=number not in self.revoked,
        )
        if issued is not None:
            for entry in self.entries:
                if (entry.state, entry.admin) == (LINK, number):
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
        """A browser that has redeemed a link logs in."""
        entry = self.pick(number)
        if entry is not None:
            issued = self.attempt(
                lambda: self.uses.enrol(entry.token), fits=self.lives(entry, ENROLLING)
            )
            if issued is not None:
                entry.state, entry.started = ACTIVE, self.now
                entry.deadline = self.used_until(entry)
                entry.renew(issued.token)

    @rule(number=st.integers(0, 1))
    def log_in(self, number):
        """One more log-in; the oldest browser is logged out if there are too many."""
        issued = self.attempt(
            lambda: self.uses.start(self.admins[number].guid, LogInMethod.PASSKEY, browser=""),
            fits=number not in self.revoked,
        )
        if issued is not None:
            active = [each for each in self.entries if (each.state, each.admin) == (ACTIVE, number)]
            for each in active[: max(len(active) + 1 - self.policy.portal_sessions_limit, 0)]:
                each.state = OVER
            entry = Entry(ACTIVE, issued.token, number, None, started=self.now)
            entry.deadline = self.used_until(entry)
            self.entries.append(entry)

    @rule(number=PICK, steps_up=st.booleans())
    def use(self, number, steps_up):
        """Use a session, or step it up, which changes its secret."""
        entry = self.pick(number)
        if entry is None:
            return
        call = self.uses.step_up if steps_up else self.uses.authenticate
        reply = self.attempt(lambda: call(entry.token), fits=self.lives(entry, ACTIVE))
        if reply is None:
            return
        assert reply.admin.guid == self.admins[entry.admin].guid
        # The last use is written once a minute at most: the record says since when it counts.
        entry.deadline = reply.session.deadline
        assert entry.deadline <= self.used_until(entry)
        if steps_up:
            entry.renew(reply.token)

    @rule(number=PICK)
    def log_out(self, number):
        """Log out, whatever has become of the administrator."""
        entry = self.pick(number)
        if entry is not None:
            self.uses.log_out(entry.token)
            entry.state = OVER

    @rule(number=st.integers(0, 1))
    def revoke_admin(self, number):
        """Revoke an administrator, for good."""
        self.service.credentials.revoke_admin(self.admins[number].guid)
        self.revoked.add(number)

    @rule(minutes=st.sampled_from([0.5, 1, 14, 15, 60, 480]), sweeps=st.booleans())
    def wait(self, minutes, sweeps):
        """Let time pass, and perhaps a worker expire what is over."""
        self.service.clock.advance(timedelta(minutes=minutes))
        if sweeps:
            self.uses.expire()
            for entry in self.entries:
                if entry.deadline <= self.now:
                    entry.state = OVER

    @invariant()
    def no_old_secret_works(self):
        """What was there before a log-in or a step-up opens nothing."""
        for entry in self.entries:
            for token in entry.old[-2:]:
                for call in (self.uses.authenticate, self.uses.enrol, self.uses.log_out):
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
    run_state_machine_as_test(Histories, settings=settings(max_examples=25, stateful_step_count=15))
