"""Navigation: the links that every page has, by the person's role."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from counterseal.models import Admin, AdminRole, Company
from counterseal_portal.routes import ADMINS, Route
from counterseal_portal.visit import Visitor

ROLES: Mapping[AdminRole, str] = {
    AdminRole.COMPANY: "Company administrator",
    AdminRole.APP_SPACE: "App Space administrator",
    AdminRole.SUPPORT: "Support",
}
ALL_COMPANIES = "Administrator of all companies"


@attrs.frozen
class Link:
    """One link; *path* is after `MOUNT`."""

    label: str
    path: str
    is_current: bool = False


@attrs.frozen(kw_only=True)
class Navigation:
    """
    The links, and as what the person is logged in.

    Attributes:
        company: The name of the one company that the person administers; empty for others.
    """

    links: tuple[Link, ...] = ()
    role: str = ""
    company: str = ""


def role_label(admin: Admin) -> str:
    """Return what an administrator is, for people."""
    if admin.role is AdminRole.COMPANY and admin.company is None:
        return ALL_COMPANIES
    return ROLES[admin.role]


def navigation(
    visitor: Visitor | None, route: Route | None, company: Company | None = None
) -> Navigation:
    """
    Return the navigation of a page.

    Args:
        visitor: Who is logged in; None for nobody.
        route: Of the page; None if there is no such page.
        company: The one company that *visitor* administers; None for others.
    """
    if visitor is None:
        return Navigation()
    current = "" if route is None else route.id.partition(".")[0]
    links = tuple(
        Link(label, path, is_current=current == subject)
        for subject, label, path in _links(visitor.admin)
    )
    return Navigation(
        links=links,
        role=role_label(visitor.admin),
        company="" if company is None else company.name,
    )


def _links(admin: Admin) -> list[tuple[str, str, str]]:
    """Return the links, each after the first word of the ids of the routes that belong to it."""
    links = [
        ("overview", "Overview", ""),
        ("account", "Accounts", "/accounts"),
        ("audit", "Audit log", "/audit"),
    ]
    if admin.role in ADMINS:
        links.append(("callback", "Callbacks", "/callbacks"))
    links.append(("notification", "Notifications", "/notifications"))
    if admin.role is AdminRole.SUPPORT:
        return links
    if admin.role is AdminRole.APP_SPACE:
        links.append(("app_space", "App Space", f"/app-spaces/{admin.app_space}"))
        return links
    if admin.company is not None:
        links.append(("company", "Company", f"/companies/{admin.company}"))
        return links
    links.append(("company", "Companies", "/companies"))
    links.append(("admin", "Administrators", "/admins"))
    return links
