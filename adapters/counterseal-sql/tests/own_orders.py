"""A program with orders of its own, which it pays after an approval, and which may be killed."""

import asyncio

from interrupted_requests import (
    BEFORE_COMMIT,
    IN_TRANSACTION,
    PAUSE,
    interrupted_service,
    killed_at,
    payment_question,
    serve,
)
from sqlalchemy import create_engine, event, insert, make_url, update
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from counterseal_sql.own_data import ApprovalRequests, ApprovalTable, AsyncApprovalRequests


class Base(DeclarativeBase):
    """The program's own tables."""


TABLE = ApprovalTable(Base.metadata)


class Order(Base):
    """An order that waits for an approval."""

    __tablename__ = "orders"

    key: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="waiting")


class Payment(Base):
    """A payment; nothing but the program itself prevents a second one of an order."""

    __tablename__ = "payments"

    number: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[str]
    amount: Mapped[str]


def pay_statements(request):
    """Return what pays the order of *request*."""
    order = request.arguments["order"]
    payment = insert(Payment).values(order=order, amount=request.arguments["amount"])
    return payment, update(Order).where(Order.key == order).values(state="paid")


def pay(session, request):
    for statement in pay_statements(request):
        session.execute(statement)


def cancel(session, request):
    order = update(Order).where(Order.key == request.key)
    session.execute(order.values(state=request.outcome))


async def pay_async(session, request):
    for statement in pay_statements(request):
        await session.execute(statement)


async def cancel_async(session, request):
    await session.run_sync(cancel, request)


def driven(url, *, asynchronous=False):
    """Return the address for psycopg 3, which has both faces."""
    url = make_url(url)
    is_sqlite = url.get_backend_name() == "sqlite"
    assert not (is_sqlite and asynchronous)
    return url if is_sqlite else url.set(drivername="postgresql+psycopg")


def new_sessions(url):
    """Return the sessions of the database at *url*."""
    return sessionmaker(create_engine(driven(url)), expire_on_commit=False)


def new_requests(service, sessions, on_approval=pay):
    """Return the requests in the database of *sessions*."""
    return ApprovalRequests(
        service, sessions, TABLE, on_approval=on_approval, on_end=cancel, pause=PAUSE
    )


def new_async_requests(service, url, on_approval):
    engine = create_async_engine(driven(url, asynchronous=True))
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    requests = AsyncApprovalRequests(
        service, sessions, TABLE, on_approval=on_approval, on_end=cancel_async, pause=PAUSE
    )
    return sessions, requests


def place_order(session, requests, user, key):
    """Place an order in *session*, which the caller commits."""
    session.add(Order(key=key))
    session.execute(requests.insert(payment_question(user, key), key=key))


async def place_async_order(sessions, requests, user, key):
    """Write an order and its request, and ask."""
    async with sessions.begin() as session:
        session.add(Order(key=key))
        await session.execute(requests.insert(payment_question(user, key), key=key))
    await requests.ask(key)


def run_synchronously(run):
    interrupt = killed_at(run["point"])

    def pay_and_interrupt(session, request):
        pay(session, request)
        interrupt(IN_TRANSACTION)

    sessions = new_sessions(run["store"])
    requests = new_requests(interrupted_service(run), sessions, pay_and_interrupt)
    if run["is_placed"]:
        requests.work()
        return
    event.listen(sessions.kw["bind"], "commit", lambda _: interrupt(BEFORE_COMMIT))
    with sessions.begin() as session:
        place_order(session, requests, run["user"], run["key"])
    requests.ask(run["key"])


async def run_asynchronously(run):
    interrupt = killed_at(run["point"])

    async def pay_and_interrupt(session, request):
        await pay_async(session, request)
        interrupt(IN_TRANSACTION)

    service = interrupted_service(run)
    sessions, requests = new_async_requests(service, run["store"], pay_and_interrupt)
    if run["is_placed"]:
        await requests.work()
        return
    event.listen(sessions.kw["bind"].sync_engine, "commit", lambda _: interrupt(BEFORE_COMMIT))
    await place_async_order(sessions, requests, run["user"], run["key"])


def run_program(run):
    if run["is_async"]:
        asyncio.run(run_asynchronously(run))
    else:
        run_synchronously(run)


if __name__ == "__main__":
    serve(run_program)
