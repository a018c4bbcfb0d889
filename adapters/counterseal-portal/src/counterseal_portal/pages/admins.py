"""Administrators: who administers what, by a role and a reach."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import attrs

from counterseal.models import (
    Admin,
    AdminRole,
    AppSpace,
    Company,
    Scheme,
)
from counterseal_portal.answers import Answer, Secret, Step, page, secret_page
from counterseal_portal.confirmations import Command, command_routes
from counterseal_portal.form_pages import FormPage, form_routes
from counterseal_portal.forms import Field, FilledForm, Kind
from counterseal_portal.labels import SCHEMES
from counterseal_portal.link_lives import LINK_LIFE, chosen_life
from counterseal_portal.navigation import role_label
from counterseal_portal.pages.admin_log_ins import (
    ADMIN,
    admin_life_field,
    admin_subject,
    keys_of,
    link_page,
    sessions_of,
    usual_admin_life,
)
from counterseal_portal.reach import (
    admin_of,
    admin_step,
    admin_trail,
    app_space_step,
    app_space_trail,
    company_trail,
)
from counterseal_portal.routes import ADMINS, COMPANY_ADMINS, Route
from counterseal_portal.visit import DONE, Visit, notice_of

NAME = Field(
    name="name",
    label="Name",
    hint="The audit log names this administrator by it. Create one for each person and program.",
    required=True,
)
LIFE = Field(
    name="days",
    label="Ends after this number of days",
    hint="From then on, this administrator can do nothing. Empty: only once revoked, or when you"
    " yourself end.",
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
    label="A person or a program",
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
    admin = admin_of(visit)
    row = next(iter(admin_rows(visit, (admin,))))
    return page(
        "admin.html",
        title=admin.name,
        trail=admin_trail(visit, admin),
        notice=notice_of(visit),
        row=row,
        schemes=tuple((each, SCHEMES[each.scheme]) for each in admin.credentials),
        is_oneself=admin.guid == visit.admin.guid,
        sessions=sessions_of(visit, admin),
        keys=keys_of(visit, admin),
    )


def _create(visit: Visit, form: FilledForm, **reach: Any) -> Answer:
    """Create a person, who gets a link, or a program, which gets a key."""
    name, life = form.text("name"), _life(form)
    if form.value("kind") == PERSON:
        admin = visit.credentials.create_person(name, life=life, **reach)
        return link_page(visit, admin, "Administrator created", life=chosen_life(form))
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
        continue_to=admin_step(admin),
        trail=admin_trail(visit, admin),
    )


KEY_INTRO = (
    "This is the only time that the key is shown. Hand it over on an encrypted channel, to this"
    " administrator only: with it, they can do all that their role includes."
)


def _life(form: FilledForm) -> timedelta | None:
    days = form.number("days")
    return None if days is None else days * DAY


def _new_global_admin(visit: Visit) -> FormPage:
    return FormPage(
        title="New administrator of all companies",
        intro=(
            (
                "They can do everything in every company, and create more such administrators. Give"
                " this to very few people."
            ),
        ),
        fields=_global_fields(visit),
        values={"kind": (PERSON,), LINK_LIFE.name: usual_admin_life(visit)},
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
        fields=_global_fields(visit),
        values={"kind": (PERSON,), LINK_LIFE.name: usual_admin_life(visit)},
        button="Create the administrator",
        back=path,
        trail=(*company_trail(visit), Step(company.name, path)),
    )


def _create_company_admin(visit: Visit, form: FilledForm) -> Answer:
    return _create(visit, form, company=visit.guid("company"))


def _new_app_space_admin(visit: Visit) -> FormPage:
    app_space = visit.tenancy.get(visit.guid("app_space"), AppSpace)
    return FormPage(
        title="New administrator or support",
        fields=(*app_space_fields(visit.admin), admin_life_field(visit)),
        values={
            "kind": (PERSON,),
            "role": (AdminRole.SUPPORT.value,),
            LINK_LIFE.name: usual_admin_life(visit),
        },
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
    admin = admin_of(visit)
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
        trail=(*admin_trail(visit, admin), admin_step(admin)),
    )


def _scheme(admin: Admin) -> Scheme:
    return admin.credentials[0].scheme if admin.credentials else Scheme.SIGNATURE


def _rotate(visit: Visit, form: FilledForm) -> Answer:
    admin = admin_of(visit)
    issued = visit.credentials.rotate_admin(
        admin.guid,
        scheme=Scheme(form.value("scheme")),
        overlap=(form.number("hours") or 0) * HOUR,
    )
    return secret_page(
        title="New key",
        intro=("This is the only time that the key is shown.",),
        secrets=(Secret(f"Key: {SCHEMES[issued.scheme]}", issued.secret, is_secret=True),),
        continue_to=admin_step(admin),
        trail=admin_trail(visit, admin),
    )


GLOBAL_FIELDS = (NAME, LIFE, KIND, LINK_LIFE)


def _global_fields(visit: Visit) -> tuple[Field, ...]:
    return (NAME, LIFE, KIND, admin_life_field(visit))


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
    load_subject=admin_subject,
    perform=lambda visit: visit.credentials.revoke_admin(visit.guid("admin")),
    done="admin-revoked",
    danger=True,
    stepped_up="Revoke an administrator",
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
)
