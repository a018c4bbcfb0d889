"""A Django project that is killed at any point asks once, and does once what was approved."""

import os
import signal
from pathlib import Path

import pytest
from interrupted_requests import (
    AFTER_USE,
    BEFORE_COMMIT,
    BEFORE_REPORT,
    IN_TRANSACTION,
    LONG,
    POINTS,
    KilledRuns,
)
from sqlalchemy import URL, create_engine, text

from counterseal.models import UseState
from counterseal_sql import connect, upgrade, with_sql
from counterseal_testing import FakeService
from counterseal_testing.clock import START

KILLS = int(os.environ.get("KILLS", "1"))
"""How often each point is tried."""


def address_of(database):
    """Return the address of a database that Django names so, for SQLAlchemy."""
    if "HOST" not in database:
        return URL.create("sqlite", database=database["NAME"])
    return URL.create(
        "postgresql+psycopg",
        username=database["USER"],
        database=database["NAME"],
        query={"host": database["HOST"]},
    )


class Project:
    """A project's database, the person, and runs of the project's processes."""

    def __init__(self, database, keys, runs):
        url = address_of(database)
        self.database = connect(url)
        upgrade(self.database)
        self.service = FakeService(adapters=lambda ports: with_sql(ports, self.database))
        self._engine = create_engine(url)
        self._runs = runs
        self._members = {
            "database": database,
            "store": url.render_as_string(hide_password=False),
            "origin": self.service.origin.origin.guid,
            "keys": str(keys),
        }

    def run(self, function, user="user-1", point=None, **members):
        """Run a function of the program in a process, after a while; return how it ended."""
        seconds = (self.service.clock.advance(LONG) - START).total_seconds()
        members |= self._members | {"function": function, "user": user, "key": user}
        return self._runs.run_at(point, seconds=seconds, **members)

    def answer(self, phone):
        """Approve what is asked, if anything is."""
        for challenge in phone.pending():
            phone.answer(phone.fetch(challenge.guid))

    def order(self, user):
        """Return the state of an order, and the payments."""
        with self._engine.connect() as connection:
            state = connection.scalar(
                text("SELECT state FROM django_orders_order WHERE key = :key"), {"key": user}
            )
            amounts = connection.scalars(
                text('SELECT amount FROM django_orders_payment WHERE "order" = :key'),
                {"key": user},
            )
            return state, list(amounts)

    def use_state(self, challenge):
        status = self.service.actions.status(self.service.origin, challenge)
        return status.use.state

    def close(self):
        self._engine.dispose()
        self.database.close()


@pytest.fixture(scope="module")
def runs():
    runs = KilledRuns(Path(__file__).with_name("killed_project.py"))
    yield runs
    runs.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def project(request, runs, tmp_path_factory):
    database = request.getfixturevalue(f"{request.param}_databases").bare()
    project = Project(database, tmp_path_factory.mktemp("keys"), runs)
    assert project.run("migrate") == 0
    yield project
    project.close()


@pytest.mark.parametrize("point", POINTS)
def test_it_asks_once_and_pays_once(project, point):
    for number in range(KILLS):
        user = f"user-{POINTS.index(point)}-{number}"
        phone = project.service.bind(user)
        function = "order"
        if point in {AFTER_USE, IN_TRANSACTION, BEFORE_REPORT}:
            assert project.run("order", user) == 0
            project.answer(phone)
            function = "work"
        assert project.run(function, user, point) == -signal.SIGKILL

        assert project.order(user)[1] == (["10.00"] if point == BEFORE_REPORT else [])

        unfinished = [user] if point in {AFTER_USE, IN_TRANSACTION} else []
        assert project.run("work", user, unfinished=unfinished) == 0
        project.answer(phone)
        assert project.run("work_until_done", user) == 0

        ended = phone.ended()
        if point == BEFORE_COMMIT:
            assert (project.order(user), ended) == ((None, []), ())
            continue
        assert project.order(user) == ("paid", ["10.00"])
        (challenge,) = ended
        assert project.use_state(challenge.guid) is UseState.EXECUTED


def test_threads_that_finish_at_once_pay_once(project):
    phone = project.service.bind("user-of-threads")
    assert project.run("order", "user-of-threads") == 0
    project.answer(phone)

    assert project.run("finish_at_once", "user-of-threads") == 0
    assert project.order("user-of-threads") == ("paid", ["10.00"])


def test_nothing_is_asked_inside_a_transaction(project):
    phone = project.service.bind("user-in-transaction")

    assert project.run("refuse_in_transaction", "user-in-transaction") == 0
    assert phone.pending() == ()


def test_what_is_rolled_back_is_not_reported(project):
    user = "user-rolled-back"
    phone = project.service.bind(user)
    assert project.run("order", user) == 0
    project.answer(phone)

    assert project.run("refuse_hidden_rollback", user) == 0
    (challenge,) = phone.ended()
    assert project.order(user) == ("waiting", [])
    assert project.use_state(challenge.guid) is UseState.UNKNOWN
    assert project.run("work", user, unfinished=[user]) == 0
    assert project.order(user) == ("paid", ["10.00"])


def test_a_project_uses_its_own_counterseal(sqlite_databases, runs, tmp_path):
    project = Project(sqlite_databases.bare(), tmp_path, runs)

    assert project.run("use_project") == 0
    project.close()
