"""A one-time link that was opened: what a newer link, or the death of a process, leaves of it."""

from collections import Counter

import attrs
import pytest

from counterseal import AdminLogins
from counterseal.errors import Refused, StoreUnavailable, WrongKey, WrongState
from counterseal.models import OPERATOR, BindingState, SessionState
from counterseal_testing import Crash, FakeModel, Faults
from counterseal_testing.faults import faulty


class Enrolment:
    """Somebody who has opened a link, and whose browser has made a passkey for it."""

    def __init__(self, service, new_person):
        self.service, self.person = service, new_person(service)
        self.faults = Faults()
        ports = attrs.evolve(service.ports, store=faulty(service.ports.store, "store", self.faults))
        self._logins = AdminLogins(ports, service.policy, domain=self.person.logins.domain)
        self.opened = self.person.sessions.redeem(self.create_link(), browser="Stranger")
        started = self.person.logins.start_registration(self.opened.token)
        self.person.account = started.account
        self.response = FakeModel(attestation="none").create(self.person.passkey, started.challenge)

    def create_link(self):
        return self.person.sessions.create_link(self.person.admin.guid, by=OPERATOR).token

    def register(self):
        """Register the passkey and enrol, in the process with faults."""
        return self._logins.register(self.opened.token, self.response)

    @property
    def session(self):
        return self.service.stored(self.opened.session.guid)

    @property
    def bindings(self):
        return self.person.logins.list_keys(self.person.admin.guid)

    def steps_up(self, cookie):
        """Tell whether the passkey steps a session of the same administrator up."""
        logins = self.person.logins
        started = logins.start_passkey()
        handle = bytes.fromhex(self.person.account.replace("-", ""))
        try:
            logins.step_up(cookie, *self.person.assertion(started), user_handle=handle)
        except WrongKey:
            return False
        return True

    def logs_in(self):
        try:
            self.person.log_in()
        except WrongKey:
            return False
        return True

    def sweep(self):
        """Be the worker, once the passkey's time is over."""
        self.service.clock.advance(self.service.policy.ceremony_life)
        self.service.sweep()


@pytest.fixture
def new_enrolment(new_service, new_person):
    return lambda: Enrolment(new_service(), new_person)


def calls_of_a_registration(enrolment):
    """Return how many calls of the store a registration with its enrolment makes."""
    enrolment.register()
    return len(enrolment.faults.calls)


def test_a_newer_link_ends_an_opened_one_at_each_point_of_its_registration(new_enrolment):
    """Between `may_add_key`, `register` and `enrol`, and before each call of the store in them."""
    ends = Counter()
    for skip in range(calls_of_a_registration(new_enrolment())):
        enrolment, newer = new_enrolment(), []
        enrolment.faults.meanwhile(
            lambda: newer.append(enrolment.create_link()),  # noqa: B023
            at="",
            skip=skip,
        )
        try:
            enrolment.register()
        except Refused:
            assert enrolment.session.state is SessionState.REVOKED
            assert enrolment.session.started_at is None
            registered = len(enrolment.bindings)
            assert not enrolment.logs_in()
            ends["refused", registered] += 1
        else:
            # The enrolment was first: whoever has finished is an administrator.
            assert enrolment.session.state is SessionState.ACTIVE
            ends["enrolled", 1] += 1
            continue
        # The newer link works, and its session is of no use to the older one's passkey.
        owner = enrolment.person
        stranger_passkey, owner.passkey = owner.passkey, owner.new_passkey()
        cookie = owner.sessions.redeem(newer[0], browser="Owner").token
        issued = owner.register(cookie)
        own_passkey, owner.passkey = owner.passkey, stranger_passkey
        assert not enrolment.steps_up(issued.token)
        owner.sessions.authenticate(issued.token)
        # A worker revokes what is left, and nothing else.
        enrolment.sweep()
        states = [binding.state for binding in enrolment.bindings]
        assert states == [BindingState.REVOKED] * registered + [BindingState.ACTIVE]
        assert not enrolment.logs_in()
        owner.passkey = own_passkey
        assert enrolment.logs_in()
    assert set(ends) == {("refused", 0), ("refused", 1), ("enrolled", 1)}


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_leaves_no_passkey_that_logs_in_unless_it_has_enrolled(
    new_enrolment, after
):
    ends = Counter()
    for skip in range(calls_of_a_registration(new_enrolment())):
        enrolment = new_enrolment()
        enrolment.faults.crash(skip=skip, after=after)
        with pytest.raises(Crash):
            enrolment.register()
        enrolled = enrolment.session.started_at is not None
        registered = len(enrolment.bindings)
        assert enrolment.logs_in() is enrolled
        enrolment.sweep()
        assert enrolment.logs_in() is enrolled
        states = [binding.state for binding in enrolment.bindings]
        expected_state = BindingState.ACTIVE if enrolled else BindingState.REVOKED
        assert states == [expected_state] * registered
        # Nothing is left to do, and the passkey no longer depends on the link.
        enrolment.service.sweep()
        assert {binding.due_at for binding in enrolment.bindings} <= {None}
        enrolment.service.clock.advance(enrolment.service.policy.portal_session_life * 3)
        enrolment.service.sweep()
        assert enrolment.logs_in() is enrolled
        ends[enrolled, registered] += 1
    assert set(ends) == {(False, 0), (False, 1), (True, 1)}


def test_whose_process_died_goes_on_with_the_same_link(new_enrolment):
    """The browser has its cookie still, and registers another passkey."""
    enrolment = new_enrolment()
    enrolment.faults.crash(at="store.commit", skip=1)
    with pytest.raises(Crash):
        enrolment.register()
    enrolment.sweep()
    enrolment.person.passkey = enrolment.person.new_passkey()
    issued = enrolment.person.register(enrolment.opened.token)
    enrolment.person.sessions.authenticate(issued.token)
    assert [binding.state for binding in enrolment.bindings] == [
        BindingState.REVOKED,
        BindingState.ACTIVE,
    ]


def test_whose_process_died_may_use_the_same_authenticator_at_once(new_enrolment):
    """A passkey that logs nobody in is not among those that an authenticator must not have."""
    enrolment = new_enrolment()
    enrolment.faults.crash(at="store.commit", skip=1)
    with pytest.raises(Crash):
        enrolment.register()
    assert enrolment.person.logins.start_registration(enrolment.opened.token).registered == ()
    enrolment.person.passkey = enrolment.person.new_passkey()
    issued = enrolment.person.register(enrolment.opened.token)
    credential = enrolment.person.passkey.public.passkey.credential_id
    started = enrolment.person.logins.start_registration(issued.token)
    assert started.registered == (credential,)
    # The first one has opened no session, and nobody knows who has it.
    enrolment.sweep()
    assert [binding.state for binding in enrolment.bindings] == [
        BindingState.REVOKED,
        BindingState.ACTIVE,
    ]


def test_a_worker_waits_for_an_enrolment_as_long_as_a_browser_may_take(new_enrolment):
    enrolment = new_enrolment()
    enrolment.faults.crash(at="store.commit", skip=1)
    with pytest.raises(Crash):
        enrolment.register()
    enrolment.service.sweep()
    (binding,) = enrolment.bindings
    assert binding.state is BindingState.ACTIVE
    issued = enrolment.person.sessions.enrol(enrolment.opened.token, binding.guid)
    enrolment.sweep()
    enrolment.person.sessions.authenticate(issued.token)
    assert enrolment.bindings[0].session is None


def test_an_enrolment_succeeds_although_the_store_fails_right_after_it(new_enrolment):
    enrolment = new_enrolment()
    enrolment.faults.fail("store.commit", StoreUnavailable(), skip=2)
    issued = enrolment.register()
    enrolment.person.sessions.authenticate(issued.token)
    assert enrolment.bindings[0].session == issued.session.guid
    assert enrolment.logs_in()
    enrolment.sweep()
    assert enrolment.bindings[0].session is None


def test_a_browser_enrols_by_the_passkey_of_its_own_link_only(service, person):
    sessions, admin = person.sessions, person.admin.guid
    link = sessions.create_link(admin, by=OPERATOR).token
    redeemed = sessions.redeem(link, browser="")
    for passkey in (
        service.bind_passkey(admin),
        service.bind_passkey(admin, session=person.admin.guid),
    ):
        with pytest.raises(WrongKey):
            sessions.enrol(redeemed.token, passkey.guid)
    assert service.last_event() == ("session.enrol", "wrong_key")


def test_a_link_ends_with_the_administrator_or_a_newer_one_and_not_with_a_passkey(
    service, enrolled
):
    """Whoever removes a passkey has made a link for a new one, perhaps."""
    sessions = enrolled.sessions
    link = sessions.create_link(enrolled.admin.guid, by=OPERATOR)
    (key,) = enrolled.logins.list_keys(enrolled.admin.guid)
    enrolled.logins.revoke_key(enrolled.cookie, key.guid)
    service.sweep()
    opened = sessions.redeem(link.token, browser="")
    service.sweep()
    enrolled.passkey = enrolled.new_passkey()
    enrolled.register(opened.token)

    opened = sessions.redeem(
        sessions.create_link(enrolled.admin.guid, by=OPERATOR).token, browser=""
    )
    service.credentials.revoke_admin(enrolled.admin.guid)
    with pytest.raises(Refused):
        sessions.may_add_key(opened.token)


def test_an_older_link_is_no_longer_redeemed(enrolled):
    sessions = enrolled.sessions
    older = sessions.create_link(enrolled.admin.guid, by=OPERATOR).token
    sessions.create_link(enrolled.admin.guid, by=OPERATOR)
    with pytest.raises(WrongState):
        sessions.redeem(older, browser="")


def test_of_two_links_that_are_made_at_once_one_is_open(service, person):
    admin, links = person.admin.guid, []
    changed = service.meanwhile(
        lambda: links.append(person.sessions.create_link(admin, by=OPERATOR))
    )
    logins = AdminLogins(changed.ports, changed.policy, domain=person.logins.domain)
    links.append(logins.sessions.create_link(admin, by=OPERATOR))
    states = [service.stored(link.session.guid).state for link in links]
    assert states == [SessionState.REVOKED, SessionState.INVITED]
