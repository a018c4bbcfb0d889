"""A shop that writes an order and the request for its approval in one transaction."""

import logging

from sqlalchemy import update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import counterseal as cs
from counterseal.errors import AccountUnbound, AccountUnknown
from counterseal.models import Action, Question
from counterseal_sql.own_data import ApprovalRequests, ApprovalTable, LocalService


# Your tables
class Base(DeclarativeBase):
    """The metadata that Alembic compares with the database."""


class Order(Base):
    """What a user wants to buy."""

    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str]
    item: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")


request_table = ApprovalTable(Base.metadata)  # approval_requests


# What follows
def pay(session, request):
    """Pay the order: all of it in *session*, by what was approved, and nothing else."""
    arguments = request.arguments
    order = update(Order).where(Order.id == arguments["order"])
    session.execute(order.values(state=f"paid {arguments['amount']} {arguments['currency']}"))


def cancel(session, request):
    """Cancel the order; `request.outcome` says why."""
    order = update(Order).where(Order.id == request.key)
    session.execute(order.values(state=request.outcome))


def connect_requests(ports, policy, party, sessions):
    """Return the requests of this process."""
    service = LocalService(ports, policy, party)
    return ApprovalRequests(service, sessions, request_table, on_approval=pay, on_end=cancel)


# Ask
def place_order(sessions, requests, order, amount):
    """Write an order and its request, ask, and return the matching code."""
    action = Action(
        type="tool-call",
        resource="shop.pay",
        arguments={"order": order.id, "item": order.item, "amount": amount, "currency": "EUR"},
    )
    question = Question(account_id=order.user, content=action, show_code=True)
    with sessions.begin() as session:
        session.add(order)
        session.execute(requests.insert(question, key=order.id))
    try:
        return requests.ask(order.id).code
    except (AccountUnknown, AccountUnbound):
        return None  # The user has no device: the order is cancelled.


# Work
log = logging.getLogger("worker")


def work(requests, stop):
    """Be a worker, until *stop* is set."""
    while not stop.is_set():
        try:
            requests.work()
        except cs.Unavailable as failure:
            log.warning("try again in a second: %s", failure.code)
        except Exception:
            log.exception("try again in a second")
        stop.wait(1)


# Show
def show_order(sessions, requests, order_id):
    """Return the state of an order, for the page that waits."""
    requests.finish(order_id)  # need not wait for the worker
    with sessions() as session:
        return session.get_one(Order, order_id).state
