"""Administrators log in as persons: links, cookies, limits, step-up and revocation."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal.errors import (
    CredentialRefused,
    DeadlinePassed,
    Foreign,
    InvalidField,
    NotFound,
    RoleLacking,
    StepUpNeeded,
    WrongState,
    WrongToken,
)
from counterseal.keys import token_hash
from counterseal.models import (
    OPERATOR,
    OPERATORS,
    AdminRole,
    LogInMethod,
    Session,
    SessionProof,
    SessionState,
)
from counterseal.models.guid import mint, partition_of
from counterseal.policy import Policy

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
NOBODY = mint(0, bytes(15))


@pytest.fixture
def admin(service):
    """An administrator of all companies, who has no secret."""
    return service.credentials.create_person("Example", all_companies=True)


def passkey_of(service, admin):
    """Return the passkey of *admin*, which is registered at the first call."""
    account = service.ports.store.account(OPERATORS, admin.guid)
    bindings = service.ports.store.bindings(account.guid) if account else ()
    return (bindings[0] if bindings else service.bind_passkey(admin.guid)).guid


def log_in(service, admin, **arguments):
    arguments = {"browser": "Example browser", "binding": passkey_of(service, admin)} | arguments
    return service.sessions.start(admin.guid, LogInMethod.PASSKEY, **arguments)


def enrol(service, redeemed):
    """Register a passkey in a browser that has redeemed a link, and log it in."""
    session = redeemed.session
    return service.sessions.enrol(
        redeemed.token, service.bind_passkey(session.admin, session=session.guid).guid
    )


def stored(service, session):
    return service.stored(session.guid)


# The link


def test_a_link_leads_to_a_log_in(service, admin):
    sessions = service.sessions
    link = sessions.create_link(admin.guid, by=OPERATOR)
    redeemed = sessions.redeem(link.token, browser="Example browser")
    active = enrol(service, redeemed)

    assert len({link.token, redeemed.token, active.token}) == 3
    assert {each.session.guid for each in (link, redeemed, active)} == {link.session.guid}
    authenticated = sessions.authenticate(active.token)
    assert authenticated.admin == stored(service, admin)
    assert authenticated.stepped_up
    assert authenticated.session.method is LogInMethod.LINK
    assert authenticated.session.browser == "Example browser"
    assert partition_of(link.session.guid) == partition_of(admin.guid)


def secret_hash(issued):
    return token_hash(issued.token.partition(".")[2])


def test_each_step_from_a_link_to_a_step_up_changes_this_of_the_session(service, admin):
    sessions, policy, clock = service.sessions, service.policy, service.clock
    link = sessions.create_link(admin.guid, by=OPERATOR)
    expected = Session(
        guid=link.session.guid,
        state=SessionState.INVITED,
        admin=admin.guid,
        secret_hash=secret_hash(link),
        method=LogInMethod.LINK,
        created_at=clock.now(),
        deadline=clock.now() + policy.portal_link_life,
        keep_until=clock.now() + 2 * policy.portal_link_life,
    )
    assert link.session == stored(service, link.session) == expected

    clock.advance(SECOND)
    redeemed = sessions.redeem(link.token, browser="Example browser")
    expected = attrs.evolve(
        expected,
        version=2,
        state=SessionState.ENROLLING,
        browser="Example browser",
        secret_hash=secret_hash(redeemed),
        last_used_at=clock.now(),
    )
    assert redeemed.session == stored(service, link.session) == expected

    clock.advance(SECOND)
    passkey = service.bind_passkey(admin.guid, session=link.session.guid).guid
    enrolled, started_at = sessions.enrol(redeemed.token, passkey), clock.now()
    expected = attrs.evolve(
        expected,
        version=3,
        state=SessionState.ACTIVE,
        secret_hash=secret_hash(enrolled),
        proofs=(SessionProof(binding=passkey),),
        started_at=started_at,
        last_used_at=started_at,
        stepped_up_until=started_at + policy.step_up_life,
        deadline=started_at + policy.portal_session_idle,
        keep_until=started_at + 2 * policy.portal_session_life,
    )
    assert enrolled.session == stored(service, link.session) == expected

    clock.advance(SECOND)
    stepped_up = sessions.step_up(enrolled.token, passkey)
    expected = attrs.evolve(
        expected,
        version=4,
        secret_hash=secret_hash(stepped_up),
        last_used_at=clock.now(),
        stepped_up_until=clock.now() + policy.step_up_life,
        deadline=clock.now() + policy.portal_session_idle,
    )
    assert stepped_up.session == stored(service, link.session) == expected
    assert {issued.admin for issued in (link, redeemed, enrolled, stepped_up)} == {
        stored(service, admin)
    }


def test_a_log_in_and_a_use_change_this_of_the_session(service, admin):
    policy, clock, passkey = service.policy, service.clock, passkey_of(service, admin)
    issued, started_at = log_in(service, admin), clock.now()
    expected = Session(
        guid=issued.session.guid,
        state=SessionState.ACTIVE,
        admin=admin.guid,
        secret_hash=secret_hash(issued),
        method=LogInMethod.PASSKEY,
        browser="Example browser",
        created_at=started_at,
        started_at=started_at,
        last_used_at=started_at,
        stepped_up_until=started_at + policy.step_up_life,
        proofs=(SessionProof(binding=passkey),),
        deadline=started_at + policy.portal_session_idle,
        keep_until=started_at + 2 * policy.portal_session_life,
    )
    assert issued.session == stored(service, issued.session) == expected
    assert partition_of(issued.session.guid) == partition_of(admin.guid)

    clock.advance(MINUTE)
    used = service.sessions.authenticate(issued.token)
    ends_at = clock.now() + policy.portal_session_idle
    expected = attrs.evolve(expected, version=2, last_used_at=clock.now(), deadline=ends_at)
    assert used.session == stored(service, issued.session) == expected
    assert (used.admin, used.stepped_up, used.ends_at) == (stored(service, admin), True, ends_at)


def test_a_browser_that_adds_a_key_learns_when_its_session_ends(service, admin):
    sessions, now = service.sessions, service.clock.now()
    link = sessions.create_link(admin.guid, by=OPERATOR)
    enrolling = sessions.may_add_key(sessions.redeem(link.token, browser="").token)
    active = sessions.may_add_key(log_in(service, admin).token)

    assert (enrolling.admin, enrolling.stepped_up) == (stored(service, admin), False)
    assert enrolling.session == stored(service, link.session)
    assert enrolling.ends_at == now + service.policy.portal_link_life
    assert (active.admin, active.stepped_up) == (stored(service, admin), True)
    assert active.ends_at == now + service.policy.portal_session_idle


def test_the_audit_log_names_each_session_that_an_act_is_about(service, admin):
    sessions = service.sessions
    other, active = log_in(service, admin), log_in(service, admin)
    link = sessions.create_link(admin.guid, by=OPERATOR)
    first, second, third = (issued.session.guid for issued in (other, active, link))

    def recorded(call):
        count = len(service.events)
        call()
        return [(event.event, event.subject) for event in service.events[count:]]

    assert recorded(lambda: log_in(service, admin)) == [
        ("session.start", sessions.list(admin.guid, by=OPERATOR)[-1].guid)
    ]
    service.clock.advance(MINUTE)
    assert recorded(lambda: sessions.authenticate(active.token)) == [("session.use", second)]
    step_up = partial(sessions.step_up, active.token, passkey_of(service, admin))
    assert recorded(step_up) == [("session.step_up", second)]
    newer = []
    assert recorded(
        lambda: newer.append(sessions.create_link(admin.guid, by=OPERATOR).session.guid)
    ) == [("session.link", newer[0]), ("session.revoke", third)]
    assert recorded(lambda: sessions.revoke(second, by=OPERATOR)) == [("session.revoke", second)]
    assert recorded(lambda: sessions.log_out(other.token)) == [("session.revoke", first)]
    assert recorded(lambda: sessions.log_out(other.token)) == []


def test_a_link_works_as_long_as_whoever_makes_it_chooses(service, admin):
    sessions, longest = service.sessions, service.policy.portal_link_life
    link = sessions.create_link(admin.guid, life=MINUTE, by=OPERATOR)
    assert link.session.deadline == service.clock.now() + MINUTE
    service.clock.advance(MINUTE)
    with pytest.raises(DeadlinePassed):
        sessions.redeem(link.token, browser="")
    assert sessions.create_link(admin.guid, life=longest, by=OPERATOR)
    before = service.records()
    for life in (timedelta(0), -MINUTE, longest + timedelta(microseconds=1)):
        with pytest.raises(InvalidField) as caught:
            sessions.create_link(admin.guid, life=life, by=OPERATOR)
        assert caught.value.field == "life"
    assert service.records() == before


def test_a_link_is_redeemed_once(service, admin):
    link = service.sessions.create_link(admin.guid, by=OPERATOR).token
    service.sessions.redeem(link, browser="")

    with pytest.raises(WrongToken):
        service.sessions.redeem(link, browser="")


def test_a_link_is_no_cookie_and_an_enrolling_browser_is_not_logged_in(service, admin):
    sessions = service.sessions
    link = sessions.create_link(admin.guid, by=OPERATOR).token
    with pytest.raises(WrongState):
        sessions.authenticate(link)
    cookie = sessions.redeem(link, browser="").token
    for call in (sessions.authenticate, partial(sessions.step_up, binding=NOBODY)):
        with pytest.raises(WrongState):
            call(cookie)
    assert sessions.may_add_key(cookie).admin == stored(service, admin)


def test_the_audit_log_says_whose_link_was_opened_and_in_which_browser(service, admin):
    link = service.sessions.create_link(admin.guid, by=OPERATOR)
    service.sessions.redeem(link.token, browser="Example browser")
    event = service.events[-1]

    assert (event.event, event.subject) == ("session.redeem", link.session.guid)
    assert dict(event.attributes) == {"admin": admin.guid, "browser": "Example browser"}


def test_a_link_ends(service, admin):
    sessions = service.sessions
    link = sessions.create_link(admin.guid, by=OPERATOR).token
    other = sessions.redeem(sessions.create_link(admin.guid, by=OPERATOR).token, browser="")
    with pytest.raises(WrongState):  # a newer link ends an open one
        sessions.redeem(link, browser="")
    service.clock.advance(service.policy.portal_link_life)
    with pytest.raises(DeadlinePassed):
        enrol(service, other)


def test_a_newer_link_ends_each_earlier_one_also_one_that_was_opened(service, admin):
    sessions, active = service.sessions, log_in(service, admin)
    opened = sessions.redeem(sessions.create_link(admin.guid, by=OPERATOR).token, browser="")
    newer = sessions.create_link(admin.guid, by=OPERATOR)

    assert stored(service, opened.session).state is SessionState.REVOKED
    with pytest.raises(WrongState):
        sessions.may_add_key(opened.token)
    with pytest.raises(WrongState):
        enrol(service, opened)
    sessions.authenticate(active.token)
    enrol(service, sessions.redeem(newer.token, browser=""))


def test_a_link_of_somebody_who_is_revoked_is_refused(service, admin):
    link = service.sessions.create_link(admin.guid, by=OPERATOR).token
    service.credentials.revoke_admin(admin.guid)

    with pytest.raises(CredentialRefused):
        service.sessions.redeem(link, browser="")
    with pytest.raises(InvalidField) as refused:
        service.sessions.create_link(admin.guid, by=OPERATOR)
    assert refused.value.field == "adminGuid"


def test_nothing_but_a_hash_of_a_secret_is_stored(service, admin):
    sessions = service.sessions
    link = sessions.create_link(admin.guid, by=OPERATOR)
    cookie = sessions.redeem(link.token, browser="")
    for issued in (link, cookie):
        secret = issued.token.partition(".")[2]
        assert len(secret) >= 43  # 256 bits
        assert secret not in repr(service.records())
        assert secret not in repr(issued)
        assert secret not in repr(service.events)


# The cookie


def test_a_session_ends_when_nobody_uses_it(service, admin):
    cookie = log_in(service, admin).token
    for _ in range(3):
        service.clock.advance(service.policy.portal_session_idle - SECOND)
        service.sessions.authenticate(cookie)
    service.clock.advance(service.policy.portal_session_idle)

    with pytest.raises(DeadlinePassed):
        service.sessions.authenticate(cookie)


def test_a_session_ends_however_often_it_is_used(service, admin):
    cookie = log_in(service, admin).token
    for _ in range(service.policy.portal_session_life // (10 * MINUTE) - 1):
        service.clock.advance(10 * MINUTE)
        service.sessions.authenticate(cookie)
    service.clock.advance(10 * MINUTE)

    with pytest.raises(DeadlinePassed):
        service.sessions.authenticate(cookie)


def test_a_session_lives_from_its_log_in_on_and_not_from_its_link(service, admin):
    link = service.sessions.create_link(admin.guid, by=OPERATOR)
    redeemed = service.sessions.redeem(link.token, browser="")
    service.clock.advance(10 * MINUTE)
    cookie = enrol(service, redeemed).token

    for _ in range(service.policy.portal_session_life // (10 * MINUTE) - 1):
        service.clock.advance(10 * MINUTE)
        service.sessions.authenticate(cookie)


def test_a_step_up_does_not_prolong_a_session(service, admin):
    cookie = log_in(service, admin).token
    for _ in range(service.policy.portal_session_life // (10 * MINUTE) - 1):
        service.clock.advance(10 * MINUTE)
        cookie = service.sessions.step_up(cookie, passkey_of(service, admin)).token
    service.clock.advance(10 * MINUTE)

    with pytest.raises(DeadlinePassed):
        service.sessions.step_up(cookie, passkey_of(service, admin))


def test_the_last_use_is_written_once_a_minute_at_most(service, admin):
    issued = log_in(service, admin)
    versions = set()
    for _ in range(59):
        service.clock.advance(SECOND)
        service.sessions.authenticate(issued.token)
        versions.add(stored(service, issued.session).version)
    assert versions == {1}
    service.clock.advance(SECOND)
    service.sessions.authenticate(issued.token)
    assert stored(service, issued.session).version == 2


def test_a_tighter_policy_counts_at_once(service, admin):
    cookie = log_in(service, admin).token
    tighter = attrs.evolve(service.sessions, policy=Policy(portal_session_idle=2 * MINUTE))
    service.clock.advance(2 * MINUTE)

    with pytest.raises(DeadlinePassed):
        tighter.authenticate(cookie)
    service.sessions.authenticate(cookie)


@pytest.mark.parametrize("how", ["revoked", "ended"])
def test_the_administrator_is_read_anew_at_each_use(service, how):
    life = None if how == "revoked" else 5 * MINUTE
    admin = service.credentials.create_person("Example", all_companies=True, life=life)
    cookie = log_in(service, admin).token
    service.sessions.authenticate(cookie)
    if how == "revoked":
        service.credentials.revoke_admin(admin.guid)
    else:
        service.clock.advance(5 * MINUTE)

    step_up = partial(service.sessions.step_up, binding=passkey_of(service, admin))
    for call in (service.sessions.authenticate, step_up):
        with pytest.raises(CredentialRefused):
            call(cookie)
    with pytest.raises(CredentialRefused):
        log_in(service, admin)
    service.sessions.log_out(cookie)


def test_a_revoked_person_stays_revoked_when_its_secret_is_made_anew(service, admin):
    service.credentials.revoke_admin(admin.guid)
    assert service.credentials.revoke_admin(admin.guid).person is False
    service.credentials.rotate_admin(admin.guid)
    service.credentials.revoke_admin(admin.guid)

    with pytest.raises(CredentialRefused):
        log_in(service, admin)


def test_an_administrator_with_a_secret_may_log_in_until_it_is_revoked(service):
    guid = service.credentials.create_admin("Example", all_companies=True).guid
    admin = service.stored(guid)
    cookie = log_in(service, admin).token
    service.sessions.authenticate(cookie)
    service.credentials.revoke_admin(guid)

    with pytest.raises(CredentialRefused):
        service.sessions.authenticate(cookie)


@pytest.mark.alone
@pytest.mark.parametrize(
    "cookie",
    [
        "",
        ".",
        "x",
        "x.y",
        f"{NOBODY}",
        f"{NOBODY}.",
        f"{NOBODY}.secret",
        f"{NOBODY}." + "a" * 1000,
        f"{NOBODY}.\xe9",
        f"{NOBODY}.\ud800",
    ],
)
def test_what_is_no_cookie_looks_like_a_wrong_secret(service, cookie):
    sessions = service.sessions
    proven = (partial(call, binding=NOBODY) for call in (sessions.enrol, sessions.step_up))
    for call in (sessions.authenticate, sessions.log_out, sessions.end_others, *proven):
        with pytest.raises(WrongToken):
            call(cookie)


def test_a_cookie_names_no_record_of_another_kind(service, admin):
    with pytest.raises(WrongToken):
        service.sessions.authenticate(f"{admin.guid}.secret")


def test_a_stranger_learns_nothing_of_a_session_that_has_ended(service, admin):
    issued = log_in(service, admin)
    service.sessions.log_out(issued.token)

    with pytest.raises(WrongToken):
        service.sessions.authenticate(f"{issued.session.guid}.other")
    with pytest.raises(WrongState):
        service.sessions.authenticate(issued.token)
    assert service.last_event() == ("session.use", "wrong_state")


def test_the_session_is_known_to_every_process(service, admin):
    cookie = log_in(service, admin).token
    other = type(service.sessions)(service.ports, service.policy)

    assert other.authenticate(cookie).admin == admin
    other.log_out(cookie)
    with pytest.raises(WrongState):
        service.sessions.authenticate(cookie)


# Step-up


def test_a_step_up_ends_and_changes_the_cookie(service, admin):
    issued = log_in(service, admin)
    service.clock.advance(service.policy.step_up_life)
    assert not service.sessions.authenticate(issued.token).stepped_up
    with pytest.raises(StepUpNeeded):
        service.sessions.may_add_key(issued.token)

    passkey = passkey_of(service, admin)
    renewed = service.sessions.step_up(issued.token, passkey)
    assert service.sessions.authenticate(renewed.token).stepped_up
    assert service.sessions.may_add_key(renewed.token).stepped_up
    with pytest.raises(WrongToken):  # what was stolen before is worth nothing
        service.sessions.authenticate(issued.token)
    with pytest.raises(WrongToken):
        service.sessions.step_up(issued.token, passkey)


def test_a_step_up_counts_from_its_proof_on(service, admin):
    cookie = log_in(service, admin).token
    proven_at = service.clock.now()
    service.clock.advance(service.policy.step_up_life - SECOND)
    passkey = passkey_of(service, admin)
    cookie = service.sessions.step_up(cookie, passkey, proven_at=proven_at).token
    assert service.sessions.authenticate(cookie).stepped_up
    service.clock.advance(SECOND)
    assert not service.sessions.authenticate(cookie).stepped_up

    with pytest.raises(WrongToken):
        service.sessions.step_up(cookie, passkey, proven_at=proven_at)


def test_one_proof_starts_one_session(service, admin):
    guid = mint(partition_of(admin.guid), bytes(15))
    log_in(service, admin, guid=guid)

    with pytest.raises(WrongToken):
        log_in(service, admin, guid=guid)


# The list


def test_the_oldest_session_ends_if_there_are_too_many(service, admin):
    limit = service.policy.portal_sessions_limit
    issued = [log_in(service, admin) for _ in range(limit + 2)]
    listed = service.sessions.list(admin.guid, by=admin)

    assert [each.guid for each in listed] == [each.session.guid for each in issued[2:]]
    for each in issued[:2]:
        assert stored(service, each.session).state is SessionState.REVOKED
    assert service.happened("session.revoke")


def test_sessions_and_links_are_listed_until_they_end(service, admin):
    sessions = service.sessions
    link = sessions.create_link(admin.guid, by=OPERATOR)
    active = log_in(service, admin)
    ended = log_in(service, admin)
    sessions.log_out(ended.token)
    sessions.log_out(ended.token)

    assert sessions.list(admin.guid, by=OPERATOR) == (link.session, active.session)
    service.clock.advance(service.policy.portal_session_idle)
    assert sessions.list(admin.guid, by=OPERATOR) == (link.session,)
    assert sessions.expire() == 1
    assert stored(service, active.session).state is SessionState.EXPIRED
    event = service.events[-1]
    assert (event.event, event.subject) == ("session.expire", active.session.guid)


@pytest.mark.parametrize("opened", [False, True])
def test_a_browser_ends_every_other_session_and_the_link(service, admin, opened):
    sessions = service.sessions
    somebody = log_in(service, service.credentials.create_person("Other", all_companies=True))
    other, link = log_in(service, admin), sessions.create_link(admin.guid, by=OPERATOR)
    if opened:
        sessions.redeem(link.token, browser="")
    current = log_in(service, admin)

    assert sessions.end_others(current.token) == 2
    for ended in (other, link):
        assert stored(service, ended.session).state is SessionState.REVOKED
    assert sessions.end_others(current.token) == 0
    for living in (current, somebody):
        sessions.authenticate(living.token)
    assert service.happened("session.revoke")


def test_a_browser_that_is_not_logged_in_ends_no_other_session(service, admin):
    sessions = service.sessions
    living, ended = log_in(service, admin), log_in(service, admin)
    sessions.log_out(ended.token)
    enrolling = sessions.redeem(sessions.create_link(admin.guid, by=OPERATOR).token, browser="")

    for cookie in (ended.token, enrolling.token):
        with pytest.raises(WrongState):
            sessions.end_others(cookie)
    with pytest.raises(WrongToken):
        sessions.end_others(f"{living.session.guid}.other")
    sessions.authenticate(living.token)


def test_a_session_that_ends_in_between_ends_no_other(service, admin):
    living, current = log_in(service, admin), log_in(service, admin)
    interrupted = service.meanwhile(lambda: service.sessions.log_out(current.token))
    with pytest.raises(WrongState):
        interrupted.sessions.end_others(current.token)
    service.sessions.authenticate(living.token)


def test_a_session_is_no_tenancy(service, admin):
    log_in(service, admin)

    assert service.administration.list(admin.guid, type(admin)) == ()
    with pytest.raises(NotFound):
        service.sessions.list(service.company.guid, by=OPERATOR)
    with pytest.raises(NotFound):
        service.sessions.revoke(admin.guid, by=OPERATOR)


# Who may


@pytest.fixture
def people(service):
    """One administrator of each role in one App Space, and of another company."""
    people, space = service.credentials, service.app_space.guid
    other = service.administration.create_company("Other")
    return {
        "all": people.create_person("All", all_companies=True),
        "company": people.create_person("Company", company=service.company.guid),
        "space": people.create_person("Space", role=AdminRole.APP_SPACE, app_space=space),
        "support": people.create_person("Support", role=AdminRole.SUPPORT, app_space=space),
        "other": people.create_person("Other", company=other.guid),
    }


MAY = {
    "all": {"all", "company", "space", "support", "other"},
    "company": {"company", "space", "support"},
    "space": {"space", "support"},
    "support": {"support"},
    "other": {"other"},
}


@pytest.mark.parametrize("acting", MAY)
@pytest.mark.parametrize("owner", MAY)
def test_one_may_list_and_end_sessions_of_oneself_and_of_whom_one_may_appoint(
    service, people, acting, owner
):
    sessions, by = service.sessions, people[acting]
    issued = log_in(service, people[owner])
    calls = [
        lambda: sessions.list(people[owner].guid, by=by),
        lambda: sessions.create_link(people[owner].guid, by=by),
        lambda: sessions.revoke(issued.session.guid, by=by),
    ]
    for call in calls:
        if owner in MAY[acting]:
            call()
        else:
            with pytest.raises((RoleLacking, Foreign)):
                call()
    state = stored(service, issued.session).state
    assert (state is SessionState.REVOKED) is (owner in MAY[acting])


def test_nobody_makes_a_link_for_whom_it_does_not_outlive(service):
    people = service.credentials
    short = people.create_person("Short", all_companies=True, life=MINUTE)
    long = people.create_person("Long", all_companies=True)

    with pytest.raises(RoleLacking):
        service.sessions.create_link(long.guid, by=short)
    service.sessions.create_link(short.guid, by=short)


def test_a_revoked_acting_does_nothing(service, admin):
    issued = log_in(service, admin)
    service.credentials.revoke_admin(admin.guid)
    for call in (service.sessions.list, service.sessions.create_link):
        with pytest.raises(CredentialRefused):
            call(admin.guid, by=admin)
    with pytest.raises(CredentialRefused):
        service.sessions.revoke(issued.session.guid, by=admin)
    ended = service.sessions.revoke(issued.session.guid, by=OPERATOR)
    assert service.sessions.revoke(issued.session.guid, by=OPERATOR) == ended


def test_an_administrator_who_is_revoked_in_between_ends_no_session_and_makes_no_link(service):
    owner = service.credentials.create_person("Owner", company=service.company.guid)
    issued = log_in(service, owner)
    for call in (
        lambda sessions, by: sessions.revoke(issued.session.guid, by=by),
        lambda sessions, by: sessions.create_link(owner.guid, by=by),
    ):
        by = service.credentials.create_person("Night shift", company=service.company.guid)
        interrupted = service.meanwhile(partial(service.credentials.revoke_admin, by.guid))
        with pytest.raises(CredentialRefused):
            call(interrupted.sessions, by)
    service.sessions.authenticate(issued.token)


def test_a_revocation_in_between_counts(service, admin):
    """A log-in is guarded by the administrator's record."""

    passkey = passkey_of(service, admin)
    service_meanwhile = service.meanwhile(lambda: service.credentials.revoke_admin(admin.guid))
    with pytest.raises(CredentialRefused):
        service_meanwhile.sessions.start(
            admin.guid, LogInMethod.PASSKEY, binding=passkey, browser=""
        )
    assert not [one for one in service.records().values() if isinstance(one, Session)]


def test_a_browser_that_says_too_much_is_refused(service, admin):
    with pytest.raises(InvalidField):
        log_in(service, admin, browser="x" * 257)
    with pytest.raises(InvalidField):
        service.sessions.redeem("x.y", browser="x" * 257)


def test_a_person_has_no_secret(service, admin):
    assert (admin.credentials, admin.person) == ((), True)
    assert service.administration.list(None, type(admin)) == (admin,)
