"""
Authority: whether an administrator may do what it wants, where it wants it.

A use case asks inside its decision, so that a refusal is recorded:
`authorize` where one record is named, `permit` where there are many.
"""

from __future__ import annotations

from counterseal.decisions import read
from counterseal.errors import CredentialRefused
from counterseal.models import (
    Admin,
    Administrator,
    AppSpace,
    Callback,
    Company,
    Operator,
    Origin,
    Record,
)
from counterseal.ports import Ports, Store
from counterseal.rules.authorization import (
    Administering,
    Deed,
    Place,
    admin_in_force,
    role_permits,
    support_removes_simply,
    within_reach,
)


def authorize(ports: Ports, by: Administrator, deed: Deed, record: Record | None) -> Admin | None:
    """
    Refuse what an administrator may not do.

    Its record is read anew: it may have been revoked since its request was authenticated.

    Args:
        ports: The service's.
        by: Who wants it.
        deed: What it wants.
        record: To what, or in what; None if nothing that is there is named.

    Returns:
        The administrator as stored; None for the operator, who may do everything.

    Raises:
        CredentialRefused: The administrator's time is over, or it was revoked.
        Foreign: The record is out of its reach.
        RoleLacking: Its role does not include this.
        Unavailable: The store did not answer.
    """
    admin = administrator(ports, by)
    if admin is not None:
        place = None if record is None else place_of(ports.store, record)
        permit(ports, admin, deed, place)
    return admin


def administrator(ports: Ports, by: Administrator) -> Admin | None:
    """
    Read an administrator anew; None for the operator.

    Raises:
        CredentialRefused: There is no such administrator.
        Unavailable: The store did not answer.
    """
    if isinstance(by, Operator):
        return None
    (held,) = ports.store.get(by.guid)
    if not isinstance(held, Admin):
        raise CredentialRefused
    return held


def permit(ports: Ports, admin: Admin, deed: Deed, place: Place | None) -> None:
    """
    Refuse what an administrator, as stored, may not do at *place*.

    Raises:
        CredentialRefused: Its time is over, or it was revoked.
        Foreign: The place is out of its reach.
        RoleLacking: Its role does not include this.
    """
    facts = Administering(now=ports.clock.now(), admin=admin, deed=deed, place=place)
    for rule in (admin_in_force, within_reach, role_permits, support_removes_simply):
        rule(facts)


def place_of(store: Store, record: Record) -> Place:
    """
    Return where *record* lies.

    Raises:
        NotFound: What it belongs to is gone.
        Unavailable: The store did not answer.
    """
    match record:
        case Company():
            return Place(company=record.guid)
        case AppSpace():
            simple = record.idp is None
            return Place(company=record.company, app_space=record.guid, simple=simple)
        case Admin():
            return Place(company=record.company, app_space=record.app_space)
        case Callback():
            return place_of(store, read(store, record.origin, Origin))
    return place_of(store, read(store, record.app_space, AppSpace))


def name_of(by: Administrator) -> str:
    """Return what the audit log calls whoever administers."""
    return by.name if isinstance(by, Operator) else by.guid
