"""The inventory finds every violation in a key space, and copies it into another one."""

import pytest
from attrs import evolve
from redis_servers import fresh_prefix

from counterseal.errors import Indeterminate, StoreUnavailable
from counterseal.invariants import Violation
from counterseal.memory import SystemEntropy
from counterseal.models import AddressKind, PushAddress
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import (
    SameStore,
    SourceUnsound,
    TargetDiffers,
    check,
    copy_store,
    search_key,
)
from counterseal_redis import Keyspace, RedisAudit, RedisInventory, RedisStore, with_redis
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.service import CALLBACK

USERS = ("zoe", "adam", "eve")
HERE = PushAddress(kind=AddressKind.RELAY, value="here")


@pytest.fixture
def keyspace(server, new_keyspace):
    return new_keyspace(server)


@pytest.fixture
def world(keyspace):
    """A service with records of every kind, of two companies; some have ended or are dead."""

    def adapters(ports):
        return evolve(with_redis(ports, keyspace), wake=ports.wake, entropy=SystemEntropy())

    world = FakeService(adapters=adapters)
    world.administration.create_company("Another Ltd")
    world.invitations.invite(world.origin, "nobody yet")
    for user in USERS:
        phone = world.bind(user, addresses=(HERE,))
        first, second, third = (world.ask(user, "Pay?", callback=CALLBACK) for _ in range(3))
        phone.answer(phone.fetch(first.challenge.guid))
        phone.answer(second.challenge, 1)
        world.challenges.cancel(world.origin, third.challenge.guid)
        world.ask(user, "Still open?")
    world.sender.script(410, 204, 410)
    world.deliver()
    return world


def checked(keyspace):
    result = check(RedisInventory(keyspace, FrozenClock()), FrozenClock(), max)
    return result.records, list(result.violations)


def record_key(keyspace, guid):
    return keyspace.key(partition_of(guid), guid)


def an_open_one(world):
    account = world.ports.store.account(world.app_space.guid, USERS[0])
    return world.ports.store.pending(account.guid)[0]


def test_the_records_of_the_core_have_no_violation(keyspace, world):
    records, flaws = checked(keyspace)

    assert flaws == []
    # Tenancy, users, the event of each bind, and who is invited; the fifth notification is of the
    # cancelled question.
    assert records == 4 + 3 * (2 + 4 + 3 + 5 + 1) + 2


def test_some_partitions_are_read_as_with_all_others(keyspace, world):
    inventory = RedisInventory(keyspace, FrozenClock())
    contents = list(inventory.read_partitions(range(PARTITIONS)))
    account = world.ports.store.account(world.app_space.guid, USERS[0])

    for part in ([partition_of(account.guid)], [255, 0], range(9, 250), range(128), []):
        assert list(inventory.read_partitions(part)) == [contents[number] for number in part]


def test_a_missing_record_is_noticed(keyspace, world):
    open_ = an_open_one(world)
    keyspace.client.delete(record_key(keyspace, open_.guid))

    _, flaws = checked(keyspace)

    assert Violation(open_.guid, "it is in the index p, and should not be") in flaws
    assert Violation(open_.guid, "it is in the index dchallenge, and should not be") in flaws
    assert Violation(open_.guid, "its account lists it as open, and it is not there") in flaws


@pytest.mark.parametrize("key", ["gr", "gs"])
def test_a_missing_gauge_is_noticed(keyspace, world, key):
    for partition in range(PARTITIONS):
        keyspace.client.delete(keyspace.key(partition, key))

    _, flaws = checked(keyspace)

    assert flaws
    assert all("gauge" in flaw.problem for flaw in flaws)


@pytest.mark.parametrize("index", ["p", "dchallenge", "dnotification.relay", "b", "t", "x", "q"])
def test_a_missing_index_is_noticed(keyspace, world, index):
    for partition in range(PARTITIONS):
        keyspace.client.delete(keyspace.key(partition, index))

    _, flaws = checked(keyspace)

    assert flaws
    assert {flaw.problem for flaw in flaws} == {f"it is not in the index {index}"}


def test_a_missing_natural_key_is_noticed(keyspace, world):
    account = world.ports.store.account(world.app_space.guid, USERS[0])
    keys = keyspace.client.scan_iter(f"{keyspace.prefix}:{{{account.guid[:2]}}}:n*")
    # Another account may be in the same partition.
    (key,) = [key for key in keys if keyspace.client.get(key) == account.guid.encode()]
    keyspace.client.delete(key)

    _, flaws = checked(keyspace)

    assert [flaw.subject for flaw in flaws] == [account.guid]


def test_a_search_key_without_an_account_is_noticed(keyspace, world):
    account = world.ports.store.account(world.app_space.guid, USERS[0])
    key = search_key(world.app_space.guid, "nobody")
    keyspace.client.zadd(keyspace.key(partition_of(account.guid), "q"), {key: 0})

    _, flaws = checked(keyspace)

    assert flaws == [Violation(world.app_space.guid, "it is in the index q, and should not be")]


def test_an_unreadable_record_is_noticed(keyspace, world):
    open_ = an_open_one(world)
    keyspace.client.set(record_key(keyspace, open_.guid), b"1 - 1 - form\n{}")

    _, flaws = checked(keyspace)

    assert Violation(open_.guid, "it cannot be read, or is not what its first line says") in flaws


def test_a_copy_is_the_same_in_every_list(server, world, keyspace, new_keyspace):
    other = new_keyspace(server)

    *_, last = copy(keyspace, other)

    assert contents_of(other, world) == contents_of(keyspace, world)
    assert last.events == len(RedisAudit(keyspace).all_entries())
    assert checked(other) == checked(keyspace)
    # Later lines are younger.
    copied = RedisStore(other, FrozenClock())
    RedisAudit(other).record(RedisAudit(keyspace).all_entries()[0].event)
    assert RedisAudit(other).all_entries()[-1].position > "1"
    assert copied.get(world.company.guid) == (world.company,)


def test_an_interrupted_copy_is_continued(server, world, keyspace, new_keyspace):
    other = new_keyspace(server)
    broken = 0
    while True:
        try:
            list(copy(keyspace, other, kind=Breaking, good=1))
        except Indeterminate:
            broken += 1
        else:
            break

    assert broken > 3  # users may be in one partition, which is copied at once
    assert contents_of(other, world) == contents_of(keyspace, world)


def test_a_different_record_is_never_overwritten(server, world, keyspace, new_keyspace):
    other = new_keyspace(server)
    list(copy(keyspace, other))
    world.challenges.cancel(world.origin, an_open_one(world).guid)

    with pytest.raises(TargetDiffers):
        list(copy(keyspace, other))


def test_a_store_with_a_violation_is_not_copied(server, world, keyspace, new_keyspace):
    keyspace.client.delete(keyspace.key(partition_of(an_open_one(world).guid), "p"))

    with pytest.raises(SourceUnsound):
        list(copy(keyspace, new_keyspace(server)))


def test_a_store_is_not_copied_into_itself(server, world, keyspace):
    with pytest.raises(SameStore):
        list(copy(keyspace, Keyspace(server.client(), prefix=keyspace.prefix)))


class Breaking(RedisInventory):
    """A target that fails after some pages."""

    good = 0

    def load(self, records, operation):
        if not self.good:
            raise Indeterminate
        self.good -= 1
        super().load(records, operation)


def copy(keyspace, other, *, kind=RedisInventory, good=None):
    clock, entropy = FrozenClock(), SystemEntropy()
    target = kind(other, clock)
    if good is not None:
        target.good = good
    return copy_store(RedisInventory(keyspace, clock), target, lambda: entropy.token(16).hex())


def contents_of(keyspace, world):
    """Return the results of every verb."""
    store = RedisStore(keyspace, FrozenClock())
    accounts = [store.account(world.app_space.guid, user) for user in USERS]
    return (
        store.list(None),
        store.list(world.company.guid),
        store.dead(world.origin.origin.guid, 10),
        store.search(world.app_space.guid, "", None, 10),
        accounts,
        [store.bindings(account.guid) for account in accounts],
        [store.pending(account.guid) for account in accounts],
        [entry.event for entry in RedisAudit(keyspace).all_entries()],
    )


def test_without_a_server_the_inventory_is_unavailable(nowhere):
    client = nowhere.client()
    with pytest.raises(StoreUnavailable):
        list(
            RedisInventory(Keyspace(client, prefix=fresh_prefix()), FrozenClock()).read_partitions(
                [0]
            )
        )
