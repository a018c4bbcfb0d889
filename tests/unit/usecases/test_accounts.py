"""What an origin may see of its users, and what locks one."""

from datetime import timedelta

import attrs
import pytest

from counterseal.errors import (
    AccountLocked,
    AccountUnbound,
    AccountUnknown,
    Foreign,
    InvalidField,
    NotFound,
    WrongKind,
)
from counterseal.models import OPERATOR, BindingState, Change
from counterseal.models.guid import mint
from counterseal.policy import STANDARD


def test_an_origin_sees_its_users(service):
    service.invitations.invite(service.origin, "alice", user_info="a card holder")
    account = service.accounts.get(service.origin, "alice")
    assert account == service.account()
    assert account.user_info == "a card holder"


def test_an_origin_sees_no_other_app_spaces_users(service):
    service.bind("alice")
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    for verb in (service.accounts.get, service.accounts.list_devices):
        with pytest.raises(AccountUnknown):
            verb(stranger, "alice")
        with pytest.raises(AccountUnknown):
            verb(service.origin, "nobody")


@pytest.mark.parametrize("account_id", ["", "a" * 257, "lone \ud800"])
def test_an_account_id_too_long_or_empty_is_refused(service, account_id):
    with pytest.raises(InvalidField) as caught:
        service.accounts.get(service.origin, account_id)
    assert caught.value.field == "accountId"
    with pytest.raises(InvalidField) as caught:
        service.accounts.find(service.app_space.guid, account_id, by=OPERATOR)
    assert caught.value.field == "accountId"


def test_an_origin_sees_every_device_that_a_user_ever_had(service):
    first, second = service.bind("alice"), service.bind("alice")
    service.devices.revoke(first.guid, by=OPERATOR)
    open_one = service.invitations.invite(service.origin, "alice")
    devices = service.accounts.list_devices(service.origin, "alice")
    assert [device.guid for device in devices] == [first.guid, second.guid, open_one.binding]
    assert [device.state for device in devices] == [
        BindingState.REVOKED,
        BindingState.ACTIVE,
        BindingState.INVITED,
    ]


def test_an_origin_sees_no_dead_invitation(service):
    phone = service.bind("alice")
    expired = service.invitations.invite(service.origin, "alice").binding
    service.clock.advance(STANDARD.session_token_life)
    # Before a worker has expired it, and after.
    for expiring in (1, 0):
        listed = service.accounts.list_devices(service.origin, "alice")
        assert [device.guid for device in listed] == [phone.guid]
        assert service.invitations.expire() == expiring
    assert service.stored(expired).state is BindingState.EXPIRED
    revoked = service.invitations.invite(service.origin, "alice").binding
    service.devices.revoke(revoked, by=service.origin)
    (listed,) = service.accounts.list_devices(service.origin, "alice")
    assert listed.guid == phone.guid
    # Support staff see all that was.
    _, bindings = service.accounts.get_with_devices(service.account().guid, by=OPERATOR)
    assert {binding.guid for binding in bindings} == {phone.guid, expired, revoked}


def test_s18_a_locked_account_is_not_asked_and_does_not_answer(service):
    alice = service.bind("alice")
    challenge = service.ask("alice", "Pay?").challenge
    locked = service.accounts.lock(alice.device.bond.account, by=OPERATOR)
    assert locked == service.account()
    assert locked.locked_at == service.clock.now()
    assert service.last_event() == ("account.lock", "")
    with pytest.raises(AccountLocked):
        service.ask("alice", "Pay?")
    with pytest.raises(AccountLocked):
        alice.answer(challenge)
    unlocked = service.accounts.unlock(locked.guid, by=OPERATOR)
    assert (unlocked.locked_at, unlocked.version) == (None, locked.version + 1)
    assert service.last_event() == ("account.unlock", "")
    assert alice.answer(challenge).approved


def test_unlocking_forgets_the_wrong_codes_and_locking_does_not(service):
    service.bind("alice")
    old = service.account()
    wrong = attrs.evolve(
        old, version=old.version + 1, history=attrs.evolve(old.history, wrong_codes=7)
    )
    service.store.commit((Change(old, wrong),), (), "seven wrong codes")
    assert service.accounts.lock(old.guid, by=OPERATOR).history.wrong_codes == 7
    assert service.accounts.unlock(old.guid, by=OPERATOR).history.wrong_codes == 0


def test_locking_again_moves_the_time_of_the_lock(service):
    guid = service.bind("alice").device.bond.account
    service.accounts.lock(guid, by=OPERATOR)
    later = service.clock.advance(timedelta(hours=1))
    assert service.accounts.lock(guid, by=OPERATOR).locked_at == later


def test_what_is_no_account_is_not_found(service):
    alice = service.bind("alice")
    for guid in (mint(0, bytes(15)), alice.guid):
        with pytest.raises(NotFound):
            service.accounts.lock(guid, by=OPERATOR)
        with pytest.raises(NotFound):
            service.accounts.unlock(guid, by=OPERATOR)
    assert service.last_event() == ("account.unlock", "not_found")


def test_a_lock_that_lost_its_race_is_made_again(service):
    alice = service.bind("alice")
    guid = alice.device.bond.account
    racing = service.meanwhile(lambda: service.invitations.invite(service.origin, "alice"))
    assert racing.accounts.lock(guid, by=OPERATOR).locked_at is not None
    assert len(service.account().devices) == 2


def test_an_origin_finds_an_account_by_its_guid(service):
    service.bind("alice")
    account = service.account()
    assert service.accounts.get_by_guid(service.origin, account.guid) == account
    neighbour = service.new_origin(service.app_space, "Another shop")
    assert service.accounts.get_by_guid(neighbour, account.guid) == account
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    with pytest.raises(Foreign):
        service.accounts.get_by_guid(stranger, account.guid)
    for nothing in (mint(0, bytes(15)), service.origin.origin.guid):
        with pytest.raises(NotFound):
            service.accounts.get_by_guid(service.origin, nothing)


def test_s17_revoking_an_account_ends_all_its_devices_and_invitations_at_once(service):
    first, second = service.bind("alice"), service.bind("alice")
    service.devices.revoke(first.guid, by=OPERATOR)
    service.devices.suspend(second.guid, by=OPERATOR)
    service.bind("alice")
    service.invitations.invite(service.origin, "alice")
    before = service.account()
    revoked = service.accounts.revoke(service.origin, "alice")
    assert revoked == service.account()
    assert (revoked.version, revoked.devices) == (before.version + 1, ())
    bindings = service.accounts.list_devices(service.origin, "alice")
    assert {binding.state for binding in bindings} == {BindingState.REVOKED}
    assert {binding.ended_at for binding in bindings} == {service.clock.now()}
    names = [event.event for event in service.events[-4:]]
    assert names == ["account.revoke", *["binding.revoke"] * 3]
    with pytest.raises(AccountUnbound):
        service.ask("alice", "Pay?")


def test_a_revoked_account_may_be_invited_again(service):
    service.bind("alice")
    service.accounts.revoke(service.origin, "alice")
    service.accounts.revoke(service.origin, "alice")
    service.bind("alice")
    service.ask("alice", "Pay?")


def test_no_other_app_spaces_account_is_revoked(service):
    service.bind("alice")
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    for party, account_id in ((stranger, "alice"), (service.origin, "nobody")):
        with pytest.raises(AccountUnknown):
            service.accounts.revoke(party, account_id)
    staff = service.new_origin(service.new_app_space("Staff", idp=service.idp.settings()), "Door")
    with pytest.raises(WrongKind):
        service.accounts.revoke(staff, "alice")
    service.ask("alice", "Pay?")
