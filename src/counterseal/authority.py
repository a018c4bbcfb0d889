"""
Authority: whether an administrator may act, for decisions on the old pattern.

Plans use `counterseal._decisions.authorization`; the module goes with its last caller.
"""

from __future__ import annotations

from counterseal._decisions.authorization import require_admin
from counterseal.decisions import read
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
from counterseal.rules.authorization import Permission, Reach, reach_of


def authorize(
    ports: Ports, by: Administrator, permission: Permission, record: Record | None
) -> Admin | None:
    """
    Read an administrator anew, and refuse what it may not do; None is the operator.

    Raises:
        CredentialRefused: The administrator's time is over, or it was revoked.
        Foreign: The record is out of its reach.
        RoleLacking: Its role does not include this.
    """
    if isinstance(by, Operator):
        return None
    (admin,) = ports.store.get(by.guid)
    reach = None if record is None else _reach(ports.store, record)
    return require_admin(admin, ports.clock.now(), permission, reach)


def _reach(store: Store, record: Record) -> Reach:
    if isinstance(record, (Company, AppSpace, Admin)):
        return reach_of(record)
    if isinstance(record, Callback):
        record = read(store, record.origin, Origin)
    return reach_of(read(store, record.app_space, AppSpace))


def name_of(by: Administrator) -> str:
    """Return what the audit log calls who administers."""
    return by.actor
