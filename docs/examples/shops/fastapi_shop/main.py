"""The shop in FastAPI: its pages, and the API of devices under /auth."""

import logging
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import segno
from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from sqlalchemy import select
from starlette.middleware.sessions import SessionMiddleware

import counterseal as cs
from approvals import PREFIX, SHOP_URL, Approvals
from counterseal.errors import AccountUnbound, AccountUnknown
from counterseal_asgi import AsgiApplication, aio, closing_on_signal
from orders import Order, finish_order, load_order, place_order, sessions

log = logging.getLogger("shop")
approvals = Approvals()
pages = Jinja2Templates(Path(__file__).parent / "templates")


@asynccontextmanager
async def lifespan(_):
    await approvals.start()
    # On SIGTERM or Ctrl-C, the calls that wait end at once; else uvicorn waits for each of them.
    with closing_on_signal(approvals.service):
        yield


app = FastAPI(lifespan=lifespan, default_response_class=HTMLResponse)
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ["SECRET_KEY"],
    same_site="lax",  # another site's form cannot post as our user
    https_only=SHOP_URL.startswith("https:"),
)
app.mount(PREFIX, AsgiApplication(approvals.service))


@aio  # a QR code takes some 20 ms of computing, in which the event loop would stand still
def draw(link: str) -> str:
    """Return a QR code as a data URI."""
    return segno.make(link).svg_data_uri(scale=4)


def require_user(request: Request) -> str:
    """Return who is logged in; only this may choose whose device is bound and who is asked."""
    if "user" not in request.session:
        raise HTTPException(403)
    return request.session["user"]


User = Annotated[str, Depends(require_user)]


@app.post("/login")
async def log_in(request: Request, user: Annotated[str, Form()]):
    request.session["user"] = user  # Your own log-in goes here, with a password.
    return RedirectResponse("/", status_code=303)


@app.get("/")
async def home(request: Request):
    if "user" not in request.session:
        return pages.TemplateResponse(request, "login.html")
    async with sessions() as database:
        own = select(Order).where(Order.user == request.session["user"])
        orders = (await database.scalars(own)).all()
    return pages.TemplateResponse(request, "home.html", {"orders": orders})


@app.post("/devices")
async def add_device(request: Request, user: User):
    # Yours: ask for the password again. Anyone with the link can approve for this user.
    link = await approvals.invite(user)
    picture = await draw(link)
    return pages.TemplateResponse(
        request,
        "device.html",
        {"link": link, "picture": picture, "address": SHOP_URL + PREFIX},
        headers={"Cache-Control": "no-store"},
    )


@app.post("/orders")
async def buy(request: Request, user: User, item: Annotated[str, Form()]):
    order, code = await place_order(approvals, user, item)
    request.session["order"], request.session["code"] = order, code
    return RedirectResponse(f"/orders/{order}", status_code=303)


@app.get("/orders/{order_id}")
async def show_order(request: Request, user: User, order_id: str):
    order = await load_order(order_id, user)
    if order is None:
        raise HTTPException(404)
    if order.state == "waiting":
        await finish_order(approvals, order)
    # The matching code is shown in the browser that placed the order, and nowhere else.
    code = request.session["code"] if request.session.get("order") == order.id else None
    return pages.TemplateResponse(request, "order.html", {"order": order, "code": code})


@app.get("/orders/{order_id}/state", response_class=JSONResponse)
async def wait_for_order(
    user: User, order_id: str, seconds: Annotated[float, Query(ge=0, le=25)] = 25
):
    order = await load_order(order_id, user)
    if order is None:
        raise HTTPException(404)
    if order.state == "waiting":
        await finish_order(approvals, order, seconds)
    return {"state": order.state}


@app.exception_handler(AccountUnknown)
@app.exception_handler(AccountUnbound)
async def no_device(request: Request, _):
    context = {"problem": "First add a device."}
    return pages.TemplateResponse(request, "problem.html", context, status_code=409)


@app.exception_handler(cs.Refused)
async def refused(request: Request, refusal: cs.Refused):
    log.warning("refused: %s", refusal.code)  # `code` is for your log,
    context = {"problem": refusal.public_code}  # and this for the page
    return pages.TemplateResponse(request, "problem.html", context, status_code=403)


@app.exception_handler(cs.Unavailable)
async def unavailable(request: Request, failure: cs.Unavailable):
    log.error("unavailable: %s", failure.code)
    context = {"problem": "Try again in a minute."}
    return pages.TemplateResponse(request, "problem.html", context, status_code=503)
