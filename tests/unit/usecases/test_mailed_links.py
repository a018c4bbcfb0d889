"""A link that is mailed to a user gets one fresh invitation, once."""

from datetime import timedelta

import attrs
import pytest

from counterseal import OPERATOR, STANDARD, MailedLinks
from counterseal.device import own_comparison_code
from counterseal.errors import (
    AccountLocked,
    AskingOnly,
    CredentialRefused,
    DeadlinePassed,
    Foreign,
    InvalidField,
    RoleLacking,
    StrongKeyMissed,
    TokenSpent,
    TooManyBindings,
    WrongKind,
    WrongToken,
)
from counterseal.models import Admin, AdminRole, BindingState, NewDeviceRule, OriginRole
from counterseal_testing import FakeModel, FakePasskey

LIFE = STANDARD.mailed_link_life
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


def links(service):
    return MailedLinks(service.ports, service.policy)


def make(service, account_id="zoe", **options):
    options = {"by": OPERATOR} | options
    return links(service).make(service.app_space.guid, account_id, **options)


def redeem(service, issued):
    return links(service).redeem(issued.token)


def account_of(service, account_id="zoe"):
    return service.accounts.get(service.origin, account_id)


def employ(service, role, app_space=None):
    space = (app_space or service.app_space).guid
    issued = service.credentials.create_admin("Night shift", role=role, app_space=space)
    return service.administration.get(issued.guid, Admin)


@pytest.mark.alone
def test_a_user_who_is_new_gets_one_invitation_by_it(service):
    by = employ(service, AdminRole.APP_SPACE)
    issued = make(service, user_info="Zoë Example", by=by)
    assert issued.account_created
    assert issued.deadline == service.clock.now() + LIFE
    making = service.events[-1]
    assert (making.event, making.actor, making.subject) == (
        "account.mail_link",
        by.guid,
        issued.account.guid,
    )
    service.clock.advance(LIFE - TICK)
    invitation = redeem(service, issued)
    use = service.events[-1]
    assert (use.event, use.actor) == ("binding.redeem_link", "stranger")
    assert use.subject == invitation.binding
    assert invitation.deadline == service.clock.now() + STANDARD.session_token_life
    service.complete(invitation, service.phone())
    account = account_of(service)
    assert (account.guid, account.user_info) == (issued.account.guid, "Zoë Example")
    assert [each.state for each in account.devices] == [BindingState.ACTIVE]


def test_it_works_once(service):
    issued = make(service)
    redeem(service, issued)
    before = service.records()
    with pytest.raises(WrongToken):
        redeem(service, issued)
    assert service.records() == before
    assert service.last_event() == ("binding.redeem_link", "wrong_token")


def test_it_ends_at_its_deadline(service):
    issued = make(service, life=MINUTE)
    service.clock.advance(MINUTE)
    before = service.records()
    with pytest.raises(DeadlinePassed):
        redeem(service, issued)
    assert service.records() == before


def test_its_life_is_within_the_policy(service):
    for life in (timedelta(0), -MINUTE, LIFE + TICK):
        with pytest.raises(InvalidField) as caught:
            make(service, life=life)
        assert caught.value.field == "life"
    week = service.but(policy=attrs.evolve(STANDARD, mailed_link_life=timedelta(days=7)))
    issued = make(week, life=timedelta(days=7))
    assert issued.deadline == week.clock.now() + timedelta(days=7)


def bind(service):
    service.complete(service.invitations.invite(service.origin, "zoe"), service.phone())


def register(service):
    shop = service.origin
    party = attrs.evolve(shop, origin=attrs.evolve(shop.origin, domains=("shop.example",)))
    passkey = FakePasskey(rp_id="shop.example", origin="https://shop.example")
    started = service.ceremonies.start_registration(party, "zoe", "shop.example")
    response = FakeModel(attestation="none").create(passkey, started.challenge)
    service.ceremonies.register(party, "zoe", response)


def lock(service):
    account = account_of(service).guid
    service.accounts.lock(account, by=OPERATOR)
    service.accounts.unlock(account, by=OPERATOR)


def revoke_all(service):
    service.accounts.revoke_all(account_of(service).guid, by=OPERATOR)


def strike_out(service, phone):
    for _ in range(service.policy.strike_limit):
        with pytest.raises(StrongKeyMissed):
            attrs.evolve(phone, pin="0000").rotate()


LOSSES = {
    "support revokes it": lambda service, phone: service.devices.revoke(phone.guid, by=OPERATOR),
    "its origin revokes it": lambda service, phone: service.devices.revoke(
        phone.guid, by=service.origin
    ),
    "it revokes itself": lambda _, phone: phone.unbind(),
    "it proves the wrong PIN too often": strike_out,
}


def end(service):
    by = employ(service, AdminRole.SUPPORT)
    account = account_of(service).guid
    assert links(service).end(account, by=by).mailed_link is None
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == ("account.end_link", by.guid, account)


ENDINGS = {
    "an administrator": end,
    "a newer one": make,
    "a bind": bind,
    "a passkey": register,
    "a lock": lock,
    "a revocation": revoke_all,
    "erasing": lambda service: service.accounts.erase(account_of(service).guid, by=OPERATOR),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_it_ends_with(service, ending):
    issued = make(service)
    ENDINGS[ending](service)
    before = service.records()
    with pytest.raises(WrongToken):
        redeem(service, issued)
    assert service.records() == before


@pytest.mark.parametrize("loss", LOSSES)
def test_it_ends_with_a_device_that_is_revoked(service, loss):
    """Who has the lost phone often has the mailbox."""
    phone = service.bind("zoe")
    issued = make(service)
    LOSSES[loss](service, phone)
    with pytest.raises(WrongToken):
        redeem(service, issued)
    assert service.stored(issued.account.guid).mailed_link is None


@pytest.mark.alone
def test_it_ends_with_a_device_that_is_confirmed(service):
    service.administration.edit_app_space(
        service.app_space.guid, new_devices=NewDeviceRule.CONFIRMED
    )
    phone = service.bind("zoe")
    issued = make(service)
    code = own_comparison_code(phone.device, pin=phone.pin)
    service.confirmations.compare(service.origin, phone.guid, code)
    with pytest.raises(WrongToken):
        redeem(service, issued)


def test_it_outlives_an_invitation_that_is_revoked(service):
    issued = make(service)
    invitation = service.invitations.invite(service.origin, "zoe")
    service.devices.revoke(invitation.binding, by=OPERATOR)
    assert redeem(service, issued)


def test_it_outlives_an_invitation_that_nobody_used(service):
    issued = make(service)
    service.invitations.invite(service.origin, "zoe")
    service.clock.advance(STANDARD.session_token_life)
    service.sweep()
    service.complete(redeem(service, issued), service.phone())


def ask(service):
    service.ask("zoe", "Pay?")


def suspend(service):
    device, *_ = account_of(service).devices
    service.devices.suspend(device.binding, by=OPERATOR)


def invite(service):
    service.invitations.invite(service.origin, "zoe")


def lock_alone(service):
    service.accounts.lock(account_of(service).guid, by=OPERATOR)


@pytest.mark.parametrize("commit", [ask, suspend, invite, lock_alone])
def test_the_next_commit_of_its_account_drops_one_that_is_too_old(service, commit):
    """An older release cannot read an account that has one."""
    service.bind("zoe")
    issued = make(service, life=MINUTE)
    service.clock.advance(MINUTE - TICK)
    service.invitations.invite(service.origin, "zoe")
    assert service.stored(issued.account.guid).mailed_link is not None
    service.clock.advance(TICK)
    commit(service)
    assert service.stored(issued.account.guid).mailed_link is None


def test_nobody_uses_it_while_the_account_is_locked(service):
    issued = make(service)
    service.accounts.lock(account_of(service).guid, by=OPERATOR)
    with pytest.raises(AccountLocked):
        redeem(service, issued)
    with pytest.raises(AccountLocked):
        make(service)


def test_another_secret_gets_nothing(service):
    issued = make(service)
    guid, _, secret = issued.token.partition(".")
    stranger = make(service, "adam").token
    before = service.records()
    for token in (
        *(f"{guid}.", f"{guid}.x", f"{guid}.{secret[:-1]}", f"{guid}.{secret}x", guid, "", "x.y"),
        f"{guid}.{stranger.partition('.')[2]}",
        f"{service.origin.origin.guid}.{secret}",
    ):
        with pytest.raises(WrongToken):
            links(service).redeem(token)
    assert service.records() == before
    assert redeem(service, issued)


def test_who_guesses_denies_it_to_nobody(service):
    """128 bits need no limit of guesses."""
    issued = make(service)
    for _ in range(100):
        with pytest.raises(WrongToken):
            links(service).redeem(f"{issued.account.guid}.x")
        assert service.last_event() == ("binding.redeem_link", "wrong_token")
    assert redeem(service, issued)


def test_only_its_secret_tells_what_is_wrong_with_it(service):
    issued = make(service)
    guess = f"{issued.account.guid}.x"
    service.accounts.lock(issued.account.guid, by=OPERATOR)
    for advance in (timedelta(0), LIFE):
        service.clock.advance(advance)
        with pytest.raises(WrongToken):
            links(service).redeem(guess)


def test_of_two_who_use_it_at_once_one_gets_an_invitation(service):
    issued, invitations = make(service), []
    racing = service.meanwhile(lambda: invitations.append(redeem(service, issued)))
    with pytest.raises(WrongToken):
        redeem(racing, issued)
    assert len(invitations) == 1


def test_the_limits_of_its_account_count_when_it_is_used(service):
    service.bind("zoe")
    issued = make(service)
    for _ in range(STANDARD.bindings_limit - 1):
        service.invitations.invite(service.origin, "zoe")
    with pytest.raises(TooManyBindings):
        redeem(service, issued)
    with pytest.raises(TooManyBindings):
        make(service)


def test_an_app_space_may_have_what_it_binds_confirmed(service):
    service.administration.edit_app_space(
        service.app_space.guid, new_devices=NewDeviceRule.CONFIRMED
    )
    phone = service.complete(redeem(service, make(service)), service.phone())
    assert service.stored(phone.guid).state is BindingState.UNCONFIRMED


def test_who_may_invite_may_make_one(service):
    with pytest.raises(RoleLacking):
        make(service, by=employ(service, AdminRole.SUPPORT))
    stranger = employ(service, AdminRole.APP_SPACE, service.new_app_space("Other"))
    with pytest.raises(Foreign):
        make(service, by=stranger)
    with_provider = service.new_app_space("With log-ins", idp=service.idp.settings())
    with pytest.raises(WrongKind):
        links(service).make(with_provider.guid, "zoe", by=OPERATOR)
    lenient = service.but(policy=attrs.evolve(STANDARD, support_invites=True))
    assert make(lenient, by=employ(lenient, AdminRole.SUPPORT))


MAKERS = {
    "revoked": lambda service, by: service.credentials.revoke_admin(by.guid),
    "ended": lambda service, by: service.clock.advance(timedelta(hours=2)),
}


@pytest.mark.parametrize("change", MAKERS)
def test_it_is_refused_once_its_maker_is(service, change):
    week = service.but(policy=attrs.evolve(STANDARD, mailed_link_life=timedelta(days=7)))
    space = week.app_space.guid
    created = week.credentials.create_admin(
        "Night shift", role=AdminRole.APP_SPACE, app_space=space, life=timedelta(hours=2)
    )
    by = week.administration.get(created.guid, Admin)
    issued = make(week, by=by)
    MAKERS[change](week, by)
    before = week.records()
    with pytest.raises(CredentialRefused):
        redeem(week, issued)
    assert week.records() == before


def test_it_is_refused_once_support_may_not_invite(service):
    lenient = service.but(policy=attrs.evolve(STANDARD, support_invites=True))
    issued = make(lenient, by=employ(lenient, AdminRole.SUPPORT))
    with pytest.raises(RoleLacking):
        redeem(service, issued)
    assert redeem(lenient, issued)


def test_one_that_is_not_there_is_ended_without_a_trace(service):
    account = make(service).account.guid
    links(service).end(account, by=OPERATOR)
    before = service.records(), tuple(service.events)
    assert links(service).end(account, by=OPERATOR).mailed_link is None
    assert (service.records(), tuple(service.events)) == before


def test_it_is_refused_once_its_origin_only_asks(service):
    issued = make(service)
    service.administration.edit_origin(service.origin.origin.guid, role=OriginRole.ASKING)
    with pytest.raises(AskingOnly):
        redeem(service, issued)


def test_no_record_shows_its_secret(service):
    issued = make(service)
    secret = issued.token.partition(".")[2]
    assert all(secret not in repr(each) for each in (issued, *service.records()))
    assert account_of(service).mailed_link.secret_hash != secret.encode()


def test_an_invitation_by_it_works_once(service):
    invitation = redeem(service, make(service))
    service.complete(invitation, service.phone())
    with pytest.raises(TokenSpent):
        service.complete(invitation, service.phone())
