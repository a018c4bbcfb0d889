"""
Authorization within a plan: an administrator is read anew, and refused what it may not do.

A decision reads the record that is acted on, and then continues with `permission_to`, whose
reading refuses; so no decision has to remember to ask.
"""

from __future__ import annotations

from typing import TypeAlias

from counterseal._decisions.plan import Reading, Records, Tools, require
from counterseal.errors import CredentialRefused
from counterseal.models import (
    Account,
    Admin,
    Administrator,
    AppSpace,
    Binding,
    Notification,
    Operator,
    Origin,
)
from counterseal.rules.authorization import (
    Administering,
    Deed,
    Place,
    admin_in_force,
    role_permits,
    support_removes_simply,
    within_reach,
)

Target: TypeAlias = Account | AppSpace | Binding | Notification | Origin
"""What an administrator acts on, or in."""


def permission_to(permission: Deed, by: Administrator, target: Target) -> Reading[Admin | None]:
    """
    Read who acts, and what has to be within its reach; one trip, and none for the operator.

    Args:
        permission: What the act takes.
        by: Who acts; it may have been revoked since its request was authenticated.
        target: What it acts on, or in.

    Returns:
        Reads the administrator as it is stored; None for the operator. It raises:

        - CredentialRefused: the administrator's time is over, or it was revoked;
        - Foreign: the target is out of its reach;
        - RoleLacking: its role does not include this.
    """
    if isinstance(by, Operator):
        return Reading("", (), lambda *_: None)
    app_space = target.guid if isinstance(target, AppSpace) else target.app_space
    return Reading(
        "get", (by.guid, app_space), lambda stored, tools: require_admin(stored, tools, permission)
    )


def require_admin(stored: Records, tools: Tools, permission: Deed) -> Admin:
    """
    Return the administrator that was read, if it has *permission* in the App Space.

    Args:
        stored: The administrator, and the App Space.

    Raises:
        CredentialRefused: There is no such administrator, its time is over, or it was revoked.
        NotFound: The App Space is gone.
        Foreign: The App Space is out of its reach.
        RoleLacking: Its role does not include this.
    """
    admin, app_space = stored[0], require(stored[1], AppSpace)
    if not isinstance(admin, Admin):
        raise CredentialRefused
    facts = Administering(
        now=tools.now,
        admin=admin,
        deed=permission,
        place=Place(
            company=app_space.company, app_space=app_space.guid, simple=app_space.idp is None
        ),
    )
    for rule in (admin_in_force, within_reach, role_permits, support_removes_simply):
        rule(facts)
    return admin
