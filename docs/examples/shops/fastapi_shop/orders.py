"""The shop's own table, in the same database."""

import os
import uuid
from datetime import timedelta

from sqlalchemy import make_url, select, update
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from approvals import approvals, ask
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
sessions = async_sessionmaker(create_async_engine(url), expire_on_commit=False)


async def place_order(user: str, item: str) -> tuple[str, str]:
    """Ask *user* to approve an order of *item*; return the order's id and the matching code."""
    order = str(uuid.uuid4())
    issued = await ask(user, f"Pay for {item}?", key=order)
    async with sessions.begin() as session:
        session.add(Order(id=order, user=user, item=item, challenge=issued.challenge.guid))
    return order, issued.code


async def load_order(order: str, user: str) -> Order | None:
    """Return an order, if it is one of *user*."""
    async with sessions() as session:
        return await session.scalar(select(Order).where(Order.id == order, Order.user == user))


async def load_waiting_orders(after: str, limit: int = 100) -> list[Order]:
    """Return the next orders that wait for an answer, by their ids."""
    waiting = select(Order).where(Order.state == "waiting", Order.id > after)
    async with sessions() as session:
        return list(await session.scalars(waiting.order_by(Order.id).limit(limit)))


async def finish_order(order: Order, seconds: float = 0) -> None:
    """Wait for the challenge's end, up to *seconds*; the first call after it acts, and no other."""
    # No transaction of the shop is open while Counterseal works, or while somebody waits.
    try:
        challenge = await approvals.wait(order.challenge, timedelta(seconds=seconds))
    except NotFound:
        state = "cancelled"  # It ended so long ago that it has been deleted.
    else:
        if challenge.state in UNFINISHED:
            return
        state = "paid" if challenge.approved else "cancelled"
    async with sessions.begin() as session:
        waiting = update(Order).where(Order.id == order.id, Order.state == "waiting")
        if (await session.execute(waiting.values(state=state))).rowcount == 1:
            pass  # Yours: send the goods. This commits together with the new state.
        order.state = await session.scalar(select(Order.state).where(Order.id == order.id))
