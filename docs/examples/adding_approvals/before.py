"""A shop in FastAPI with asynchronous SQLAlchemy, which asks nobody for an approval."""

import html
import os
import uuid
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.middleware.sessions import SessionMiddleware


class Base(DeclarativeBase):
    """The shop's tables."""


class Order(Base):
    """What a user buys."""

    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str]
    item: Mapped[str]
    state: Mapped[str]


url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")
engine = create_async_engine(url)
sessions = async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def lifespan(_: FastAPI):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan, default_response_class=HTMLResponse)
app.add_middleware(SessionMiddleware, secret_key=os.environ["SECRET_KEY"], same_site="lax")


async def open_session():
    async with sessions() as session:
        yield session


def require_user(request: Request) -> str:
    if "user" not in request.session:
        raise HTTPException(403)
    return request.session["user"]


Database = Annotated[AsyncSession, Depends(open_session)]
User = Annotated[str, Depends(require_user)]


def page(body: str, status: int = 200) -> HTMLResponse:
    start = "<!doctype html><html lang=en><title>Shop</title><main><h1>Shop</h1>"
    csp = {"Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'"}
    return HTMLResponse(f"{start}{body}</main>", status, csp)


@app.post("/login")
async def log_in(request: Request, user: Annotated[str, Form()]):
    request.session["user"] = user
    return RedirectResponse("/", status_code=303)


@app.get("/")
async def home(request: Request, database: Database):
    user = request.session.get("user")
    if user is None:
        return page("<form method=post action=/login>Name <input name=user><button>Log in</button>")
    orders = await database.scalars(select(Order).where(Order.user == user))
    lines = (f"<li>{html.escape(order.item)}: {order.state}" for order in orders)
    form = "<form method=post action=/orders><input name=item><button>Buy</button></form>"
    return page(f"{form}<ul>{''.join(lines)}</ul>")


@app.post("/orders")
async def buy(user: User, database: Database, item: Annotated[str, Form()]):
    order = Order(id=str(uuid.uuid4()), user=user, item=item, state="paid")
    database.add(order)
    await database.commit()
    return RedirectResponse(f"/orders/{order.id}", status_code=303)


@app.get("/orders/{order_id}")
async def show_order(user: User, database: Database, order_id: str):
    order = await database.get(Order, order_id)
    if order is None or order.user != user:
        raise HTTPException(404)
    return page(f"<p>{html.escape(order.item)}: {order.state}</p><a href=/>Back</a>")
