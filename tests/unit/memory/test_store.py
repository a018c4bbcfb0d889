"""The reference store against every clause of `counterseal.ports`, by number."""

import itertools
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal.errors import Conflict, OperationReused, PartitionCrossed, WrongRecord
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal.models import (
    Account,
    AccountEventState,
    AddressKind,
    Admin,
    AppSpace,
    AuditEvent,
    AuthenticationState,
    Binding,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    ChallengeState,
    Change,
    Company,
    Guid,
    Login,
    LoginState,
    Notification,
    NotificationState,
    Occasion,
    Origin,
    RegistrationState,
)
from counterseal.models.guid import mint
from counterseal.ports import Due
from counterseal_testing.contracts.record_factory import RecordFactory

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(days=365)

_numbers = itertools.count(1)


def guid(partition=0) -> Guid:
    return mint(partition, next(_numbers).to_bytes(15))


def company(**changes):
    return Company(**{"guid": guid(), "name": "Bank", "created_at": NOW} | changes)


def account(**changes):
    members = {"guid": guid(), "app_space": SPACE, "account_id": "alice", "created_at": NOW}
    return Account(**members | changes)


def binding(**changes):
    members = {
        "guid": guid(),
        "state": BindingState.INVITED,
        "account": ALICE,
        "app_space": SPACE,
        "origin": None,
        "token_hash": b"",
        "deadline": NOW,
        "created_at": NOW,
    }
    return Binding(**members | changes)


def challenge(**changes):
    members = {
        "guid": guid(),
        "state": ChallengeState.PENDING,
        "app_space": SPACE,
        "origin": SPACE,
        "account": ALICE,
        "display": "{}",
        "display_hash": "",
        "buttons": (),
        "issued_at": NOW,
        "deadline": NOW,
        "keep_until": LATER,
    }
    return Challenge(**members | changes)


def callback(**changes):
    members = {
        "guid": guid(),
        "state": CallbackState.QUEUED,
        "challenge": SPACE,
        "account": ALICE,
        "origin": SPACE,
        "url": "https://rp.example.com/",
        "next_at": NOW,
        "created_at": NOW,
        "keep_until": LATER,
    }
    return Callback(**members | changes)


def notification(**changes):
    members = {
        "guid": guid(),
        "state": NotificationState.QUEUED,
        "occasion": Occasion.CHALLENGE,
        "subject": SPACE,
        "account": ALICE,
        "app_space": SPACE,
        "kind": AddressKind.RELAY,
        "devices": (),
        "next_at": NOW,
        "ends_at": LATER,
        "created_at": NOW,
        "keep_until": LATER,
    }
    return Notification(**members | changes)


def login(**changes):
    members = {
        "guid": guid(),
        "state": LoginState.STARTED,
        "app_space": SPACE,
        "redirect_uri": "https://service.example/idp",
        "app_return": "com.example.app:/login",
        "secret_hash": b"",
        "holder_hash": b"",
        "sealed_verifier": b"",
        "sealed_nonce": b"",
        "created_at": NOW,
        "deadline": NOW,
        "keep_until": LATER,
    }
    return Login(**members | changes)


SPACE, ALICE = guid(), guid()
EVENT = AuditEvent(at=NOW, event="company.create", actor="staff")


class Bench:
    """A store, its audit log, and commits with fresh operation ids."""

    def __init__(self):
        self.audit = MemoryAudit()
        self.store = MemoryStore(self.audit)
        self._operations = itertools.count()

    def commit(self, *changes, audit=(), operation=None):
        name = f"operation {next(self._operations)}" if operation is None else operation
        self.store.commit(tuple(Change(old, new) for old, new in changes), audit, name)

    def keep(self, *records):
        for record in records:
            self.commit((None, record))

    def change(self, old, **changes):
        new = attrs.evolve(old, version=old.version + 1, **changes)
        self.commit((old, new))
        return new

    def one(self, name):
        (record,) = self.store.get(name)
        return record


@pytest.fixture
def bench():
    return Bench()


def test_store_1_one_entry_for_each_guid_in_order_and_none_where_there_is_none(bench):
    first, second = company(), company()
    bench.keep(first, second)
    missing = guid()
    guids = (second.guid, missing, first.guid, second.guid)
    assert bench.store.get(*guids) == (second, None, first, second)
    assert bench.store.get() == ()


def test_store_2_what_the_last_commit_stored_is_returned(bench):
    bank = company()
    bench.keep(bank)
    bench.commit((bank, bank))
    renamed = bench.change(bank, name="Other bank")
    assert bench.one(bank.guid) == renamed


@pytest.mark.parametrize(
    "other", ["Alice", "alice ", "alic\N{LATIN SMALL LETTER E WITH ACUTE}", ""], ids=ascii
)
def test_store_3_accounts_are_found_by_exact_text(bench, other):
    alice = account()
    bench.keep(alice)
    assert bench.store.account(SPACE, "alice") == alice
    assert bench.store.account(SPACE, other) is None
    assert bench.store.account(guid(), "alice") is None


def test_store_3_two_spellings_of_one_character_are_two_accounts(bench):
    composed = account(account_id="\N{LATIN SMALL LETTER E WITH ACUTE}")
    decomposed = account(account_id="e\N{COMBINING ACUTE ACCENT}")
    bench.keep(composed, decomposed)
    assert bench.store.account(SPACE, composed.account_id) == composed
    assert bench.store.account(SPACE, decomposed.account_id) == decomposed


def test_store_4_bindings_of_every_state_oldest_first(bench):
    all_states = [binding(state=state) for state in reversed(BindingState)]
    bench.keep(*all_states, binding(account=guid()))
    assert bench.store.bindings(ALICE) == tuple(all_states)
    revoked = bench.change(all_states[0], state=BindingState.REVOKED)
    assert bench.store.bindings(ALICE) == (revoked, *all_states[1:])
    assert bench.store.bindings(guid()) == ()


def test_store_5_pending_is_unfinished_by_state_whatever_the_time(bench):
    unfinished = [challenge(), challenge(state=ChallengeState.SEEN)]
    finished = [
        challenge(state=state)
        for state in ChallengeState
        if state not in {ChallengeState.PENDING, ChallengeState.SEEN}
    ]
    bench.keep(*unfinished, *finished, challenge(account=guid()))
    assert bench.store.pending(ALICE) == tuple(unfinished)
    fetched = bench.change(unfinished[0], state=ChallengeState.SEEN)
    assert bench.store.pending(ALICE) == (fetched, unfinished[1])
    bench.change(fetched, state=ChallengeState.CANCELLED)
    assert bench.store.pending(ALICE) == (unfinished[1],)
    assert bench.store.pending(guid()) == ()


def test_store_6_tenancy_records_are_listed_under_their_parent(bench):
    bank, other = company(), company()
    space = AppSpace(guid=guid(), company=bank.guid, name="App", created_at=NOW)
    origin = Origin(guid=guid(), app_space=space.guid, name="Shop", created_at=NOW)
    root = Admin(guid=guid(), company=None, name="root", created_at=NOW)
    local = Admin(guid=guid(), company=bank.guid, name="local", created_at=NOW)
    bench.keep(bank, root, space, other, origin, local, account())
    assert bench.store.list(None) == (bank, root, other)
    assert bench.store.list(bank.guid) == (space, local)
    assert bench.store.list(space.guid) == (origin,)
    assert bench.store.list(guid()) == ()
    renamed = bench.change(bank, name="Bank and sons")
    assert bench.store.list(None) == (renamed, root, other)


@pytest.mark.parametrize(
    ("kind", "make", "moment"),
    [
        (Due.CHALLENGE, challenge, "deadline"),
        (Due.CALLBACK, callback, "next_at"),
        (Due.BINDING, binding, "deadline"),
        (Due.LOGIN, login, "deadline"),
        (Due.NOTIFICATION, notification, "next_at"),
    ],
)
def test_store_7_only_what_is_due_and_no_more_than_asked_for(bench, kind, make, moment):
    due = [make(**{moment: NOW - SECOND}), make(**{moment: NOW})]
    bench.keep(make(**{moment: NOW + timedelta(microseconds=1)}), *due)
    assert set(bench.store.due(kind, NOW, 9)) == set(due)
    assert len(bench.store.due(kind, NOW, 1)) == 1
    assert bench.store.due(kind, NOW, 0) == ()
    assert all(bench.store.due(other, NOW, 9) == () for other in Due if other is not kind)


def test_store_7_what_is_no_longer_due_is_not_returned(bench):
    question, invited = challenge(), binding()
    claimed = callback()
    started = login()
    notified = notification()
    factory = RecordFactory()
    zoe = factory.account()
    registration = factory.registration(zoe, deadline=NOW)
    authentication = factory.authentication(zoe, deadline=NOW)
    event = factory.account_event(zoe, created_at=NOW)
    bench.keep(question, invited, claimed, started, notified, registration, authentication, event)
    bench.change(event, state=AccountEventState.PUBLISHED)
    bench.change(registration, state=RegistrationState.REGISTERED)
    bench.change(authentication, state=AuthenticationState.AUTHENTICATED)
    bench.change(question, state=ChallengeState.ANSWERED)
    bench.change(notified, state=NotificationState.DELIVERED)
    bench.change(invited, state=BindingState.ACTIVE)
    bench.change(claimed, lease_until=NOW + SECOND)
    bench.change(started, state=LoginState.USED)
    assert [bench.store.due(kind, NOW, 9) for kind in Due] == [()] * len(Due)
    (due_again,) = bench.store.due(Due.CALLBACK, NOW + SECOND, 9)
    assert due_again.guid == claimed.guid


def test_store_7_a_record_that_changed_and_stayed_due_is_returned_once(bench):
    question = challenge()
    bench.keep(question)
    for wrong in range(1, 4):
        question = bench.change(question, wrong_codes=wrong)
    assert bench.store.due(Due.CHALLENGE, NOW, 9) == (question,)
    assert bench.store.due(Due.CHALLENGE, NOW, 9) == (question,)
    assert len(bench.store._due[Challenge, None]) == 1


@given(
    offsets=st.lists(st.integers(-5, 5), max_size=12),
    limit=st.integers(1, 4),
)
def test_store_8_whoever_deals_with_what_is_due_meets_all_of_it(offsets, limit):
    bench = Bench()
    callbacks = [callback(next_at=NOW + offset * SECOND) for offset in offsets]
    bench.keep(*callbacks)
    met = []
    while guids := bench.store.due(Due.CALLBACK, NOW, limit):
        assert len(guids) <= limit
        for record in guids:
            met.append(record.guid)
            bench.change(record, state=CallbackState.DELIVERED)
    assert sorted(met) == sorted(each.guid for each in callbacks if each.next_at <= NOW)


def test_store_8_looking_takes_nothing_away(bench):
    callbacks = [callback() for _ in range(3)]
    bench.keep(*callbacks)
    assert bench.store.due(Due.CALLBACK, NOW, 9) == bench.store.due(Due.CALLBACK, NOW, 9)


@given(
    ages=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    moves=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(CallbackState)), max_size=20),
    limit=st.integers(1, 4),
)
def test_store_23_and_24_the_dead_are_found_oldest_first_whatever_they_went_through(
    ages, moves, limit
):
    bench, origins = Bench(), (guid(), guid())
    callbacks = [
        callback(origin=origins[index % 2], created_at=NOW + age * SECOND)
        for index, age in enumerate(ages)
    ]
    bench.keep(*callbacks)
    for index, state in moves:
        callbacks[index % len(callbacks)] = bench.change(
            callbacks[index % len(callbacks)], state=state
        )
    for origin in origins:
        dead = [one for one in callbacks if (one.origin, one.state) == (origin, CallbackState.DEAD)]
        dead_guids = bench.store.dead(origin, 99)
        assert sorted(dead_guids, key=lambda one: one.guid) == sorted(
            dead, key=lambda one: one.guid
        )
        assert [one.created_at for one in dead_guids] == sorted(one.created_at for one in dead)
        assert bench.store.dead(origin, limit) == dead_guids[:limit]
    bench.store.forget(LATER + SECOND)
    assert [bench.store.dead(origin, 9) for origin in origins] == [(), ()]


def test_store_25_a_record_its_account_and_others_come_at_once(bench):
    alice, bank = account(guid=ALICE), company()
    question, invited, delivery = challenge(), binding(), callback()
    bench.keep(bank, question, invited, delivery)
    for record in (question, invited, delivery):
        assert bench.store.get_with_account(record.guid, bank.guid) == (record, None, bank)
    bench.keep(alice)
    for record in (question, invited, delivery):
        assert bench.store.get_with_account(record.guid, guid(), bank.guid) == (
            record,
            alice,
            None,
            bank,
        )
    assert bench.store.get_with_account(bank.guid) == (bank, None)
    assert bench.store.get_with_account(guid()) == (None, None)


def test_store_9_a_guid_is_created_once(bench):
    bank = company()
    bench.keep(bank)
    with pytest.raises(Conflict):
        bench.keep(attrs.evolve(bank, name="Other bank"))
    assert bench.one(bank.guid) == bank


def test_store_9_an_account_is_created_once_under_its_natural_key(bench):
    alice = account()
    bench.keep(alice)
    with pytest.raises(Conflict):
        bench.keep(account())
    assert bench.store.account(SPACE, "alice") == alice
    bench.keep(account(app_space=guid()), account(account_id="bob"))


def test_store_9_one_commit_creates_no_account_twice(bench):
    one, other = account(), account()
    with pytest.raises(Conflict):
        bench.commit((None, one), (None, other), audit=(EVENT,))
    assert bench.store.get(one.guid, other.guid) == (None, None)
    assert bench.store.account(SPACE, "alice") is None
    assert bench.audit.events == ()
    bench.commit((None, one), (None, account(account_id="bob")))


def test_store_10_a_swap_needs_the_version_that_it_was_decided_on(bench):
    bank = company()
    bench.keep(bank)
    bench.change(bank, name="First")
    with pytest.raises(Conflict):
        bench.change(bank, name="Second")
    assert bench.one(bank.guid).name == "First"


def test_store_10_a_swap_of_what_is_not_there_is_a_conflict(bench):
    with pytest.raises(Conflict):
        bench.change(company(), name="First")


def test_store_10_no_version_returns(bench):
    bank = company()
    bench.keep(bank)
    there = bench.change(bank, name="There")
    back = bench.change(there, name="Bank")
    assert back.name == bank.name
    with pytest.raises(Conflict):
        bench.change(bank, name="Again")


def test_store_11_a_guard_holds_the_commit_to_its_version(bench):
    watched, changed = company(), company()
    bench.keep(watched, changed)
    after = attrs.evolve(changed, version=2)
    bench.commit((watched, watched), (changed, after))
    assert bench.one(watched.guid) == watched
    bench.change(watched, name="Moved")
    with pytest.raises(Conflict):
        bench.commit((watched, watched), (after, attrs.evolve(after, version=3)))
    assert bench.one(changed.guid) == after


def test_store_11_a_guard_of_what_is_not_there_is_a_conflict(bench):
    nobody = company()
    with pytest.raises(Conflict):
        bench.commit((nobody, nobody), (None, company()))


@pytest.mark.parametrize("index", range(3))
def test_store_12_after_a_conflict_nothing_has_changed_and_nothing_is_recorded(bench, index):
    stale, swapped = company(), company()
    bench.keep(stale, swapped)
    bench.change(stale, name="Moved")
    fresh = company()
    changes = [(swapped, attrs.evolve(swapped, version=2, name="Swapped")), (None, fresh)]
    changes.insert(index, (stale, attrs.evolve(stale, version=2)))
    with pytest.raises(Conflict):
        bench.commit(*changes, audit=(EVENT,))
    assert bench.store.get(swapped.guid, fresh.guid) == (swapped, None)
    assert bench.store.list(None)[-1] != fresh
    assert bench.audit.events == ()


def test_store_13_one_commit_one_partition(bench):
    here, there = company(guid=guid(1)), company(guid=guid(2))
    with pytest.raises(PartitionCrossed):
        bench.commit((None, here), (None, there), audit=(EVENT,))
    bench.keep(here)
    with pytest.raises(PartitionCrossed):
        bench.commit((here, here), (None, there))
    assert bench.store.get(here.guid, there.guid) == (here, None)
    assert bench.audit.events == ()


@pytest.mark.parametrize("version", [0, 2, 7])
def test_store_14_a_new_record_begins_with_version_1(bench, version):
    with pytest.raises(WrongRecord):
        bench.keep(company(version=version))


@pytest.mark.parametrize("version", [0, 1, 3])
def test_store_14_a_swap_goes_one_version_on(bench, version):
    bank = company()
    bench.keep(bank)
    with pytest.raises(WrongRecord):
        bench.commit((bank, attrs.evolve(bank, version=version)))
    assert bench.one(bank.guid) == bank


def test_store_14_an_equal_record_that_is_not_the_same_object_is_no_guard(bench):
    bank = company()
    bench.keep(bank)
    with pytest.raises(WrongRecord):
        bench.commit((bank, attrs.evolve(bank)))


def test_a_commit_is_of_something_and_names_no_record_twice(bench):
    bank = company()
    with pytest.raises(WrongRecord):
        bench.commit()
    with pytest.raises(WrongRecord):
        bench.commit((None, bank), (bank, attrs.evolve(bank, version=2)))


def test_a_record_becomes_no_other_record(bench):
    bank = company()
    bench.keep(bank)
    with pytest.raises(WrongRecord):
        bench.commit((bank, company(version=2)))
    with pytest.raises(WrongRecord):
        bench.commit((bank, account(guid=bank.guid, version=2)))


def test_store_15_the_same_operation_again_succeeds_and_does_nothing(bench):
    bank = company()
    after = attrs.evolve(bank, version=2, name="Renamed")
    bench.commit((None, bank), operation="create", audit=(EVENT,))
    bench.commit((None, bank), operation="create", audit=(EVENT,))
    bench.commit((bank, after), operation="rename", audit=(EVENT,))
    bench.change(after, name="Moved on")
    bench.commit((bank, after), operation="rename", audit=(EVENT,))
    assert bench.one(bank.guid).name == "Moved on"
    assert bench.audit.events == (EVENT, EVENT)


def test_store_15_an_operation_that_was_not_applied_is_tried_afresh(bench):
    bank = company()
    change = (bank, attrs.evolve(bank, version=2))
    with pytest.raises(Conflict):
        bench.commit(change, operation="rename")
    bench.keep(bank)
    bench.commit(change, operation="rename")
    assert bench.one(bank.guid).version == 2


def test_store_16_the_same_operation_with_other_changes_is_misuse(bench):
    bench.commit((None, company()), operation="create")
    other = company()
    with pytest.raises(OperationReused):
        bench.commit((None, other), operation="create", audit=(EVENT,))
    assert bench.one(other.guid) is None
    assert bench.audit.events == ()


def test_store_17_of_concurrent_swaps_of_one_version_exactly_one_wins(bench, at_once):
    for _ in range(50):
        bank = company()
        bench.keep(bank)
        outcomes = at_once(*(partial(bench.change, bank, name=f"by {n}") for n in range(8)))
        winners = [outcome for outcome in outcomes if isinstance(outcome, Company)]
        assert [type(outcome) for outcome in outcomes].count(Conflict) == 7
        assert winners == [bench.one(bank.guid)]


def test_store_17_of_concurrent_creations_of_one_account_exactly_one_wins(bench, at_once):
    for number in range(50):
        accounts = [account(account_id=f"user {number}") for _ in range(8)]
        outcomes = at_once(*(partial(bench.keep, each) for each in accounts))
        assert [type(outcome) for outcome in outcomes].count(Conflict) == 7


def test_store_17_a_reader_never_sees_half_a_commit(bench, at_once):
    first, second = company(), company()
    bench.keep(first, second)

    def write():
        pair = (first, second)
        for _ in range(200):
            after = tuple(attrs.evolve(record, version=record.version + 1) for record in pair)
            bench.commit(*zip(pair, after, strict=True))
            pair = after

    def read():
        pairs = [bench.store.get(first.guid, second.guid) for _ in range(400)]
        return all(one.version == other.version for one, other in pairs)

    assert at_once(write, read, read, read)[1:] == [True, True, True]


def test_operations_are_remembered_while_they_may_be_retried_and_not_for_ever(bench):
    bank = company()
    bench.commit((None, bank), operation="first")
    for number in range(4095):
        bench.commit((bank, bank), operation=f"guard {number}")
    bench.commit((None, bank), operation="first")
    bench.commit((bank, bank), operation="one too many")
    with pytest.raises(Conflict):
        bench.commit((None, bank), operation="first")


def test_nothing_is_forgotten_before_its_time_and_nothing_that_is_still_due(bench):
    over, present = NOW - SECOND, NOW
    forgettable = [
        challenge(state=ChallengeState.ANSWERED, keep_until=over),
        callback(state=CallbackState.DELIVERED, keep_until=over),
        login(state=LoginState.USED, keep_until=over),
    ]
    lasting = [
        challenge(state=ChallengeState.ANSWERED, keep_until=present),
        challenge(keep_until=over),
        callback(keep_until=over),
        login(keep_until=over),
        account(),
        binding(state=BindingState.REVOKED),
        company(),
    ]
    bench.keep(*forgettable, *lasting)
    assert bench.store.forget(NOW) == 3
    assert bench.store.get(*(each.guid for each in forgettable)) == (None,) * 3
    assert bench.store.get(*(each.guid for each in lasting)) == tuple(lasting)
    assert bench.store.forget(NOW) == 0


def test_an_index_that_names_a_record_of_another_kind_is_misuse(bench):
    bank = company()
    bench.keep(bank)
    with pytest.raises(WrongRecord):
        bench.store._require(bank.guid, Account)


def test_a_commits_events_are_in_the_stores_own_audit_log(bench):
    bench.commit((None, company()), audit=(EVENT,))
    assert bench.store.recorded() == bench.audit.events == (EVENT,)


def test_the_audit_log_is_append_only_for_its_readers(bench):
    bench.audit.record(EVENT)
    events = bench.audit.events
    bench.audit.record(EVENT)
    assert (events, len(bench.audit.events)) == ((EVENT,), 2)
