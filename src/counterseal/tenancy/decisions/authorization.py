"""
Authorization within a decision: an administrator is read anew, and refused what it may not do.

A decision reads the record that is acted on, and then awaits `permission_to`, which refuses.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from counterseal._plan import Queries, Reading, Records, Tools, read, require
from counterseal.accounts.records import Account
from counterseal.bindings.records import Binding
from counterseal.challenges.records import Challenge
from counterseal.errors import CredentialRefused
from counterseal.models import Record
from counterseal.models.guid import Guid, partition_of
from counterseal.outbox.records import Notification
from counterseal.tenancy.records import Admin, Administrator, AppSpace, Company, Operator, Origin
from counterseal.tenancy.rules.authorization import (
    AdministrationFacts,
    Permission,
    Reach,
    reach_of,
    require_permitted,
)

Target: TypeAlias = (
    Company | AppSpace | Admin | Origin | Account | Binding | Challenge | Notification
)
"""What an administrator acts on, or in."""


async def permission_to(
    permission: Permission, by: Administrator, target: Target | None
) -> Admin | None:
    """
    Return who acts, once it is known to be permitted; one trip, and none for the operator.

    The administrator is returned as it is stored: it may have been revoked since its request was
    authenticated.

    Raises:
        CredentialRefused: The administrator's time is over, or it was revoked.
        Foreign: The target is out of its reach.
        RoleLacking: Its role does not include this.
    """
    if isinstance(by, Operator):
        return None
    guids: tuple[Guid, ...] = (by.guid,)
    reached: Company | AppSpace | Admin | None = None
    if target is None or isinstance(target, (Company, AppSpace, Admin)):
        reached = target
    else:
        guids += (target.app_space,)

    def parse(stored: Records, tools: Tools) -> Admin:
        admin, *app_spaces = stored
        parent = require(app_spaces[0], AppSpace) if app_spaces else reached
        reach = None if parent is None else reach_of(parent)
        return require_admin(admin, tools.now, permission, reach)

    return await Reading("get", guids, parse)


async def reached_app_spaces(
    by: Administrator, app_space: Guid | None, permission: Permission
) -> tuple[frozenset[Guid] | None, Admin | None]:
    """
    Return the App Spaces in which *by* has *permission*, and who acts as `permission_to` does.

    They are *app_space* alone if it is named. An administrator of all companies, and the operator,
    has it in all, which is None; one of a company in its App Spaces; the others in their own.
    """
    if app_space is not None:
        (record,) = await read(Queries.get, app_space)
        admin = await permission_to(permission, by, require(record, AppSpace))
        return frozenset({app_space}), admin
    admin = await permission_to(permission, by, None)
    if admin is None or (admin.app_space is None and admin.company is None):
        return None, admin
    if admin.app_space is not None:
        return frozenset({admin.app_space}), admin
    tenancy = await read(Queries.list, admin.company)
    return frozenset(record.guid for record in tenancy if isinstance(record, AppSpace)), admin


def require_admin(
    stored: Record | None, now: datetime, permission: Permission, reach: Reach | None
) -> Admin:
    """Return the administrator that was read, if it has *permission* for what it has to reach."""
    if not isinstance(stored, Admin):
        raise CredentialRefused
    require_permitted(
        AdministrationFacts(now=now, admin=stored, permission=permission, reach=reach)
    )
    return stored


def admin_guards(admin: Admin | None, record: Record) -> tuple[Admin, ...]:
    """
    Return what guards a write of *record* against a revocation of who acts.

    A commit is within one partition. An administrator of all companies, and one that acts on
    accounts, is stored in another partition and is not guarded.
    """
    if admin is None or admin.guid == record.guid:
        return ()
    return (admin,) if partition_of(admin.guid) == partition_of(record.guid) else ()
