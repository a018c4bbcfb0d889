"""Events to origins on Redis: published in order, and none is missed by who was away."""

from datetime import timedelta

import attrs
import pytest

from counterseal import Accounts
from counterseal.models import OPERATOR
from counterseal_redis import with_redis
from counterseal_testing import FakeService
from counterseal_testing.faults import Faults, faulty

DAY = timedelta(days=1)


@pytest.fixture
def world(server, new_keyspace):
    keyspace = new_keyspace(server)
    world = FakeService(adapters=lambda ports: with_redis(ports, keyspace))
    yield world
    world.ports.wake.close()


def read_on(world, cursor=None):
    """Return all events after a cursor, page by page, and the cursor behind them."""
    events, more = [], True
    while more:
        page = world.account_events.read(world.origin, after=cursor, limit=2)
        assert not page.gap
        events += page.events
        cursor, more = page.next, page.more
    return events, cursor


def test_the_commit_that_was_stamped_earlier_and_finished_last_is_not_missed(world):
    """By time it would be behind what the origin has read already."""
    early, late = (world.bind(name).device.bond.account for name in ("early", "late"))
    world.account_events.publish_due()
    _, cursor = read_on(world)
    between = {}

    def overtake():
        world.clock.advance(timedelta(seconds=5))
        world.accounts.lock(late, by=OPERATOR)
        world.account_events.publish_due()
        between["events"], between["cursor"] = read_on(world, cursor)

    faults = Faults()
    faults.meanwhile(overtake)
    ports = attrs.evolve(world.ports, store=faulty(world.ports.store, "store", faults))
    Accounts(ports, world.policy).lock(early, by=OPERATOR)
    world.account_events.publish_due()
    events, _ = read_on(world, between["cursor"])

    assert [one.account for one in between["events"]] == [late]
    assert [one.account for one in events] == [early]
    assert events[0].happened_at < between["events"][-1].happened_at


def test_an_origin_that_was_away_for_a_day_catches_up_by_after(world):
    account = world.bind("zoe").device.bond.account
    world.account_events.publish_due()
    events, cursor = read_on(world)
    assert [one.sequence for one in events] == [1]
    for _ in range(4):
        world.clock.advance(DAY / 4)
        world.accounts.lock(account, by=OPERATOR)
        world.accounts.unlock(account, by=OPERATOR)
        world.account_events.publish_due()
    events, cursor = read_on(world, cursor)
    assert [one.sequence for one in events] == list(range(2, 10))
    assert read_on(world, cursor) == ([], cursor)
