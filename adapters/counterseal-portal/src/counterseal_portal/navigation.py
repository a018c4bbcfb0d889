"""Navigation: the links that every page has, by the person's role."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from counterseal.models import Admin, AdminRole
from counterseal_portal.routes import Route
from counterseal_portal.visitor import Visitor

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
    """The links, and as what the person is logged in."""

    links: tuple[Link, ...] = ()
    role: str = ""


_SUBJECTS: Mapping[str, str] = {
    "overview": "",
    "account": "/accounts",
    "company": "/companies",
    "admin": "/admins",
    "audit": "/audit",
}
"""The first word of a route's id, and the link that its pages belong to."""


def role_label(admin: Admin) -> str:
    """Return what an administrator is, for people."""
    if admin.role is AdminRole.COMPANY and admin.company is None:
        return ALL_COMPANIES
    return ROLES[admin.role]


def navigation(visitor: Visitor | None, route: Route | None) -> Navigation:
    """Return the navigation of a page for *visitor*."""
    if visitor is None:
        return Navigation()
    current = "" if route is None else route.id.partition(".")[0]
    links = tuple(
        Link(label, path, is_current=_SUBJECTS.get(current) == path)
        for label, path in _links(visitor.admin)
    )
    return Navigation(links=links, role=role_label(visitor.admin))


def _links(admin: Admin) -> list[tuple[str, str]]:
    links = [("Overview", ""), ("Accounts", "/accounts"), ("Audit log", "/audit")]
    if admin.role is AdminRole.SUPPORT:
        return links
    if admin.role is AdminRole.APP_SPACE:
        links.append(("App Space", f"/app-spaces/{admin.app_space}"))
        return links
    links.append(("Companies", "/companies"))
    if admin.company is None:
        links.append(("Administrators", "/admins"))
    return links
