"""How sure a write is before it is told: what is not reached in time is nobody's success."""

import itertools
from datetime import timedelta

import pytest
from redis_servers import SURE

from counterseal.errors import Conflict, Indeterminate, StoreUnavailable
from counterseal.memory import SystemEntropy
from counterseal.models import ChallengeState
from counterseal.testing import FrozenClock
from counterseal.testing.clock import START
from counterseal.testing.contracts.record_factory import LATER, RecordFactory, event, next_version
from counterseal.testing.contracts.store_worker import StoreWorker
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

SHORT = timedelta(milliseconds=100)
"""How long a write waits that nobody will ever answer."""


@pytest.fixture(params=["pair", "old_pair"])
def held(request):
    """A primary whose replica can be stopped; it goes on at the end."""
    pair = request.getfixturevalue(request.param)
    yield pair
    pair.replicas[0].resume()


@pytest.fixture
def keyspace(held, new_keyspace):
    return new_keyspace(held, durability=replicated(patience=SURE))


@pytest.fixture
def hasty(held, keyspace, new_keyspace):
    """The same keys, for writes whose replica is away."""
    return new_keyspace(held, prefix=keyspace.prefix, durability=replicated(patience=SHORT))


@pytest.fixture
def new_clerk():
    """Return a function that makes clerks; no two give one name to two operations."""
    names = itertools.count()

    def new(keyspace):
        worker = StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ())
        worker.operation = lambda: f"operation {next(names)}"
        return worker

    return new


@pytest.fixture
def worker(keyspace, new_clerk):
    return new_clerk(keyspace)


@pytest.fixture
def hasty_worker(hasty, new_clerk):
    return new_clerk(hasty)


def test_a_commit_that_no_replica_has_is_indeterminate(held, keyspace, worker, hasty_worker):
    company = RecordFactory().company()
    held.replicas[0].pause()

    for _ in range(2):  # the second time it was applied already, and still no replica has it
        with pytest.raises(Indeterminate):
            hasty_worker.commit((None, company), audit=[event()], operation="create")

    held.replicas[0].resume()
    worker.commit((None, company), audit=[event()], operation="create")
    assert worker.get(company.guid) == company
    assert [line.event for line in RedisAudit(keyspace).whole()] == [event()]


def test_a_conflict_needs_no_replica(held, worker, hasty_worker):
    company = RecordFactory().company()
    worker.create(company)
    held.replicas[0].pause()

    with pytest.raises(Conflict):
        hasty_worker.create(company)


def test_what_is_over_is_told_only_if_a_replica_has_it(held, worker, hasty_worker):
    made = RecordFactory()
    account = made.account()
    open_ = made.challenge(account, deadline=LATER)
    ended = made.challenge(account, state=ChallengeState.ANSWERED)
    worker.create(account, open_)
    held.replicas[0].pause()
    with pytest.raises(Indeterminate):
        hasty_worker.create(ended)

    for read in (hasty_worker.store.get, hasty_worker.store.get_with_account):
        with pytest.raises(StoreUnavailable):
            read(ended.guid)
    with pytest.raises(StoreUnavailable):
        hasty_worker.store.get_with_account(open_.guid, ended.guid)

    held.replicas[0].resume()
    assert worker.store.get_with_account(ended.guid) == (ended, account)
    assert worker.store.get(open_.guid, ended.guid) == (open_, ended)


def test_what_goes_on_is_told_while_a_replica_is_away(held, worker, hasty_worker, pair):
    if held is not pair:
        pytest.skip("before 7.2, WAIT waits for the writes of others too")
    made = RecordFactory()
    account = made.account()
    open_ = made.challenge(account, deadline=START + SHORT)
    worker.create(account, open_)
    held.replicas[0].pause()

    assert hasty_worker.store.get_with_account(open_.guid) == (open_, account)
    hasty_worker.store._clock.advance(SHORT)
    with pytest.raises(StoreUnavailable):
        hasty_worker.store.get_with_account(
            open_.guid
        )  # told as expired, perhaps by a primary that is none


def test_guards_and_the_log_wait_too(held, hasty):
    held.replicas[0].pause()
    guard = RedisReplayGuard(hasty, FrozenClock(), SystemEntropy())

    for act in (
        lambda: guard.first_seen(("proof", "device", "id"), START + SHORT),
        lambda: RedisCounters(hasty, FrozenClock()).add(("rate", "a"), SHORT),
        lambda: RedisAudit(hasty).record(event()),
    ):
        with pytest.raises(StoreUnavailable):
            act()


def test_more_replicas_than_there_are_are_never_reached(pair, new_keyspace):
    keyspace = new_keyspace(pair, durability=replicated(2, patience=SHORT))

    with pytest.raises(Indeterminate):
        StoreWorker(RedisStore(keyspace, FrozenClock()), lambda _: ()).create(
            RecordFactory().company()
        )


def test_in_a_cluster_the_replica_of_the_partition_counts(cluster, new_keyspace, new_clerk):
    keyspace = new_keyspace(cluster, durability=replicated(patience=SURE))
    hasty = new_keyspace(cluster, prefix=keyspace.prefix, durability=replicated(patience=SHORT))
    worker, hasty_worker, made = new_clerk(keyspace), new_clerk(hasty), RecordFactory()
    companies = {part: made.company(guid=made.guid(part)) for part in range(0, 256, 16)}
    worker.create(*companies.values())
    logins = [made.login(guid=made.guid(part)) for part in companies]
    worker.create(*logins)
    assert worker.store.get(*(login.guid for login in logins)) == tuple(logins)
    client, away = keyspace.client, cluster.primaries[0].port
    behind = {
        part for part in companies if client.get_node_from_key(keyspace.key(part, "")).port == away
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

    worker.create(*(made.company(guid=made.guid(part)) for part in companies))


def test_a_disk_is_waited_for(on_disk, new_keyspace):
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


def test_a_server_that_can_is_taken(on_disk, cluster, opened):
    attach(opened(on_disk), durability=fsync())
    attach(opened(cluster), durability=replicated())
