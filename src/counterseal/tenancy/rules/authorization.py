"""Authorization: what an administrator may do, and where; which calls an origin may make."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import assert_never

import attrs

from counterseal.accounts.rules import in_force
from counterseal.errors import AskingOnly, CredentialRefused, Foreign, InvalidField, RoleLacking
from counterseal.models import (
    Admin,
    Administrator,
    AdminRole,
    AppSpace,
    Company,
    Guid,
    Origin,
    OriginRole,
)
from counterseal.policy import Policy


class Permission(enum.Enum):
    """What an administrator may do."""

    COMPANIES = "companies"
    """Make a company or an administrator of all companies, or verify a company's name."""
    COMPANY = "company"
    """Look at a company, edit it, and make App Spaces in it."""
    SEE_APP_SPACE = "see_app_space"
    """Look at an App Space."""
    APP_SPACE = "app_space"
    """Edit an App Space, with its branding and Identity Provider."""
    ORIGINS = "origins"
    """
    Look at, make and edit origins, their credentials and their callbacks.

    That includes the programs that an origin is for, and so the looser limits of CX clients.
    """
    USERS = "users"
    """Look at, lock and unlock accounts; suspend, resume and revoke devices."""
    REMOVE_USERS = "remove_users"
    """Revoke or erase accounts."""
    COMPANY_ADMINS = "company_admins"
    """Look at, make, rotate and revoke Company Admins."""
    APP_SPACE_ADMINS = "app_space_admins"
    """The same for App Space Admins."""
    USER_SUPPORT = "user_support"
    """The same for User Support."""
    AUDIT = "audit"
    """Search the audit log, and read its counts; User Support, those of users and devices."""
    ITSELF = "itself"
    """Look at, rotate and revoke itself."""


class OriginPermission(enum.Enum):
    """What an origin may do; one that only asks has the permission ASK alone."""

    ASK = "ask"
    """Issue challenges, read and cancel its own, and use, report and withdraw their approvals."""
    USERS = "users"
    """Invite and register users, authenticate them, see and revoke them, and read their events."""


@attrs.frozen(kw_only=True)
class Reach:
    """
    What an administrator has to reach: a company, or one App Space of it; or all companies.

    `origins_identify_users`: the App Space's origins say who its users are.
    """

    company: Guid | None
    app_space: Guid | None = None
    origins_identify_users: bool = True


@attrs.frozen(kw_only=True)
class AdministrationFacts:
    """The facts of one call of an administrator; a call that names no record has no reach."""

    now: datetime
    admin: Admin
    permission: Permission
    reach: Reach | None


_COMPANY = frozenset({AdminRole.COMPANY})
_APP_SPACE = _COMPANY | {AdminRole.APP_SPACE}
_ALL = frozenset(AdminRole)

PERMITTED: Mapping[Permission, frozenset[AdminRole]] = MappingProxyType(
    {
        Permission.COMPANIES: _COMPANY,
        Permission.COMPANY: _COMPANY,
        Permission.SEE_APP_SPACE: _ALL,
        Permission.APP_SPACE: _COMPANY,
        Permission.ORIGINS: _APP_SPACE,
        Permission.USERS: _ALL,
        Permission.REMOVE_USERS: _ALL,
        Permission.COMPANY_ADMINS: _COMPANY,
        Permission.APP_SPACE_ADMINS: _COMPANY,
        Permission.USER_SUPPORT: _APP_SPACE,
        Permission.AUDIT: _ALL,
        Permission.ITSELF: _ALL,
    }
)
"""The roles that have a permission."""

APPOINTING: Mapping[AdminRole, Permission] = MappingProxyType(
    {
        AdminRole.COMPANY: Permission.COMPANY_ADMINS,
        AdminRole.APP_SPACE: Permission.APP_SPACE_ADMINS,
        AdminRole.SUPPORT: Permission.USER_SUPPORT,
    }
)
"""The permission to make, rotate and revoke an administrator of a role."""


def permission_for(record: Company | AppSpace | Origin | Admin, by: Administrator) -> Permission:
    """Return the permission to see *record*, and to change the secrets of one that has any."""
    match record:
        case Company():
            return Permission.COMPANY
        case AppSpace():
            return Permission.SEE_APP_SPACE
        case Origin():
            return Permission.ORIGINS
        case Admin():
            itself = isinstance(by, Admin) and by.guid == record.guid
            return Permission.ITSELF if itself else APPOINTING[record.role]


def reach_of(record: Company | AppSpace | Admin) -> Reach:
    """Return what it takes to reach *record*; any other record lies in its App Space."""
    match record:
        case Company():
            return Reach(company=record.guid)
        case AppSpace():
            by_origins = record.idp is None
            return Reach(
                company=record.company, app_space=record.guid, origins_identify_users=by_origins
            )
        case Admin():
            return Reach(company=record.company, app_space=record.app_space)
    assert_never(record)


def require_permitted(facts: AdministrationFacts) -> None:
    """
    Refuse an act that the administrator may not do.

    Raises:
        CredentialRefused: The administrator's time is over, or it was revoked.
        Foreign: The record is out of its reach.
        RoleLacking: Its role does not include this.
    """
    for rule in (admin_in_force, within_reach, role_permits, support_may_remove):
        rule(facts)


def admin_in_force(facts: AdministrationFacts) -> None:
    """Refuse an administrator whose time is over, or who was revoked."""
    if not is_in_force(facts.admin, facts.now):
        raise CredentialRefused


def is_in_force(admin: Admin, now: datetime) -> bool:
    """Tell whether an administrator is a person or has a live secret, and its time is not over."""
    live = admin.person or any(in_force(each.ends_at, now) for each in admin.credentials)
    return live and in_force(admin.ends_at, now)


def within_reach(facts: AdministrationFacts) -> None:
    """Refuse what lies outside the administrator's company or App Space."""
    if facts.reach is not None and not _reaches(facts.admin, facts.reach):
        raise Foreign


def role_permits(facts: AdministrationFacts) -> None:
    """Refuse what the administrator's role does not include."""
    if facts.admin.role not in PERMITTED[facts.permission]:
        raise RoleLacking
    if facts.permission is Permission.COMPANIES and facts.admin.company is not None:
        raise RoleLacking


def support_may_remove(facts: AdministrationFacts) -> None:
    """Refuse that User Support removes a user whom an Identity Provider identifies."""
    support = facts.admin.role is AdminRole.SUPPORT
    by_origins = facts.reach is not None and facts.reach.origins_identify_users
    if facts.permission is Permission.REMOVE_USERS and support and not by_origins:
        raise RoleLacking


def support_may_invite(admin: Admin, policy: Policy) -> None:
    """Refuse that User Support invites a user, unless the policy lets it."""
    if admin.role is AdminRole.SUPPORT and not policy.support_invites:
        raise RoleLacking


def capped_end(maker: Admin, ends_at: datetime | None, *, field: str) -> datetime | None:
    """
    Return when an administrator that *maker* makes ends: with its maker, or at *ends_at*.

    A later end is refused: InvalidField names *field*.
    """
    if maker.ends_at is not None and ends_at is not None and ends_at > maker.ends_at:
        raise InvalidField(field, "longer than that of whoever makes it")
    return maker.ends_at if ends_at is None else ends_at


def require_not_outlived(maker: Admin, admin: Admin) -> None:
    """Refuse *maker* a secret of *admin* that is valid after its own end."""
    if maker.ends_at is not None and in_force(admin.ends_at, maker.ends_at):
        raise RoleLacking


GUID_MEMBERS: Mapping[type, str] = MappingProxyType(
    {Company: "companyGuid", AppSpace: "appSpaceGuid", Origin: "requestOriginGuid"}
)
"""What the API calls the GUID of a record that is edited."""


def role_fits(role: AdminRole, *, company: bool, app_space: bool, all_companies: bool) -> None:
    """
    Refuse a role unless exactly the target that it needs is given.

    A Company Admin has a company or all of them; the other roles have an App Space only.
    """
    if role is AdminRole.COMPANY:
        if app_space:
            raise InvalidField("appSpaceGuid", f"a {role.value} has none")
        if company and all_companies:
            raise InvalidField("allCompanies", "not together with companyGuid")
        if not company and not all_companies:
            raise InvalidField(
                "companyGuid", f"missing: a {role.value} has one, or says allCompanies"
            )
        return
    if not app_space:
        raise InvalidField("appSpaceGuid", f"missing: a {role.value} has one")
    if company:
        raise InvalidField("companyGuid", f"a {role.value} has none, but its appSpaceGuid")
    if all_companies:
        raise InvalidField("allCompanies", f"a {role.value} reaches one App Space")


def unreserved(record: Company | AppSpace | Origin) -> None:
    """
    Refuse to edit the portal's own company, App Space or origin, and to let others act there.

    Somebody who acts as the portal, binds devices to its accounts, or has its passkeys used at
    another domain could log in as any administrator.

    Raises:
        InvalidField: *record* is one of them; it names the member that has its GUID.
    """
    if record.reserved:
        raise InvalidField(
            GUID_MEMBERS[type(record)],
            "the portal's own, which nobody edits, and for which nobody else acts",
        )


def require_origin_role(origin: Origin, permission: OriginPermission) -> None:
    """
    Refuse a call that the origin's role does not include.

    Raises:
        AskingOnly: The origin only asks, and *permission* is another one.
    """
    if origin.role is OriginRole.ASKING and permission is not OriginPermission.ASK:
        raise AskingOnly


def _reaches(admin: Admin, reach: Reach) -> bool:
    if admin.role is AdminRole.COMPANY:
        return admin.app_space is None and admin.company in {None, reach.company}
    return (
        admin.app_space is not None
        and admin.company is not None
        and (admin.company, admin.app_space) == (reach.company, reach.app_space)
    )
