"""Whoever writes to SQLite commits for all who wait, and none of them loses by another one."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import event, select

from counterseal.errors import Conflict, Indeterminate, StoreUnavailable
from counterseal.models import Change
from counterseal.testing.clock import START
from counterseal.testing.contracts.race import race
from counterseal.testing.contracts.record_factory import RecordFactory
from counterseal_sql import on_sqlite
from counterseal_sql.commits import attempt
from counterseal_sql.schema import RECORDS
from counterseal_sql.writers import TOGETHER, _Wish

SHORT = timedelta(milliseconds=50)


@pytest.fixture
def database(sqlite_server, opened):
    return opened(sqlite_server.made(), patience=SHORT)


@pytest.fixture
def said(database):
    """Return what is said to the driver from now on."""
    words = []
    event.listen(database.engine, "connect", lambda one, _: one.set_trace_callback(words.append))
    database.close()
    return words


def creating(record, operation=None):
    """Return an act that creates *record*."""
    name = operation or record.guid
    return partial(on_sqlite._made, attempt((Change(None, record),), (), name, START))


def waiting(database, *acts, single=False):
    """Let *acts* wait, as threads that do not have their turn yet."""
    wishes = [_Wish(act, single) for act in acts]
    database._writers._waiting.extend(wishes)
    return wishes


def stored(database):
    with database.reading() as connection:
        return set(connection.execute(select(RECORDS.c.guid)).scalars())


def test_those_who_wait_commit_together(database, said):
    made = RecordFactory()
    companies = [made.company() for _ in range(5)]
    wishes = waiting(database, *map(creating, companies[1:]))

    database.write(creating(companies[0]), single=False)

    assert said.count("BEGIN IMMEDIATE") == said.count("COMMIT") == 1
    assert all(wish.done and wish.error is None for wish in wishes)
    assert stored(database) == {company.guid for company in companies}


def test_who_may_not_loses_alone(database):
    made = RecordFactory()
    first, second, third = (made.company() for _ in range(3))
    database.write(creating(second), single=False)

    def stumbles(connection):
        creating(made.company())(connection)
        raise LookupError

    taken, broken, fine = waiting(database, creating(second, "another"), stumbles, creating(third))

    database.write(creating(first), single=False)

    assert isinstance(taken.error, Conflict)
    assert isinstance(broken.error, LookupError)
    assert fine.error is None
    assert stored(database) == {first.guid, second.guid, third.guid}


def test_a_statement_that_fails_is_unavailable_to_its_own_caller(database):
    company = RecordFactory().company()
    (wish,) = waiting(
        database, lambda connection: connection.exec_driver_sql("SELECT nothing FROM nowhere")
    )

    database.write(creating(company), single=False)

    assert isinstance(wish.error, StoreUnavailable)
    assert stored(database) == {company.guid}


def test_if_all_is_given_up_nothing_has_changed_for_anybody(database):
    made = RecordFactory()

    def gives_up(connection):
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("SELECT nothing FROM nowhere")

    wishes = waiting(database, creating(made.company()), gives_up, creating(made.company()))

    with pytest.raises(StoreUnavailable):
        database.write(creating(made.company()), single=False)

    assert all(isinstance(wish.error, StoreUnavailable) for wish in wishes)
    assert stored(database) == set()


def test_if_the_commit_fails_nobody_knows(database):
    made = RecordFactory()
    with database.committing() as connection:
        for statement in (
            "CREATE TABLE home (id INTEGER PRIMARY KEY)",
            "CREATE TABLE guest (home INTEGER REFERENCES home DEFERRABLE INITIALLY DEFERRED)",
        ):
            connection.exec_driver_sql(statement)
    database.close()
    event.listen(database.engine, "connect", lambda one, _: one.execute("PRAGMA foreign_keys = ON"))
    (wish,) = waiting(
        database, lambda connection: connection.exec_driver_sql("INSERT INTO guest VALUES (1)")
    )

    with pytest.raises(Indeterminate):
        database.write(creating(made.company()), single=False)

    assert isinstance(wish.error, Indeterminate)
    assert stored(database) == set()


def test_who_waits_for_too_long_is_not_done(database):
    company = RecordFactory().company()

    with database.writing(), pytest.raises(StoreUnavailable):
        database.write(creating(company), single=False)
    database.write(lambda _: None)

    assert stored(database) == set()


def test_more_than_commit_together_wait_for_the_next(database, said):
    made = RecordFactory()
    companies = [made.company() for _ in range(TOGETHER + 1)]
    waiting(database, *map(creating, companies[1:]))

    database.write(creating(companies[0]), single=False)

    assert said.count("BEGIN IMMEDIATE") == said.count("COMMIT") == 2
    assert stored(database) == {company.guid for company in companies}


def test_of_many_threads_each_gets_its_own(sqlite_server, opened):
    database = opened(sqlite_server.made())
    made = RecordFactory()
    company = made.company()
    others = [made.company() for _ in range(12)]
    rivals = [creating(company, f"rival {number}") for number in range(4)]
    acts = [*rivals, *map(creating, others)]

    ends = race([partial(database.write, act, single=False) for act in acts])

    assert [end.error for end in ends[4:]] == [None] * 12
    assert [type(end.error) for end in ends[:4]].count(Conflict) == 3
    assert stored(database) == {company.guid, *(other.guid for other in others)}
