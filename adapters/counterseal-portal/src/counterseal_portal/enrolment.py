"""Enrolment: a one-time link leads to a page that registers a passkey, and logs in."""

from __future__ import annotations

from http import HTTPStatus

from counterseal.errors import Refused
from counterseal_portal.answers import Answer, page, redirect
from counterseal_portal.cookies import Cookie, set_cookie
from counterseal_portal.login import (
    browser_of,
    cookie_of,
    end_old_session,
    field,
    logged_in,
    logins_of,
    with_cookies,
)
from counterseal_portal.passkeys import CREDENTIAL, created_passkey, creation_options
from counterseal_portal.refusals import log_refusal
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit

LINK = "/link"
SECRET = "link"  # noqa: S105 (the name of a field)
"""The field with the link's secret; in the address it is the fragment, which no server log has."""

USED = "This link was used already, was replaced by a newer one, or is too old."
NOT_REGISTERED = "The passkey was not registered. Try again."


def show_link(_: Visit) -> Answer:
    """Show what the link is for; only pressing the button uses it up."""
    return page("link.html", problem="")


def redeem(visit: Visit) -> Answer:
    """Use the link up, for this browser alone."""
    try:
        issued = logins_of(visit).sessions.redeem(
            field(visit.body, SECRET), browser=browser_of(visit)
        )
    except Refused as refusal:
        log_refusal(refusal)
        return page("link.html", HTTPStatus.FORBIDDEN, problem=USED)
    # Its cookie is replaced here, so the log-in that follows would no longer know it.
    end_old_session(visit, issued)
    public_url = visit.service.settings.public_url
    return with_cookies(
        redirect(f"{LINK}/passkey"), set_cookie(Cookie.SESSION, issued.token, public_url)
    )


def show_passkey(visit: Visit) -> Answer:
    """Begin a registration, which ends by itself if nobody finishes it."""
    return _passkey_page(visit)


def register(visit: Visit) -> Answer:
    """Register the first passkey, and log in."""
    cookie = cookie_of(visit, Cookie.SESSION)
    try:
        issued = logins_of(visit).register(cookie, created_passkey(visit.body))
    except Refused as refusal:
        log_refusal(refusal)
        return _passkey_page(visit, problem=NOT_REGISTERED)
    return redirect("/own") if issued is None else logged_in(visit, issued, "")


def _passkey_page(visit: Visit, *, problem: str = "") -> Answer:
    try:
        started = logins_of(visit).start_registration(cookie_of(visit, Cookie.SESSION))
    except Refused as refusal:
        log_refusal(refusal)
        return page("link.html", HTTPStatus.FORBIDDEN, problem=USED)
    return page(
        "register.html",
        HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK,
        title="Register a passkey",
        options=creation_options(started, visit.service.policy.algorithms),
        name=started.admin.name,
        action=f"{LINK}/passkey",
        problem=problem,
        csrf_token="" if visit.visitor is None else visit.visitor.csrf_token,
    )


ENROLMENT_ROUTES = (
    Route(id="login.link", method="GET", path=LINK, handler=show_link, public=True),
    Route(
        id="login.redeem", method="POST", path=LINK, handler=redeem, fields=(SECRET,), public=True
    ),
    Route(
        id="login.enrol", method="GET", path=f"{LINK}/passkey", handler=show_passkey, public=True
    ),
    Route(
        id="login.register",
        method="POST",
        path=f"{LINK}/passkey",
        handler=register,
        fields=(CREDENTIAL,),
        public=True,
    ),
)
