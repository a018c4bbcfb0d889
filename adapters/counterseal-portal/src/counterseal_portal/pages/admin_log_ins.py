"""An administrator's log-ins: the link to the first one, sessions, passkeys and devices."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import attrs

from counterseal.errors import NotFound
from counterseal.models import Admin
from counterseal_portal.answers import MOUNT, Answer, Mail, Secret, secret_page
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.forms import Field, fill
from counterseal_portal.key_rows import KeyRow, key_details, key_rows
from counterseal_portal.link_lives import LINK_LIFE, chosen_life, life_field, usual_life
from counterseal_portal.login import logins_of
from counterseal_portal.navigation import role_label
from counterseal_portal.reach import admin_of, admin_step, admin_trail
from counterseal_portal.rendering import time_text
from counterseal_portal.session_rows import SessionRow, session_row, session_rows
from counterseal_portal.visit import Visit

ADMIN = "/admins/{admin}"


def admin_subject(visit: Visit) -> Subject:
    """Return the administrator that the path names, as a confirmation shows it."""
    admin = admin_of(visit)
    return Subject(
        name=admin.name,
        details=(("Role", role_label(admin)),),
        back=f"/admins/{admin.guid}",
        trail=(*admin_trail(visit, admin), admin_step(admin)),
    )


def sessions_of(visit: Visit, admin: Admin) -> tuple[SessionRow, ...]:
    """Return the administrator's sessions and links that have not ended."""
    return session_rows(visit.sessions.list(admin.guid, by=visit.admin))


def keys_of(visit: Visit, admin: Admin) -> tuple[KeyRow, ...]:
    """Return what the administrator, whom the person has been shown, can log in with."""
    return key_rows(logins_of(visit).list_keys(admin.guid)) if admin.person else ()


LINK_INTRO = (
    (
        "This is the only time that the link is shown. Give it to this person only, where you can"
        " see or hear who it is: the person who opens it first registers a passkey, and is this"
        " administrator."
    ),
    (
        "If the person says that it was used already, make a newer one: nobody registers a"
        " passkey by this one then. A passkey that was registered by it stays: remove it first."
    ),
)


def admin_life_field(visit: Visit) -> Field:
    """Return the field in which the life of an administrator's link is chosen."""
    return life_field(visit.service.policy.portal_link_life)


def usual_admin_life(visit: Visit) -> tuple[str, ...]:
    """Return what is chosen in it at first."""
    return usual_life(visit.service.policy.portal_link_life)


def link_page(
    visit: Visit,
    admin: Admin,
    title: str,
    *,
    life: timedelta | None,
    opened_links: tuple[SessionRow, ...] = (),
) -> Answer:
    """
    Make a one-time link, and return the page that shows it.

    Args:
        visit: Who makes it.
        admin: Whose it is.
        title: The heading of the page.
        life: How long it may be used; None for what the policy says.
        opened_links: Earlier ones that a browser has opened, and that the new one ends.
    """
    issued = visit.sessions.create_link(admin.guid, life=life, by=visit.admin)
    address, end_time = link_address(visit, issued.token), time_text(issued.session.deadline)
    return secret_page(
        title=title,
        intro=(
            *map(_ended_link, opened_links),
            *LINK_INTRO,
            f"It works once, until {end_time}.",
        ),
        secrets=(Secret("Link", address, is_secret=True),),
        mail=_mail(visit, admin, address, end_time),
        continue_to=admin_step(admin),
        trail=admin_trail(visit, admin),
        button="I have handed it over",
    )


def _mail(visit: Visit, admin: Admin, address: str, end_time: str) -> Mail:
    host = urlsplit(visit.service.settings.public_url).netloc
    return Mail(
        f"Your log-in at {host}",
        (
            f"{admin.name},",
            "",
            f"with this link you register a passkey at {host}, and log in there from then on:",
            "",
            address,
            "",
            f"It works once, until {end_time}. Open it in the browser in which you will work.",
            "If it says that it was used already and you have not used it, tell me at once.",
        ),
    )


def _ended_link(row: SessionRow) -> str:
    at = row.session.last_used_at
    when = "" if at is None else f" at {time_text(at)}"
    return (
        f"An earlier link was opened in {row.browser}{when}, and has ended. If that was not this"
        " person, somebody else had it: send this one another way."
    )


def link_address(visit: Visit, token: str) -> str:
    """Return the address of a one-time link; its secret is in the fragment, which no log has."""
    return f"{visit.service.settings.public_url}{MOUNT}/link#{token}"


def _opened_links(visit: Visit, admin: Admin) -> tuple[SessionRow, ...]:
    return tuple(each for each in sessions_of(visit, admin) if each.was_opened)


def _link_subject(visit: Visit) -> Subject:
    subject, admin = admin_subject(visit), admin_of(visit)
    if not admin.person:
        raise NotFound
    context = {
        "admin": admin,
        "keys": keys_of(visit, admin),
        "opened_links": _opened_links(visit, admin),
    }
    return attrs.evolve(
        subject,
        fields=(admin_life_field(visit),),
        values={LINK_LIFE.name: usual_admin_life(visit)},
        context=context,
    )


def _make_link(visit: Visit) -> Answer:
    admin = admin_of(visit)
    life = chosen_life(fill((admin_life_field(visit),), visit.body))
    opened_links = _opened_links(visit, admin)
    return link_page(visit, admin, "Link to log in", life=life, opened_links=opened_links)


def _key_subject(visit: Visit) -> Subject:
    subject, guid = admin_subject(visit), visit.guid("key")
    for row in keys_of(visit, admin_of(visit)):
        if row.binding.guid == guid:
            details = (("Administrator", subject.name), *key_details(row))
            return attrs.evolve(subject, name=row.title, details=details)
    raise NotFound


def _remove_key(visit: Visit) -> None:
    logins_of(visit).revoke_key_of(admin_of(visit).guid, visit.guid("key"), by=visit.admin)


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
        "The person who opens the link first registers a passkey, and is then this administrator.",
        "Every earlier link ends, opened or not: no browser registers a passkey by it any more.",
        "Passkeys, devices and sessions that they have stay.",
    ),
    fields=(LINK_LIFE,),
    template="link_confirm.html",
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

REMOVE_KEY = Command(
    id="admin.remove_key",
    path=f"{ADMIN}/keys/{{key}}/remove",
    title="Remove this passkey or device?",
    consequences=(
        "It never logs in again, and every session that it has opened ends.",
        "The person can log in with another one, or by a new link.",
    ),
    button="Remove it",
    load_subject=_key_subject,
    perform=_remove_key,
    done="key-removed",
    danger=True,
    stepped_up="Remove a passkey or a device of an administrator",
)

ADMIN_LOG_IN_ROUTES = (
    *command_routes(LINK),
    *command_routes(END_SESSION),
    *command_routes(REMOVE_KEY),
)
