"""The store keeps every clause, on every server."""

from functools import partial

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from redis import RedisCluster

from counterseal.testing import FrozenClock, StoreContract
from counterseal.testing.contracts import StoreHistory
from counterseal_redis import RedisAudit, RedisStore, forget

SHARE = 10
"""On most servers, a tenth of the histories: they run the same scripts."""


def lines(keyspace):
    """Return the log's lines, as `whole` does, without asking for parts that are empty."""
    client, audit = keyspace.client, RedisAudit(keyspace)
    where = {"target_nodes": client.PRIMARIES} if isinstance(client, RedisCluster) else {}
    keys = client.keys(f"{keyspace.prefix}:*:a", **where)
    parts = {int(key.split(b"{")[1][:2], 16) for key in keys}
    found = [line for part in parts for line in audit.read(part, limit=10_000)]
    return sorted(found, key=lambda line: line.age)


class TestStore(StoreContract):
    can_forget = True
    survives_a_crash = True

    def test_store_17_holds_in_every_history(self, new_store, request):
        """STORE-17: on one server as many as the kit plays, on the others fewer."""
        share = 1 if "redis_8_2" in request.node.name else SHARE
        examples = settings.default.max_examples // share
        run_state_machine_as_test(
            partial(StoreHistory, new_store, self.recorded, self.reopened),
            settings=settings(deadline=None, max_examples=examples, stateful_step_count=30),
        )

    @pytest.fixture
    def new_store(self, server, new_keyspace):
        self.server, self.new_keyspace = server, new_keyspace
        return lambda: RedisStore(new_keyspace(server), FrozenClock())

    @pytest.fixture
    def broken_store(self, nowhere, new_keyspace):
        return lambda: RedisStore(new_keyspace(nowhere), FrozenClock())

    def recorded(self, store):
        return [entry.event for entry in lines(store._keyspace)]

    def forget(self, store, before):
        forget(store._keyspace)

    def reopened(self, store):
        keyspace = self.new_keyspace(self.server, prefix=store._keyspace.prefix)
        return RedisStore(keyspace, FrozenClock())
