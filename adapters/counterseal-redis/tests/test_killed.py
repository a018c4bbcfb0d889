"""A killed client or server leaves every acknowledged commit, and no half of one."""

import pytest

from counterseal_redis import RedisAudit, RedisStore, fsync
from counterseal_testing import FrozenClock
from counterseal_testing.contracts.core_on_store import KilledWriter


class TestKilledClient(KilledWriter):
    durability = "NONE"

    @pytest.fixture
    def new_store(self, redis_8_2, new_keyspace):
        self.server = redis_8_2
        return lambda: RedisStore(new_keyspace(redis_8_2), FrozenClock())

    def opening(self, store):
        return f"""
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from counterseal_testing import FrozenClock
from counterseal_redis import NONE, Keyspace, RedisStore, fsync

client = Redis(port={self.server.port}, retry=Retry(NoBackoff(), 0))
prefix = {store._keyspace.prefix!r}
keyspace = Keyspace(client, prefix=prefix, durability={self.durability})
store = RedisStore(keyspace, FrozenClock())
"""

    def reopened(self, store):
        return store

    def recorded(self, store):
        return [line.event for line in RedisAudit(store._keyspace).all_entries()]


class TestKilledServer(TestKilledClient):
    """Its disk has every commit."""

    durability = "fsync()"

    @pytest.fixture
    def new_store(self, on_disk, new_keyspace):
        self.server = on_disk
        return lambda: RedisStore(new_keyspace(on_disk, durability=fsync()), FrozenClock())

    def kill(self, writer):
        self.server.kill()

    def reopened(self, store):
        self.server.start()
        return store
