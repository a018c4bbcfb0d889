"""The same shop, in which each payment is approved in the user's browser."""

import html
import os
import uuid
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import attrs
from fastapi import Depends, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy import make_url, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.middleware.sessions import SessionMiddleware

import counterseal as cs
from counterseal.errors import AccountUnbound, AccountUnknown
from counterseal.memory import memory_ports
from counterseal.models import UNFINISHED
from counterseal_asgi import AsgiApplication, AsyncApprovals, Service, Settings
from counterseal_keys import KeyFiles
from counterseal_pwa import Pages
from counterseal_sql import connect, upgrade, with_sql


class Base(DeclarativeBase):
    """The shop's tables."""


class Order(Base):
    """What a user buys."""

    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str]
    item: Mapped[str]
    state: Mapped[str]  # "waiting", and then "paid" or "cancelled"
    challenge: Mapped[str]


url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")
engine = create_async_engine(url)
sessions = async_sessionmaker(engine, expire_on_commit=False)

records = connect(os.environ["DATABASE_URL"])
ports = memory_ports()
keys = KeyFiles(Path(os.environ["KEYS"]), ports.entropy, ports.clock)
ports = with_sql(attrs.evolve(ports, signer=keys.signer, sealer=keys.sealer), records)
AUTH_URL = os.environ["SHOP_URL"] + "/auth"
service = Service(ports, cs.STANDARD, Settings(public_url=AUTH_URL, app_url=AUTH_URL + "/app"))
approvals = AsyncApprovals(
    service, "example.com/shop", company="Example", app_space="Example shop", origin="Shop"
)


@asynccontextmanager
async def lifespan(_: FastAPI):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    upgrade(records)  # Counterseal's own tables
    keys.create_missing()
    async with approvals.lifespan():
        yield


app = FastAPI(lifespan=lifespan, default_response_class=HTMLResponse)
app.add_middleware(SessionMiddleware, secret_key=os.environ["SECRET_KEY"], same_site="lax")
app.mount("/auth", AsgiApplication(service, pages=Pages()))


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
    order = Order(id=str(uuid.uuid4()), user=user, item=item, state="waiting")
    question = {"accountId": user, "content": f"Pay for {item}?"}
    issued = await approvals.ask(question, idempotency_key=order.id)
    order.challenge = issued.challenge.guid
    database.add(order)
    await database.commit()
    return RedirectResponse(f"/orders/{order.id}", status_code=303)


@app.get("/orders/{order_id}")
async def show_order(user: User, database: Database, order_id: str):
    order = await database.get(Order, order_id)
    if order is None or order.user != user:
        raise HTTPException(404)
    if order.state == "waiting":
        challenge = await approvals.status(order.challenge)
        if challenge.state in UNFINISHED:
            link = f"<a href={AUTH_URL}/app/ target=_blank>Approve the payment</a>"
            return page(f"<meta http-equiv=refresh content=2>{link}")
        state = "paid" if challenge.approved else "cancelled"
        waiting = update(Order).where(Order.id == order.id, Order.state == "waiting")
        if (await database.execute(waiting.values(state=state))).rowcount == 1:
            pass  # Yours: send the goods. This commits together with the new state.
        await database.commit()
    return page(f"<p>{html.escape(order.item)}: {order.state}</p><a href=/>Back</a>")


@app.post("/devices")
async def add_device(user: User):
    # Yours: ask for the password again. Anyone with the link can approve for this user.
    link = html.escape(await approvals.invite(user))
    return page(f'<a href="{link}" target=_blank>Add this browser</a> <a href=/>Back</a>')


@app.exception_handler(AccountUnknown)
@app.exception_handler(AccountUnbound)
async def no_device(*_):
    form = "<form method=post action=/devices><button>Add this browser first</button></form>"
    return page(form, 409)
