"""A program that is killed at any point asks once, and does once what was approved."""

import os
import signal
from pathlib import Path

import own_orders
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
from own_orders import Base, Order, Payment, new_requests, new_sessions, place_order
from sqlalchemy import select

from counterseal.models import UseState
from counterseal_sql import connect, upgrade, with_sql
from counterseal_sql.own_data import LocalService
from counterseal_testing import FakeService
from counterseal_testing.clock import START

KILLS = int(os.environ.get("KILLS", "1"))
"""How often each point is tried."""


class Killed:
    """The program's database, the person, and what is done after a process was killed."""

    def __init__(self, url, database, runs, *, is_async):
        self.service = FakeService(adapters=lambda ports: with_sql(ports, database))
        party = self.service.origin
        local_service = LocalService(self.service.ports, self.service.policy, party)
        self.sessions = new_sessions(url)
        self.requests = new_requests(local_service, self.sessions)
        Base.metadata.create_all(self.sessions.kw["bind"])
        self._runs = runs
        self._members = {"store": url, "origin": party.origin.guid, "is_async": is_async}

    def place_and_answer(self, user, phone):
        with self.sessions.begin() as session:
            place_order(session, self.requests, user, user)
        self.requests.ask(user)
        self.answer(phone)

    def answer(self, phone):
        """Approve what is asked, if anything is."""
        for challenge in phone.pending():
            phone.answer(phone.fetch(challenge.guid))

    def kill_at(self, point, user, *, is_placed):
        """Run the program in a process until it is killed, and let some time pass."""
        seconds = (self.service.clock.advance(LONG) - START).total_seconds()
        members = self._members | {"user": user, "key": user, "is_placed": is_placed}
        end = self._runs.run_at(point, seconds=seconds, **members)
        assert end == -signal.SIGKILL
        self.service.clock.advance(LONG)

    def payments(self, user):
        with self.sessions() as session:
            return list(session.scalars(select(Payment.amount).where(Payment.order == user)))

    def order_state(self, user):
        with self.sessions() as session:
            return session.scalar(select(Order.state).where(Order.key == user))

    def use_state(self, challenge):
        status = self.service.actions.status(self.service.origin, challenge)
        return status.use.state

    def close(self):
        self.sessions.kw["bind"].dispose()


@pytest.fixture(scope="module")
def runs():
    runs = KilledRuns(Path(own_orders.__file__))
    yield runs
    runs.close()


@pytest.fixture(
    scope="module",
    params=[("sqlite", False), ("postgres", False), ("postgres", True)],
    ids=["sqlite", "postgres", "postgres-async"],
)
def killed(request, runs):
    name, is_async = request.param
    url = str(request.getfixturevalue(f"{name}_server").bare())
    database = connect(url)
    upgrade(database)
    program = Killed(url, database, runs, is_async=is_async)
    yield program
    program.close()
    database.close()


@pytest.mark.parametrize("point", POINTS)
def test_it_asks_once_and_pays_once(killed, point):
    for number in range(KILLS):
        user = f"user-{POINTS.index(point)}-{number}"
        phone = killed.service.bind(user)
        is_placed = point in {AFTER_USE, IN_TRANSACTION, BEFORE_REPORT}
        if is_placed:
            killed.place_and_answer(user, phone)
        killed.kill_at(point, user, is_placed=is_placed)

        unfinished = [request.key for request in killed.requests.unfinished()]
        assert unfinished == ([user] if point in {AFTER_USE, IN_TRANSACTION} else [])
        assert killed.payments(user) == (["10.00"] if point == BEFORE_REPORT else [])

        killed.requests.work()
        killed.answer(phone)
        killed.service.clock.advance(LONG)
        killed.requests.work()
        killed.service.clock.advance(LONG)

        assert killed.requests.work() == 0
        assert killed.requests.unfinished() == []
        ended = phone.ended()
        if point == BEFORE_COMMIT:
            assert (killed.order_state(user), killed.payments(user), ended) == (None, [], ())
            continue
        assert (killed.order_state(user), killed.payments(user)) == ("paid", ["10.00"])
        (challenge,) = ended
        assert killed.use_state(challenge.guid) is UseState.EXECUTED
