"""Amending: a record of tenancy is read, who may change it is asked, and it is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

from counterseal.authority import authorize, name_of
from counterseal.decisions import Act, Decision, read, settle
from counterseal.models import (
    Admin,
    Administrator,
    AppSpace,
    AuditEvent,
    Change,
    Company,
    Guid,
    Origin,
)
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.authorization import APPOINTING, Deed

R = TypeVar("R", Company, AppSpace, Origin, Admin)
T = TypeVar("T")


def amend(
    ports: Ports,
    policy: Policy,
    target: tuple[Guid, type[R]],
    *,
    event: str,
    by: Administrator,
    change: Callable[[R], tuple[R, T]],
) -> tuple[R, T]:
    """
    Change one record of tenancy; one that stays as it is is not written.

    Args:
        ports: The service's.
        policy: The service's.
        target: The record, and what it has to be.
        event: As the audit log names it.
        by: Who wants it.
        change: Returns the record as it is to be, and what else came of it.

    Returns:
        The record as stored, and what else came of it.

    Raises:
        NotFound: There is no such record.
        Foreign: It is out of the administrator's reach.
        RoleLacking: The administrator's role does not include this.
        CredentialRefused: The administrator was revoked, or its time is over.
        Refused: What *change* raises.
        Unavailable: A port failed.
    """
    guid, kind = target
    act = Act(event=event, actor=name_of(by), subject=guid)

    def decide() -> Decision[tuple[R, T]]:
        held = read(ports.store, guid, kind)
        authorize(ports, by, deed_on(held, by), held)
        wanted, result = change(held)
        if wanted == held:
            return Decision(result=(held, result))
        changed = attrs.evolve(wanted, version=held.version + 1)
        made = AuditEvent(at=ports.clock.now(), event=event, actor=act.actor, subject=guid)
        return Decision(changes=(Change(held, changed),), audit=(made,), result=(changed, result))

    return settle(ports, policy, act, decide)


def deed_on(
    record: Company | AppSpace | Origin | Admin, by: Administrator, *, looking: bool = False
) -> Deed:
    """Return what it takes to edit *record*, or to look at it."""
    match record:
        case Company():
            return Deed.COMPANY
        case AppSpace():
            return Deed.SEE_APP_SPACE if looking else Deed.APP_SPACE
        case Origin():
            return Deed.ORIGINS
        case Admin():
            itself = isinstance(by, Admin) and by.guid == record.guid
            return Deed.ITSELF if itself else APPOINTING[record.role]
