"""What an origin may see of its users, and what locks one."""

from datetime import timedelta

import attrs
import pytest

from counterseal import Accounts
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
from counterseal.models.guid import account_partition, derive_guid, mint
from counterseal.policy import STANDARD


def test_an_origin_sees_its_users(service):
    service.invitations.invite(service.origin, "alice", user_info="a card holder")
    account = service.accounts.get(service.origin, "alice")
    assert account == service.account()
    assert account.user_info == "a card holder"


def test_an_origin_sees_no_other_app_spaces_users(service):
    service.bind("alice")
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    for party, account_id in ((stranger, "alice"), (service.origin, "nobody")):
        with pytest.raises(AccountUnknown):
            service.accounts.get(party, account_id)
        assert service.accounts.list_devices(party, account_id) == ()
        assert not service.accounts.has_device(party, account_id)


@pytest.mark.alone
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


def test_a_user_has_a_device_if_one_can_answer(service):
    def can_ask():
        try:
            service.ask("alice", "Pay?")
        except AccountUnbound:
            return False
        return True

    service.invitations.invite(service.origin, "alice")
    assert service.accounts.has_device(service.origin, "alice") is can_ask() is False
    phone = service.bind("alice")
    assert service.accounts.has_device(service.origin, "alice") is can_ask() is True
    service.devices.revoke(phone.guid, by=OPERATOR)
    assert service.accounts.has_device(service.origin, "alice") is can_ask() is False


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


@pytest.mark.alone
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


@pytest.mark.alone
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


@pytest.fixture
def users(service):
    """Invite users of two App Spaces; return those of the service's own, in order."""
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    service.invitations.invite(stranger, "alice")
    ids = ["ada", "adam", "alice", "alice@example.com", "alicë", "bob"]
    for account_id in reversed(ids):
        service.invitations.invite(service.origin, account_id)
    return ids


def search(service, prefix, **members):
    page = service.accounts.search(service.app_space.guid, prefix, by=OPERATOR, **members)
    return [account.account_id for account in page.accounts], page.after


def test_users_are_searched_by_the_beginning_of_their_ids(service, users):
    assert search(service, "") == (users, None)
    assert search(service, "ali") == (users[2:5], None)
    assert search(service, "alice") == (users[2:4], None)
    assert search(service, "Ali") == ([], None)
    assert search(service, "alice@example.com.") == ([], None)


def test_a_page_says_where_the_next_one_begins(service, users):
    assert search(service, "a", limit=2) == (users[:2], "adam")
    assert search(service, "a", after="adam", limit=2) == (users[2:4], users[3])
    assert search(service, "a", after=users[3], limit=2) == (users[4:5], None)
    assert search(service, "a", limit=5) == (users[:5], None)
    assert search(service, "a", limit=4) == (users[:4], users[3])


def test_a_user_is_searched_by_the_whole_guid(service, users):
    account = service.account("bob")
    assert search(service, account.guid) == (["bob"], None)
    assert search(service, account.guid, limit=1) == (["bob"], None)
    for text in (account.guid[:-1], account.guid.upper(), f"{account.guid} ", mint(0, bytes(15))):
        assert search(service, text) == ([], None)
    (stranger,) = (one for one in service.records().values() if named_elsewhere(service, one))
    assert search(service, stranger.guid) == ([], None)
    assert search(service, service.origin.origin.guid) == ([], None)
    service.accounts.erase(account.guid, by=OPERATOR)
    assert search(service, account.guid) == ([], None)


def named_elsewhere(service, record):
    alice = getattr(record, "account_id", None) == "alice"
    return alice and record.app_space != service.app_space.guid


def test_an_id_that_begins_with_a_guid_is_found_after_the_account_of_that_guid(service, users):
    guid = service.account("bob").guid
    for account_id in (f"{guid}/b", f"{guid}/a"):
        service.invitations.invite(service.origin, account_id)
    assert search(service, guid) == (["bob", f"{guid}/a", f"{guid}/b"], None)
    assert search(service, guid, limit=1) == (["bob"], "")
    assert search(service, guid, limit=2) == (["bob", f"{guid}/a"], f"{guid}/a")
    assert search(service, guid, after="", limit=1) == ([f"{guid}/a"], f"{guid}/a")
    assert search(service, guid, after=f"{guid}/a", limit=1) == ([f"{guid}/b"], None)


def test_an_account_whose_id_is_its_own_guid_is_found_once(service):
    guid = derive_guid(0, "anything")
    service.invitations.invite(service.origin, guid)
    account = service.account(guid)
    own = attrs.evolve(account, guid=guid, account_id=guid, version=1)
    if account_partition(service.app_space.guid, guid) == 0:
        pytest.fail("choose another text: the first account would be in the partition of its id")
    service.ports.store.commit((Change(account, revised(account, f"{guid} was here")),), (), "one")
    service.ports.store.commit((Change(None, own),), (), "two")
    assert search(service, guid) == ([guid, f"{guid} was here"], None)


def revised(account, account_id):
    return attrs.evolve(account, account_id=account_id, version=account.version + 1)


def test_an_erased_user_is_searched_no_more(service, users):
    service.accounts.erase(service.account("alice").guid, by=OPERATOR)
    assert search(service, "ali") == (users[3:5], None)
    assert search(service, "erased:") == ([], None)
    service.invitations.invite(service.origin, "alice")
    assert search(service, "ali") == (users[2:5], None)


def search_part(service, part, **members):
    page = service.accounts.search_part(service.app_space.guid, part, by=OPERATOR, **members)
    return [account.account_id for account in page.accounts], page.after


@pytest.fixture
def parts(service):
    """Invite users, a second apart; return their ids, the oldest first."""
    ids = [
        "Zoe@Example.com",
        "adam@example.com",
        "STRASSE 7",
        "straße 8",
        "zoe",
        "x zoe",
        "zo\u0308e",
    ]
    for account_id in ids:
        service.invitations.invite(service.origin, account_id)
        service.clock.advance(timedelta(seconds=1))
    return ids


def test_users_are_searched_by_a_part_of_their_ids_whatever_the_case(service, parts):
    assert service.accounts.finds_parts
    assert search_part(service, "EXAMPLE") == (parts[:2], None)
    assert search_part(service, "straße") == (parts[2:4], None)
    assert search_part(service, "sse") == (parts[2:4], None)
    assert search_part(service, "oe@") == (parts[:1], None)
    # Nothing is normalized.
    assert search_part(service, "o\u0308e") == (parts[6:], None)
    assert search_part(service, "zöe") == ([], None)


def test_the_user_who_has_the_whole_id_is_first_on_the_first_page_only(service, parts):
    assert search_part(service, "zoe") == (["zoe", parts[0], "x zoe"], None)
    pages, after = [], None
    while len(pages) < 9:
        page, after = search_part(service, "zoe", after=after, limit=1)
        pages.append(page)
        if after is None:
            break
    assert [account_id for page in pages for account_id in page] == ["zoe", parts[0], "x zoe"]
    assert pages[0] == ["zoe"]


def test_a_user_is_searched_by_the_whole_guid_among_parts(service, parts):
    account = service.account("x zoe")
    service.invitations.invite(service.origin, f"of {account.guid.upper()}")
    assert search_part(service, account.guid) == (["x zoe", f"of {account.guid.upper()}"], None)
    assert search_part(service, account.guid, limit=1) == (["x zoe"], "")
    rest = search_part(service, account.guid, after="", limit=1)
    assert rest == ([f"of {account.guid.upper()}"], None)


def test_erased_users_and_those_of_others_are_not_searched_by_a_part(service, parts):
    stranger = service.new_origin(service.new_app_space("Insurance"), "Claims")
    service.invitations.invite(stranger, "another zoe")
    service.accounts.erase(service.account("zoe").guid, by=OPERATOR)
    assert search_part(service, "zoe") == ([parts[0], "x zoe"], None)
    assert search_part(service, "erased:") == ([], None)


class OnlyBeginnings:
    """A store that finds no parts."""

    search_part = None

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_where_a_store_finds_no_parts_users_are_searched_by_the_beginning(service, parts):
    ports = attrs.evolve(service.ports, store=OnlyBeginnings(service.ports.store))
    accounts, space = Accounts(ports, service.policy), service.app_space.guid
    assert not accounts.finds_parts
    page = accounts.search_part(space, "zoe", limit=1, by=OPERATOR)
    assert ([one.account_id for one in page.accounts], page.after) == (["zoe"], None)
    page = accounts.search_part(space, "Zoe", by=OPERATOR)
    assert page == accounts.search(space, "Zoe", by=OPERATOR)
    with pytest.raises(InvalidField, match="part: shorter than 3 characters"):
        accounts.search_part(space, "zo", by=OPERATOR)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"part": "a" * 257}, "part"),
        ({"part": "lone \ud800"}, "part"),
        ({"part": 123}, "part"),
        ({"part": "ab"}, "part"),
        ({"part": ""}, "part"),
        ({"after": "alice"}, "after"),
        ({"after": 1}, "after"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
    ],
)
def test_a_search_by_a_part_that_does_not_fit_is_refused_by_field(service, members, field):
    with pytest.raises(InvalidField) as caught:
        service.accounts.search_part(
            service.app_space.guid, by=OPERATOR, **{"part": "abc"} | members
        )
    assert caught.value.field == field
    assert service.events[-1].event == "account.search"


def test_a_part_is_searched_in_a_known_app_space_only(service):
    for guid in (mint(0, bytes(15)), service.origin.origin.guid):
        with pytest.raises(NotFound):
            service.accounts.search_part(guid, "abc", by=OPERATOR)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"prefix": "a" * 257}, "prefix"),
        ({"prefix": "lone \ud800"}, "prefix"),
        ({"prefix": 1}, "prefix"),
        ({"after": "a" * 257}, "after"),
        ({"after": "lone \ud800"}, "after"),
        ({"after": 1}, "after"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
    ],
)
def test_a_search_that_does_not_fit_is_refused_by_field(service, members, field):
    with pytest.raises(InvalidField) as caught:
        service.accounts.search(service.app_space.guid, by=OPERATOR, **{"prefix": "a"} | members)
    assert caught.value.field == field
    assert service.events[-1].event == "account.search"


def test_an_unknown_app_space_is_not_searched(service):
    for guid in (mint(0, bytes(15)), service.origin.origin.guid):
        with pytest.raises(NotFound):
            service.accounts.search(guid, "a", by=OPERATOR)
