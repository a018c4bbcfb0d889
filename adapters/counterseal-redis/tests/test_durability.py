"""How sure a write is before it is told: what is not reached in time is nobody's success."""

from datetime import timedelta

import pytest

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

SHORT = timedelta(milliseconds=500)


@pytest.fixture(params=["pair", "old_pair"])
def held(request):
    """A primary whose replica can be stopped; it goes on at the end."""
    pair = request.getfixturevalue(request.param)
    yield pair
    pair.replicas[0].resume()


@pytest.fixture
def keyspace(held, new_keyspace):
    return new_keyspace(held, durability=replicated(patience=SHORT))


@pytest.fixture
def clerk(keyspace):
    return Clerk(RedisStore(keyspace, FrozenClock()), lambda _: ())


def unsure(keyspace, held):
    """Return a store on the same keys that waits for nobody."""
    return RedisStore(attach(held.client(), prefix=keyspace.prefix), FrozenClock())


def test_a_commit_that_no_replica_has_is_indeterminate(held, keyspace, clerk):
    company = Specimens().company()
    held.replicas[0].pause()

    for _ in range(2):  # the second time it was applied already, and still no replica has it
        with pytest.raises(Indeterminate):
            clerk.commit((None, company), audit=[event()], operation="create")

    held.replicas[0].resume()
    clerk.commit((None, company), audit=[event()], operation="create")
    assert clerk.one(company.guid) == company
    assert [line.event for line in RedisAudit(keyspace).whole()] == [event()]


def test_a_conflict_needs_no_replica(held, clerk):
    company = Specimens().company()
    clerk.keep(company)
    held.replicas[0].pause()

    with pytest.raises(Conflict):
        clerk.keep(company)


def test_what_is_over_is_told_only_if_a_replica_has_it(held, keyspace, clerk):
    made = Specimens()
    account = made.account()
    open_ = made.challenge(account, deadline=LATER)
    ended = made.challenge(account, state=ChallengeState.ANSWERED)
    clerk.keep(account, open_)
    held.replicas[0].pause()
    with pytest.raises(Indeterminate):
        clerk.keep(ended)

    for read in (clerk.store.get, clerk.store.about):
        with pytest.raises(StoreUnavailable):
            read(ended.guid)
    with pytest.raises(StoreUnavailable):
        clerk.store.about(open_.guid, ended.guid)

    held.replicas[0].resume()
    assert clerk.store.about(ended.guid) == (ended, account)
    assert clerk.store.get(open_.guid, ended.guid) == (open_, ended)


def test_what_goes_on_is_told_while_a_replica_is_away(held, clerk, pair):
    if held is not pair:
        pytest.skip("before 7.2, WAIT waits for the writes of others too")
    made = Specimens()
    account = made.account()
    open_ = made.challenge(account, deadline=START + SHORT)
    clerk.keep(account, open_)
    held.replicas[0].pause()

    assert clerk.store.about(open_.guid) == (open_, account)
    clerk.store._clock.advance(SHORT)
    with pytest.raises(StoreUnavailable):
        clerk.store.about(open_.guid)  # told as expired, perhaps by a primary that is none


def test_guards_and_the_log_wait_too(held, keyspace):
    held.replicas[0].pause()
    guard = RedisReplayGuard(keyspace, FrozenClock(), SystemEntropy())

    for act in (
        lambda: guard.first_seen(("proof", "device", "id"), START + SHORT),
        lambda: RedisCounters(keyspace, FrozenClock()).add(("rate", "a"), SHORT),
        lambda: RedisAudit(keyspace).record(event()),
    ):
        with pytest.raises(StoreUnavailable):
            act()


def test_more_replicas_than_there_are_are_never_reached(pair, new_keyspace):
    keyspace = new_keyspace(pair, durability=replicated(2, patience=SHORT))

    with pytest.raises(Indeterminate):
        Clerk(RedisStore(keyspace, FrozenClock()), lambda _: ()).keep(Specimens().company())


def test_in_a_cluster_the_replica_of_the_partition_counts(cluster, new_keyspace):
    store = RedisStore(new_keyspace(cluster, durability=replicated(patience=SHORT)), FrozenClock())
    clerk, made = Clerk(store, lambda _: ()), Specimens()
    companies = [made.company(guid=made.guid(partition)) for partition in range(0, 256, 16)]
    clerk.keep(*companies)
    logins = [made.login(guid=made.guid(partition)) for partition in range(0, 256, 16)]
    clerk.keep(*logins)
    assert store.get(*(login.guid for login in logins)) == tuple(logins)

    cluster.replicas[0].pause()
    try:
        ends = [_ended(clerk, company) for company in companies]
    finally:
        cluster.replicas[0].resume()

    assert {None, Indeterminate} == set(ends), "one of three replicas was away"
    clerk.keep(*(made.company(guid=made.guid(partition)) for partition in range(0, 256, 16)))


def _ended(clerk, company):
    try:
        clerk.swap(company, newer(company))
    except Indeterminate as error:
        return type(error)
    return None


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
