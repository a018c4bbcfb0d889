"""The shop's own table, in the same database."""

import os
import uuid

from sqlalchemy import create_engine, make_url, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from approvals import CONNECTIONS, approvals, ask
from counterseal.errors import NotFound
from counterseal.models import UNFINISHED


class Base(DeclarativeBase):
    """The metadata that Alembic compares with the database."""


class Order(Base):
    """What a user wants to buy, and the challenge that asks for the approval."""

    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str]
    item: Mapped[str]
    challenge: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")  # then "paid" or "cancelled"


url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")
sessions = sessionmaker(
    create_engine(url, pool_size=CONNECTIONS, max_overflow=0), expire_on_commit=False
)


def place_order(user: str, item: str) -> tuple[str, str]:
    """Ask *user* to approve an order of *item*; return the order's id and the matching code."""
    order = str(uuid.uuid4())
    issued = ask(user, f"Pay for {item}?", key=order)
    with sessions.begin() as session:
        session.add(Order(id=order, user=user, item=item, challenge=issued.challenge.guid))
    return order, issued.code


def load_order(order: str, user: str) -> Order | None:
    """Return an order, if it is one of *user*."""
    with sessions() as session:
        return session.scalar(select(Order).where(Order.id == order, Order.user == user))


def load_waiting_orders(after: str, limit: int = 100) -> list[Order]:
    """Return the next orders that wait for an answer, by their ids."""
    waiting = select(Order).where(Order.state == "waiting", Order.id > after)
    with sessions() as session:
        return list(session.scalars(waiting.order_by(Order.id).limit(limit)))


def finish_order(order: Order) -> None:
    """Check the challenge; the first check after its end acts on it, and no other."""
    # No transaction of the shop is open while Counterseal works.
    try:
        challenge = approvals.status(order.challenge)
    except NotFound:
        state = "cancelled"  # It ended so long ago that it has been deleted.
    else:
        if challenge.state in UNFINISHED:
            return
        state = "paid" if challenge.approved else "cancelled"
    with sessions.begin() as session:
        waiting = update(Order).where(Order.id == order.id, Order.state == "waiting")
        if session.execute(waiting.values(state=state)).rowcount == 1:
            pass  # Yours: send the goods. This commits together with the new state.
        order.state = session.scalar(select(Order.state).where(Order.id == order.id))
