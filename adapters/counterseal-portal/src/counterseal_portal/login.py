"""Log-in: by a passkey, or by a device of one's own in a browser that has used a passkey before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus

import attrs

from counterseal import AdminLogins, IssuedSession
from counterseal.errors import Refused, TooOften, WrongToken
from counterseal_portal.answers import Answer, destination, page, redirect
from counterseal_portal.cookies import Cookie, drop_cookie, read_cookie, set_cookie
from counterseal_portal.passkeys import CREDENTIAL, TICKET, request_options, used_passkey
from counterseal_portal.refusals import log_refusal
from counterseal_portal.routes import Route
from counterseal_portal.session_rows import describe_browser
from counterseal_portal.visit import Visit
from counterseal_portal.visitors import admin_logins

LOGIN = "/login"
NEXT = "next"
"""The parameter and the field that say where the person goes on to."""

NOT_LOGGED_IN = (
    "That did not work. Try again, or ask another administrator for a new link if the passkey is"
    " gone."
)
NOT_ASKED = (
    "Your device cannot be asked at the moment. Use the passkey, or try again in a few minutes."
)
TOO_OFTEN = "Too many attempts at the moment. Try again in a minute."
NOT_APPROVED = "Your device did not approve the log-in."


def logins_of(visit: Visit) -> AdminLogins:
    """Return the log-ins of administrators."""
    return admin_logins(visit.service)


def cookie_of(visit: Visit, cookie: Cookie) -> str:
    """Return the value of a cookie of the person's browser; empty if there is none."""
    return read_cookie(visit.request, cookie, visit.service.settings.public_url)


def browser_of(visit: Visit) -> str:
    """Return what the person's browser says that it is."""
    return describe_browser(visit.request.headers.get("user-agent", ""))


def field(body: Mapping[str, Sequence[str]], name: str) -> str:
    """Return a field of a form; empty if it is not there, or there twice."""
    values = body.get(name, ())
    return values[0] if len(values) == 1 else ""


def logged_in(visit: Visit, issued: IssuedSession, path: str) -> Answer:
    """
    Return the redirect of a browser that has logged in, with its new cookies.

    The session that the browser had before ends: nobody goes on with a cookie from before the
    log-in.
    """
    public_url = visit.service.settings.public_url
    end_old_session(visit, issued)
    mark = logins_of(visit).remember_browser(issued.admin.guid)
    life = visit.service.policy.portal_browser_life
    return with_cookies(
        redirect(path),
        set_cookie(Cookie.SESSION, issued.token, public_url),
        set_cookie(Cookie.BROWSER, mark, public_url, life=life),
        drop_cookie(Cookie.CHALLENGE, public_url),
    )


def end_old_session(visit: Visit, issued: IssuedSession) -> None:
    """End the session that the browser had before *issued*, if it is another one."""
    old_cookie = cookie_of(visit, Cookie.SESSION)
    if old_cookie and not old_cookie.startswith(issued.session.guid):
        with suppress(WrongToken):
            logins_of(visit).sessions.log_out(old_cookie)


def with_cookies(answer: Answer, *cookies: tuple[str, str]) -> Answer:
    """Return *answer* with the headers of *cookies*."""
    return attrs.evolve(answer, headers=(*answer.headers, *cookies))


def show_login(visit: Visit) -> Answer:
    """Show how to log in; whoever is logged in goes on."""
    if visit.visitor is not None:
        return redirect(destination(visit.query.get(NEXT, "")))
    return _login_page(visit, visit.query.get(NEXT, ""))


def log_in(visit: Visit) -> Answer:
    """Log in whose passkey the browser has used."""
    to = field(visit.body, NEXT)
    try:
        ticket, passkey = used_passkey(visit.body)
        issued = logins_of(visit).log_in(
            ticket,
            passkey.credential_id,
            passkey.assertion,
            user_handle=passkey.user_handle,
            browser=browser_of(visit),
        )
    except Refused as refusal:
        return _login_page(visit, to, refusal=refusal)
    return logged_in(visit, issued, destination(to))


def ask_device(visit: Visit) -> Answer:
    """Ask the device of the administrator who has used a passkey in this browser before."""
    to = field(visit.body, NEXT)
    mark = cookie_of(visit, Cookie.BROWSER)
    try:
        request = logins_of(visit).ask_to_log_in(mark, browser=browser_of(visit))
    except Refused as refusal:
        return _login_page(visit, to, refusal=refusal, problem=NOT_ASKED)
    public_url = visit.service.settings.public_url
    return with_cookies(
        redirect(f"{LOGIN}/device", **{NEXT: to} if to else {}),
        set_cookie(Cookie.CHALLENGE, request.ticket, public_url),
    )


def show_device(visit: Visit) -> Answer:
    """Show the code that the person types into the device."""
    to = visit.query.get(NEXT, "")
    try:
        answer = logins_of(visit).answer(cookie_of(visit, Cookie.CHALLENGE))
    except Refused as refusal:
        return _login_page(visit, to, refusal=refusal, problem=NOT_APPROVED)
    return page(
        "device_code.html",
        title="Log in with your device",
        code=answer.code,
        action=f"{LOGIN}/device/finish",
        state=f"{LOGIN}/device/state",
        next=to,
        back=LOGIN,
        csrf_token="",
    )


def device_state(visit: Visit) -> Answer:
    """Say to the page's script whether the device still has to answer: 202, and 200 if not."""
    return waiting_answer(
        lambda: logins_of(visit).answer(cookie_of(visit, Cookie.CHALLENGE)).challenge.due_at
    )


def waiting_answer(due_at: Callable[[], datetime | None]) -> Answer:
    """Return 202 while there is something due, and 200 once there is nothing."""
    try:
        waiting = due_at() is not None
    except Refused as refusal:
        log_refusal(refusal)
        waiting = False
    return Answer(status=HTTPStatus.ACCEPTED if waiting else HTTPStatus.OK)


def finish_device(visit: Visit) -> Answer:
    """Log in whose device has approved."""
    to, ticket = field(visit.body, NEXT), cookie_of(visit, Cookie.CHALLENGE)
    logins = logins_of(visit)
    try:
        if logins.answer(ticket).challenge.due_at is not None:
            return redirect(f"{LOGIN}/device", **{NEXT: to} if to else {})
        issued = logins.log_in_by_device(ticket, browser=browser_of(visit))
    except Refused as refusal:
        return _login_page(visit, to, refusal=refusal, problem=NOT_APPROVED)
    return logged_in(visit, issued, destination(to))


def log_out(visit: Visit) -> Answer:
    """End the session of this browser."""
    with suppress(WrongToken):
        logins_of(visit).sessions.log_out(cookie_of(visit, Cookie.SESSION))
    public_url = visit.service.settings.public_url
    return with_cookies(redirect(LOGIN), drop_cookie(Cookie.SESSION, public_url))


def _login_page(
    visit: Visit, to: str, *, refusal: Refused | None = None, problem: str = NOT_LOGGED_IN
) -> Answer:
    logins = logins_of(visit)
    status = HTTPStatus.OK
    if refusal is not None:
        log_refusal(refusal)
    if isinstance(refusal, TooOften):
        problem, status = TOO_OFTEN, HTTPStatus.TOO_MANY_REQUESTS
    elif refusal is not None:
        status = HTTPStatus.FORBIDDEN
    started = logins.start_passkey()
    return page(
        "login.html",
        status,
        options=request_options(
            started.challenge, started.rp_id, visit.service.policy.ceremony_life
        ),
        ticket=started.ticket,
        next=to,
        device=logins.remembered(cookie_of(visit, Cookie.BROWSER)) is not None,
        problem="" if refusal is None else problem,
    )


LOGIN_ROUTES = (
    Route(
        id="login.show", method="GET", path=LOGIN, handler=show_login, query=(NEXT,), public=True
    ),
    Route(
        id="login.passkey",
        method="POST",
        path=LOGIN,
        handler=log_in,
        fields=(NEXT, CREDENTIAL, TICKET),
        public=True,
    ),
    Route(
        id="login.ask",
        method="POST",
        path=f"{LOGIN}/device",
        handler=ask_device,
        fields=(NEXT,),
        public=True,
    ),
    Route(
        id="login.device",
        method="GET",
        path=f"{LOGIN}/device",
        handler=show_device,
        query=(NEXT,),
        public=True,
    ),
    Route(
        id="login.state",
        method="GET",
        path=f"{LOGIN}/device/state",
        handler=device_state,
        public=True,
    ),
    Route(
        id="login.finish",
        method="POST",
        path=f"{LOGIN}/device/finish",
        handler=finish_device,
        fields=(NEXT,),
        public=True,
    ),
    Route(id="login.out", method="POST", path="/logout", handler=log_out),
)
