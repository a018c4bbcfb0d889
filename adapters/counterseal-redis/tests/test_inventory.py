"""The inventory finds every violation in a key space, and copies it into another one."""

import pytest
from inventory_contract import USERS, InventoryContract
from redis_servers import fresh_prefix

from counterseal.errors import StoreUnavailable
from counterseal.invariants import Violation
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import search_key
from counterseal_redis import Keyspace, RedisAudit, RedisInventory, RedisStore, with_redis
from counterseal_testing import FrozenClock


class TestRedisInventory(InventoryContract):
    @pytest.fixture
    def new_medium(self, server, new_keyspace):
        self.server = server
        return lambda: new_keyspace(server)

    def ports(self, ports, medium):
        return with_redis(ports, medium)

    def store(self, medium):
        return RedisStore(medium, FrozenClock())

    def audit(self, medium):
        return RedisAudit(medium)

    def inventory(self, medium):
        return RedisInventory(medium, FrozenClock())

    def delete(self, medium, guid):
        medium.client.delete(medium.record(guid))

    def spoil(self, medium, guid):
        medium.client.set(medium.record(guid), b"1 - 1 - form\n{}")

    def damage(self, medium, guid):
        medium.client.delete(medium.key(partition_of(guid), "p"))

    def at_another_address(self, medium):
        return Keyspace(self.server.client(), prefix=medium.prefix)

    def test_a_missing_record_is_in_no_index(self, medium, service):
        guid = self.an_open_challenge(service).guid
        self.delete(medium, guid)

        _, flaws = self.checked(medium)

        assert Violation(guid, "it is in the index p, and should not be") in flaws
        assert Violation(guid, "it is in the index dchallenge, and should not be") in flaws

    @pytest.mark.parametrize("key", ["gr", "gs"])
    def test_a_missing_gauge_is_noticed(self, medium, service, key):
        for partition in range(PARTITIONS):
            medium.client.delete(medium.key(partition, key))

        _, flaws = self.checked(medium)

        assert flaws
        assert all("gauge" in flaw.problem for flaw in flaws)

    @pytest.mark.parametrize(
        "index", ["p", "dchallenge", "dnotification.relay", "b", "t", "x", "q"]
    )
    def test_a_missing_index_is_noticed(self, medium, service, index):
        for partition in range(PARTITIONS):
            medium.client.delete(medium.key(partition, index))

        _, flaws = self.checked(medium)

        assert flaws
        assert {flaw.problem for flaw in flaws} == {f"it is not in the index {index}"}

    def test_a_missing_natural_key_is_noticed(self, medium, service):
        account = service.ports.store.account(service.app_space.guid, USERS[0])
        keys = medium.client.scan_iter(f"{medium.prefix}:{{{account.guid[:2]}}}:n*")
        # Another account may be in the same partition.
        (key,) = [key for key in keys if medium.client.get(key) == account.guid.encode()]
        medium.client.delete(key)

        _, flaws = self.checked(medium)

        assert [flaw.subject for flaw in flaws] == [account.guid]

    def test_a_search_key_without_an_account_is_noticed(self, medium, service):
        account = service.ports.store.account(service.app_space.guid, USERS[0])
        key = search_key(service.app_space.guid, "nobody")
        medium.client.zadd(medium.key(partition_of(account.guid), "q"), {key: 0})

        _, flaws = self.checked(medium)

        assert flaws == [
            Violation(service.app_space.guid, "it is in the index q, and should not be")
        ]


def test_without_a_server_the_inventory_is_unavailable(nowhere):
    client = nowhere.client()
    with pytest.raises(StoreUnavailable):
        list(
            RedisInventory(Keyspace(client, prefix=fresh_prefix()), FrozenClock()).read_partitions(
                [0]
            )
        )
