"""The shop in FastAPI: its pages, and Counterseal under /auth."""

import logging
import os
from pathlib import Path
from typing import Annotated

import segno
from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy import select
from starlette.middleware.sessions import SessionMiddleware

import counterseal as cs
from approvals import PREFIX, SERVICE_URL, SHOP_URL, approvals, settings
from counterseal.errors import AccountUnbound, AccountUnknown
from counterseal_asgi import AsgiApplication, AsyncApprovals, aio
from counterseal_pwa import Pages
from orders import Order, finish_order, load_order, place_order, sessions

log = logging.getLogger("shop")
here = Path(__file__).parent
templates = Jinja2Templates(here / "templates")
CSP = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)

app = FastAPI(lifespan=approvals.lifespan, default_response_class=HTMLResponse)
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ["SECRET_KEY"],
    same_site="lax",  # another site's form cannot post as our user
    https_only=SHOP_URL.startswith("https:"),
)
app.mount("/static", StaticFiles(directory=here / "static"))
app.mount(PREFIX, AsgiApplication(approvals.service, pages=Pages()))


@aio  # a QR code takes some 20 ms of computing, in which the event loop would stand still
def draw(link: str) -> str:
    """Return a QR code as a data URI."""
    return segno.make(link).svg_data_uri(scale=4)


def render(request: Request, template: str, status: int = 200, **context) -> HTMLResponse:
    """Return a page of the shop, which nobody may store, frame or add scripts to."""
    context["app_url"] = settings.app_url
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store"}
    return templates.TemplateResponse(request, template, context, status, headers)


def require_user(request: Request) -> str:
    """Return who is logged in; only this may choose whose device is bound and who is asked."""
    if "user" not in request.session:
        raise HTTPException(403)
    return request.session["user"]


User = Annotated[str, Depends(require_user)]
Asking = Annotated[AsyncApprovals, Depends(approvals)]


@app.post("/login")
async def log_in(request: Request, user: Annotated[str, Form()]):
    request.session["user"] = user  # Your own log-in goes here, with a password.
    return RedirectResponse("/", status_code=303)


@app.get("/")
async def home(request: Request, approvals: Asking):
    user = request.session.get("user")
    if user is None:
        return render(request, "login.html")
    async with sessions() as database:
        orders = (await database.scalars(select(Order).where(Order.user == user))).all()
    has_device = await approvals.has_device(user)
    return render(request, "home.html", orders=orders, has_device=has_device)


@app.post("/devices")
async def add_device(request: Request, user: User, approvals: Asking):
    # Yours: ask for the password again. Anyone with the link can approve for this user.
    link = await approvals.invite(user)
    picture = await draw(link)
    return render(request, "device.html", link=link, picture=picture, service_url=SERVICE_URL)


@app.post("/orders")
async def buy(request: Request, user: User, item: Annotated[str, Form()]):
    order, code = await place_order(user, item)
    request.session["order"], request.session["code"] = order, code
    return RedirectResponse(f"/orders/{order}", status_code=303)


@app.get("/orders/{order_id}")
async def show_order(request: Request, user: User, order_id: str):
    order = await load_order(order_id, user)
    if order is None:
        raise HTTPException(404)
    if order.state == "waiting":
        await finish_order(order)
    # The matching code is shown in the browser that placed the order, and nowhere else.
    code = request.session["code"] if request.session.get("order") == order.id else None
    return render(request, "order.html", order=order, code=code)


@app.get("/orders/{order_id}/state", response_class=JSONResponse)
async def wait_for_order(
    user: User, order_id: str, seconds: Annotated[float, Query(ge=0, le=25)] = 25
):
    order = await load_order(order_id, user)
    if order is None:
        raise HTTPException(404)
    if order.state == "waiting":
        await finish_order(order, seconds)
    return {"state": order.state}


@app.exception_handler(AccountUnknown)
@app.exception_handler(AccountUnbound)
async def no_device(request: Request, _):
    problem = "First add a device: it is asked for your approval."
    return render(request, "problem.html", 409, problem=problem, needs_device=True)


@app.exception_handler(cs.Refused)
async def refused(request: Request, refusal: cs.Refused):
    log.warning("refused: %s", refusal.code)  # `code` is for your log,
    return render(request, "problem.html", 403, problem=refusal.public_code)  # this for the page


@app.exception_handler(cs.Unavailable)
async def unavailable(request: Request, failure: cs.Unavailable):
    log.error("unavailable: %s", failure.code)
    return render(request, "problem.html", 503, problem="Try again in a minute.")
