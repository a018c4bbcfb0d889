"""Administrators log in by a link, a passkey that says whose it is, or a device of their own."""

from datetime import timedelta
from functools import partial

import attrs
import pytest

from counterseal import AdminLogins, keys
from counterseal.ceremonies.records import user_handle
from counterseal.device import own_comparison_code
from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    AccountUnknown,
    BindingInactive,
    CountersealError,
    CredentialRefused,
    DeadlinePassed,
    Foreign,
    InvalidField,
    NotFound,
    Refused,
    Replayed,
    RoleLacking,
    StepUpNeeded,
    TooManyPending,
    WrongCode,
    WrongKey,
    WrongOrigin,
    WrongState,
    WrongToken,
)
from counterseal.keys import AssertionParts
from counterseal.models import (
    OPERATOR,
    OPERATORS,
    OPERATORS_COMPANY,
    PORTAL_ORIGIN,
    AddressKind,
    AdminRole,
    AppSpace,
    BindingState,
    CallbackType,
    ChallengeState,
    Company,
    LogInMethod,
    NewDeviceRule,
    Occasion,
    Origin,
    PushAddress,
    Scheme,
)
from counterseal.models.passkeys import ORIGINS_LIMIT
from counterseal.wire.recognition import account_name
from counterseal_testing import FakeModel

DOMAIN = "auth.example"
MINUTE = timedelta(minutes=1)


# By link and passkey


def test_a_link_a_passkey_and_a_log_in(person):
    issued = person.use_link()
    assert person.sessions.authenticate(issued.token).admin == person.admin
    person.sessions.log_out(issued.token)

    again = person.log_in()
    assert again.session.guid != issued.session.guid
    authenticated = person.sessions.authenticate(again.token)
    assert authenticated.admin == person.admin
    assert authenticated.session.method is LogInMethod.PASSKEY
    assert authenticated.stepped_up


def test_the_account_is_the_administrators_in_the_services_own_app_space(enrolled, service):
    account = service.stored(enrolled.account)
    assert (account.app_space, account.account_id) == (OPERATORS, enrolled.admin.guid)


def test_the_tenancy_is_made_once_and_never_overwritten(service):
    now = service.clock.now()

    def portal(domain):
        """Return the portal, and what is recorded of it."""
        count = len(service.events)
        party = AdminLogins(service.ports, service.policy, domain=domain).portal()
        return party, [(event.event, event.subject) for event in service.events[count:]]

    first, events = portal(DOMAIN)
    assert events == [
        ("company.create", OPERATORS_COMPANY),
        ("app_space.create", OPERATORS),
        ("origin.create", PORTAL_ORIGIN),
    ]
    company = Company(guid=OPERATORS_COMPANY, name="Counterseal", created_at=now)
    assert service.stored(OPERATORS_COMPANY) == company
    assert first.app_space == service.stored(OPERATORS)
    assert first.app_space == AppSpace(
        guid=OPERATORS,
        company=OPERATORS_COMPANY,
        name="Operators",
        device_invitations=False,
        created_at=now,
    )
    assert first.origin == service.stored(PORTAL_ORIGIN)
    assert first.origin == Origin(
        guid=PORTAL_ORIGIN, app_space=OPERATORS, name="Portal", domains=(DOMAIN,), created_at=now
    )

    assert portal(DOMAIN) == (first, [])
    moved, events = portal("localhost:8787")
    assert moved.origin == attrs.evolve(first.origin, version=2, domains=(DOMAIN, "localhost:8787"))
    assert events == [("origin.allow_callback", PORTAL_ORIGIN)]


def test_the_passkeys_of_a_portal_at_a_port_are_those_of_its_host(service):
    logins = AdminLogins(service.ports, service.policy, domain="localhost:8787")

    assert logins.start_passkey().rp_id == "localhost"


def test_a_portal_that_is_nowhere_or_at_too_many_ports_is_refused_by_name(service):
    domains = [f"localhost:{8000 + number}" for number in range(ORIGINS_LIMIT + 1)]
    for domain in domains[:-1]:
        AdminLogins(service.ports, service.policy, domain=domain).portal()
    for domain in ("127.0.0.1", domains[-1]):
        with pytest.raises(InvalidField) as refused:
            AdminLogins(service.ports, service.policy, domain=domain).portal()
        assert refused.value.field == "domain"


def test_two_processes_make_it_at_once(service):
    other = AdminLogins(service.ports, service.policy, domain=DOMAIN)
    slow = service.meanwhile(other.portal)
    party = AdminLogins(slow.ports, slow.policy, domain=DOMAIN).portal()
    assert party == other.portal()


def test_a_browser_that_is_logged_in_adds_a_passkey_only_if_it_is_stepped_up(enrolled, service):
    service.clock.advance(service.policy.step_up_life)
    with pytest.raises(StepUpNeeded):
        enrolled.logins.start_registration(enrolled.cookie)

    (key,) = enrolled.logins.list_keys(enrolled.admin.guid)
    cookie = enrolled.sessions.step_up(enrolled.cookie, key.guid).token
    other = enrolled.new_passkey()
    assert enrolled.register(cookie, other) is None
    assert enrolled.log_in(passkey=other).admin == enrolled.admin
    assert len(enrolled.logins.list_keys(enrolled.admin.guid)) == 2


def test_a_registration_needs_the_browser_to_be_let_in(enrolled, service):
    started = enrolled.logins.start_registration(enrolled.cookie)
    response = FakeModel(attestation="none").create(enrolled.new_passkey(), started.challenge)
    service.clock.advance(service.policy.step_up_life)
    with pytest.raises(StepUpNeeded):
        enrolled.logins.register(enrolled.cookie, response)


# Discovery


def test_a_ticket_serves_once(enrolled):
    started = enrolled.logins.start_passkey()
    enrolled.log_in(started)

    with pytest.raises(Replayed):
        enrolled.log_in(started)


def test_strangers_who_begin_stop_nobody_from_logging_in(enrolled, service):
    policy = attrs.evolve(service.policy, authenticate_rate=1)
    enrolled.logins = AdminLogins(service.ports, policy, domain=DOMAIN)
    for _ in range(3):
        enrolled.logins.start_passkey()
    assert enrolled.log_in().admin == enrolled.admin


def test_a_ticket_ends(enrolled, service):
    started = enrolled.logins.start_passkey()
    service.clock.advance(service.policy.ceremony_life)

    with pytest.raises(DeadlinePassed):
        enrolled.log_in(started)


def test_nothing_is_stored_for_a_stranger_who_begins(service):
    logins = AdminLogins(service.ports, service.policy, domain=DOMAIN)
    logins.portal()
    before, events = service.records(), len(service.events)
    for _ in range(5):
        logins.start_passkey()
    assert (service.records(), len(service.events)) == (before, events)


@pytest.mark.parametrize(
    "ticket", ["", "x", "AA", "\xe9", "a" * 5000, keys.b64url(bytes(60)), "session"]
)
def test_what_is_no_ticket_is_refused(enrolled, ticket):
    if ticket == "session":
        ticket = enrolled.logins.remember_browser(enrolled.admin.guid)
    started = attrs.evolve(enrolled.logins.start_passkey(), ticket=ticket)

    with pytest.raises(Refused) as refusal:
        enrolled.log_in(started)
    assert refusal.value.public_code == "denied"


def test_a_ticket_of_another_origin_is_refused(enrolled, service):
    shop = service.origin
    party = attrs.evolve(shop, origin=attrs.evolve(shop.origin, domains=(DOMAIN,)))
    with pytest.raises(WrongToken):
        enrolled.log_in(service.ceremonies.start_discovery(party, DOMAIN))


def test_whoever_is_unknown_gets_one_answer(enrolled, service, new_person):
    """Whether the account, its passkey, or nobody at all is meant."""
    other = new_person(service, "Other")
    other.use_link()
    phone = service.bind("zoe")
    cases = [
        {"user_handle": None},
        {"user_handle": b""},
        {"user_handle": bytes(16)},
        {"user_handle": bytes(64)},
        {"user_handle": user_handle(OPERATORS)},
        {"user_handle": user_handle(phone.device.bond.account)},
        {"user_handle": user_handle(other.account)},
    ]
    for changes in cases:
        with pytest.raises(WrongKey) as refusal:
            enrolled.log_in(**changes)
        assert refusal.value.public_code == "denied"
    with pytest.raises(WrongKey):
        enrolled.log_in(passkey=enrolled.new_passkey())


def test_an_assertion_of_another_page_is_refused(enrolled):
    elsewhere = attrs.evolve(enrolled.passkey, origin="https://evil.example")
    started = enrolled.logins.start_passkey()
    with pytest.raises(WrongOrigin):
        enrolled.logins.log_in(
            started.ticket,
            enrolled.passkey.public.passkey.credential_id,
            elsewhere.get(started.challenge),
            user_handle=user_handle(enrolled.account),
            browser="",
        )


def test_an_assertion_of_another_ticket_is_refused(enrolled):
    first, second = (enrolled.logins.start_passkey() for _ in range(2))
    with pytest.raises(Refused):
        enrolled.log_in(attrs.evolve(second, challenge=first.challenge))


def test_a_locked_account_does_not_log_in(enrolled, service):
    service.accounts.lock(enrolled.account, by=OPERATOR)
    with pytest.raises(AccountLocked):
        enrolled.log_in()
    service.accounts.unlock(enrolled.account, by=OPERATOR)
    service.accounts.erase(enrolled.account, by=OPERATOR)
    with pytest.raises(WrongKey):
        enrolled.log_in()


def test_a_revoked_administrator_or_passkey_does_not_log_in(enrolled, service):
    (key,) = enrolled.logins.list_keys(enrolled.admin.guid)
    enrolled.logins.revoke_key(enrolled.cookie, key.guid)
    with pytest.raises(WrongKey):
        enrolled.log_in()
    enrolled.passkey = enrolled.new_passkey()
    enrolled.use_link()
    enrolled.log_in()
    service.credentials.revoke_admin(enrolled.admin.guid)
    with pytest.raises(CredentialRefused):
        enrolled.log_in()


def test_malformed_client_data_is_refused(enrolled):
    started = enrolled.logins.start_passkey()
    for client_data in (b"", b"{", b"[]", b"{}"):
        with pytest.raises(CountersealError):
            enrolled.logins.log_in(
                started.ticket,
                enrolled.passkey.public.passkey.credential_id,
                AssertionParts(bytes(37), client_data, b"x"),
                user_handle=user_handle(enrolled.account),
                browser="",
            )


# Step-up


def test_a_step_up_by_passkey(enrolled, service):
    service.clock.advance(service.policy.step_up_life)
    started = enrolled.logins.start_passkey()
    issued = enrolled.logins.step_up(
        enrolled.cookie, *enrolled.assertion(started), user_handle=user_handle(enrolled.account)
    )
    assert enrolled.sessions.authenticate(issued.token).stepped_up
    with pytest.raises(WrongToken):
        enrolled.sessions.authenticate(enrolled.cookie)


def test_nobody_steps_up_by_a_passkey_of_somebody_else(enrolled, service, new_person):
    other = new_person(service, "Other")
    other.use_link()
    started = enrolled.logins.start_passkey()
    with pytest.raises(WrongKey):
        enrolled.logins.step_up(
            enrolled.cookie, *other.assertion(started), user_handle=user_handle(other.account)
        )
    enrolled.sessions.authenticate(enrolled.cookie)


# By device


@pytest.fixture
def phone(enrolled):
    return enrolled.bind_phone()


@pytest.mark.alone
def test_a_log_in_by_the_own_device(enrolled, phone):
    mark = enrolled.logins.remember_browser(enrolled.admin.guid)
    request = enrolled.logins.ask_to_log_in(mark, browser="Example browser")
    challenge = enrolled.logins.answer(request.ticket).challenge
    assert enrolled.logins.answer(request.ticket).code == request.code
    assert challenge.code_asked
    assert all(text in challenge.display for text in ("Log in", "Example browser"))
    with pytest.raises(WrongState):
        enrolled.logins.log_in_by_device(request.ticket, browser="")

    phone.answer(challenge, code=request.code)
    issued = enrolled.logins.log_in_by_device(request.ticket, browser="Example browser")
    assert issued.session.method is LogInMethod.DEVICE
    assert enrolled.sessions.authenticate(issued.token).admin == enrolled.admin
    with pytest.raises(WrongToken):
        enrolled.logins.log_in_by_device(request.ticket, browser="")


@pytest.mark.parametrize("mark", ["", "x", "\xe9", "a" * 5000, "other"])
def test_a_stranger_sends_no_push(enrolled, phone, service, mark):
    if mark == "other":
        mark = enrolled.logins.start_passkey().ticket
    with pytest.raises(WrongToken):
        enrolled.logins.ask_to_log_in(mark, browser="")
    assert enrolled.logins.remembered(mark) is None
    assert not service.happened("challenge.issue")


@pytest.mark.alone
def test_the_mark_of_a_browser_ends(enrolled, phone, service):
    mark = enrolled.logins.remember_browser(enrolled.admin.guid)
    assert enrolled.logins.remembered(mark) == enrolled.admin.guid
    service.credentials.revoke_admin(enrolled.admin.guid)
    with pytest.raises(WrongToken):
        enrolled.logins.ask_to_log_in(mark, browser="")
    service.clock.advance(service.policy.portal_browser_life)
    assert enrolled.logins.remembered(mark) is None


def test_the_limits_of_asking_count(enrolled, phone, service):
    mark = enrolled.logins.remember_browser(enrolled.admin.guid)
    for _ in range(service.policy.pending_limit):
        enrolled.logins.ask_to_log_in(mark, browser="")
    with pytest.raises(TooManyPending):
        enrolled.logins.ask_to_log_in(mark, browser="")


def test_a_wrong_code_and_a_refusal_log_nobody_in(enrolled, phone):
    mark = enrolled.logins.remember_browser(enrolled.admin.guid)
    request = enrolled.logins.ask_to_log_in(mark, browser="")
    challenge = enrolled.logins.answer(request.ticket).challenge
    with pytest.raises(Refused):
        phone.answer(challenge, code="000000" if request.code != "000000" else "111111")
    phone.answer(challenge, 1)
    assert enrolled.logins.answer(request.ticket).challenge.state is ChallengeState.ANSWERED
    with pytest.raises(WrongState):
        enrolled.logins.log_in_by_device(request.ticket, browser="")


def test_an_approval_counts_a_short_while(enrolled, phone, service):
    request = enrolled.logins.ask_to_log_in(
        enrolled.logins.remember_browser(enrolled.admin.guid), browser=""
    )
    phone.answer(enrolled.logins.answer(request.ticket).challenge, code=request.code)
    service.clock.advance(service.policy.step_up_life)
    with pytest.raises(DeadlinePassed):
        enrolled.logins.log_in_by_device(request.ticket, browser="")


@pytest.mark.parametrize("verb", ["revoke", "suspend", "lock"])
def test_an_approval_ends_with_the_device_that_gave_it(enrolled, phone, service, verb):
    """Whoever has lost the phone, and says so, is not outrun by an approval of a moment ago."""
    logins = enrolled.logins
    log_in = logins.ask_to_log_in(logins.remember_browser(enrolled.admin.guid), browser="")
    phone.answer(logins.answer(log_in.ticket).challenge, code=log_in.code)
    step_up = logins.ask_to_step_up(enrolled.cookie, "Revoke Example Ltd?")
    phone.answer(logins.step_up_answer(step_up.ticket).challenge, code=step_up.code)
    if verb == "lock":
        service.accounts.lock(enrolled.account, by=OPERATOR)
    else:
        getattr(service.devices, verb)(phone.guid, by=OPERATOR)

    refusal = AccountLocked if verb == "lock" else WrongState
    with pytest.raises(refusal):
        logins.log_in_by_device(log_in.ticket, browser="")
    with pytest.raises(refusal):
        logins.step_up_by_device(enrolled.cookie, step_up.ticket)


def test_without_a_device_there_is_nothing_to_ask(enrolled, person):
    mark = enrolled.logins.remember_browser(enrolled.admin.guid)
    with pytest.raises(AccountUnbound):
        enrolled.logins.ask_to_log_in(mark, browser="")


def test_without_an_account_neither(service, new_person):
    person = new_person(service)
    with pytest.raises(AccountUnknown):
        person.logins.ask_to_log_in(person.logins.remember_browser(person.admin.guid), browser="")
    assert person.logins.list_keys(person.admin.guid) == ()


def test_a_step_up_by_device_names_the_act(enrolled, phone, service):
    service.clock.advance(service.policy.step_up_life)
    request = enrolled.logins.ask_to_step_up(enrolled.cookie, "Revoke Example Ltd?")
    challenge = enrolled.logins.step_up_answer(request.ticket).challenge
    assert "Revoke Example Ltd?" in challenge.display
    phone.answer(challenge, code=request.code)
    service.clock.advance(MINUTE)
    issued = enrolled.logins.step_up_by_device(enrolled.cookie, request.ticket)
    assert enrolled.sessions.authenticate(issued.token).stepped_up

    # The same approval prolongs nothing.
    issued = enrolled.logins.step_up_by_device(issued.token, request.ticket)
    service.clock.advance(service.policy.step_up_life - MINUTE)
    assert not enrolled.sessions.authenticate(issued.token).stepped_up
    with pytest.raises(DeadlinePassed):
        enrolled.logins.step_up_by_device(issued.token, request.ticket)


@pytest.mark.alone
def test_a_step_up_is_of_one_session_and_no_log_in(enrolled, phone):
    request = enrolled.logins.ask_to_step_up(enrolled.cookie, "Revoke Example Ltd?")
    phone.answer(enrolled.logins.step_up_answer(request.ticket).challenge, code=request.code)
    other = enrolled.log_in().token
    with pytest.raises(WrongToken):
        enrolled.logins.step_up_by_device(other, request.ticket)
    with pytest.raises(WrongToken):
        enrolled.logins.log_in_by_device(request.ticket, browser="")
    request = enrolled.logins.ask_to_log_in(
        enrolled.logins.remember_browser(enrolled.admin.guid), browser=""
    )
    phone.answer(enrolled.logins.answer(request.ticket).challenge, code=request.code)
    with pytest.raises(WrongToken):
        enrolled.logins.step_up_by_device(enrolled.cookie, request.ticket)


@pytest.mark.alone
def test_a_device_of_an_administrator_learns_the_persons_name(enrolled, service):
    """Its account id is a GUID, which nobody recognises."""
    token = enrolled.logins.invite_device(enrolled.cookie).token
    account = service.enrolments.peek(token).account
    assert account_name(account) == service.stored(account.account_id).name


def test_a_device_is_invited_only_if_stepped_up(person, service):
    person.use_link()
    service.clock.advance(service.policy.step_up_life)
    with pytest.raises(StepUpNeeded):
        person.logins.invite_device(person.cookie)


def test_one_revokes_only_ones_own(enrolled, phone, service, new_person):
    other = new_person(service, "Other")
    other.use_link()
    (theirs,) = other.logins.list_keys(other.admin.guid)
    with pytest.raises(NotFound):
        enrolled.logins.revoke_key(enrolled.cookie, theirs.guid)
    enrolled.logins.revoke_key(enrolled.cookie, phone.guid)
    event = service.happened("binding.revoke")[-1]
    assert (event.subject, event.actor) == (phone.guid, enrolled.admin.guid)


def test_who_may_appoint_an_administrator_revokes_their_keys(enrolled, service):
    """A stranger who has used the link is an administrator, and is found by their passkey."""
    invitation = enrolled.logins.invite_device(enrolled.cookie)
    (passkey,) = [
        each for each in enrolled.logins.list_keys(enrolled.admin.guid) if not each.answers
    ]
    maker = service.credentials.create_person("Maker", all_companies=True)
    for guid in (passkey.guid, invitation.binding):
        revoked = enrolled.logins.revoke_key_of(enrolled.admin.guid, guid, by=maker)
        assert (revoked.guid, revoked.state) == (guid, BindingState.REVOKED)
        event = service.happened("binding.revoke")[-1]
        assert (event.subject, event.actor) == (guid, maker.guid)
        with pytest.raises(WrongState):
            enrolled.logins.revoke_key_of(enrolled.admin.guid, guid, by=OPERATOR)
    with pytest.raises(WrongKey):
        enrolled.log_in()


def test_the_other_devices_of_an_administrator_are_notified_of_a_key_that_is_revoked(
    enrolled, service
):
    (passkey,) = enrolled.logins.list_keys(enrolled.admin.guid)
    address = PushAddress(kind=AddressKind.RELAY, value="phone")
    invitation = enrolled.logins.invite_device(enrolled.cookie)
    service.complete(invitation, service.phone(), (address,))
    enrolled.logins.revoke_key_of(enrolled.admin.guid, passkey.guid, by=OPERATOR)

    service.push()
    pushes = [
        (push.message.occasion, push.message.subject, push.addresses)
        for push in service.outbox.pushes
    ]
    assert pushes[-1] == (Occasion.DEVICE_REVOKED, passkey.guid, (address,))


def test_nobody_else_revokes_the_keys_of_an_administrator(service, new_person):
    app_space, company = service.app_space.guid, service.app_space.company
    person = new_person(service, role=AdminRole.APP_SPACE, app_space=app_space)
    person.use_link()
    (passkey,) = person.logins.list_keys(person.admin.guid)
    other_company = service.administration.create_company("Other").guid

    def revoke(refusal, admin=person.admin.guid, key=passkey.guid, **reach):
        maker = service.credentials.create_person("Maker", **reach)
        with pytest.raises(refusal):
            person.logins.revoke_key_of(admin, key, by=maker)
        return maker

    revoke(Foreign, company=other_company)
    revoke(RoleLacking, role=AdminRole.SUPPORT, app_space=app_space)
    revoke(RoleLacking, role=AdminRole.APP_SPACE, app_space=app_space)
    # A key of another administrator, or of a user, is none of this administrator.
    other = new_person(service, "Other")
    other.use_link()
    (key_of_other,) = other.logins.list_keys(other.admin.guid)
    user = service.bind("zoe")
    # An account elsewhere may have the administrator's GUID as its id.
    named_so = service.bind(person.admin.guid)
    for key in (key_of_other.guid, user.guid, named_so.guid, service.app_space.guid):
        maker = revoke(NotFound, key=key, company=company)
    revoke(NotFound, admin=passkey.guid, company=company)
    service.credentials.revoke_admin(maker.guid)
    with pytest.raises(CredentialRefused):
        person.logins.revoke_key_of(person.admin.guid, passkey.guid, by=maker)
    person.log_in()
    # One's own are revoked in the same way, whatever the role.
    person.logins.revoke_key_of(person.admin.guid, passkey.guid, by=person.admin)


def test_a_passkey_says_in_which_browser_it_was_registered(enrolled):
    enrolled.register(enrolled.cookie, enrolled.new_passkey())
    keys_of_person = enrolled.logins.list_keys(enrolled.admin.guid)
    assert [each.name for each in keys_of_person] == ["Example browser"] * 2


def test_one_confirms_only_ones_own_new_device_and_only_if_stepped_up(service, new_person):
    """Where the policy has new devices confirmed."""
    strict = service.but(policy=attrs.evolve(service.policy, new_devices=NewDeviceRule.CONFIRMED))
    person, other = new_person(strict), new_person(strict, "Other")
    person.use_link()
    other.use_link()
    phone = person.bind_phone()
    code = own_comparison_code(phone.device, pin=phone.pin)
    with pytest.raises(NotFound):
        other.logins.confirm_key(other.cookie, phone.guid, code)
    with pytest.raises(WrongCode):
        person.logins.confirm_key(person.cookie, phone.guid, "wrong")
    confirmed = person.logins.confirm_key(person.cookie, phone.guid, code)
    assert confirmed.state is BindingState.ACTIVE
    service.clock.advance(service.policy.step_up_life)
    with pytest.raises(StepUpNeeded):
        person.logins.confirm_key(person.cookie, phone.guid, code)


# Nobody else acts for the portal


def test_nobody_else_acts_for_the_portal(enrolled, service):
    """Whoever could bind a device to its accounts would log in as any administrator."""
    for by in (OPERATOR, enrolled.admin):
        own = service.by(by)
        administration, credentials = own.administration, own.credentials
        calls = [
            lambda: credentials.issue(PORTAL_ORIGIN, Scheme.HMAC),  # noqa: B023
            lambda: administration.create_origin(OPERATORS, "Other"),  # noqa: B023
            lambda: administration.edit_origin(PORTAL_ORIGIN, name="Other"),  # noqa: B023
            lambda: credentials.create_admin("Other", company=OPERATORS_COMPANY),  # noqa: B023
            lambda: credentials.create_person("Other", company=OPERATORS_COMPANY),  # noqa: B023
            lambda: credentials.create_person(  # noqa: B023
                "Other", role=AdminRole.SUPPORT, app_space=OPERATORS
            ),
        ]
        for call in calls:
            with pytest.raises(InvalidField):
                call()


def test_nobody_makes_an_administrators_invitation_anew(enrolled, service):
    """Whoever opens it binds a device that approves as this administrator."""
    invitation = enrolled.logins.invite_device(enrolled.cookie)
    other = service.credentials.create_person("Other", all_companies=True)
    before = service.records()
    for by in (OPERATOR, other):
        with pytest.raises(InvalidField) as refusal:
            service.invitations.renew(invitation.binding, by=by)
        assert refusal.value.field == "appSpaceGuid"
    assert service.records() == before


def test_nobody_edits_the_portals_own_tenancy(enrolled, service):
    """An entry of its allow-list would let passkeys of administrators be used elsewhere."""
    (entry,) = service.stored(PORTAL_ORIGIN).entries
    tenancy = (OPERATORS_COMPANY, OPERATORS, PORTAL_ORIGIN)
    stored = [service.stored(guid) for guid in tenancy]
    assert all(record.reserved for record in stored)
    assert not any(
        record.reserved for record in (service.company, service.app_space, service.origin.origin)
    )
    for by in (OPERATOR, enrolled.admin):
        own = service.by(by)
        edits = {
            "companyGuid": (
                partial(own.administration.edit_company, OPERATORS_COMPANY, "Other"),
                partial(own.administration.create_app_space, OPERATORS_COMPANY, "Other"),
            ),
            "appSpaceGuid": (
                partial(own.administration.edit_app_space, OPERATORS, device_invitations=True),
                partial(own.administration.edit_app_space, OPERATORS, policy={"strike_limit": 3}),
            ),
            "requestOriginGuid": (
                partial(
                    own.administration.allow_callback,
                    PORTAL_ORIGIN,
                    "other.example",
                    kind=CallbackType.DOMAIN,
                ),
                partial(own.administration.allow_callback, PORTAL_ORIGIN, "https://other.example/"),
                partial(own.administration.forbid_entry, PORTAL_ORIGIN, entry.guid),
                partial(own.administration.edit_origin, PORTAL_ORIGIN, name="Other"),
                partial(own.credentials.issue_webhook_key, PORTAL_ORIGIN),
            ),
        }
        for member, calls in edits.items():
            for call in calls:
                with pytest.raises(InvalidField) as refusal:
                    call()
                assert refusal.value.field == member, call
    assert [service.stored(guid) for guid in tenancy] == stored


def test_a_company_administrator_sees_nothing_of_it(service, enrolled):
    own = service.by(service.credentials.create_person("Other", company=service.company.guid))
    for kind, guid in (
        (Company, OPERATORS_COMPANY),
        (AppSpace, OPERATORS),
        (Origin, PORTAL_ORIGIN),
    ):
        with pytest.raises(Refused) as refusal:
            own.administration.get(guid, kind)
        assert refusal.value.public_code == "not_found"
    with pytest.raises(Refused):
        service.accounts.lock(enrolled.account, by=own.administration.by)


@pytest.mark.alone
@pytest.mark.parametrize("was_suspended_before", [False, True])
def test_an_approval_from_before_a_suspension_proves_nothing_after_it(
    enrolled, phone, service, was_suspended_before
):
    """The suspension may be what ends the use of a lost device, and the resumption its return."""
    logins = enrolled.logins

    def suspend_and_resume():
        service.devices.suspend(phone.guid, by=OPERATOR)
        service.devices.resume(phone.guid, by=OPERATOR)

    def approve():
        mark = logins.remember_browser(enrolled.admin.guid)
        log_in = logins.ask_to_log_in(mark, browser="")
        step_up = logins.ask_to_step_up(enrolled.cookie, "Revoke?")
        for request, answer in ((log_in, logins.answer), (step_up, logins.step_up_answer)):
            phone.answer(answer(request.ticket).challenge, code=request.code)
        return log_in, step_up

    if was_suspended_before:
        suspend_and_resume()
    log_in, step_up = approve()
    suspend_and_resume()
    with pytest.raises(BindingInactive):
        logins.log_in_by_device(log_in.ticket, browser="")
    with pytest.raises(BindingInactive):
        logins.step_up_by_device(enrolled.cookie, step_up.ticket)
    # What it approves from now on counts.
    log_in, step_up = approve()
    issued = logins.log_in_by_device(log_in.ticket, browser="")
    enrolled.sessions.authenticate(issued.token)
    stepped_up = logins.step_up_by_device(enrolled.cookie, step_up.ticket)
    enrolled.sessions.authenticate(stepped_up.token)
