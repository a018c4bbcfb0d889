"""How many trips and statements each use case takes, and that no statement scans a table."""

import json
import re
import sqlite3
from collections import Counter
from contextlib import contextmanager

import psycopg
import pytest
from round_trips import ROUND_TRIPS, statements_of
from sqlalchemy import event
from use_case_trips import play_use_cases

from counterseal.bindings.records import SEEN_STEP
from counterseal.models import OPERATOR, Action
from counterseal.models.guid import mint
from counterseal.ports import Due
from counterseal_sql import with_sql
from counterseal_testing import FakeService
from counterseal_testing.clock import START

GUARDS = {
    "counterseal_seen": "replay",
    "counterseal_counts": "counters",
    "counterseal_reservations": "idempotency",
}
GUID = mint(7, bytes(15))
PLAN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
FULL_SCAN = re.compile(r"SCAN counterseal|Seq Scan on counterseal")


class Trips:
    """Counts what is sent: a transaction is one trip, since its statements are not waited for."""

    def __init__(self, database, monkeypatch):
        self.statements = []
        self._database = database
        if database.engine.dialect.name == "sqlite":
            event.listen(database.engine, "do_connect", self._record_sqlite)
            database.close()
        else:
            self._record_postgresql(monkeypatch)

    def _record_postgresql(self, monkeypatch):
        record, execute = self._record, psycopg.RawCursor.execute

        def recording(cursor, statement, parameters=(), **options):
            record(statement.decode(), parameters)
            return execute(cursor, statement, parameters, **options)

        monkeypatch.setattr(psycopg.RawCursor, "execute", recording)

    def _record_sqlite(self, _, __, ___, options):
        record = self._record

        class Connection(sqlite3.Connection):
            def execute(self, statement, parameters=()):
                record(statement, parameters)
                return super().execute(statement, parameters)

            def executemany(self, statement, parameters):
                first, *rest = parameters
                record(statement, first)
                return super().executemany(statement, [first, *rest])

        options["factory"] = Connection

    def _record(self, statement, parameters):
        if not statement.startswith("PRAGMA"):
            self.statements.append((statement, parameters))

    @contextmanager
    def counted(self, name):
        begin, counts = len(self.statements), Counter()
        yield
        inside = False
        for statement, _ in self.statements[begin:]:
            inside = inside or statement.startswith("BEGIN")
            if statement == "COMMIT" or not inside:
                inside = False
                counts[self._port(statement)] += 1
        assert counts == ROUND_TRIPS[name], name
        statement_count = len(self.statements) - begin
        assert statement_count == statements_of(name, self._database.engine.dialect.name), name

    def _port(self, statement):
        ports = [port for table, port in GUARDS.items() if table in statement]
        return ports[0] if ports else "store"


def explain(connection, kind, statement, parameters):
    """Return how the database would execute *statement*."""
    if kind == "sqlite":
        return connection._driver.execute(PLAN[kind] + statement, parameters).fetchall()
    cursor = psycopg.RawCursor(connection._driver)
    return cursor.execute((PLAN[kind] + statement).encode(), parameters).fetchall()


@pytest.fixture
def database(server, opened):
    return opened(server.emptied())


@pytest.fixture
def trips(database, monkeypatch):
    return Trips(database, monkeypatch)


@pytest.fixture
def world(database):
    return FakeService(adapters=lambda ports: with_sql(ports, database))


def test_each_use_case_takes_as_many_trips_as_it_should(world, trips):
    play_use_cases(world, trips.counted)
    with trips.counted("list dead callbacks"):
        world.callbacks.list_dead(world.origin.origin.guid, by=OPERATOR)
    with trips.counted("search accounts"):
        world.accounts.search(world.app_space.guid, "z", by=OPERATOR)
    with trips.counted("read gauges"):
        assert len(world.ports.store.gauges(None)) == 1


def test_a_search_by_a_part_takes_a_statement_and_on_postgresql_another_that_counts(
    world, trips, database
):
    account = world.invitations.invite(world.origin, "zoe@example").account
    store, counts = world.ports.store, database.engine.dialect.name == "postgresql"

    for after, number in ((None, 1 + counts), (account.guid, 2 + counts), (GUID, 1)):
        trips.statements.clear()
        accounts = store.search_part(world.app_space.guid, "EXAMPLE", after, 9)
        assert [one.guid for one in accounts] == [account.guid] * (after is None)
        assert len(trips.statements) == number


def test_a_repeat_gets_the_language_of_the_first_call(world):
    german = world.bind("zoe", language="de-AT")
    action = Action(type="login", resource="Shop", arguments={})
    first = world.ask("zoe", action, idempotency_key="once")
    world.clock.advance(SEEN_STEP)
    english = world.bind("zoe", language="en")

    again = world.ask("zoe", action, idempotency_key="once")
    assert (again.challenge, again.repeated) == (first.challenge, True)
    languages = [language_of(first), language_of(world.ask("zoe", action))]
    german.pending()
    languages.append(language_of(world.ask("zoe", action)))
    (account,) = world.ports.store.get(first.challenge.account)
    assert languages == ["de", "en", "de"]
    assert [(each.binding, each.language) for each in account.devices] == [
        (english.guid, "en"),
        (german.guid, "de-AT"),
    ]


def language_of(issued):
    return json.loads(issued.challenge.display)["action"]["language"]


def test_no_statement_scans_a_table(world, trips, database):
    phone = world.bind("zoe")
    issued = world.ask("zoe", "Lunch?", idempotency_key="once")
    phone.answer(phone.fetch(issued.challenge.guid))
    world.ports.store.bindings(phone.answers.ports.store.get(phone.guid)[0].account)
    world.ports.store.list(None)
    world.callbacks.list_dead(world.origin.origin.guid, by=OPERATOR)
    world.ports.store.due(Due.CHALLENGE, START, 10)
    world.ports.store.gauges(frozenset({world.app_space.guid, world.company.guid}))
    world.accounts.search(world.app_space.guid, "z", after="zo", by=OPERATOR)
    account = world.ports.store.account(world.app_space.guid, "zoe").guid
    world.accounts.search_part(world.app_space.guid, "zoe", after=account, by=OPERATOR)
    world.accounts.erase(account, by=OPERATOR)

    kind = database.engine.dialect.name
    with database.reading() as connection:
        if kind == "postgresql":
            connection.run("SET enable_seqscan = off")  # there are few rows
        for statement, parameters in dict(trips.statements).items():
            if "counterseal_" not in statement:
                continue
            plan = explain(connection, kind, statement, parameters)
            assert not FULL_SCAN.search(str(plan)), f"{statement}: {plan}"
