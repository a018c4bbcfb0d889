"""Sessions end with the passkeys and devices that opened them or stepped them up."""

import threading
from collections import Counter
from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal.bindings.documents.confirmation import Choice
from counterseal.bindings.usecases.invitations import MOST_AT_ONCE, PAGES
from counterseal.ceremonies.records import user_handle
from counterseal.device import own_comparison_code
from counterseal.errors import (
    BindingInactive,
    DeadlinePassed,
    Refused,
    StrongKeyMissed,
    WrongKey,
    WrongState,
)
from counterseal.models import (
    OPERATOR,
    AdminRole,
    BindingState,
    Change,
    LogInMethod,
    NewDeviceRule,
    SessionState,
    replace,
)
from counterseal.ports import Due
from counterseal_testing.contracts.record_factory import RecordFactory

RACERS = 50
LATE_FROM = 6
"""Of its ten uses, a racer begins the last four after the end."""


def revoke_own(person, binding):
    """Revoke it as the administrator does, in a session that another passkey has opened."""
    person.logins.revoke_key(person.log_in(passkey=person.spare).token, binding)


def suspend_and_resume(person, binding):
    person.service.devices.suspend(binding, by=OPERATOR)
    person.service.devices.resume(binding, by=OPERATOR)


WAYS = {
    "revoked by an operator": lambda person, binding: person.service.devices.revoke(
        binding, by=OPERATOR
    ),
    "revoked by its administrator": revoke_own,
    "suspended": lambda person, binding: person.service.devices.suspend(binding, by=OPERATOR),
    "suspended and resumed": suspend_and_resume,
    "revoked with the account's others": lambda person, _: person.service.accounts.revoke(
        person.logins.portal(), person.admin.guid
    ),
    "erased": lambda person, _: person.service.accounts.erase(person.account, by=OPERATOR),
}
"""How a passkey ends, or stops for a while."""


def miss_strikes(person, _):
    """Enter wrong PINs until the device is revoked."""
    mark = person.logins.remember_browser(person.admin.guid)
    request = person.logins.ask_to_log_in(mark, browser="")
    thief = attrs.evolve(person.phone, pin="0000")
    for _ in range(person.service.policy.strike_limit):
        with pytest.raises(StrongKeyMissed):
            thief.answer(person.logins.answer(request.ticket).challenge, code=request.code)


DEVICE_WAYS = WAYS | {
    "removed by the device itself": lambda person, _: person.service.devices.unbind(
        person.phone.call("/device", method="DELETE")
    ),
    "revoked after wrong PINs": miss_strikes,
}


def step_up_by_passkey(person, cookie):
    started = person.logins.start_passkey()
    return person.logins.step_up(
        cookie,
        *person.assertion(started, person.spare),
        user_handle=user_handle(person.account),
    )


USES = {
    "a page": lambda person, cookie: person.sessions.authenticate(cookie),
    "a passkey is to be added": lambda person, cookie: person.logins.start_registration(cookie),
    "a key may be added": lambda person, cookie: person.sessions.may_add_key(cookie),
    "a device is invited": lambda person, cookie: person.logins.invite_device(cookie),
    "a device is confirmed": lambda person, cookie: person.logins.confirm_key(
        cookie, person.phone.guid, "code"
    ),
    "a key is removed": lambda person, cookie: person.logins.revoke_key(cookie, person.spare_key),
    "other sessions are ended": lambda person, cookie: person.sessions.end_others(cookie),
    "a device is asked": lambda person, cookie: person.logins.ask_to_step_up(cookie, "Revoke?"),
}
"""What a session is used for; each works before."""

REGISTRATION = {"a passkey is to be added", "a key may be added"}
"""Those of them that a browser has before it has registered a passkey."""


@pytest.fixture
def administrator(enrolled):
    """One with two passkeys and a device, whose sessions so far have ended."""
    enrolled.phone = enrolled.bind_phone()
    enrolled.spare = enrolled.new_passkey()
    enrolled.register(enrolled.cookie, enrolled.spare)
    enrolled.spare_key = enrolled.logins.list_keys(enrolled.admin.guid)[-1].guid
    enrolled.sessions.log_out(enrolled.cookie)
    return enrolled


def log_in_by_device(person):
    request = person.logins.ask_to_log_in(
        person.logins.remember_browser(person.admin.guid), browser="Example browser"
    )
    person.phone.answer(person.logins.answer(request.ticket).challenge, code=request.code)
    return person.logins.log_in_by_device(request.ticket, browser="Example browser")


def binding_of(person, issued):
    (proof,) = issued.session.proofs
    assert person.service.stored(proof.binding).state is BindingState.ACTIVE
    return proof.binding


def require_ended(person, issued):
    """Require that the session of *issued* was ended by its refused use."""
    assert person.service.stored(issued.session.guid).state is SessionState.REVOKED
    ended = person.service.happened("session.revoke")[-1]
    assert (ended.subject, ended.reason) == (issued.session.guid, "proof_ended")
    with pytest.raises(WrongState):
        person.sessions.authenticate(issued.token)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("use", USES)
def test_a_session_ends_with_the_passkey_that_opened_it(administrator, way, use):
    issued = administrator.log_in()
    administrator.sessions.authenticate(issued.token)
    WAYS[way](administrator, binding_of(administrator, issued))
    with pytest.raises(BindingInactive):
        USES[use](administrator, issued.token)
    require_ended(administrator, issued)


@pytest.mark.parametrize("way", DEVICE_WAYS)
@pytest.mark.parametrize("use", ["a page", "a key may be added"])
def test_a_session_ends_with_the_device_that_opened_it(administrator, way, use):
    issued = log_in_by_device(administrator)
    administrator.sessions.authenticate(issued.token)
    DEVICE_WAYS[way](administrator, binding_of(administrator, issued))
    with pytest.raises(BindingInactive):
        USES[use](administrator, issued.token)
    require_ended(administrator, issued)


@pytest.mark.parametrize("use", USES)
def test_a_browser_that_has_opened_a_link_can_only_register_a_passkey(administrator, use):
    """Until then, nobody has proven to be the administrator."""
    link = administrator.sessions.create_link(administrator.admin.guid, by=OPERATOR).token
    cookie = administrator.sessions.redeem(link, browser="Stranger").token
    if use in REGISTRATION:
        USES[use](administrator, cookie)
        return
    with pytest.raises(WrongState):
        USES[use](administrator, cookie)
    assert administrator.service.stored(administrator.spare_key).state is BindingState.ACTIVE


@pytest.mark.parametrize("way", WAYS)
def test_a_session_of_a_link_ends_with_its_passkey(person, way):
    issued = person.use_link()
    person.spare = person.new_passkey()
    person.register(issued.token, person.spare)
    WAYS[way](person, binding_of(person, issued))
    with pytest.raises(BindingInactive):
        person.sessions.authenticate(issued.token)
    require_ended(person, issued)


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_step_up_by_another_passkey_ends_the_session(administrator, way):
    """A passkey that is active steps no session up whose first one has ended."""
    issued = administrator.log_in()
    WAYS[way](administrator, binding_of(administrator, issued))
    with pytest.raises(Refused):
        step_up_by_passkey(administrator, issued.token)
    with pytest.raises(Refused):
        administrator.sessions.authenticate(issued.token)
    require_ended(administrator, issued)


def test_a_step_up_that_is_proven_by_another_passkey_ends_the_session(administrator, service):
    """The decision itself reads by what the session was opened."""
    issued = administrator.log_in()
    service.devices.revoke(binding_of(administrator, issued), by=OPERATOR)
    with pytest.raises(BindingInactive):
        administrator.sessions.step_up(issued.token, administrator.spare_key)
    require_ended(administrator, issued)


@pytest.mark.parametrize("by", ["passkey", "device"])
def test_a_session_ends_with_what_stepped_it_up_too(administrator, service, by):
    """Whoever has stepped it up has its cookie, which is a new one."""
    person, issued = administrator, administrator.log_in()
    if by == "passkey":
        stepped_up = step_up_by_passkey(person, issued.token)
    else:
        request = person.logins.ask_to_step_up(issued.token, "Revoke Example Ltd?")
        challenge = person.logins.step_up_answer(request.ticket).challenge
        person.phone.answer(challenge, code=request.code)
        stepped_up = person.logins.step_up_by_device(issued.token, request.ticket)
    first, second = stepped_up.session.proofs
    assert first == issued.session.proofs[0]
    person.sessions.authenticate(stepped_up.token)
    service.devices.revoke(second.binding, by=OPERATOR)
    with pytest.raises(BindingInactive):
        person.sessions.authenticate(stepped_up.token)
    require_ended(person, stepped_up)


def test_the_audit_log_has_the_refused_use_and_the_end_of_the_session(administrator):
    issued = administrator.log_in()
    administrator.service.devices.revoke(binding_of(administrator, issued), by=OPERATOR)
    with pytest.raises(BindingInactive):
        administrator.sessions.authenticate(issued.token)
    guid = issued.session.guid
    assert [
        (event.event, event.subject, event.reason) for event in administrator.service.events[-2:]
    ] == [("session.use", guid, "binding_inactive"), ("session.revoke", guid, "proof_ended")]


def test_a_step_up_by_the_same_passkey_is_one_proof(administrator):
    issued = administrator.log_in(passkey=administrator.spare)
    stepped_up = step_up_by_passkey(administrator, issued.token)
    assert stepped_up.session.proofs == issued.session.proofs


def test_nobody_logs_in_or_steps_up_by_what_has_ended(administrator, service):
    """What was proven a moment before the end counts no more after it."""
    sessions, issued = administrator.sessions, administrator.log_in(passkey=administrator.spare)
    lost = binding_of(administrator, administrator.log_in())
    service.devices.suspend(lost, by=OPERATOR)
    with pytest.raises(BindingInactive):
        sessions.start(administrator.admin.guid, LogInMethod.PASSKEY, binding=lost, browser="")
    with pytest.raises(BindingInactive):
        sessions.step_up(issued.token, lost)
    with pytest.raises(BindingInactive):
        sessions.step_up(issued.token, administrator.admin.guid)
    # The session that was to be stepped up is of another passkey, and stays.
    sessions.authenticate(issued.token)


def test_a_users_device_opens_and_steps_up_no_session(administrator, service):
    """Even one whose account has the administrator's GUID as its id."""
    sessions, admin = administrator.sessions, administrator.admin.guid
    issued = administrator.log_in()
    for account_id in ("zoe", admin):
        device = service.bind(account_id).guid
        with pytest.raises(WrongKey):
            sessions.start(admin, LogInMethod.DEVICE, binding=device, browser="")
        with pytest.raises(WrongKey):
            sessions.step_up(issued.token, device)
    sessions.authenticate(issued.token)


def test_a_passkey_opens_and_steps_up_no_session_of_another_administrator(administrator, service):
    sessions = administrator.sessions
    other = service.credentials.create_person("Other", all_companies=True)
    passkey = service.bind_passkey(other.guid).guid
    issued = administrator.log_in()
    with pytest.raises(WrongKey):
        sessions.start(administrator.admin.guid, LogInMethod.PASSKEY, binding=passkey, browser="")
    assert service.last_event() == ("session.start", "wrong_key")
    with pytest.raises(WrongKey):
        sessions.step_up(issued.token, passkey)
    assert service.last_event() == ("session.step_up", "wrong_key")
    # The session that was to be stepped up stays, as does the passkey of the other.
    sessions.authenticate(issued.token)
    sessions.start(other.guid, LogInMethod.PASSKEY, binding=passkey, browser="")


def test_a_passkey_that_is_suspended_and_resumed_logs_in_anew(administrator):
    binding = binding_of(administrator, administrator.log_in())
    suspend_and_resume(administrator, binding)
    issued = administrator.log_in()
    administrator.service.sweep()
    administrator.sessions.authenticate(issued.token)
    assert issued.session.proofs[0].suspensions == 1


# The worker


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_ends_the_sessions_that_nobody_uses(administrator, service, way):
    person = administrator
    lost, other = person.log_in(), person.log_in(passkey=person.spare)
    stepped_up = step_up_by_passkey(person, person.log_in().token)
    link = person.sessions.create_link(person.admin.guid, by=OPERATOR)
    binding = binding_of(person, lost)
    WAYS[way](person, binding)
    service.sweep()

    listed = {each.guid for each in person.sessions.list(person.admin.guid, by=OPERATOR)}
    assert not {lost.session.guid, stepped_up.session.guid} & listed
    assert link.session.guid in listed
    ends_all = way in {"erased", "revoked with the account's others"}
    assert (other.session.guid in listed) is not ends_all
    for ended in (lost, stepped_up):
        assert service.stored(ended.session.guid).state is SessionState.REVOKED
    events = [
        (event.actor, event.reason, event.app_space)
        for event in service.happened("session.revoke")
        if event.subject == lost.session.guid
    ]
    assert events == [("worker", "proof_ended", None)]
    assert service.stored(binding).sessions_end_at is None
    before = service.records()
    service.sweep()
    assert service.records() == before


def test_the_audit_log_names_the_app_space_of_an_administrator_whose_session_ends(
    service, new_person
):
    space = service.app_space.guid
    person = new_person(service, role=AdminRole.SUPPORT, app_space=space)
    issued = person.use_link()
    service.devices.revoke(binding_of(person, issued), by=OPERATOR)
    service.sweep()
    ended = service.happened("session.revoke")[-1]
    assert (ended.subject, ended.app_space) == (issued.session.guid, space)


def test_a_binding_that_changes_while_a_worker_ends_its_sessions_stays_due(administrator, service):
    binding = binding_of(administrator, administrator.log_in())
    service.devices.suspend(binding, by=OPERATOR)
    changed = service.meanwhile(lambda: None, partial(suspend_again, administrator, binding))
    changed.sweep()
    assert service.stored(binding).sessions_end_at is not None
    service.sweep()
    assert service.stored(binding).sessions_end_at is None


def suspend_again(person, binding):
    person.service.devices.resume(binding, by=OPERATOR)
    person.service.devices.suspend(binding, by=OPERATOR)


def lose_account(service, binding):
    """Let whatever a worker does to a binding be refused."""
    service.ports.store._records.pop(service.stored(binding).account)


def test_a_worker_ends_no_more_than_it_is_asked_to(administrator, service, new_person):
    for name in ("Ada", "Bob", "Cat"):
        other = new_person(service, name)
        other.sessions.create_link(other.admin.guid, by=OPERATOR)
    for key in administrator.logins.list_keys(administrator.admin.guid):
        service.devices.revoke(key.guid, by=OPERATOR)
    service.clock.advance(service.policy.portal_link_life)
    # The second time, one session and one passkey or device are due together.
    assert [service.sessions.expire(2) for _ in range(4)] == [2, 2, 2, 0]


def test_a_worker_counts_what_it_has_ended(enrolled, service):
    (key,) = enrolled.logins.list_keys(enrolled.admin.guid)
    service.devices.revoke(key.guid, by=OPERATOR)
    lose_account(service, key.guid)
    assert service.sessions.expire() == 0


def test_what_is_refused_again_and_again_hides_nothing_else(new_service, new_person):
    """Invitations and administrators' passkeys are due in one list."""
    for refused_use, other_use in (("sessions", "invitations"), ("invitations", "sessions")):
        service = new_service()
        due = {"sessions": [], "invitations": []}
        for name in ("Ada", "Bob", "Cat"):
            person = new_person(service, name)
            person.use_link()
            due["invitations"].append(service.invitations.invite(service.origin, name).binding)
            (key,) = person.logins.list_keys(person.admin.guid)
            due["sessions"].append(service.devices.revoke(key.guid, by=OPERATOR).guid)
        (*refused, _), (*_, other) = due[refused_use], due[other_use]
        for binding in refused:
            lose_account(service, binding)
        service.clock.advance(service.policy.session_token_life)
        for _ in range(3):
            getattr(service, refused_use).expire(2)
            getattr(service, other_use).expire(2)
        assert service.stored(other).due_at is None


def refused_bindings(service, count, **changes):
    """Store bindings that are due, and of which each attempt to end them is refused."""
    factory = RecordFactory()
    for number in range(count):
        stranger = factory.account(f"{number}")
        binding = factory.binding(stranger, deadline=service.clock.now(), **changes)
        service.ports.store.commit((Change(None, binding),), (), f"{number}")


@pytest.mark.parametrize("use", ["sessions", "invitations"])
@pytest.mark.parametrize("refused_use", ["sessions", "invitations"])
def test_however_much_is_refused_hides_nothing_for_ever(service, new_person, refused_use, use):
    person = new_person(service, "Ada")
    person.use_link()
    (key,) = person.logins.list_keys(person.admin.guid)
    if refused_use == "invitations":
        refused_bindings(service, 12 * PAGES)
    else:
        ended = {"state": BindingState.REVOKED, "sessions_end_at": service.clock.now()}
        refused_bindings(service, 12 * PAGES, **ended)
    service.clock.advance(timedelta(seconds=1))
    binding = service.invitations.invite(service.origin, "alice").binding
    service.clock.advance(service.policy.session_token_life)
    if use == "sessions":
        binding = service.devices.revoke(key.guid, by=OPERATOR).guid

    expire = getattr(service, use).expire
    # A look that goes no further leaves it.
    assert expire(1, read_further=False) == 0
    assert expire(1) == 1
    assert service.stored(binding).due_at is None


@pytest.mark.parametrize("limit", [1, 100, 20_000])
def test_a_worker_never_reads_all_that_is_due_at_once(service, monkeypatch, limit):
    refused_bindings(service, 1)
    (refused,) = service.ports.store.due(Due.BINDING, service.clock.now(), 2)
    sizes = []

    def due(_, kind, before, size):
        if kind is not Due.BINDING:
            return ()
        sizes.append(size)
        assert size <= max(limit, MOST_AT_ONCE)
        return (refused,) * size

    monkeypatch.setattr(type(service.ports.store), "due", due)
    assert service.sessions.expire(limit) == service.invitations.expire(limit) == 0
    assert max(sizes) == max(limit, MOST_AT_ONCE)


def test_users_devices_have_no_sessions_to_end(service):
    alice = service.bind("alice")
    service.devices.suspend(alice.guid, by=OPERATOR)
    service.devices.resume(alice.guid, by=OPERATOR)
    binding = service.devices.revoke(alice.guid, by=OPERATOR)
    assert (binding.suspensions, binding.sessions_end_at, binding.due_at) == (0, None, None)


# Before the upgrade


def test_a_session_that_names_no_proof_has_ended(administrator, service):
    """As an older release has stored it."""
    issued = administrator.log_in()
    service.ports.store._records[issued.session.guid] = replace(
        service.stored(issued.session.guid), proofs=()
    )
    for use in USES.values():
        with pytest.raises(DeadlinePassed):
            use(administrator, issued.token)
    assert administrator.sessions.list(administrator.admin.guid, by=OPERATOR) == ()


# Races


def test_nothing_succeeds_that_begins_after_the_end_of_the_passkey(administrator, at_once):
    person = administrator
    issued = [person.log_in() for _ in range(person.service.policy.portal_sessions_limit)]
    binding = binding_of(person, issued[0])
    enough, revoked = threading.Event(), threading.Event()
    succeeded, succeeded_late = [], []
    begun_late = Counter()
    # No session ends since there are too many.
    policy = attrs.evolve(person.service.policy, portal_sessions_limit=100)
    sessions = person.service.but(policy=policy).sessions

    def log_in(person, _):
        return sessions.start(person.admin.guid, LogInMethod.PASSKEY, binding=binding, browser="")

    raced_uses = {name: USES[name] for name in list(USES)[:3]} | {"a log-in": log_in}

    def use(number):
        cookie = issued[number % len(issued)].token
        for index in range(10):
            if index == LATE_FROM:
                enough.set()
                revoked.wait(240)
            name = list(raced_uses)[(number + index) % len(raced_uses)]
            begins_late = revoked.is_set()
            begun_late[name] += begins_late
            try:
                raced_uses[name](person, cookie)
            except Refused:
                continue
            succeeded.append(name)
            if len(succeeded) >= RACERS:
                enough.set()
            if begins_late:
                succeeded_late.append(name)

    def revoke():
        enough.wait(240)
        person.service.devices.revoke(binding, by=OPERATOR)
        revoked.set()

    at_once(revoke, *(partial(use, number) for number in range(RACERS - 1)))
    assert set(succeeded) == raced_uses.keys()
    assert min(begun_late[name] for name in raced_uses) > 0
    assert not succeeded_late
    person.service.sweep()
    assert person.sessions.list(person.admin.guid, by=OPERATOR) == ()


# What a session has begun

IDLE = timedelta(minutes=2)
"""Shorter than invitations live."""


def confirm(person, phone, by):
    """Confirm a new device by the code that it shows, or by the administrator's own device."""
    if by == "device":
        (new_device,) = person.phone.new_devices()
        return person.phone.decide(new_device, Choice.ADD)
    cookie = person.log_in().token
    code = own_comparison_code(phone.device, pin=phone.pin)
    return person.logins.confirm_key(cookie, phone.guid, code)


@pytest.fixture
def strict(service, new_person):
    """An administrator with two passkeys and a device, where new devices are confirmed."""
    policy = attrs.evolve(
        service.policy, new_devices=NewDeviceRule.CONFIRMED, portal_session_idle=IDLE
    )
    person = new_person(service.but(policy=policy))
    person.cookie = person.use_link().token
    person.phone = person.bind_phone()
    confirm(person, person.phone, "code")
    person.spare = person.new_passkey()
    person.register(person.cookie, person.spare)
    person.spare_key = person.logins.list_keys(person.admin.guid)[-1].guid
    return person


def invite_as_a_thief(person):
    """Return what invites a device, in a session that the spare passkey has opened."""
    return person.logins.invite_device(person.log_in(passkey=person.spare).token)


THIEF_ENDS = {
    "the other sessions are ended": lambda person: person.sessions.end_others(
        person.log_in().token
    ),
    "the passkey is removed": lambda person: person.logins.revoke_key(
        person.log_in().token, person.spare_key
    ),
    "the passkey is suspended and resumed": lambda person: suspend_and_resume(
        person, person.spare_key
    ),
    "the session is too old": lambda person: person.service.clock.advance(IDLE),
}


@pytest.mark.parametrize("way", THIEF_ENDS)
def test_an_invitation_ends_with_the_session_that_made_it(strict, way):
    service, invitation = strict.service, invite_as_a_thief(strict)
    THIEF_ENDS[way](strict)
    with pytest.raises(WrongState):
        service.complete(invitation, service.phone())
    assert service.stored(invitation.binding).state is BindingState.INVITED
    assert service.last_event() == ("binding.complete", "wrong_state")


@pytest.mark.parametrize("by", ["code", "device"])
@pytest.mark.parametrize("way", THIEF_ENDS)
def test_an_unconfirmed_device_ends_with_the_session_that_invited_it(strict, way, by):
    administrator, service = strict, strict.service
    invitation = invite_as_a_thief(administrator)
    phone = service.complete(invitation, service.phone())
    THIEF_ENDS[way](administrator)
    with pytest.raises(WrongState):
        confirm(administrator, phone, by)
    assert service.stored(phone.guid).state is BindingState.UNCONFIRMED


@pytest.mark.parametrize("by", ["code", "device"])
def test_an_invitation_of_the_session_that_stays_is_valid(strict, by):
    """A step-up changes the session's cookie, and not the session."""
    administrator, service = strict, strict.service
    issued = administrator.log_in()
    invitation = administrator.logins.invite_device(issued.token)
    administrator.sessions.end_others(issued.token)
    administrator.cookie = step_up_by_passkey(administrator, issued.token).token
    phone = service.complete(invitation, service.phone())
    assert service.stored(phone.guid).session == issued.session.guid
    confirmed = confirm(administrator, phone, by)
    # From then on it depends on no session.
    administrator.sessions.log_out(administrator.cookie)
    assert (confirmed.state, confirmed.session) == (BindingState.ACTIVE, None)
    service.sweep()
    assert service.stored(phone.guid) == confirmed


def test_a_device_that_needs_no_confirmation_depends_on_no_session(administrator, service):
    invitation = invite_as_a_thief(administrator)
    phone = service.complete(invitation, service.phone())
    assert service.stored(phone.guid).session is None
    assert service.complete(invitation, phone).guid == phone.guid


def test_an_open_invitation_is_no_passkey_of_a_link(administrator, service):
    """A worker that keeps or revokes passkeys of links leaves it to expire."""
    invitation = invite_as_a_thief(administrator)
    service.clock.advance(service.policy.session_token_life)
    administrator.sessions.complete_enrolment(invitation.binding)
    assert service.stored(invitation.binding).state is BindingState.INVITED
    service.sweep()
    assert service.stored(invitation.binding).state is BindingState.EXPIRED
