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
from counterseal.testing.contracts.clerk import Clerk
from counterseal.testing.contracts.specimens import LATER, Specimens, event, newer
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
        clerk = Clerk(RedisStore(keyspace, FrozenClock()), lambda _: ())
        clerk.operation = lambda: f"operation {next(names)}"
        return clerk

    return new


@pytest.fixture
def clerk(keyspace, new_clerk):
    return new_clerk(keyspace)


@pytest.fixture
def hasty_clerk(hasty, new_clerk):
    return new_clerk(hasty)


def test_a_commit_that_no_replica_has_is_indeterminate(held, keyspace, clerk, hasty_clerk):
    company = Specimens().company()
    held.replicas[0].pause()

    for _ in range(2):  # the second time it was applied already, and still no replica has it
        with pytest.raises(Indeterminate):
            hasty_clerk.commit((None, company), audit=[event()], operation="create")

    held.replicas[0].resume()
    clerk.commit((None, company), audit=[event()], operation="create")
    assert clerk.one(company.guid) == company
    assert [line.event for line in RedisAudit(keyspace).whole()] == [event()]


def test_a_conflict_needs_no_replica(held, clerk, hasty_clerk):
    company = Specimens().company()
    clerk.keep(company)
    held.replicas[0].pause()

    with pytest.raises(Conflict):
        hasty_clerk.keep(company)


def test_what_is_over_is_told_only_if_a_replica_has_it(held, clerk, hasty_clerk):
    made = Specimens()
    account = made.account()
    open_ = made.challenge(account, deadline=LATER)
    ended = made.challenge(account, state=ChallengeState.ANSWERED)
    clerk.keep(account, open_)
    held.replicas[0].pause()
    with pytest.raises(Indeterminate):
        hasty_clerk.keep(ended)

    for read in (hasty_clerk.store.get, hasty_clerk.store.get_with_account):
        with pytest.raises(StoreUnavailable):
            read(ended.guid)
    with pytest.raises(StoreUnavailable):
        hasty_clerk.store.get_with_account(open_.guid, ended.guid)

    held.replicas[0].resume()
    assert clerk.store.get_with_account(ended.guid) == (ended, account)
    assert clerk.store.get(open_.guid, ended.guid) == (open_, ended)


def test_what_goes_on_is_told_while_a_replica_is_away(held, clerk, hasty_clerk, pair):
    if held is not pair:
        pytest.skip("before 7.2, WAIT waits for the writes of others too")
    made = Specimens()
    account = made.account()
    open_ = made.challenge(account, deadline=START + SHORT)
    clerk.keep(account, open_)
    held.replicas[0].pause()

    assert hasty_clerk.store.get_with_account(open_.guid) == (open_, account)
    hasty_clerk.store._clock.advance(SHORT)
    with pytest.raises(StoreUnavailable):
        hasty_clerk.store.get_with_account(
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
        Clerk(RedisStore(keyspace, FrozenClock()), lambda _: ()).keep(Specimens().company())


def test_in_a_cluster_the_replica_of_the_partition_counts(cluster, new_keyspace, new_clerk):
    keyspace = new_keyspace(cluster, durability=replicated(patience=SURE))
    hasty = new_keyspace(cluster, prefix=keyspace.prefix, durability=replicated(patience=SHORT))
    clerk, hasty_clerk, made = new_clerk(keyspace), new_clerk(hasty), Specimens()
    companies = {part: made.company(guid=made.guid(part)) for part in range(0, 256, 16)}
    clerk.keep(*companies.values())
    logins = [made.login(guid=made.guid(part)) for part in companies]
    clerk.keep(*logins)
    assert clerk.store.get(*(login.guid for login in logins)) == tuple(logins)
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
                    hasty_clerk.swap(company, newer(company))
            else:
                clerk.swap(company, newer(company))
    finally:
        cluster.replicas[0].resume()

    clerk.keep(*(made.company(guid=made.guid(part)) for part in companies))


def test_a_disk_is_waited_for(on_disk, new_keyspace):
    keyspace = new_keyspace(on_disk, durability=fsync())
    clerk, company = Clerk(RedisStore(keyspace, FrozenClock()), lambda _: ()), Specimens().company()
    clerk.keep(company)
    on_disk.kill()
    on_disk.start()

    assert clerk.one(company.guid) == company


@pytest.mark.parametrize("name", ["redis_6_2", "redis_8_2"])
def test_a_server_that_cannot_wait_for_its_disk_is_refused(request, opened, name):
    client = opened(request.getfixturevalue(name))

    with pytest.raises(UnfitServer):
        attach(client, durability=fsync())
    attach(client, durability=replicated())


def test_a_server_that_can_is_taken(on_disk, cluster, opened):
    attach(opened(on_disk), durability=fsync())
    attach(opened(cluster), durability=replicated())
