"""A write that does not reach its durability in time is never acknowledged."""

import itertools
from datetime import timedelta

import pytest
from redis.exceptions import ResponseError
from redis_servers import SURE

from counterseal.errors import Conflict, Indeterminate, StoreUnavailable
from counterseal.memory import SystemEntropy
from counterseal.models import ChallengeState
from counterseal_redis import (
    RedisAudit,
    RedisCounters,
    RedisReplayGuard,
    RedisStore,
    UnfitServer,
    attach,
    fsync,
    replicated,
)
from counterseal_testing import FrozenClock
from counterseal_testing.clock import START
from counterseal_testing.contracts.record_factory import LATER, RecordFactory, event, next_version
from counterseal_testing.contracts.store_worker import StoreWorker

SHORT = timedelta(milliseconds=100)
"""How long a write waits for a replica that never replies."""


@pytest.fixture
def primary(request):
    """A primary whose replica can be paused; it is resumed at the end."""
    pair = request.getfixturevalue(request.param)
    yield pair
    pair.replicas[0].resume()


@pytest.fixture
def keyspace(primary, new_keyspace):
    return new_keyspace(primary, durability=replicated(patience=SURE))


@pytest.fixture
def hasty(primary, keyspace, new_keyspace):
    """The same keys, for writes whose replica is paused."""
    return new_keyspace(primary, prefix=keyspace.prefix, durability=replicated(patience=SHORT))


@pytest.fixture
def new_worker():
    """Return a function that makes workers; every operation has a name of its own."""
    names = itertools.count()

    def new(keyspace):
        worker = StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ())
        worker.operation = lambda: f"operation {next(names)}"
        return worker

    return new


@pytest.fixture
def worker(keyspace, new_worker):
    return new_worker(keyspace)


@pytest.fixture
def hasty_worker(hasty, new_worker):
    return new_worker(hasty)


def test_a_commit_that_no_replica_has_is_indeterminate(primary, keyspace, worker, hasty_worker):
    company = RecordFactory().company()
    primary.replicas[0].pause()

    for _ in range(2):  # the second time it is applied already, and still no replica has it
        with pytest.raises(Indeterminate):
            hasty_worker.commit((None, company), audit=[event()], operation="create")

    primary.replicas[0].resume()
    worker.commit((None, company), audit=[event()], operation="create")
    assert worker.get(company.guid) == company
    assert [line.event for line in RedisAudit(keyspace).all_entries()] == [event()]


def test_a_refused_commit_that_was_applied_needs_a_replica(
    primary, keyspace, hasty_worker, new_keyspace, new_worker
):
    """The client repeats a call by itself, on another connection, where it may be refused."""
    company = RecordFactory().company()
    primary.replicas[0].pause()
    with pytest.raises(Indeterminate):
        hasty_worker.commit((None, company), operation="create")

    def commit_and_be_refused(name, patience):
        other = new_keyspace(
            primary,
            prefix=keyspace.prefix,
            durability=replicated(patience=patience),
            client_name=name,
        )
        attempt = other.attempt

        def refuse(calls, *, confirm):
            other.attempt = attempt
            return [ResponseError("refused")] * len(calls), True

        other.attempt = refuse
        new_worker(other).commit((None, company), operation="create")

    with pytest.raises(Indeterminate):
        commit_and_be_refused("first", SHORT)
    primary.replicas[0].resume()
    commit_and_be_refused("second", SURE)


def test_a_conflict_needs_no_replica(primary, worker, hasty_worker):
    company = RecordFactory().company()
    worker.create(company)
    primary.replicas[0].pause()

    with pytest.raises(Conflict):
        hasty_worker.create(company)


def test_an_outcome_is_read_only_if_a_replica_has_it(primary, worker, hasty_worker):
    factory = RecordFactory()
    account = factory.account()
    open_ = factory.challenge(account, deadline=LATER)
    ended = factory.challenge(account, state=ChallengeState.ANSWERED)
    worker.create(account, open_)
    primary.replicas[0].pause()
    with pytest.raises(Indeterminate):
        hasty_worker.create(ended)

    for get in (hasty_worker.store.get, hasty_worker.store.get_with_account):
        with pytest.raises(StoreUnavailable):
            get(ended.guid)
    with pytest.raises(StoreUnavailable):
        hasty_worker.store.get_with_account(open_.guid, ended.guid)

    primary.replicas[0].resume()
    assert worker.store.get_with_account(ended.guid) == (ended, account)
    assert worker.store.get(open_.guid, ended.guid) == (open_, ended)


def test_an_open_record_is_read_while_a_replica_is_paused(primary, worker, hasty_worker, pair):
    if primary is not pair:
        pytest.skip("before 7.2, WAIT waits for the writes of others too")
    factory = RecordFactory()
    account = factory.account()
    open_ = factory.challenge(account, deadline=START + SHORT)
    worker.create(account, open_)
    primary.replicas[0].pause()

    assert hasty_worker.store.get_with_account(open_.guid) == (open_, account)
    hasty_worker.store._clock.advance(SHORT)
    with pytest.raises(StoreUnavailable):
        hasty_worker.store.get_with_account(
            open_.guid
        )  # reported as expired, perhaps by a server that is no longer the primary


def test_guards_and_the_log_wait_too(primary, hasty):
    primary.replicas[0].pause()
    guard = RedisReplayGuard(hasty, FrozenClock(), SystemEntropy())

    for call in (
        lambda: guard.first_seen(("proof", "device", "id"), START + SHORT),
        lambda: RedisCounters(hasty, FrozenClock()).add(("rate", "a"), SHORT),
        lambda: RedisAudit(hasty).record(event()),
    ):
        with pytest.raises(StoreUnavailable):
            call()


def test_more_replicas_than_exist_are_never_reached(pair, new_keyspace):
    keyspace = new_keyspace(pair, durability=replicated(2, patience=SHORT))

    with pytest.raises(Indeterminate):
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()).create(
            RecordFactory().company()
        )


def test_in_a_cluster_the_replica_of_the_partition_counts(cluster, new_keyspace, new_worker):
    keyspace = new_keyspace(cluster, durability=replicated(patience=SURE))
    hasty = new_keyspace(cluster, prefix=keyspace.prefix, durability=replicated(patience=SHORT))
    worker, hasty_worker, factory = new_worker(keyspace), new_worker(hasty), RecordFactory()
    companies = {part: factory.company(guid=factory.guid(part)) for part in range(0, 256, 16)}
    worker.create(*companies.values())
    logins = [factory.login(guid=factory.guid(part)) for part in companies]
    worker.create(*logins)
    assert worker.store.get(*(login.guid for login in logins)) == tuple(logins)
    client, paused_port = keyspace.client, cluster.primaries[0].port
    behind = {
        part
        for part in companies
        if client.get_node_from_key(keyspace.key(part, "")).port == paused_port
    }
    assert 0 < len(behind) < len(companies)

    cluster.replicas[0].pause()
    try:
        for part, company in companies.items():
            if part in behind:
                with pytest.raises(Indeterminate):
                    hasty_worker.replace(company, next_version(company))
            else:
                worker.replace(company, next_version(company))
    finally:
        cluster.replicas[0].resume()

    worker.create(*(factory.company(guid=factory.guid(part)) for part in companies))


def test_fsync_waits_for_the_disk(on_disk, new_keyspace):
    keyspace = new_keyspace(on_disk, durability=fsync())
    worker, company = (
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()),
        RecordFactory().company(),
    )
    worker.create(company)
    on_disk.kill()
    on_disk.start()

    assert worker.get(company.guid) == company


@pytest.mark.parametrize("name", ["redis_6_2", "redis_8_2"])
def test_a_server_that_cannot_wait_for_its_disk_is_refused(request, opened, name):
    client = opened(request.getfixturevalue(name))

    with pytest.raises(UnfitServer):
        attach(client, durability=fsync())
    attach(client, durability=replicated())


def test_a_server_that_can_is_accepted(on_disk, cluster, opened):
    attach(opened(on_disk), durability=fsync())
    attach(opened(cluster), durability=replicated())
