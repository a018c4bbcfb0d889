"""How often each use case goes to the database, and that nothing it asks reads everything."""

import re
import sqlite3
from collections import Counter
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from counterseal.models import OPERATOR, Question, TextContent
from counterseal.ports import Due
from counterseal.testing import FakeService
from counterseal.testing.clock import START
from counterseal_sql import with_sql

GUARDS = {
    "counterseal_seen": "replay",
    "counterseal_counts": "counters",
    "counterseal_reservations": "idempotency",
}
PLAN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
WHOLE = re.compile(r"SCAN counterseal|Seq Scan on counterseal")


class Trips:
    """Counts what is sent: a transaction is one trip, since its statements are not waited for."""

    def __init__(self, database):
        self.sent = []
        self._database = database
        if database.engine.dialect.name == "sqlite":
            # Much goes to its driver directly.
            event.listen(database.engine, "do_connect", self._tap)
            database.close()
        else:
            event.listen(database.engine, "before_cursor_execute", self._hear)

    def _hear(self, _, __, statement, parameters, ___, many):
        self._note(statement, parameters[0] if many else parameters)

    def _tap(self, _, __, ___, options):
        note = self._note

        class Cursor(sqlite3.Cursor):
            def execute(self, statement, parameters=()):
                note(statement, parameters)
                return super().execute(statement, parameters)

            def executemany(self, statement, parameters):
                first, *rest = parameters
                note(statement, first)
                return super().executemany(statement, [first, *rest])

        class Connection(sqlite3.Connection):
            def cursor(self):
                return super().cursor(Cursor)

        options["factory"] = Connection

    def _note(self, statement, parameters):
        if not statement.startswith("PRAGMA"):
            self.sent.append((statement, parameters))

    @contextmanager
    def counted(self, **expected):
        begin, found = len(self.sent), Counter()
        yield
        inside = False
        for statement, _ in self.sent[begin:]:
            inside = inside or statement.startswith("BEGIN")
            if statement == "COMMIT" or not inside:
                inside = False
                found[self._port(statement)] += 1
        assert found == expected

    def _port(self, statement):
        found = [port for table, port in GUARDS.items() if table in statement]
        return found[0] if found else "store"


@pytest.fixture
def database(server, opened):
    return opened(server.made())


@pytest.fixture
def trips(database):
    return Trips(database)


@pytest.fixture
def world(database):
    return FakeService(adapters=lambda ports: with_sql(ports, database))


def test_each_use_case_takes_as_many_trips_as_it_should(world, trips):
    with trips.counted(store=2, counters=1):
        invited = world.invitations.invite(world.origin, "zoe")
    phone = world.phone()
    enrolment = phone.device.enrolment(invited.token, world.app_space.guid, pin=phone.pin)
    with trips.counted(store=2):
        bound = world.enrolments.complete(enrolment)
    phone.device.complete_binding(bound)
    question = Question(account_id="zoe", content=TextContent(text="Pay 10 EUR to Adam?"))
    with trips.counted(store=2, counters=1):
        issued = world.challenges.issue(world.origin, question)
    with trips.counted(store=2, replay=1):
        (challenge,) = phone.pending()
    with trips.counted(store=2, replay=1):
        phone.answer(challenge)
    with trips.counted(store=2):
        world.callbacks.list_dead(world.origin.origin.guid, by=OPERATOR)
    with trips.counted(store=1):
        assert world.challenges.status(world.origin, issued.challenge.guid).approved


def test_nothing_reads_everything(world, trips, database):
    phone = world.bind("zoe")
    issued = world.ask("zoe", "Lunch?", idempotency_key="once")
    phone.answer(phone.fetch(issued.challenge.guid))
    world.ports.store.bindings(phone.answers.ports.store.get(phone.guid)[0].account)
    world.ports.store.list(None)
    world.callbacks.list_dead(world.origin.origin.guid, by=OPERATOR)
    world.ports.store.due(Due.CHALLENGE, START, 10)

    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")  # there is next to nothing
        for statement, parameters in dict(trips.sent).items():
            if "counterseal_" not in statement:
                continue
            plan = connection.exec_driver_sql(
                PLAN[connection.dialect.name] + statement, parameters
            ).all()
            assert not WHOLE.search(str(plan)), f"{statement}: {plan}"
