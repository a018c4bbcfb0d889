"""A link that is mailed to a user gets one fresh invitation, once."""

from datetime import timedelta

import attrs
import pytest

from counterseal import OPERATOR, STANDARD, MailedLinks
from counterseal.errors import (
    AccountLocked,
    AskingOnly,
    DeadlinePassed,
    Foreign,
    InvalidField,
    RoleLacking,
    TokenSpent,
    TooManyBindings,
    TooOften,
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


ENDINGS = {
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


def test_it_outlives_an_invitation_that_nobody_used(service):
    issued = make(service)
    service.invitations.invite(service.origin, "zoe")
    service.clock.advance(STANDARD.session_token_life)
    service.sweep()
    service.complete(redeem(service, issued), service.phone())


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
        service.clock.advance(MINUTE)
    assert service.records() == before
    assert redeem(service, issued)


def test_it_is_tried_so_often_in_a_minute(service):
    issued = make(service)
    for _ in range(10):
        with pytest.raises(WrongToken):
            links(service).redeem(f"{issued.account.guid}.x")
    with pytest.raises(TooOften):
        redeem(service, issued)
    # The window before counts, too.
    service.clock.advance(2 * MINUTE)
    assert redeem(service, issued)


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
