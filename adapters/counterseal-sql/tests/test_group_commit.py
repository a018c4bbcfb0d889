"""The thread that writes to SQLite commits for all that wait; one that fails undoes no other."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import event, select

from counterseal.errors import Conflict, Indeterminate, StoreUnavailable
from counterseal.models import Change
from counterseal_sql.commits import prepare_commit
from counterseal_sql.dialects import sqlite
from counterseal_sql.group_commit import BATCH, WriteRequest
from counterseal_sql.prepared import Statement
from counterseal_sql.schema import RECORDS
from counterseal_testing.clock import START
from counterseal_testing.contracts.race import race
from counterseal_testing.contracts.record_factory import RecordFactory

SHORT = timedelta(milliseconds=50)


@pytest.fixture
def database(sqlite_server, opened):
    return opened(sqlite_server.emptied(), patience=SHORT)


@pytest.fixture
def statements(database):
    """Return the statements that SQLite executes from now on."""
    texts = []
    event.listen(database.engine, "connect", lambda one, _: one.set_trace_callback(texts.append))
    database.close()
    return texts


def creating(record, operation=None):
    """Return work that creates *record*."""
    name = operation or record.guid
    return partial(sqlite._apply, prepare_commit((Change(None, record),), (), name, START), [])


def waiting(database, *works, single=False):
    """Let *works* wait, as threads that do not have the lock yet."""
    requests = [WriteRequest(work, single) for work in works]
    database._writer._requests.extend(requests)
    return requests


def stored(database):
    with database.reading() as connection:
        return {guid for (guid,) in connection.rows(Statement(select(RECORDS.c.guid)), {})}


def test_requests_that_wait_commit_together(database, statements):
    records = RecordFactory()
    companies = [records.company() for _ in range(5)]
    requests = waiting(database, *map(creating, companies[1:]))

    database.write(creating(companies[0]), single=False)

    assert statements.count("BEGIN IMMEDIATE") == statements.count("COMMIT") == 1
    assert all(request.done and request.error is None for request in requests)
    assert stored(database) == {company.guid for company in companies}


def test_a_conflict_undoes_no_other_request(database):
    records = RecordFactory()
    first, second, third = (records.company() for _ in range(3))
    database.write(creating(second), single=False)

    def fails(connection):
        creating(records.company())(connection)
        raise LookupError

    conflicting, broken, fine = waiting(database, creating(second, "again"), fails, creating(third))

    database.write(creating(first), single=False)

    assert isinstance(conflicting.error, Conflict)
    assert isinstance(broken.error, LookupError)
    assert fine.error is None
    assert stored(database) == {first.guid, second.guid, third.guid}


def test_a_statement_that_fails_is_unavailable_to_its_own_caller(database):
    company = RecordFactory().company()
    (request,) = waiting(database, lambda connection: connection.run("SELECT nothing FROM nowhere"))

    database.write(creating(company), single=False)

    assert isinstance(request.error, StoreUnavailable)
    assert stored(database) == {company.guid}


def test_if_sqlite_rolls_back_all_nothing_has_changed_for_anybody(database):
    records = RecordFactory()

    def rolls_back(connection):
        connection.run("ROLLBACK")
        connection.run("SELECT nothing FROM nowhere")

    requests = waiting(
        database, creating(records.company()), rolls_back, creating(records.company())
    )

    with pytest.raises(StoreUnavailable):
        database.write(creating(records.company()), single=False)

    assert all(isinstance(request.error, StoreUnavailable) for request in requests)
    assert stored(database) == set()


def test_if_the_commit_fails_all_are_indeterminate(database):
    records = RecordFactory()
    with database.committing() as connection:
        for statement in (
            "CREATE TABLE home (id INTEGER PRIMARY KEY)",
            "CREATE TABLE guest (home INTEGER REFERENCES home DEFERRABLE INITIALLY DEFERRED)",
        ):
            connection.run(statement)
    database.close()
    event.listen(database.engine, "connect", lambda one, _: one.execute("PRAGMA foreign_keys = ON"))
    (request,) = waiting(
        database, lambda connection: connection.run("INSERT INTO guest VALUES (1)")
    )

    with pytest.raises(Indeterminate):
        database.write(creating(records.company()), single=False)

    assert isinstance(request.error, Indeterminate)
    assert stored(database) == set()


def test_a_thread_that_waits_for_too_long_has_written_nothing(database):
    company = RecordFactory().company()

    with database.writing(), pytest.raises(StoreUnavailable):
        database.write(creating(company), single=False)
    database.write(lambda _: None)

    assert stored(database) == set()


def test_requests_beyond_a_batch_wait_for_the_next_one(database, statements):
    records = RecordFactory()
    companies = [records.company() for _ in range(BATCH + 1)]
    waiting(database, *map(creating, companies[1:]))

    database.write(creating(companies[0]), single=False)

    assert statements.count("BEGIN IMMEDIATE") == statements.count("COMMIT") == 2
    assert stored(database) == {company.guid for company in companies}


def test_of_many_threads_each_gets_its_own_result(sqlite_server, opened):
    database = opened(sqlite_server.emptied())
    records = RecordFactory()
    company = records.company()
    others = [records.company() for _ in range(12)]
    attempts = [creating(company, f"attempt {number}") for number in range(4)]
    works = [*attempts, *map(creating, others)]

    ends = race([partial(database.write, work, single=False) for work in works])

    assert [end.error for end in ends[4:]] == [None] * 12
    assert [type(end.error) for end in ends[:4]].count(Conflict) == 3
    assert stored(database) == {company.guid, *(other.guid for other in others)}
