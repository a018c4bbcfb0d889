"""All that a database holds: it fits together, or is said not to; and it goes into another one."""

import itertools
from collections import Counter

import pytest
from attrs import evolve
from sqlalchemy import text

from counterseal import AuditChain
from counterseal.errors import Indeterminate
from counterseal.invariants import Violation
from counterseal.memory import SystemEntropy
from counterseal.models import AddressKind, PushAddress
from counterseal_records import SameStore, TargetDiffers, check, copy_store
from counterseal_sql import SqlAudit, SqlInventory, SqlStore, with_sql
from counterseal_sql.prepared import Statement
from counterseal_testing import FakeService, FrozenClock
from counterseal_testing.service import CALLBACK

USERS = ("zoe", "adam", "eve")
HERE = PushAddress(kind=AddressKind.RELAY, value="here")
LEAST = 37
"""Records that the world has: tenancy, and what belongs to its users."""


@pytest.fixture
def new_database(server, opened):
    return lambda: opened(server.emptied())


@pytest.fixture
def database(new_database):
    return new_database()


@pytest.fixture
def world(database):
    def adapters(ports):
        return evolve(with_sql(ports, database), entropy=SystemEntropy())

    world = FakeService(adapters=adapters)
    world.administration.create_company("Another Ltd")
    for user in USERS:
        phone = world.bind(user, addresses=(HERE,))
        first, second, third = (world.ask(user, "Pay?", callback=CALLBACK) for _ in range(3))
        phone.answer(phone.fetch(first.challenge.guid))
        phone.answer(second.challenge, 1)
        world.challenges.cancel(world.origin, third.challenge.guid)
        world.ask(user, "Still open?")
    world.sender.script(410, 204, 410)
    world.deliver()
    return world


def checked(database):
    result = check(SqlInventory(database, FrozenClock()), FrozenClock(), max)
    return result.records, list(result.violations)


def changed(database, statement, **values):
    with database.writing() as connection:
        assert connection.count(Statement(text(statement)), [values])


def copy(source, target, *, kind=SqlInventory):
    clock, entropy = FrozenClock(), SystemEntropy()
    into = kind(target, clock)
    return copy_store(SqlInventory(source, clock), into, lambda: entropy.token(16).hex())


def contents(database, world):
    store = SqlStore(database, FrozenClock())
    accounts = [store.account(world.app_space.guid, user) for user in USERS]
    return (
        store.list(None),
        store.list(world.company.guid),
        store.dead(world.origin.origin.guid, 10),
        store.search(world.app_space.guid, "", None, 10),
        store.gauges(None),
        accounts,
        [store.bindings(account.guid) for account in accounts],
        [store.pending(account.guid) for account in accounts],
        [entry.event for entry in SqlAudit(database).read()],
    )


def test_the_records_of_the_core_are_consistent(database, world):
    records, flaws = checked(database)

    assert flaws == []
    assert records >= LEAST - 6


@pytest.mark.parametrize(
    "column", ["account", "due_at", "parent", "natural_key", "dead", "channel", "search_key"]
)
def test_a_column_that_differs_from_its_record_is_reported(database, world, column):
    changed(
        database,
        f"UPDATE counterseal_records SET {column} = NULL WHERE {column} IS NOT NULL",  # noqa: S608
    )

    _, flaws = checked(database)

    assert {flaw.problem for flaw in flaws} == {f"the column {column} is not what the record says"}


@pytest.mark.parametrize("change", ["count = count + 1", "count = 0", "gauge = 'active_users'"])
def test_a_wrong_gauge_is_reported(database, world, change):
    changed(
        database,
        f"UPDATE counterseal_gauges SET {change} WHERE gauge = 'dead_callbacks'",  # noqa: S608
    )

    _, flaws = checked(database)

    assert flaws
    assert all(flaw.problem.startswith("the gauge ") for flaw in flaws)


def test_missing_and_unreadable_records_are_reported(database, world):
    zoe, adam, _ = (world.ports.store.account(world.app_space.guid, user).guid for user in USERS)
    binding = world.ports.store.bindings(zoe)[0].guid
    changed(database, "DELETE FROM counterseal_records WHERE guid = :guid", guid=binding)
    changed(database, "UPDATE counterseal_records SET body = '{}' WHERE guid = :guid", guid=adam)
    changed(database, "DELETE FROM counterseal_records WHERE kind = 'callback'")

    _, flaws = checked(database)

    assert Violation(binding, "its account lists this device in another state") in flaws
    assert Violation(adam, "it cannot be read") in flaws
    assert "it has ended, and has no callback" in {flaw.problem for flaw in flaws}
    assert "its account is not there" in {flaw.problem for flaw in flaws}


def test_a_copy_is_the_same_in_every_list(database, world, new_database):
    other = new_database()

    *_, last = copy(database, other)

    assert contents(other, world) == contents(database, world)
    assert checked(other) == checked(database)
    assert last.records == checked(other)[0]


class Breaking(SqlInventory):
    """A target that is gone after a page."""

    good = 1

    def load(self, records, operation):
        if not self.good:
            raise Indeterminate
        self.good -= 1
        super().load(records, operation)


def test_a_copy_that_fails_can_be_repeated(database, world, new_database):
    other = new_database()
    broken = 0
    while True:
        try:
            list(copy(database, other, kind=Breaking))
        except Indeterminate:
            broken += 1
        else:
            break

    assert broken > 3  # users may be in one partition, which is copied at once
    assert contents(other, world) == contents(database, world)
    list(copy(database, other))
    assert contents(other, world) == contents(database, world)


def test_a_record_that_differs_is_never_overwritten(database, world, new_database):
    other = new_database()
    list(copy(database, other))
    (open_,) = world.ports.store.pending(
        world.ports.store.account(world.app_space.guid, USERS[0]).guid
    )
    world.challenges.cancel(world.origin, open_.guid)
    before = contents(other, world)

    with pytest.raises(TargetDiffers):
        list(copy(database, other))
    assert contents(other, world) == before


def test_a_store_is_not_copied_into_itself(world, database, opened):
    assert AuditChain(world.ports, world.policy).chain(10) == 10
    events = contents(database, world)[-1]

    with pytest.raises(SameStore):
        # It would append the log to the log, without end.
        list(itertools.islice(copy(database, opened(database.engine.url)), 1_000))
    assert contents(database, world)[-1] == events


def test_the_log_has_what_is_chained_and_what_is_not(database, world):
    inventory = SqlInventory(database, FrozenClock())
    before = [event for page in inventory.events() for event in page]
    chain = AuditChain(world.ports, world.policy)
    assert chain.chain(10) == 10
    world.ask("zoe", "One more?")

    events = [event for page in inventory.events() for event in page]

    assert Counter(events[:-1]) == Counter(before)
    assert events[-1].event == "challenge.issue"
