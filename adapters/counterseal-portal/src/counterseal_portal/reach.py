"""Reach: the App Spaces that a person administers, and the pages above a record's own."""

from __future__ import annotations

from collections import Counter

import attrs

from counterseal.errors import Foreign, NotFound
from counterseal.models import (
    Admin,
    AdminRole,
    AppSpace,
    Company,
    Guid,
    Origin,
)
from counterseal.models.guid import RESERVED
from counterseal_portal.answers import Step
from counterseal_portal.rendering import time_text
from counterseal_portal.visit import Visit


def app_spaces_of(visit: Visit) -> tuple[AppSpace, ...]:
    """
    Return the App Spaces within the person's reach, company by company, oldest first.

    Raises:
        Unavailable: The store did not answer.
    """
    admin, tenancy = visit.admin, visit.tenancy
    if admin.app_space is not None:
        return (tenancy.get(admin.app_space, AppSpace),)
    companies = tenancy.list(None, Company) if admin.company is None else (admin.company,)
    return tuple(
        app_space
        for company in companies
        for app_space in tenancy.list(
            company.guid if isinstance(company, Company) else company, AppSpace
        )
    )


@attrs.frozen
class NamedAppSpace:
    """An App Space in a list of several; its name tells it from the others."""

    guid: Guid
    name: str


def named_app_spaces(visit: Visit, app_spaces: tuple[AppSpace, ...]) -> tuple[NamedAppSpace, ...]:
    """
    Return App Spaces with what tells them apart.

    For an administrator of all companies that is the company too, and where names are the same
    still, the time of creation.

    Raises:
        Unavailable: The store did not answer.
    """
    names = {each.guid: each.name for each in app_spaces}
    if visit.admin.role is AdminRole.COMPANY and visit.admin.company is None:
        companies = {each.guid: each.name for each in visit.tenancy.list(None, Company)}
        for each in app_spaces:
            names[each.guid] = f"{each.name} ({companies.get(each.company, each.company)})"
    counts = Counter(names.values())
    return tuple(
        NamedAppSpace(
            each.guid,
            names[each.guid]
            if counts[names[each.guid]] == 1
            else f"{names[each.guid]}, created {time_text(each.created_at)}",
        )
        for each in app_spaces
    )


def tenants_of(app_spaces: tuple[AppSpace, ...]) -> tuple[AppSpace, ...]:
    """Return *app_spaces* without the portal's own, whose users are the administrators."""
    return tuple(each for each in app_spaces if not each.reserved)


def app_space_of(visit: Visit, name: str = "app_space") -> AppSpace:
    """
    Return the App Space that the path names.

    Raises:
        NotFound: There is none.
        Foreign: It is out of the person's reach.
    """
    return visit.tenancy.get(visit.guid(name), AppSpace)


def is_portals_own(guid: Guid) -> bool:
    """Return whether *guid* is the portal's own company, App Space or origin: nobody edits it."""
    return guid in RESERVED


def company_trail(visit: Visit) -> tuple[Step, ...]:
    """Return the pages above a company's own."""
    if visit.admin.role is AdminRole.COMPANY and visit.admin.company is None:
        return (Step("Companies", "/companies"),)
    return ()


def app_space_trail(visit: Visit, app_space: AppSpace) -> tuple[Step, ...]:
    """Return the pages above an App Space's own."""
    if visit.admin.role is not AdminRole.COMPANY:
        return ()
    company = visit.tenancy.get(app_space.company, Company)
    return (*company_trail(visit), Step(company.name, f"/companies/{company.guid}"))


def app_space_step(app_space: AppSpace) -> Step:
    """Return the App Space's own page."""
    return Step(app_space.name, f"/app-spaces/{app_space.guid}")


def origin_trail(visit: Visit, origin: Origin) -> tuple[Step, ...]:
    """Return the pages above an origin's own."""
    app_space = visit.tenancy.get(origin.app_space, AppSpace)
    return (*app_space_trail(visit, app_space), app_space_step(app_space))


def origin_step(origin: Origin) -> Step:
    """Return the origin's own page."""
    return Step(origin.name, f"/origins/{origin.guid}")


def admin_of(visit: Visit) -> Admin:
    """
    Return the administrator that the path names.

    Raises:
        NotFound: There is none.
        Foreign: It is out of the person's reach.
        RoleLacking: The person's role does not include administrators.
    """
    return visit.tenancy.get(visit.guid("admin"), Admin)


def admin_trail(visit: Visit, admin: Admin) -> tuple[Step, ...]:
    """Return the pages above an administrator's own."""
    if admin.app_space is not None:
        app_space = visit.tenancy.get(admin.app_space, AppSpace)
        return (*app_space_trail(visit, app_space), app_space_step(app_space))
    if admin.company is not None:
        company = visit.tenancy.get(admin.company, Company)
        return (*company_trail(visit), Step(company.name, f"/companies/{company.guid}"))
    return (Step("Administrators", "/admins"),)


def admin_step(admin: Admin) -> Step:
    """Return the administrator's own page."""
    return Step(admin.name, f"/admins/{admin.guid}")


def origin_names(visit: Visit, app_space: Guid) -> dict[Guid, str]:
    """Return the names of an App Space's origins, if the person's role includes them."""
    try:
        return {each.guid: each.name for each in visit.tenancy.list(app_space, Origin)}
    except (Foreign, NotFound):
        return {}
