"""The shop of the example: an order is asked about if it was committed, and paid once."""

from datetime import timedelta

import pytest
from orders_with_approvals import (
    Base,
    Order,
    connect_requests,
    pay,
    place_order,
    request_table,
    show_order,
    work,
)
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from counterseal.testing import FakeService
from counterseal_sql.own_data import ApprovalRequests, LocalService


@pytest.fixture
def shop(tmp_path):
    """Counterseal, the phone of a user, and the sessions of the shop."""
    world = FakeService()
    sessions = sessionmaker(
        create_engine(f"sqlite:///{tmp_path / 'shop.db'}"), expire_on_commit=False
    )
    Base.metadata.create_all(sessions.kw["bind"])
    yield world, world.bind("user-42"), sessions
    sessions.kw["bind"].dispose()


def connected(world, sessions):
    return connect_requests(world.ports, world.policy, world.origin, sessions)


class StopsAfterOneRound:
    """What tells a worker to stop."""

    rounds = 0

    def is_set(self):
        return self.rounds > 0

    def wait(self, _):
        self.rounds += 1


def new_order(user="user-42"):
    return Order(id="order-7", user=user, item="Tea")


@pytest.mark.parametrize(("button", "state"), [(0, "paid 4.90 EUR"), (1, "declined")])
def test_an_order_is_what_its_user_decided(shop, button, state):
    world, phone, sessions = shop
    requests = connected(world, sessions)
    code = place_order(sessions, requests, new_order(), "4.90")
    assert show_order(sessions, requests, "order-7") == "waiting"

    (waiting,) = phone.pending()
    phone.answer(phone.fetch(waiting.guid), button, code=None if button else code)

    assert show_order(sessions, requests, "order-7") == state


def test_the_worker_finishes_what_no_page_does(shop):
    world, phone, sessions = shop
    requests = connected(world, sessions)
    code = place_order(sessions, requests, new_order(), "4.90")
    (waiting,) = phone.pending()
    phone.answer(phone.fetch(waiting.guid), code=code)
    world.clock.advance(timedelta(seconds=10))

    work(requests, StopsAfterOneRound())

    with sessions() as session:
        assert session.get_one(Order, "order-7").state == "paid 4.90 EUR"


def test_an_order_of_a_user_without_a_device_is_cancelled(shop):
    world, _, sessions = shop
    requests = connected(world, sessions)

    assert place_order(sessions, requests, new_order("user-43"), "4.90") is None
    assert show_order(sessions, requests, "order-7") == "account_unknown"


def test_a_payment_that_fails_is_made_later_and_once(shop):
    world, phone, sessions = shop
    failures = [ConnectionError()]

    def pay_late(session, request):
        pay(session, request)
        if failures:
            raise failures.pop()

    service = LocalService(world.ports, world.policy, world.origin)
    requests = ApprovalRequests(service, sessions, request_table, on_approval=pay_late)
    code = place_order(sessions, requests, new_order(), "4.90")
    (waiting,) = phone.pending()
    phone.answer(phone.fetch(waiting.guid), code=code)

    with pytest.raises(ConnectionError):
        show_order(sessions, requests, "order-7")
    assert [request.key for request in requests.unfinished()] == ["order-7"]
    assert show_order(sessions, requests, "order-7") == "paid 4.90 EUR"
    assert requests.unfinished() == []
