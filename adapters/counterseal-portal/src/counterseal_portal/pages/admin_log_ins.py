"""An administrator's log-ins: the link to the first one, and the sessions in browsers."""

from __future__ import annotations

import attrs

from counterseal.errors import NotFound
from counterseal.models import Admin, Session, SessionState
from counterseal_portal.answers import Answer
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.navigation import role_label
from counterseal_portal.reach import admin_of, admin_step, admin_trail
from counterseal_portal.rendering import time_text
from counterseal_portal.routes import MOUNT
from counterseal_portal.secret_pages import Secret, secret_page
from counterseal_portal.visit import Visit

ADMIN = "/admins/{admin}"


@attrs.frozen
class SessionRow:
    """One browser in which an administrator is logged in, or a link that is open."""

    session: Session
    label: str
    state: str


def session_row(session: Session) -> SessionRow:
    """Return a session as a list shows it."""
    if session.state is SessionState.INVITED:
        return SessionRow(session, "One-time link", "Not used yet")
    label = session.browser or "A browser that says nothing of itself"
    return SessionRow(session, label, SESSIONS[session.state])


SESSIONS = {
    SessionState.ENROLLING: "Registers a passkey",
    SessionState.ACTIVE: "Logged in",
    SessionState.REVOKED: "Logged out",
    SessionState.EXPIRED: "Expired",
}


def admin_subject(visit: Visit) -> Subject:
    """Return the administrator that the path names, as a confirmation shows it."""
    admin = admin_of(visit)
    return Subject(
        name=admin.name,
        details=(("Role", role_label(admin)),),
        back=f"/admins/{admin.guid}",
        trail=(*admin_trail(visit, admin), admin_step(admin)),
    )


LINK_INTRO = (
    "This is the only time that the link is shown. Give it to this person only, where you can see"
    " or hear who it is: whoever opens it first registers a passkey, and is this administrator."
)


def link_page(visit: Visit, admin: Admin, title: str) -> Answer:
    """Make a one-time link, and return the page that shows it."""
    issued = visit.sessions.create_link(admin.guid, by=visit.admin)
    return secret_page(
        title=title,
        intro=(LINK_INTRO, f"It works once, until {time_text(issued.session.deadline)}."),
        secrets=(Secret("Link", link_address(visit, issued.token), is_secret=True),),
        continue_to=admin_step(admin),
        trail=admin_trail(visit, admin),
        button="I have handed it over",
    )


def link_address(visit: Visit, token: str) -> str:
    """Return the address of a one-time link; its secret is in the fragment, which no log has."""
    return f"{visit.service.settings.public_url}{MOUNT}/link#{token}"


def _link_subject(visit: Visit) -> Subject:
    subject = admin_subject(visit)
    if not admin_of(visit).person:
        raise NotFound
    return subject


def _make_link(visit: Visit) -> Answer:
    _link_subject(visit)
    return link_page(visit, admin_of(visit), "Link to log in")


def _session_subject(visit: Visit) -> Subject:
    subject, guid = admin_subject(visit), visit.guid("session")
    for session in visit.sessions.list(admin_of(visit).guid, by=visit.admin):
        if session.guid == guid:
            row = session_row(session)
            return attrs.evolve(subject, name=row.label, details=(("Administrator", subject.name),))
    raise NotFound


LINK = Command(
    id="admin.link",
    path=f"{ADMIN}/link",
    title="Make a link to log in?",
    consequences=(
        "Whoever opens the link first registers a passkey, and is this administrator from then on.",
        "An earlier link that is still open no longer works.",
        "Passkeys and sessions that they have stay.",
    ),
    button="Make the link",
    load_subject=_link_subject,
    perform=_make_link,
    done="",
    danger=True,
    stepped_up="Make a link to log in",
)
END_SESSION = Command(
    id="admin.end_session",
    path=f"{ADMIN}/sessions/{{session}}/revoke",
    title="End this session?",
    consequences=(
        "The browser is logged out at its next request. A link that is open no longer works.",
        "The person can log in again: to prevent that, revoke the administrator.",
    ),
    button="End the session",
    load_subject=_session_subject,
    perform=lambda visit: visit.sessions.revoke(visit.guid("session"), by=visit.admin),
    done="session-ended",
    danger=True,
)

ADMIN_LOG_IN_ROUTES = (*command_routes(LINK), *command_routes(END_SESSION))
