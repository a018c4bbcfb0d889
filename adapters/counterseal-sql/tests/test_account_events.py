"""Events to origins on SQLite and PostgreSQL: in order, and none is missed."""

from datetime import timedelta

import attrs
import pytest

from counterseal import Accounts
from counterseal.models import OPERATOR
from counterseal_sql import with_sql
from counterseal_testing import FakeService
from counterseal_testing.faults import Faults, faulty

DAY = timedelta(days=1)


@pytest.fixture
def world(server, opened):
    database = opened(server.emptied())
    return FakeService(adapters=lambda ports: with_sql(ports, database))


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
