"""The store keeps every clause, on every server."""

import os
from datetime import timedelta
from functools import partial

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from redis import RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis_servers import SURE, Cluster

from counterseal.models import CallbackState, ChallengeState, Change
from counterseal.models.guid import partition_of
from counterseal.ports import Due
from counterseal_redis import Keyspace, RedisAudit, RedisStore, forget, replicated
from counterseal_redis.indexes import Indexes
from counterseal_testing import START, FrozenClock, StoreContract
from counterseal_testing.contracts import StoreHistory
from counterseal_testing.contracts.race import bounded_shrinking
from counterseal_testing.contracts.record_factory import RecordFactory, next_version

GAUGE_COMMANDS = ("hmget", "hget", "hincrby", "hdel", "hset")

CRASH_STRIDE = 1 if "EVERY_SERVER" in os.environ else 7
"""A single server dies at every line of a commit, a cluster and replicas at every seventh."""

SHARE, CLUSTERS_SHARE = 5, 8
"""What part of the examples runs: the kit's own tests play all of them, and `thorough` more."""


def lines(keyspace):
    """Return the lines of the log, as `all_entries` does, without reading empty parts."""
    client, audit = keyspace.client, RedisAudit(keyspace)
    where = {"target_nodes": client.PRIMARIES} if isinstance(client, RedisCluster) else {}
    keys = client.keys(f"{keyspace.prefix}:*:a", **where)
    parts = {int(key.split(b"{")[1][:2], 16) for key in keys}
    entries = [line for part in parts for line in audit.read(part, limit=10_000)]
    return sorted(entries, key=lambda entry: entry.sort_key)


class TestStore(StoreContract):
    can_forget = True
    can_lose_replies = True
    survives_a_crash = True

    def test_store_17_holds_in_every_history(self, new_store, request):
        """STORE-17."""
        on_cluster = request.node.callspec.params.get("server") in {None, "cluster"}
        share = CLUSTERS_SHARE if on_cluster else SHARE
        examples = settings.default.max_examples // share
        with bounded_shrinking("STORE-17"):
            run_state_machine_as_test(
                partial(StoreHistory, new_store, self.recorded, self.reopened),
                settings=settings(deadline=None, max_examples=examples, stateful_step_count=30),
            )

    @pytest.fixture(autouse=True)
    def have_proxies(self, proxied):
        self.proxied = proxied
        self.clients = []
        yield
        for client in self.clients:
            client.close()

    @pytest.fixture
    def new_store(self, server, new_keyspace):
        self.server, self.new_keyspace = server, new_keyspace
        if isinstance(server, Cluster):
            self.crash_stride = CRASH_STRIDE
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

    def lose_reply(self, store, *, applied):
        proxies = {server.port: self.proxied(server) for server in self.server.servers}
        self.clients.append(self.server.behind(proxies, retry=Retry(NoBackoff(), 0)))
        store._keyspace = Keyspace(self.clients[-1], prefix=store._keyspace.prefix)
        for proxy in proxies.values():
            proxy.cut(applied=applied, match=b"EVAL")


class TestSureStore(TestStore):
    """The same with commits that wait for replicas, over both transports."""

    can_lose_replies = False
    crash_stride = CRASH_STRIDE

    @pytest.fixture
    def server(self, sure_server):
        return sure_server

    @pytest.fixture
    def new_store(self, server, new_keyspace):
        self.server, self.new_keyspace = (
            server,
            partial(new_keyspace, durability=replicated(patience=SURE)),
        )
        return lambda: RedisStore(self.new_keyspace(server), FrozenClock())


def test_dead_callbacks_that_the_server_has_dropped_count_until_they_are_found_gone(
    redis_8_2, new_keyspace
):
    keyspace, factory = new_keyspace(redis_8_2), RecordFactory()
    store = RedisStore(keyspace, FrozenClock())
    account = factory.account()
    dead = [factory.callback(account, state=CallbackState.DEAD) for _ in range(3)]
    store.commit(tuple(Change(None, one) for one in dead), (), "die")
    for count, find in ((2, forget), (1, lambda _: store.dead(dead[0].origin, 9)), (1, forget)):
        assert list(store.gauges(None).values()) == [len(dead)]
        if len(dead) > count:
            keyspace.client.delete(keyspace.record(dead.pop().guid))

        find(keyspace)

        assert list(store.gauges(None).values()) == [count]


@pytest.mark.parametrize("requeued_count", [1, 2, 3])
def test_callbacks_that_are_requeued_meanwhile_hide_no_other_dead_ones(
    redis_8_2, new_keyspace, monkeypatch, requeued_count
):
    keyspace, factory = new_keyspace(redis_8_2), RecordFactory()
    store = RedisStore(keyspace, FrozenClock())
    account = factory.account()
    dead = [factory.callback(account, state=CallbackState.DEAD) for _ in range(5)]
    store.commit(tuple(Change(None, one) for one in dead), (), "die")
    read_records = Indexes.records
    requeued = dead[:requeued_count]

    def requeue_first(indexes, guids, **options):
        while requeued:
            callback = requeued.pop()
            queued_callback = next_version(callback, state=CallbackState.QUEUED)
            store.commit((Change(callback, queued_callback),), (), f"requeue {callback.guid}")
        return read_records(indexes, guids, **options)

    monkeypatch.setattr(Indexes, "records", requeue_first)

    assert store.dead(dead[0].origin, 2) == tuple(dead[requeued_count:][:2])


def test_a_commit_touches_gauges_only_where_a_record_counts_in_another_one(redis_8_2, new_keyspace):
    keyspace = new_keyspace(redis_8_2)
    store, factory = RedisStore(keyspace, FrozenClock()), RecordFactory()
    account = factory.account("zoe")
    challenges = [factory.challenge(account) for _ in range(2)]
    first, _ = challenges
    store.commit(tuple(Change(None, record) for record in (account, *challenges)), (), "create")

    def commands(change):
        keyspace.client.config_resetstat()
        store.commit((change,), (), f"{change.new.guid} {change.new.version}")
        stats = keyspace.client.info("commandstats")
        return {name: stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in GAUGE_COMMANDS}

    unchanged = next_version(account)
    assert commands(Change(account, unchanged)) == dict.fromkeys(GAUGE_COMMANDS, 0)
    ended = evolve(next_version(first), state=ChallengeState.CANCELLED)
    assert commands(Change(first, ended)) == {
        "hmget": 1, "hget": 0, "hincrby": 1, "hdel": 1, "hset": 0
    }  # fmt: skip
    assert sorted(store.gauges(None).values()) == [1]


def test_e19_of_ten_thousand_undelivered_none_is_lost(redis_8_2, new_keyspace):
    """All fail once and wait for their next attempt, found by records and due sets alone."""
    keyspace, factory = new_keyspace(redis_8_2), RecordFactory()
    store = RedisStore(keyspace, FrozenClock())
    undelivered = {}
    for number in range(100):
        account = factory.account(str(number))
        callbacks = [factory.callback(account) for _ in range(100)]
        store.commit(tuple(Change(None, one) for one in callbacks), (), f"queue {number}")
        undelivered |= {one.guid: one for one in callbacks}
    assert len(undelivered) == 10_000
    # Two processes, and a third one after a restart, see the same.
    workers = [store, *(RedisStore(keyspace, FrozenClock()) for _ in range(2))]
    later = START + timedelta(minutes=5)

    def emptied(moment, state, next_at):
        """Update all that are due at *moment*; return the new records and the batches."""
        moved, batch = {}, 0
        while records := workers[batch % 3].due(Due.CALLBACK, moment, 500):
            for number, partition in enumerate({partition_of(one.guid) for one in records}):
                due = [one for one in records if partition_of(one.guid) == partition]
                assert all(undelivered.pop(one.guid) == one for one in due)
                after = [next_version(one, state=state, next_at=next_at) for one in due]
                changes = tuple(map(Change, due, after))
                store.commit(changes, (), f"{state.value} {batch} {number}")
                moved |= {one.guid: one for one in after}
            batch += 1
        return moved, batch

    guids = set(undelivered)
    failed, batches = emptied(START, CallbackState.QUEUED, later)
    assert (undelivered, set(failed)) == ({}, guids)
    assert batches <= 10_000 // 500 + 1
    undelivered |= failed
    delivered, batches = emptied(later, CallbackState.DELIVERED, later)
    assert (undelivered, set(delivered)) == ({}, guids)
    assert batches <= 10_000 // 500 + 1
