"""Support staff withdraw questions, and administrators invite users."""

from datetime import timedelta

import attrs
import pytest

from counterseal import OPERATOR, STANDARD, AdminLogins
from counterseal.errors import (
    AccountLocked,
    Foreign,
    InvalidField,
    NotFound,
    RoleLacking,
    TooManyBindings,
    WrongKind,
    WrongState,
)
from counterseal.models import (
    OPERATORS,
    Admin,
    AdminRole,
    BindingState,
    CancelReason,
    ChallengeState,
    Origin,
    OriginRole,
)
from counterseal_testing.service import CALLBACK


def employ(service, role=AdminRole.SUPPORT, app_space=None):
    space = (app_space or service.app_space).guid
    issued = service.credentials.create_admin("Night shift", role=role, app_space=space)
    return service.administration.get(issued.guid, Admin)


# Withdrawing


@pytest.mark.parametrize("fetched", [False, True])
def test_support_withdraws_a_question_and_its_origin_is_called_back(service, fetched):
    phone, by = service.bind("alice"), employ(service)
    challenge = service.ask("alice", "Pay?", callback=CALLBACK, show_code=True).challenge
    second = service.ask("alice", "Pay?").challenge
    if fetched:
        phone.fetch(challenge.guid)
    withdrawn = service.challenges.withdraw(challenge.guid, by=by)
    stored = service.stored(challenge.guid)
    assert (stored.state, stored.sealed_code) == (ChallengeState.CANCELLED, b"")
    assert stored.display == challenge.display
    # Support learns how it stands, and not what it says.
    assert (withdrawn.state, withdrawn.display) == (ChallengeState.CANCELLED, "")
    assert withdrawn.outcome.reason is CancelReason.STAFF
    event = service.events[-1]
    assert (event.event, event.actor, event.subject) == (
        "challenge.cancelled",
        by.guid,
        challenge.guid,
    )
    assert [each.challenge for each in service.callback_records()] == [challenge.guid]
    assert [each.challenge for each in service.account().history.open] == [second.guid]
    with pytest.raises(WrongState):
        phone.answer(challenge)
    (ended,) = service.answers.ended(phone.call("/challenges"))
    assert (ended.guid, ended.state) == (challenge.guid, ChallengeState.CANCELLED)


def test_whoever_may_read_a_question_gets_it_withdrawn(service):
    service.bind("alice")
    for by in (OPERATOR, employ(service, AdminRole.APP_SPACE)):
        challenge = service.ask("alice", "Pay?").challenge
        withdrawn = service.challenges.withdraw(challenge.guid, by=by)
        assert withdrawn == service.stored(challenge.guid)
        assert withdrawn.display == challenge.display


def test_a_withdrawn_question_says_nothing_about_its_person(service):
    service.bind("alice")
    by = employ(service)
    for _ in range(service.policy.cooldown_after + 1):
        service.challenges.withdraw(service.ask("alice", "Pay?").challenge.guid, by=by)
        service.clock.advance(service.policy.ask_window)
    history = service.account().history
    assert (history.refusals, history.cooling_until) == (0, None)


def test_what_has_ended_is_not_withdrawn(service):
    phone, by = service.bind("alice"), employ(service)
    challenge = service.ask("alice", "Pay?").challenge
    phone.answer(challenge)
    before = service.records()
    with pytest.raises(WrongState):
        service.challenges.withdraw(challenge.guid, by=by)
    assert service.last_event() == ("challenge.withdraw", "wrong_state")
    with pytest.raises(NotFound):
        service.challenges.withdraw(phone.guid, by=by)
    assert service.records() == before


def test_s18_an_answer_before_the_commit_is_not_withdrawn(service):
    phone = service.bind("alice")
    challenge = service.ask("alice", "Pay?").challenge
    racing = service.meanwhile(lambda: phone.answer(challenge))
    with pytest.raises(WrongState):
        racing.challenges.withdraw(challenge.guid, by=OPERATOR)
    assert service.stored(challenge.guid).approved


# Inviting


def test_an_administrator_invites_a_user_who_is_new(service):
    by = employ(service, AdminRole.APP_SPACE)
    invitation = service.invitations.invite_as_admin(
        service.app_space.guid, "zoe", user_info="Zoë Example", by=by
    )
    assert invitation.account_created
    assert invitation.deadline == service.clock.now() + STANDARD.session_token_life
    event = service.events[-1]
    assert (event.event, event.actor) == ("binding.invite", by.guid)
    assert event.subject == invitation.binding
    service.complete(invitation, service.phone())
    account = service.accounts.get(service.origin, "zoe")
    assert account.user_info == "Zoë Example"
    assert [each.state for each in account.devices] == [BindingState.ACTIVE]
    # The origin that it is in the name of asks and invites as ever.
    assert service.ask("zoe", "Pay?").challenge.state is ChallengeState.PENDING


def test_one_who_is_known_keeps_name_and_devices(service):
    first = service.invitations.invite(service.origin, "zoe", user_info="Zoë Example")
    service.complete(first, service.phone())
    second = service.invitations.invite_as_admin(service.app_space.guid, "zoe", by=OPERATOR)
    assert not second.account_created
    account = service.accounts.get(service.origin, "zoe")
    assert account.user_info == "Zoë Example"
    assert {each.binding for each in account.devices} == {first.binding, second.binding}


def test_an_invitation_is_of_the_oldest_origin_that_binds_devices(service):
    space = service.new_app_space("Other")
    agent = service.administration.create_origin(space.guid, "Agent", role=OriginRole.ASKING)
    with pytest.raises(InvalidField) as caught:
        service.invitations.invite_as_admin(space.guid, "zoe", by=OPERATOR)
    assert caught.value.field == "appSpaceGuid"
    shop = service.administration.create_origin(space.guid, "Shop")
    service.clock.advance(timedelta(seconds=1))
    service.administration.create_origin(space.guid, "Later")
    invitation = service.invitations.invite_as_admin(space.guid, "zoe", by=OPERATOR)
    assert service.stored(invitation.binding).origin == shop.guid != agent.guid
    # What narrows the origin narrows its invitations.
    life = timedelta(minutes=1)
    service.administration.edit_origin(shop.guid, policy={"session_token_life": life})
    invitation = service.invitations.invite_as_admin(space.guid, "zoe", by=OPERATOR)
    assert invitation.deadline == service.clock.now() + life
    # A thief of an administrator's session gains nothing once the origin only asks.
    service.administration.edit_origin(shop.guid, role=OriginRole.ASKING)
    assert service.administration.get(shop.guid, Origin).role is OriginRole.ASKING
    later = service.invitations.invite_as_admin(space.guid, "adam", by=OPERATOR)
    assert service.stored(later.binding).origin != shop.guid


def test_support_invites_only_where_the_policy_lets_it(service):
    by, space = employ(service), service.app_space.guid
    before = service.records()
    with pytest.raises(RoleLacking):
        service.invitations.invite_as_admin(space, "zoe", by=by)
    assert service.records() == before
    assert service.last_event() == ("binding.invite", "role_lacking")
    lenient = service.but(policy=attrs.evolve(STANDARD, support_invites=True))
    assert lenient.invitations.invite_as_admin(space, "zoe", by=by).account_created


def test_nobody_is_invited_where_somebody_else_says_who_the_users_are(service):
    with_provider = service.new_app_space("With log-ins", idp=service.idp.settings())
    with pytest.raises(WrongKind):
        service.invitations.invite_as_admin(with_provider.guid, "zoe", by=OPERATOR)
    AdminLogins(service.ports, service.policy, domain="auth.example").portal()
    with pytest.raises(InvalidField) as caught:
        service.invitations.invite_as_admin(OPERATORS, "zoe", by=OPERATOR)
    assert caught.value.field == "appSpaceGuid"
    stranger = employ(service, AdminRole.APP_SPACE, service.new_app_space("Other"))
    with pytest.raises(Foreign):
        service.invitations.invite_as_admin(service.app_space.guid, "zoe", by=stranger)
    with pytest.raises(NotFound):
        service.invitations.invite_as_admin(service.origin.origin.guid, "zoe", by=OPERATOR)


def test_the_accounts_limits_count(service):
    def invite(account_id="zoe", **texts):
        return service.invitations.invite_as_admin(
            service.app_space.guid, account_id, by=OPERATOR, **texts
        )

    for _ in range(STANDARD.bindings_limit):
        service.complete(invite(), service.phone())
    with pytest.raises(TooManyBindings):
        invite()
    service.accounts.lock(service.accounts.get(service.origin, "zoe").guid, by=OPERATOR)
    with pytest.raises(AccountLocked):
        invite()
    for texts, field in (
        ({"account_id": ""}, "accountId"),
        ({"account_id": "z" * 1_000}, "accountId"),
        ({"account_id": "adam", "user_info": "z" * 10_000}, "userInfo"),
    ):
        with pytest.raises(InvalidField) as caught:
            invite(**texts)
        assert caught.value.field == field
