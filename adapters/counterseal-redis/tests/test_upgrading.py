"""An upgrade adds what an older release did not write, whatever happens meanwhile."""

from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from attrs import evolve

from counterseal.errors import StoreUnavailable
from counterseal.memory import SystemEntropy
from counterseal.models import OPERATOR, CallbackState, Change
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal.ports import Due
from counterseal_records import check, microseconds
from counterseal_redis import (
    NEWEST_UPGRADE,
    KeyspaceTooNew,
    RedisInventory,
    RedisStore,
    commit,
    gauges,
    recount,
    server_times,
    upgrade,
    upgrade_number,
    upgrading,
    with_redis,
)
from counterseal_redis.codec import guid_bytes
from counterseal_redis.commands import GAUGE
from counterseal_redis.gauges import OLDER_GAUGES
from counterseal_redis.indexes import due_index
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.contracts.record_factory import RecordFactory, next_version
from counterseal_testing.contracts.store_gauges import count_gauges
from counterseal_testing.service import CALLBACK

USERS = ("zoe", "adam", "zoë", "zo\x00", "eve")
EXPECTED = ["zo\x00", "zoe", "zoë"]


@pytest.fixture
def keyspace(server, new_keyspace):
    return new_keyspace(server)


@pytest.fixture
def world(keyspace, monkeypatch):
    """A service whose accounts an older release has written; one of them is erased."""
    monkeypatch.setattr(upgrading, "PAGE", 2)

    def adapters(ports):
        return evolve(with_redis(ports, keyspace), wake=ports.wake, entropy=SystemEntropy())

    world = FakeService(adapters=adapters)
    for user in (*USERS, "zoe, who has left"):
        world.invitations.invite(world.origin, user)
    world.accounts.erase(guid_of(world, "zoe, who has left"), by=OPERATOR)
    for partition in range(PARTITIONS):
        keyspace.client.delete(keyspace.key(partition, "q"))
    assert search(world) == []
    return world


def guid_of(world, user):
    return world.ports.store.account(world.app_space.guid, user).guid


def search(world, prefix="zo"):
    page = world.accounts.search(world.app_space.guid, prefix, by=OPERATOR)
    assert page.after is None
    return [account.account_id for account in page.accounts]


def violations(keyspace):
    return check(RedisInventory(keyspace, FrozenClock()), FrozenClock(), max).violations


def test_every_account_is_searched_after_the_upgrade(world, keyspace):
    assert len(violations(keyspace)) == len(USERS)

    assert upgrade(keyspace) == len(USERS)

    assert search(world) == EXPECTED
    assert violations(keyspace) == ()


def test_the_number_is_read_and_nothing_is_written(keyspace):
    assert upgrade_number(keyspace) is None
    assert keyspace.client.get(keyspace.key(0, "v")) is None
    upgrade(keyspace)
    assert upgrade_number(keyspace) == NEWEST_UPGRADE


def test_the_time_of_each_server_is_read(keyspace):
    before, times, after = datetime.now(UTC), server_times(keyspace), datetime.now(UTC)

    assert times
    assert all(before <= time <= after for time in times)


def test_it_is_done_once(world, keyspace):
    upgrade(keyspace)
    partition = partition_of(guid_of(world, "zoe"))
    keyspace.client.delete(keyspace.key(partition, "q"))

    assert upgrade(keyspace) == 0
    assert search(world) == [
        user for user in EXPECTED if partition_of(guid_of(world, user)) != partition
    ]


@pytest.mark.parametrize("number", [b"3", b"10", b"2.1"])
def test_an_older_release_refuses_the_key_space_of_a_newer_one(world, keyspace, number):
    key = keyspace.key(0, "v")
    keyspace.client.set(key, number)

    with pytest.raises(KeyspaceTooNew) as raised:
        upgrade(keyspace)

    release = f"counterseal-redis {version('counterseal-redis')}"
    assert str(raised.value).startswith(
        f"the key space has upgrade {number.decode()}, and {release} reads up to 2: "
    )
    assert keyspace.client.get(key) == number
    assert search(world) == []


def test_one_that_was_interrupted_is_done_again(world, keyspace, monkeypatch):
    pages = []

    def add_one_page(*arguments):
        if pages:
            raise StoreUnavailable
        pages.append(arguments)
        return add(*arguments)

    add = upgrading._add_search_keys
    monkeypatch.setattr(upgrading, "_add_search_keys", add_one_page)
    with pytest.raises(StoreUnavailable):
        upgrade(keyspace)
    monkeypatch.setattr(upgrading, "_add_search_keys", add)

    assert 0 < len(violations(keyspace)) < len(USERS)
    assert upgrade(keyspace) == len(USERS)
    assert search(world) == EXPECTED


def test_an_account_that_is_erased_meanwhile_stays_gone(world, keyspace, monkeypatch):
    call_read = type(keyspace).read

    def erase_after_the_accounts_are_read(self, *calls, confirm=False):
        if confirm and any(call.script is upgrading.INDEX_ACCOUNT for call in calls):
            monkeypatch.setattr(type(keyspace), "read", call_read)
            for user in USERS:
                world.accounts.erase(guid_of(world, user), by=OPERATOR)
        return call_read(self, *calls, confirm=confirm)

    monkeypatch.setattr(type(keyspace), "read", erase_after_the_accounts_are_read)

    assert upgrade(keyspace) == 0
    assert search(world, "") == []
    assert violations(keyspace) == ()


@pytest.fixture
def active_world(world, keyspace):
    """The same with a device, an open question and a queued callback, and nothing counted yet."""
    phone = world.bind("carol")
    phone.answer(world.ask("carol", "Lunch?", callback=CALLBACK).challenge)
    world.ask("carol", "Dinner?")
    for partition in range(PARTITIONS):
        keyspace.client.delete(keyspace.key(partition, "gr"), keyspace.key(partition, "gs"))
    assert world.ports.store.gauges(None) == {}
    return world


def counted(keyspace):
    inventory = RedisInventory(keyspace, FrozenClock())
    contents = inventory.read_partitions(range(PARTITIONS))
    return count_gauges(one.record for each in contents for one in each.records)


@pytest.mark.parametrize("number", [None, b"1"])
def test_every_record_is_counted_after_the_upgrade(active_world, keyspace, number):
    if number:
        keyspace.client.set(keyspace.key(0, "v"), number)
    expected = counted(keyspace)
    assert len(expected) == 3

    assert upgrade(keyspace) == sum(expected.values()) + (0 if number else len(USERS) + 1)

    assert active_world.ports.store.gauges(None) == expected
    keyspace.client.set(keyspace.key(0, "v"), b"1")
    assert upgrade(keyspace) == 0
    assert active_world.ports.store.gauges(None) == expected


def test_a_record_that_is_changed_meanwhile_is_counted_as_it_is_then(
    active_world, keyspace, monkeypatch
):
    call_read = type(keyspace).read

    def end_after_the_records_are_read(self, *calls, confirm=False):
        if confirm and any(call.script is GAUGE for call in calls):
            monkeypatch.setattr(type(keyspace), "read", call_read)
            account = active_world.ports.store.account(active_world.app_space.guid, "carol")
            for one in active_world.ports.store.pending(account.guid):
                active_world.challenges.cancel(active_world.origin, one.guid)
        return call_read(self, *calls, confirm=confirm)

    monkeypatch.setattr(type(keyspace), "read", end_after_the_records_are_read)

    upgrade(keyspace)

    assert active_world.ports.store.gauges(None) == counted(keyspace)
    assert violations(keyspace) == ()


def test_a_record_that_is_changed_meanwhile_and_counts_as_before_is_counted(
    active_world, keyspace, monkeypatch
):
    call_read = type(keyspace).read
    store = active_world.ports.store

    def change_after_the_records_are_read(self, *calls, confirm=False):
        if confirm and any(call.script is GAUGE for call in calls):
            monkeypatch.setattr(type(keyspace), "read", call_read)
            account = store.account(active_world.app_space.guid, "carol")
            store.commit((Change(account, evolve(account, version=account.version + 1)),), (), "x")
        return call_read(self, *calls, confirm=confirm)

    monkeypatch.setattr(type(keyspace), "read", change_after_the_records_are_read)

    upgrade(keyspace)

    assert store.gauges(None) == counted(keyspace)
    assert violations(keyspace) == ()


def write_as_the_release_before(world, keyspace, monkeypatch, change):
    """Let *change* happen in a process whose gauges have another form, under other keys."""
    for module in (gauges, commit):
        for name, key in zip(("GAUGED", "GAUGES"), OLDER_GAUGES, strict=True):
            monkeypatch.setattr(module, name, key)
    monkeypatch.setattr(commit, "FIXED_KEYS", (*commit.FIXED_KEYS[:2], *OLDER_GAUGES))
    change()
    monkeypatch.undo()


@pytest.fixture
def mixed_world(active_world, keyspace, monkeypatch):
    """The same, upgraded; then the release before ended a question, bound a device and asked."""
    upgrade(keyspace)
    account = active_world.ports.store.account(active_world.app_space.guid, "carol")
    (question,) = active_world.ports.store.pending(account.guid)

    def change():
        active_world.challenges.cancel(active_world.origin, question.guid)
        active_world.bind("dave")
        active_world.ask("dave", "Tea?", callback=CALLBACK)
        active_world.ask("dave", "Cake?")

    write_as_the_release_before(active_world, keyspace, monkeypatch, change)
    assert active_world.ports.store.gauges(None) != counted(keyspace)
    return active_world


def older_keys(keyspace):
    return [
        key
        for partition in range(PARTITIONS)
        for key in (keyspace.key(partition, name) for name in OLDER_GAUGES)
        if keyspace.client.exists(key)
    ]


@pytest.mark.parametrize("count", [recount, upgrade])
def test_what_the_release_before_wrote_meanwhile_is_counted(mixed_world, keyspace, count):
    assert older_keys(keyspace)

    assert count(keyspace) > 0

    assert mixed_world.ports.store.gauges(None) == counted(keyspace)
    assert violations(keyspace) == ()
    assert older_keys(keyspace) == []
    assert count(keyspace) == 0
    assert keyspace.client.get(keyspace.key(0, "v")) == b"2"


def test_a_recount_that_was_interrupted_begins_anew(mixed_world, keyspace, monkeypatch):
    def fail(*_):
        raise StoreUnavailable

    monkeypatch.setattr(upgrading, "_add_gauges", fail)
    with pytest.raises(StoreUnavailable):
        recount(keyspace)
    monkeypatch.undo()
    assert older_keys(keyspace) == []

    upgrade(keyspace)

    assert mixed_world.ports.store.gauges(None) == counted(keyspace)


def test_what_is_gone_counts_no_more(active_world, keyspace, monkeypatch):
    upgrade(keyspace)
    account = active_world.ports.store.account(active_world.app_space.guid, "carol")
    (question,) = active_world.ports.store.pending(account.guid)

    def change():
        active_world.ask("carol", "Tea?")
        keyspace.client.delete(keyspace.record(question.guid))

    write_as_the_release_before(active_world, keyspace, monkeypatch, change)
    recount(keyspace)

    assert active_world.ports.store.gauges(None) == counted(keyspace)


def test_a_newer_release_is_no_reason_to_count(mixed_world, keyspace):
    keyspace.client.set(keyspace.key(0, "v"), b"3")

    assert recount(keyspace) == 0
    assert older_keys(keyspace)


def test_a_broken_record_does_not_stop_it(world, keyspace):
    adam = guid_of(world, "adam")
    keyspace.client.set(keyspace.record(adam), b"1 - 1 - form\n{}")

    assert upgrade(keyspace) == len(USERS) - 1
    assert search(world) == EXPECTED


def test_keys_of_others_are_left_alone(world, keyspace, new_keyspace, server):
    other = new_keyspace(server)
    keyspace.client.set(keyspace.key(0, f"n{'!' * 43}"), b"nothing")

    assert upgrade(other) == 0
    assert upgrade(keyspace) == len(USERS)


def test_callbacks_that_an_older_release_has_delivered_hide_nothing_in_their_queue(keyspace):
    """It does not know the queue of an origin, and so it leaves them there."""
    store, factory = RedisStore(keyspace, FrozenClock()), RecordFactory()
    account = factory.account()
    callbacks = [factory.callback(account) for _ in range(7)]
    origin = callbacks[0].origin
    for number, callback in enumerate(callbacks):
        store.commit((Change(None, callback),), (), f"create {number}")
    for number, callback in enumerate(callbacks[:6]):
        ended = next_version(callback, state=CallbackState.DELIVERED)
        store.commit((Change(callback, ended),), (), f"end {number}")
        entry = {guid_bytes(callback.guid): microseconds(callback.next_at)}
        key = keyspace.key(partition_of(callback.guid), due_index(Due.CALLBACK, origin))
        keyspace.client.zadd(key, entry)

    now = max(callback.next_at for callback in callbacks)
    assert store.due(Due.CALLBACK, now, 2, origin) == (callbacks[6],)
    assert keyspace.client.zcard(key) == 1
