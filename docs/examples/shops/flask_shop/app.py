"""The shop in Flask: its pages, and the API of devices under /auth."""

import os

import segno
from flask import Flask, abort, redirect, render_template, request, session, url_for
from sqlalchemy import select

import counterseal as cs
from approvals import PREFIX, SHOP_URL, Approvals
from counterseal.errors import AccountUnbound, AccountUnknown
from counterseal_flask import device_blueprint
from orders import Order, finish_order, load_order, place_order, sessions

approvals = Approvals()

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ["SECRET_KEY"],
    SESSION_COOKIE_SAMESITE="Lax",  # another site's form cannot post as our user
    SESSION_COOKIE_SECURE=SHOP_URL.startswith("https:"),
)
app.register_blueprint(device_blueprint(approvals.service), url_prefix=PREFIX)


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
    if "user" not in session:
        return render_template("login.html")
    with sessions() as database:
        orders = database.scalars(select(Order).where(Order.user == session["user"])).all()
    return render_template("home.html", orders=orders)


@app.post("/devices")
def add_device():
    # Yours: ask for the password again. Anyone with the link can approve for this user.
    link = approvals.invite(require_user())
    page = render_template(
        "device.html",
        link=link,
        picture=segno.make(link).svg_data_uri(scale=4),
        address=SHOP_URL + PREFIX,
    )
    return page, {"Cache-Control": "no-store"}


@app.post("/orders")
def buy():
    order, code = place_order(approvals, require_user(), request.form["item"])
    session["order"], session["code"] = order, code
    return redirect(url_for("show_order", order_id=order))


@app.get("/orders/<order_id>")
def show_order(order_id):
    order = load_order(order_id, require_user())
    if order is None:
        abort(404)
    if order.state == "waiting":
        finish_order(approvals, order)
    # The matching code is shown in the browser that placed the order, and nowhere else.
    code = session["code"] if session.get("order") == order.id else None
    return render_template("order.html", order=order, code=code)


@app.errorhandler(AccountUnknown)
@app.errorhandler(AccountUnbound)
def no_device(_):
    return render_template("problem.html", problem="First add a device."), 409


@app.errorhandler(cs.Refused)
def refused(refusal):
    app.logger.warning("refused: %s", refusal.code)  # `code` is for your log,
    return render_template("problem.html", problem=refusal.public_code), 403  # this for the page


@app.errorhandler(cs.Unavailable)
def unavailable(failure):
    app.logger.error("unavailable: %s", failure.code)
    return render_template("problem.html", problem="Try again in a minute."), 503
