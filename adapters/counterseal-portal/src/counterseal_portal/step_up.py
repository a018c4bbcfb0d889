"""Step-up: before a dangerous act, the person proves once more to be there."""

from __future__ import annotations

from http import HTTPStatus

from counterseal import IssuedSession
from counterseal.errors import Refused
from counterseal.models import BindingState
from counterseal_portal.answers import Answer, destination, page, redirect
from counterseal_portal.cookies import Cookie, drop_cookie, set_cookie
from counterseal_portal.login import cookie_of, field, logins_of, waiting_answer, with_cookies
from counterseal_portal.passkeys import CREDENTIAL, TICKET, request_options, used_passkey
from counterseal_portal.refusals import log_refusal
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit

STEP_UP = "/step-up"
TO = "next"
"""The parameter and the field that say where the person goes on to."""
TITLE = "title"
"""The question about what the person is about to do."""

ANYTHING = "Do something that needs your confirmation?"
PROBLEM = "That did not confirm that it is you. Try again."


def show_step_up(visit: Visit) -> Answer:
    """Show how to confirm; whoever has confirmed a moment ago goes on."""
    to = visit.query.get(TO, "")
    if visit.visitor is not None and visit.visitor.stepped_up:
        return redirect(destination(to))
    return _step_up_page(visit, to, visit.query.get(TITLE, ""))


def step_up(visit: Visit) -> Answer:
    """Confirm by a passkey."""
    to = field(visit.body, TO)
    try:
        ticket, passkey = used_passkey(visit.body)
        issued = logins_of(visit).step_up(
            cookie_of(visit, Cookie.SESSION),
            ticket,
            passkey.credential_id,
            passkey.assertion,
            user_handle=passkey.user_handle,
        )
    except Refused as refusal:
        log_refusal(refusal)
        return _step_up_page(visit, to, field(visit.body, TITLE), problem=PROBLEM)
    return _stepped_up(visit, issued, to)


def ask_device(visit: Visit) -> Answer:
    """Ask the person's own device, which shows the act."""
    to, text = field(visit.body, TO), field(visit.body, TITLE)
    try:
        request = logins_of(visit).ask_to_step_up(
            cookie_of(visit, Cookie.SESSION), known_question(visit, text)
        )
    except Refused as refusal:
        log_refusal(refusal)
        problem = "Your device cannot be asked at the moment. Use the passkey."
        return _step_up_page(visit, to, text, problem=problem)
    cookie = set_cookie(Cookie.CHALLENGE, request.ticket, visit.service.settings.public_url)
    return with_cookies(redirect(f"{STEP_UP}/device", **{TO: to, TITLE: text}), cookie)


def show_device(visit: Visit) -> Answer:
    """Show the code that the person types into the device."""
    to, text = visit.query.get(TO, ""), visit.query.get(TITLE, "")
    try:
        answer = logins_of(visit).step_up_answer(cookie_of(visit, Cookie.CHALLENGE))
    except Refused as refusal:
        log_refusal(refusal)
        return _step_up_page(visit, to, text, problem=PROBLEM)
    return page(
        "device_code.html",
        title=known_question(visit, text),
        code=answer.code,
        action=f"{STEP_UP}/device/finish",
        state=f"{STEP_UP}/device/state",
        next=to,
        back=STEP_UP,
        csrf_token="" if visit.visitor is None else visit.visitor.csrf_token,
    )


def device_state(visit: Visit) -> Answer:
    """Say to the page's script whether the device still has to answer: 202, and 200 if not."""
    return waiting_answer(
        lambda: logins_of(visit).step_up_answer(cookie_of(visit, Cookie.CHALLENGE)).challenge.due_at
    )


def finish_device(visit: Visit) -> Answer:
    """Confirm by the device's approval."""
    to, ticket = field(visit.body, TO), cookie_of(visit, Cookie.CHALLENGE)
    logins = logins_of(visit)
    try:
        if logins.step_up_answer(ticket).challenge.due_at is not None:
            return redirect(f"{STEP_UP}/device", **{TO: to})
        issued = logins.step_up_by_device(cookie_of(visit, Cookie.SESSION), ticket)
    except Refused as refusal:
        log_refusal(refusal)
        return _step_up_page(visit, to, "", problem="Your device did not approve.")
    return _stepped_up(visit, issued, to)


def known_question(visit: Visit, text: str) -> str:
    """Return *text* if some page of the portal asks for it: an address could say anything."""
    return text if text in visit.questions else ANYTHING


def _stepped_up(visit: Visit, issued: IssuedSession, to: str) -> Answer:
    public_url = visit.service.settings.public_url
    return with_cookies(
        redirect(destination(to)),
        set_cookie(Cookie.SESSION, issued.token, public_url),
        drop_cookie(Cookie.CHALLENGE, public_url),
    )


def _step_up_page(visit: Visit, to: str, text: str, *, problem: str = "") -> Answer:
    logins = logins_of(visit)
    started = logins.start_passkey()
    devices = logins.list_keys(visit.admin.guid)
    return page(
        "step_up.html",
        HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK,
        step_up_title=text,
        question=known_question(visit, text),
        options=request_options(
            started.challenge, started.rp_id, visit.service.policy.ceremony_life
        ),
        ticket=started.ticket,
        next=to,
        device=any(each.answers and each.state is BindingState.ACTIVE for each in devices),
        problem=problem,
        csrf_token="" if visit.visitor is None else visit.visitor.csrf_token,
    )


STEP_UP_ROUTES = (
    Route(
        id="session.step_up", method="GET", path=STEP_UP, handler=show_step_up, query=(TO, TITLE)
    ),
    Route(
        id="session.confirm",
        method="POST",
        path=STEP_UP,
        handler=step_up,
        fields=(TO, TITLE, CREDENTIAL, TICKET),
    ),
    Route(
        id="session.ask",
        method="POST",
        path=f"{STEP_UP}/device",
        handler=ask_device,
        fields=(TO, TITLE),
    ),
    Route(
        id="session.device",
        method="GET",
        path=f"{STEP_UP}/device",
        handler=show_device,
        query=(TO, TITLE),
    ),
    Route(id="session.state", method="GET", path=f"{STEP_UP}/device/state", handler=device_state),
    Route(
        id="session.finish",
        method="POST",
        path=f"{STEP_UP}/device/finish",
        handler=finish_device,
        fields=(TO,),
    ),
)
