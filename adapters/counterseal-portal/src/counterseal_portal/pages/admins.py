"""Administrators: who administers what, by a role and a reach."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal.errors import NotFound
from counterseal.models import (
    Admin,
    AdminRole,
    AppSpace,
    Company,
    Scheme,
    Session,
    SessionState,
)
from counterseal_portal.answers import Answer, Step, page
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.form_pages import FormPage, form_routes
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import SCHEMES
from counterseal_portal.navigation import role_label
from counterseal_portal.notices import DONE, notice_of
from counterseal_portal.reach import app_space_step, app_space_trail, company_trail
from counterseal_portal.rendering import time_text
from counterseal_portal.routes import ADMINS, COMPANY_ADMINS, MOUNT, Route
from counterseal_portal.secret_pages import Secret, secret_page
from counterseal_portal.visit import Visit

ADMIN = "/admins/{admin}"
NAME = Field(
    name="name",
    label="Name",
    hint="Whom the audit log is to name: one person, or one program.",
    required=True,
)
LIFE = Field(
    name="days",
    label="Ends after days",
    hint="Then it can do nothing any more. Without a number it has no end, or that of your own.",
    kind=Kind.NUMBER,
    meant_by=("life",),
)
SCHEME = Field(
    name="scheme",
    label="How its programs authenticate",
    kind=Kind.CHOICE,
    options=tuple((each.value, SCHEMES[each]) for each in (Scheme.SIGNATURE, Scheme.HMAC)),
    required=True,
    meant_by=("keyType",),
)
PERSON = "person"
KIND = Field(
    name="kind",
    label="Who it is",
    kind=Kind.CHOICE,
    options=(
        (PERSON, "A person, who logs in here by a passkey or their own device"),
        (Scheme.SIGNATURE.value, "A program, which signs its calls (RFC 9421)"),
        (Scheme.HMAC.value, "A program of a CX service (CX1-HMAC-SHA256)"),
    ),
    required=True,
    meant_by=("keyType",),
)
OVERLAP = Field(
    name="hours",
    label="Hours that the old secret still works",
    hint="0 ends it at once: do that if it was stolen.",
    kind=Kind.NUMBER,
    required=True,
    meant_by=("overlap",),
)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@attrs.frozen
class AdminRow:
    """One administrator in a list."""

    admin: Admin
    role: str
    state: str


@attrs.frozen
class SessionRow:
    """One browser in which an administrator is logged in, or a link that is open."""

    session: Session
    label: str
    state: str


def _session_row(session: Session) -> SessionRow:
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


def admin_rows(visit: Visit, admins: Iterable[Admin]) -> tuple[AdminRow, ...]:
    """Return administrators as a list shows them."""
    now = visit.service.ports.clock.now()
    return tuple(AdminRow(each, role_label(each), admin_state(each, now)) for each in admins)


def admin_state(admin: Admin, now: datetime) -> str:
    """Return whether an administrator can act at *now*."""
    live = [each for each in admin.credentials if each.ends_at is None or each.ends_at > now]
    if not live and not admin.person:
        return "Revoked"
    return "Ended" if admin.ends_at is not None and admin.ends_at <= now else "Active"


def list_admins(visit: Visit) -> Answer:
    """Show the administrators of all companies."""
    return page(
        "admins.html",
        title="Administrators of all companies",
        trail=(),
        notice=notice_of(visit),
        admins=admin_rows(visit, visit.tenancy.list(None, Admin)),
    )


def show_admin(visit: Visit) -> Answer:
    """Show an administrator; no secret is among it."""
    admin = _admin(visit)
    row = next(iter(admin_rows(visit, (admin,))))
    return page(
        "admin.html",
        title=admin.name,
        trail=_trail(visit, admin),
        notice=notice_of(visit),
        row=row,
        schemes=tuple((each, SCHEMES[each.scheme]) for each in admin.credentials),
        is_oneself=admin.guid == visit.admin.guid,
        sessions=tuple(map(_session_row, visit.sessions.list(admin.guid, by=visit.admin))),
    )


def _admin(visit: Visit) -> Admin:
    return visit.tenancy.get(visit.guid("admin"), Admin)


def _trail(visit: Visit, admin: Admin) -> tuple[Step, ...]:
    if admin.app_space is not None:
        app_space = visit.tenancy.get(admin.app_space, AppSpace)
        return (*app_space_trail(visit, app_space), app_space_step(app_space))
    if admin.company is not None:
        company = visit.tenancy.get(admin.company, Company)
        return (*company_trail(visit), Step(company.name, f"/companies/{company.guid}"))
    return (Step("Administrators", "/admins"),)


def _own_page(admin: Admin) -> Step:
    return Step(admin.name, f"/admins/{admin.guid}")


def _subject(visit: Visit) -> Subject:
    admin = _admin(visit)
    return Subject(
        name=admin.name,
        details=(("Role", role_label(admin)),),
        back=f"/admins/{admin.guid}",
        trail=(*_trail(visit, admin), _own_page(admin)),
    )


def _create(visit: Visit, form: FilledForm, **reach: Any) -> Answer:
    """Create a person, who gets a link, or a program, which gets a key."""
    name, life = form.text("name"), _life(form)
    if form.value("kind") == PERSON:
        admin = visit.credentials.create_person(name, life=life, **reach)
        return link_page(visit, admin, "Administrator created")
    issued = visit.credentials.create_admin(
        name, life=life, scheme=Scheme(form.value("kind")), **reach
    )
    admin = visit.tenancy.get(issued.guid, Admin)
    return secret_page(
        title="Administrator created",
        intro=(KEY_INTRO,),
        secrets=(
            Secret("GUID of the administrator", admin.guid),
            Secret(f"Key: {SCHEMES[issued.scheme]}", issued.secret, is_secret=True),
        ),
        continue_to=_own_page(admin),
        trail=_trail(visit, admin),
    )


KEY_INTRO = (
    "This is the only time that the key is shown. Hand it over on an encrypted channel, to this"
    " administrator only: with it, they can do all that their role includes."
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
        continue_to=_own_page(admin),
        trail=_trail(visit, admin),
    )


def link_address(visit: Visit, token: str) -> str:
    """Return the address of a one-time link; its secret is in the fragment, which no log has."""
    return f"{visit.service.settings.public_url}{MOUNT}/link#{token}"


def _link_subject(visit: Visit) -> Subject:
    subject = _subject(visit)
    if not _admin(visit).person:
        raise NotFound
    return subject


def _make_link(visit: Visit) -> Answer:
    _link_subject(visit)
    return link_page(visit, _admin(visit), "Link to log in")


def _session_subject(visit: Visit) -> Subject:
    subject, guid = _subject(visit), visit.guid("session")
    for session in visit.sessions.list(_admin(visit).guid, by=visit.admin):
        if session.guid == guid:
            row = _session_row(session)
            return attrs.evolve(subject, name=row.label, details=(("Administrator", subject.name),))
    raise NotFound


def _life(form: FilledForm) -> timedelta | None:
    days = form.number("days")
    return None if days is None else days * DAY


def _new_global_admin(_: Visit) -> FormPage:
    return FormPage(
        title="New administrator of all companies",
        intro=(
            (
                "They can do everything in every company, and create more such administrators. Give"
                " this to very few people."
            ),
        ),
        fields=GLOBAL_FIELDS,
        values={"kind": (PERSON,)},
        button="Create the administrator",
        back="/admins",
        trail=(Step("Administrators", "/admins"),),
    )


def _create_global_admin(visit: Visit, form: FilledForm) -> Answer:
    return _create(visit, form, all_companies=True)


def _new_company_admin(visit: Visit) -> FormPage:
    company = visit.tenancy.get(visit.guid("company"), Company)
    path = f"/companies/{company.guid}"
    return FormPage(
        title="New company administrator",
        intro=(
            (
                "They can do everything in this company: App Spaces, origins, credentials,"
                " accounts and administrators."
            ),
        ),
        fields=GLOBAL_FIELDS,
        values={"kind": (PERSON,)},
        button="Create the administrator",
        back=path,
        trail=(*company_trail(visit), Step(company.name, path)),
    )


def _create_company_admin(visit: Visit, form: FilledForm) -> Answer:
    return _create(visit, form, company=visit.guid("company"))


def _new_app_space_admin(visit: Visit) -> FormPage:
    app_space = visit.tenancy.get(visit.guid("app_space"), AppSpace)
    fields = app_space_fields(visit.admin)
    return FormPage(
        title="New administrator or support",
        fields=fields,
        values={"kind": (PERSON,), "role": (AdminRole.SUPPORT.value,)},
        button="Create the administrator",
        back=f"/app-spaces/{app_space.guid}",
        trail=(*app_space_trail(visit, app_space), app_space_step(app_space)),
    )


def app_space_fields(admin: Admin) -> tuple[Field, ...]:
    """Return the fields of a new administrator of an App Space, as *admin* may create one."""
    roles = [(AdminRole.SUPPORT.value, "Support: accounts and devices of this App Space")]
    if admin.role is AdminRole.COMPANY:
        label = "App Space administrator: its origins, accounts and support staff"
        roles.append((AdminRole.APP_SPACE.value, label))
    role = Field(name="role", label="Role", kind=Kind.CHOICE, options=tuple(roles), required=True)
    return (NAME, role, LIFE, KIND)


def _create_app_space_admin(visit: Visit, form: FilledForm) -> Answer:
    return _create(
        visit, form, role=AdminRole(form.value("role")), app_space=visit.guid("app_space")
    )


def _rotate_page(visit: Visit) -> FormPage:
    admin = _admin(visit)
    return FormPage(
        title="New key",
        intro=(
            "The administrator gets a new key for the API. It is shown once, on the next page.",
            "With another way to authenticate than the present one, the old key ends at once.",
        ),
        fields=(SCHEME, OVERLAP),
        values={"scheme": (_scheme(admin).value,), "hours": ("24",)},
        button="Make the new key",
        back=f"/admins/{admin.guid}",
        trail=(*_trail(visit, admin), _own_page(admin)),
    )


def _scheme(admin: Admin) -> Scheme:
    return admin.credentials[0].scheme if admin.credentials else Scheme.SIGNATURE


def _rotate(visit: Visit, form: FilledForm) -> Answer:
    admin = _admin(visit)
    issued = visit.credentials.rotate_admin(
        admin.guid,
        scheme=Scheme(form.value("scheme")),
        overlap=(form.number("hours") or 0) * HOUR,
    )
    return secret_page(
        title="New key",
        intro=("This is the only time that the key is shown.",),
        secrets=(Secret(f"Key: {SCHEMES[issued.scheme]}", issued.secret, is_secret=True),),
        continue_to=_own_page(admin),
        trail=_trail(visit, admin),
    )


GLOBAL_FIELDS = (NAME, LIFE, KIND)
ROLE = Field(name="role", label="Role", kind=Kind.CHOICE)

REVOKE = Command(
    id="admin.revoke",
    path=f"{ADMIN}/revoke",
    title="Revoke this administrator?",
    consequences=(
        "They can do nothing any more, from now on.",
        "Administrators that they have created stay: look at the list, and revoke them too.",
        (
            "What they have created stays and goes on working. They may still know credentials of"
            " origins: make new ones."
        ),
    ),
    button="Revoke the administrator",
    load_subject=_subject,
    perform=lambda visit: visit.credentials.revoke_admin(visit.guid("admin")),
    done="admin-revoked",
    danger=True,
    stepped_up="Revoke an administrator",
)

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

ADMIN_ROUTES = (
    Route(
        id="admin.list",
        method="GET",
        path="/admins",
        handler=list_admins,
        query=(DONE,),
        roles=COMPANY_ADMINS,
        all_companies=True,
    ),
    Route(id="admin.show", method="GET", path=ADMIN, handler=show_admin, query=(DONE,)),
    *form_routes(
        "admin.create_global",
        "/admins/new",
        _new_global_admin,
        _create_global_admin,
        fields=GLOBAL_FIELDS,
        roles=COMPANY_ADMINS,
        all_companies=True,
        stepped_up="Create an administrator of all companies",
    ),
    *form_routes(
        "company.create_admin",
        "/companies/{company}/admins/new",
        _new_company_admin,
        _create_company_admin,
        fields=GLOBAL_FIELDS,
        roles=COMPANY_ADMINS,
        stepped_up="Create a company administrator",
    ),
    *form_routes(
        "app_space.create_admin",
        "/app-spaces/{app_space}/admins/new",
        _new_app_space_admin,
        _create_app_space_admin,
        fields=(*GLOBAL_FIELDS, ROLE),
        roles=ADMINS,
        stepped_up="Create an administrator of an App Space",
    ),
    *form_routes(
        "admin.rotate",
        f"{ADMIN}/key/new",
        _rotate_page,
        _rotate,
        fields=(SCHEME, OVERLAP),
        stepped_up="Make a key of an administrator",
    ),
    *command_routes(REVOKE),
    *command_routes(LINK),
    *command_routes(END_SESSION),
)
