"""The shop in Flask: its pages, and Counterseal under /auth."""

import os

import segno
from flask import Flask, Response, abort, redirect, render_template, request, session, url_for
from sqlalchemy import select

import counterseal as cs
from approvals import PREFIX, SERVICE_URL, SHOP_URL, approvals, settings
from counterseal.errors import AccountUnbound, AccountUnknown
from counterseal_flask import Counterseal
from counterseal_pwa import Pages
from orders import Order, finish_order, load_order, place_order, sessions

CSP = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SECRET_KEY"],
    SESSION_COOKIE_SAMESITE="Lax",  # another site's form cannot post as our user
    SESSION_COOKIE_SECURE=SHOP_URL.startswith("https:"),
)
Counterseal(app, service=approvals.service, pages=Pages(), url_prefix=PREFIX)
approvals.load_party()  # creates the origin, or loads it; if it cannot, the process does not start


def render(template: str, **context) -> Response:
    """Return a page of the shop, which nobody may store, frame or add scripts to."""
    page = render_template(template, app_url=settings.app_url, **context)
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store"}
    return Response(page, headers=headers, mimetype="text/html")


def require_user() -> str:
    """Return who is logged in; only this may choose whose device is bound and who is asked."""
    if "user" not in session:
        abort(403)
    return session["user"]


@app.post("/login")
def log_in():
    session["user"] = request.form["user"]  # Your own log-in goes here, with a password.
    return redirect(url_for("home"))


@app.get("/")
def home():
    user = session.get("user")
    if user is None:
        return render("login.html")
    with sessions() as database:
        orders = database.scalars(select(Order).where(Order.user == user)).all()
    return render("home.html", orders=orders, has_device=approvals.has_device(user))


@app.post("/devices")
def add_device():
    # Yours: ask for the password again. Anyone with the link can approve for this user.
    link = approvals.invite(require_user())
    picture = segno.make(link).svg_data_uri(scale=4)
    return render("device.html", link=link, picture=picture, service_url=SERVICE_URL)


@app.post("/orders")
def buy():
    order, code = place_order(require_user(), request.form["item"])
    session["order"], session["code"] = order, code
    return redirect(url_for("show_order", order_id=order))


@app.get("/orders/<order_id>")
def show_order(order_id):
    order = load_order(order_id, require_user())
    if order is None:
        abort(404)
    if order.state == "waiting":
        finish_order(order)
    # The matching code is shown in the browser that placed the order, and nowhere else.
    code = session["code"] if session.get("order") == order.id else None
    return render("order.html", order=order, code=code)


@app.errorhandler(AccountUnknown)
@app.errorhandler(AccountUnbound)
def no_device(_):
    problem = "First add a device: it is asked for your approval."
    return render("problem.html", problem=problem, needs_device=True), 409


@app.errorhandler(cs.Refused)
def refused(refusal):
    app.logger.warning("refused: %s", refusal.code)  # `code` is for your log,
    return render("problem.html", problem=refusal.public_code), 403  # this for the page


@app.errorhandler(cs.Unavailable)
def unavailable(failure):
    app.logger.error("unavailable: %s", failure.code)
    return render("problem.html", problem="Try again in a minute."), 503
