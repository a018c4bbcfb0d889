"""Support staff make an origin's invitation anew, and see what a person was asked."""

from datetime import timedelta

import attrs
import pytest

from counterseal import OPERATOR, STANDARD, Submission
from counterseal.errors import (
    AccountLocked,
    DeadlinePassed,
    Foreign,
    NotFound,
    TooManyBindings,
    WrongKind,
    WrongState,
    WrongToken,
)
from counterseal.models import Admin, AdminRole, BindingState
from counterseal_testing import FakeService

WINDOW = STANDARD.renewal_window
TICK = timedelta(microseconds=1)


@pytest.fixture
def service():
    return FakeService()


def employ(service, role=AdminRole.SUPPORT, app_space=None):
    space = (app_space or service.app_space).guid
    issued = service.credentials.create_admin("Night shift", role=role, app_space=space)
    return service.administration.get(issued.guid, Admin)


def state_of(service, account_id, binding):
    devices = service.accounts.get_with_devices(
        service.accounts.get(service.origin, account_id).guid, by=OPERATOR
    )[1]
    return next(each.state for each in devices if each.guid == binding)


@pytest.mark.parametrize("expired", [False, True])
def test_the_new_invitation_works_and_the_old_one_does_not(service, expired):
    old = service.invitations.invite(service.origin, "zoe")
    service.clock.advance(TICK)
    if expired:
        service.clock.advance(STANDARD.session_token_life)
        service.sweep()
    new = service.invitations.renew(old.binding, by=employ(service))
    assert new.deadline == service.clock.now() + STANDARD.session_token_life
    assert (new.account.guid, new.app_space) == (old.account.guid, service.app_space)
    with pytest.raises((WrongState, WrongToken, DeadlinePassed)):
        service.complete(old, service.phone())
    service.complete(new, service.phone())
    assert state_of(service, "zoe", new.binding) is BindingState.ACTIVE
    (ended_binding,) = service.ports.store.get(old.binding)
    assert ended_binding.ended_at == service.clock.now()
    ended = BindingState.EXPIRED if expired else BindingState.REVOKED
    assert state_of(service, "zoe", old.binding) is ended
    account = service.accounts.get(service.origin, "zoe")
    assert [device.binding for device in account.devices] == [new.binding]


def test_it_is_possible_within_the_window_only(service):
    old = service.invitations.invite(service.origin, "zoe")
    service.clock.advance(WINDOW - TICK)
    service.sweep()
    new = service.invitations.renew(old.binding, by=OPERATOR)
    service.clock.advance(TICK)
    with pytest.raises(DeadlinePassed):
        service.invitations.renew(old.binding, by=OPERATOR)
    service.clock.advance(STANDARD.session_token_life)
    # The window of the new one begins anew.
    service.invitations.renew(new.binding, by=OPERATOR)


def test_a_policy_can_forbid_it():
    service = FakeService(policy=attrs.evolve(STANDARD, renewal_window=timedelta(0)))
    invitation = service.invitations.invite(service.origin, "zoe")
    with pytest.raises(DeadlinePassed):
        service.invitations.renew(invitation.binding, by=OPERATOR)


def test_one_that_was_used_or_revoked_is_not_made_anew(service):
    invitation = service.invitations.invite(service.origin, "zoe")
    service.complete(invitation, service.phone())
    with pytest.raises(WrongState):
        service.invitations.renew(invitation.binding, by=OPERATOR)
    service.devices.revoke(invitation.binding, by=OPERATOR)
    with pytest.raises(WrongState):
        service.invitations.renew(invitation.binding, by=OPERATOR)
    other = service.invitations.invite(service.origin, "zoe")
    service.devices.revoke(other.binding, by=OPERATOR)
    with pytest.raises(WrongState):
        service.invitations.renew(other.binding, by=OPERATOR)


def test_only_an_origins_invitation_is_made_anew(service):
    app_space = service.new_app_space("With log-ins", idp=service.idp.settings())
    invitation = service.identify(app_space, "zoe")
    with pytest.raises(WrongKind):
        service.invitations.renew(invitation.binding, by=OPERATOR)


def test_the_accounts_limits_count(service):
    invitation = service.invitations.invite(service.origin, "zoe")
    service.clock.advance(STANDARD.session_token_life)
    for _ in range(STANDARD.bindings_limit):
        service.bind("zoe")
    with pytest.raises(TooManyBindings):
        service.invitations.renew(invitation.binding, by=OPERATOR)
    service.accounts.lock(invitation.account.guid, by=OPERATOR)
    with pytest.raises(AccountLocked):
        service.invitations.renew(invitation.binding, by=OPERATOR)


def test_it_is_within_the_reach_of_whoever_does_it(service):
    invitation = service.invitations.invite(service.origin, "zoe")
    stranger = employ(service, app_space=service.new_app_space("Other"))
    with pytest.raises(Foreign):
        service.invitations.renew(invitation.binding, by=stranger)
    with pytest.raises(Foreign):
        service.challenges.list_of_account(invitation.account.guid, by=stranger)
    with pytest.raises(NotFound):
        service.invitations.renew(invitation.account.guid, by=OPERATOR)


def ask_twice(service):
    phone = service.bind("zoe")
    first = service.ask(
        "zoe", "Pay 10 EUR?", transaction_id="order-7", extension=Submission("tool-7")
    ).challenge.guid
    phone.answer(phone.fetch(first))
    service.clock.advance(timedelta(minutes=1))
    second = service.ask("zoe", "Pay 20 EUR?").challenge.guid
    return service.accounts.get(service.origin, "zoe").guid, first, second


def test_what_a_person_was_asked_is_listed_newest_first(service):
    account, first, second = ask_twice(service)
    for by in (OPERATOR, employ(service, AdminRole.APP_SPACE)):
        challenges = service.challenges.list_of_account(account, by=by)
        assert [each.guid for each in challenges] == [second, first]
        assert [each.state.value for each in challenges] == ["PENDING", "ANSWERED"]
        assert "Pay 10 EUR?" in challenges[1].display
    service.clock.advance(timedelta(hours=1))
    challenges = service.challenges.list_of_account(account, by=OPERATOR)
    assert challenges[0].state.value == "EXPIRED"


def test_support_sees_no_content_unless_the_policy_lets_it():
    for reads_content in (False, True):
        policy = attrs.evolve(STANDARD, support_reads_content=reads_content)
        service = FakeService(policy=policy)
        account, *_ = ask_twice(service)
        challenges = service.challenges.list_of_account(account, by=employ(service))
        assert [each.approved for each in challenges] == [False, True]
        for secret in ("Pay 10 EUR?", "order-7", "tool-7", "Approve"):
            assert any(secret in str(attrs.asdict(each)) for each in challenges) is reads_content
        tokens = [each.outcome.token for each in challenges if each.outcome is not None]
        assert [token is not None for token in tokens] == [reads_content]


def test_an_erased_account_was_asked_nothing(service):
    account, *_ = ask_twice(service)
    service.accounts.erase(account, by=OPERATOR)
    with pytest.raises(NotFound):
        service.challenges.list_of_account(account, by=OPERATOR)
