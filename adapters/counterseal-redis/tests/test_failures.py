"""What fails on the way to Redis or in it, and what the caller gets."""

from datetime import timedelta

import pytest
from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import LoadBalancingStrategy
from redis.retry import Retry
from redis_servers import SURE, until

from counterseal.errors import Conflict, Indeterminate, StoreUnavailable, Unavailable
from counterseal.memory import SystemEntropy
from counterseal.models import Account, Callback, CallbackState, ChallengeState, Login
from counterseal.ports import Due
from counterseal_redis import (
    NONE,
    Keyspace,
    RedisAudit,
    RedisCounters,
    RedisReplayGuard,
    RedisStore,
    UnfitClient,
    UnfitPrefix,
    UnfitServer,
    attach,
    forget,
    replicated,
)
from counterseal_testing import START, FrozenClock
from counterseal_testing.contracts.record_factory import LATER, RecordFactory, event, next_version
from counterseal_testing.contracts.store_worker import StoreWorker

LIFE = timedelta(minutes=5)


@pytest.fixture
def keyspace(server, new_keyspace):
    return new_keyspace(server)


@pytest.fixture
def worker(keyspace):
    audit = RedisAudit(keyspace)
    return StoreWorker(
        RedisStore(keyspace, FrozenClock()), lambda _: [line.event for line in audit.all_entries()]
    )


# Lost replies


@pytest.fixture
def behind(single, proxied):
    """Return a proxy before a server, and a worker that goes through it, with some retries."""
    proxy = proxied(single)
    client = Redis(port=proxy.port, retry=Retry(NoBackoff(), 10))
    keyspace = attach(client, prefix=f"lost{id(client)}")
    audit = RedisAudit(keyspace)
    store = RedisStore(keyspace, FrozenClock())
    yield proxy, StoreWorker(store, lambda _: [line.event for line in audit.all_entries()])
    client.close()


@pytest.mark.parametrize("applied", [True, False])
def test_a_reply_that_is_lost_once_is_asked_for_again(behind, applied):
    proxy, worker = behind
    company = RecordFactory().company()
    worker.create(company)
    swap = (company, next_version(company))
    proxy.cut(applied=applied, match=b"EVAL")

    worker.commit(swap, audit=[event("once")], operation="swap")  # redis-py asked again

    assert proxy.cuts == 1
    assert worker.get(company.guid) == next_version(company)
    assert worker.events() == [event("once")]


def test_a_guard_repeats_a_call_whose_reply_is_lost(behind):
    proxy, worker = behind
    keyspace = worker.store._keyspace
    guard = RedisReplayGuard(keyspace, FrozenClock(), SystemEntropy())
    guard.first_seen(("proof", "device", "0"), START + LIFE)
    proxy.cut(applied=True, match=b"EVAL")

    assert guard.first_seen(("proof", "device", "1"), START + LIFE)
    assert not guard.first_seen(("proof", "device", "1"), START + LIFE)
    assert proxy.cuts == 1


def test_in_a_cluster_too_a_lost_reply_is_never_a_conflict(cluster, proxied):
    proxies = {server.port: proxied(server) for server in cluster.servers}
    client = cluster.behind(proxies)
    keyspace = attach(client, prefix="remapped")
    worker, factory = (
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()),
        RecordFactory(),
    )
    for partition in range(0, 256, 32):
        company = factory.company(guid=factory.guid(partition))
        worker.create(company)
        for proxy in proxies.values():
            proxy.cut(applied=True, match=b"EVAL")

        worker.commit((company, next_version(company)), operation=f"swap {partition}")
        for proxy in proxies.values():
            proxy.cut(applied=True, match=b"nothing that is ever said")

        assert worker.get(company.guid) == next_version(company)
    assert sum(proxy.cuts for proxy in proxies.values()) == 8
    client.close()


# Servers that forget, refuse, or are gone


def test_forgotten_scripts_are_loaded_again(server, worker, opened):
    company = RecordFactory().company()
    for _ in range(2):
        opened(server).script_flush()
        worker.create(company)
        opened(server).script_flush()
        assert worker.store.get_with_account(company.guid) == (company, None)
        company = worker.replace(company, next_version(company))
        opened(server).script_flush()
        assert worker.store.list(None)
        company = RecordFactory(seed=1).company()


def test_a_full_server_is_unavailable_and_changes_nothing(single, opened, new_keyspace, caplog):
    client = opened(single)
    worker = StoreWorker(RedisStore(new_keyspace(single), FrozenClock()), lambda _: ())
    company = RecordFactory().company()
    worker.create(company)
    worker.commit((company, next_version(company)), operation="swap")
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable) as caught:
            worker.replace(next_version(company), next_version(next_version(company)))
        assert not isinstance(caught.value, Indeterminate)
        kinds = ("OutOfMemoryError", "ResponseError OOM")  # the text of older servers
        assert caplog.messages[0] in {f"Redis failed: {kind}" for kind in kinds}
        assert "maxmemory" not in caplog.text, "a server's error may hold what was sent"
        assert worker.get(company.guid) == next_version(company)
        # The operation that was applied before the server was full is found, without a write.
        worker.commit((company, next_version(company)), operation="swap")
    finally:
        client.config_set("maxmemory", 0)

    worker.replace(next_version(company), next_version(next_version(company)))


@pytest.mark.parametrize("name", ["redis_8_2", "valkey_9_1"])  # 6.2 lets scripts write
def test_a_server_without_its_replicas_is_unavailable(name, request, opened, new_keyspace):
    single = request.getfixturevalue(name)
    client = opened(single)
    worker, company = (
        StoreWorker(RedisStore(new_keyspace(single), FrozenClock()), lambda _: ()),
        RecordFactory().company(),
    )
    client.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(StoreUnavailable) as caught:
            worker.create(company)
        assert not isinstance(caught.value, Conflict)
    finally:
        client.config_set("min-replicas-to-write", 0)

    worker.create(company)


def test_a_commit_on_a_replica_is_indeterminate(pair, opened, caplog):
    keyspace = attach(opened(pair.replicas[0]), prefix="demoted")

    with pytest.raises(Indeterminate):
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()).create(
            RecordFactory().company()
        )
    assert caplog.messages[0].startswith("Redis failed: ReadOnlyError")


def test_a_commit_on_a_paused_server_is_indeterminate(single, opened):
    client = opened(single)
    impatient = opened(single, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    worker, hasty = (
        StoreWorker(
            RedisStore(Keyspace(one, prefix=f"paused{id(client)}"), FrozenClock()), lambda _: ()
        )
        for one in (client, impatient)
    )
    company = RecordFactory().company()
    worker.create(company)
    until(lambda: hasty.get(company.guid))  # so that its connection is open
    single.pause()
    try:
        with pytest.raises(Indeterminate):
            hasty.commit((company, next_version(company)), operation="swap")
        with pytest.raises(Unavailable):
            hasty.get(company.guid)
    finally:
        single.resume()

    worker.commit((company, next_version(company)), operation="swap")
    assert worker.get(company.guid) == next_version(company)


def test_a_slot_that_has_moved_is_followed(cluster, opened):
    client = opened(cluster)
    sure = Keyspace(client, prefix="moved", durability=replicated(patience=SURE))
    worker, factory = StoreWorker(RedisStore(sure, FrozenClock()), lambda _: ()), RecordFactory()
    worker.create(factory.company())
    # The client has every slot on a wrong server.
    slots = client.nodes_manager.slots_cache
    wrong = {slot: slots[(slot + 6_000) % 16_384] for slot in slots}
    client.nodes_manager.slots_cache = {slot: list(nodes) for slot, nodes in wrong.items()}
    companies = [factory.company(guid=factory.guid(partition)) for partition in range(0, 256, 16)]

    worker.create(*companies)

    assert worker.store.get(*(one.guid for one in companies)) == tuple(companies)


@pytest.mark.parametrize("durability", [NONE, replicated(patience=SURE)])
def test_a_slot_that_is_being_moved_takes_no_commit(cluster, new_keyspace, durability):
    keyspace = new_keyspace(cluster, durability=durability)
    worker, factory = (
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()),
        RecordFactory(),
    )
    client, key = keyspace.client, keyspace.key(7, "")
    slot, source = client.keyslot(key), client.get_node_from_key(key)
    target = next(node for node in client.get_primaries() if node != source)
    old, new = (client.get_redis_connection(node) for node in (source, target))
    first, second = factory.company(guid=factory.guid(7)), factory.company(guid=factory.guid(7))
    worker.create(first)
    new.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", client.cluster_myid(source))
    old.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", client.cluster_myid(target))

    for moved in (False, True):
        with pytest.raises(Indeterminate):
            worker.commit((None, second), operation="create")
        if not moved:
            for one in old.cluster("GETKEYSINSLOT", slot, 1_000):
                old.migrate("127.0.0.1", target.port, one, 0, 5_000)
    if durability is NONE:
        assert worker.get(first.guid) == first, "a single key is found on either server"
    for node in (new, old):
        node.execute_command("CLUSTER SETSLOT", slot, "NODE", client.cluster_myid(target))

    worker.commit((None, second), operation="create")
    assert worker.store.get(first.guid, second.guid) == (first, second)


def test_sentinel_names_the_present_primary(sentinels, opened):
    client = opened(sentinels)
    keyspace = attach(client, prefix="watched")
    worker, company = (
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()),
        RecordFactory().company(),
    )
    worker.create(company)
    client.wait(1, 30_000)  # without durability: this test is about the primary
    sentinels.fail_over()

    def swapped():
        worker.commit((company, next_version(company)), operation="swap")
        return True

    until(swapped)
    assert worker.get(company.guid) == next_version(company)


def test_a_slow_server_of_the_tests_is_not_failed_over(cluster, sentinels):
    """The servers of the tests are set up so that only a killed one is replaced."""
    for server in cluster.servers:
        with server.client() as client:
            settings = client.config_get("cluster-node-timeout")
        assert int(settings["cluster-node-timeout"]) >= 60_000
    for master in sentinels.masters():
        assert master["down-after-milliseconds"] >= 60_000


# Clients and servers that do not fit


def test_a_client_that_decodes_is_refused(redis_8_2, opened):
    with pytest.raises(UnfitClient):
        Keyspace(opened(redis_8_2, decode_responses=True))


def test_a_client_that_reads_from_replicas_is_refused(cluster, opened):
    client = opened(cluster, load_balancing_strategy=LoadBalancingStrategy.ROUND_ROBIN)

    with pytest.raises(UnfitClient):
        Keyspace(client)


@pytest.mark.parametrize("prefix", ["", "a{b}", "a b", "a:b", "ä", "x" * 33])
def test_a_prefix_that_would_change_the_slots_is_refused(redis_8_2, opened, prefix):
    with pytest.raises(UnfitPrefix):
        attach(opened(redis_8_2), prefix=prefix)


def test_a_server_that_evicts_is_refused(single, opened):
    client = opened(single)
    client.config_set("maxmemory-policy", "volatile-lru")
    try:
        with pytest.raises(UnfitServer):
            attach(client)
    finally:
        client.config_set("maxmemory-policy", "noeviction")


def test_a_server_that_does_not_answer_is_unavailable(nowhere):
    with pytest.raises(StoreUnavailable):
        attach(nowhere.client())


# What is stored


def test_an_ended_record_has_a_time_to_live_and_a_due_one_has_none(keyspace, worker):
    factory, client = RecordFactory(), keyspace.client
    account = factory.account()
    open_ = factory.challenge(account, deadline=START - timedelta(days=9), keep_until=START)
    worker.create(account, factory.binding(account), open_)
    ended = worker.replace(open_, next_version(open_, state=ChallengeState.ANSWERED))
    dead = factory.callback(account, state=CallbackState.DEAD, keep_until=START + LIFE)
    worker.create(dead)
    requeued = worker.replace(dead, next_version(dead, state=CallbackState.QUEUED))
    delivered = factory.callback(account, state=CallbackState.DELIVERED, keep_until=START + LIFE)
    worker.create(delivered)

    day = timedelta(days=1).total_seconds()
    for record, life in ((account, None), (requeued, None), (ended, day), (delivered, day + 300)):
        remaining = client.ttl(keyspace.record(record.guid))
        assert remaining == -1 if life is None else life - 60 < remaining <= life


def test_dropped_records_hide_nothing_and_are_forgotten(keyspace, worker):
    factory = RecordFactory()
    accounts = [factory.account(name) for name in ("zoe", "adam", "eve")]
    origin = factory.guid()
    dead = [
        factory.callback(accounts[number % 3], origin=origin, state=CallbackState.DEAD)
        for number in range(12)
    ]
    worker.create(*dead)
    assert forget(keyspace) == 0

    for callback in dead[:6]:  # as the server does at the end of their time to live
        keyspace.client.delete(keyspace.record(callback.guid))
    assert forget(keyspace) == 6
    assert forget(keyspace) == 0
    for callback in dead[6:9]:
        keyspace.client.delete(keyspace.record(callback.guid))

    assert worker.store.dead(origin, 2) == tuple(dead[9:11])
    assert worker.store.dead(origin, 9) == tuple(dead[9:])
    assert forget(keyspace) == 0


def test_keys_of_guards_live_as_long_as_promised(keyspace):
    clock, client = FrozenClock(), keyspace.client
    RedisReplayGuard(keyspace, clock, SystemEntropy()).first_seen(("a", "b", "c"), START + LIFE)
    RedisCounters(keyspace, clock).add(("rate", "a"), LIFE)

    where = {"target_nodes": client.PRIMARIES} if isinstance(client, RedisCluster) else {}
    keys = client.keys(f"{keyspace.prefix}:*", **where)
    assert len(keys) == 2
    for key in keys:
        assert LIFE < timedelta(seconds=client.ttl(key)) <= 2 * LIFE + timedelta(minutes=10)


def test_a_clock_that_is_set_back_forgets_nothing(keyspace):
    clock = FrozenClock()
    guard = RedisReplayGuard(keyspace, clock, SystemEntropy())
    counters = RedisCounters(keyspace, clock)
    guard.first_seen(("a", "b", "c"), START + LIFE)
    assert counters.add(("rate", "a"), LIFE) == 1
    clock.jump(START - 3 * LIFE)

    assert not guard.first_seen(("a", "b", "c"), START + LIFE)
    assert counters.add(("rate", "a"), LIFE) == 2


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_protocols_work(single, new_keyspace, protocol):
    keyspace = new_keyspace(single, protocol=protocol)
    audit = RedisAudit(keyspace)
    worker = StoreWorker(
        RedisStore(keyspace, FrozenClock()), lambda _: [line.event for line in audit.all_entries()]
    )
    records = RecordFactory().one_of_each()
    of = {type(record): record for record in records}
    for record in records:
        worker.commit((None, record), audit=[event()])

    assert worker.store.get(*(record.guid for record in records)) == records
    assert worker.store.get_with_account(of[Callback].guid) == (of[Callback], of[Account])
    assert worker.store.due(Due.LOGIN, LATER, 9) == (of[Login],)
    assert len(worker.events()) == len(records)


def test_thousands_are_read_at_once(keyspace, worker):
    factory = RecordFactory()
    companies = [factory.company() for _ in range(2_500)]
    worker.commit(*((None, company) for company in companies))

    assert worker.store.get(*(company.guid for company in companies)) == tuple(companies)


def test_the_log_is_read_in_pages(keyspace):
    audit, subject = RedisAudit(keyspace), RecordFactory().guid(7)
    for number in range(5):
        audit.record(event(str(number), subject=subject))

    first = audit.read(7, limit=3)
    rest = audit.read(7, after=first[-1].position)

    assert [line.event.reason for line in first + rest] == list("01234")
    assert audit.read(7, after=rest[-1].position) == audit.read(8) == ()


def test_two_prefixes_share_no_key(server, new_keyspace):
    factory = RecordFactory()
    ours, theirs = (
        StoreWorker(RedisStore(new_keyspace(server), FrozenClock()), lambda _: ()) for _ in range(2)
    )
    account = factory.account()
    ours.create(account)

    assert theirs.get(account.guid) is None
    assert theirs.store.account(account.app_space, "zoe") is None
    theirs.create(account)


def test_a_partition_in_which_much_is_due_hides_no_other(keyspace):
    """What cannot be done stays due, and fills every limit."""
    worker, factory = (
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()),
        RecordFactory(),
    )
    many = [factory.login(guid=factory.guid(7)) for _ in range(3)]
    other = factory.login(guid=factory.guid(8))
    worker.create(*many, other)

    assert other in {*worker.store.due(Due.LOGIN, LATER, 2), *worker.store.due(Due.LOGIN, LATER, 2)}


def test_two_workers_begin_at_different_partitions(keyspace):
    clock = FrozenClock()
    worker, factory = StoreWorker(RedisStore(keyspace, clock), lambda _: ()), RecordFactory()
    worker.create(*(factory.login(guid=factory.guid(partition)) for partition in range(0, 256, 8)))
    clock.advance(timedelta(microseconds=100))

    first = worker.store.due(Due.LOGIN, LATER, 4)
    other = RedisStore(keyspace, clock).due(Due.LOGIN, LATER, 4)

    assert not set(first) & set(other)
