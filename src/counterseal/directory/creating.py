"""Creating: who may have a record of tenancy is asked, and it is made, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from counterseal.authority import authorize, name_of
from counterseal.decisions import Act, Decision, found, read, settle
from counterseal.models import (
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
from counterseal.rules.authorization import Deed

M = TypeVar("M", Company, AppSpace, Origin)


def create(
    ports: Ports,
    policy: Policy,
    made: Callable[[], M],
    guid: Guid,
    *,
    event: str,
    by: Administrator,
    deed: Deed,
    owner: tuple[Guid, type[Company | AppSpace]] | None,
) -> M:
    """
    Create one record of tenancy; after a reply that was lost, return it as it is.

    Args:
        ports: The service's.
        policy: The service's.
        made: Returns the record, or refuses what it is to be made of.
        guid: The record's.
        event: As the audit log names it.
        by: Who wants it.
        deed: What it takes.
        owner: Under which record, and what that has to be; None where there is none above.

    Raises:
        NotFound: There is no such owner.
        Foreign: It is out of the administrator's reach.
        RoleLacking: The administrator's role does not include this.
        CredentialRefused: The administrator was revoked, or its time is over.
        Refused: What *made* raises.
        Unavailable: A port failed.
    """
    act = Act(event=event, actor=name_of(by), subject=guid)

    def decide() -> Decision[M]:
        within = None if owner is None else read(ports.store, *owner)
        authorize(ports, by, deed, within)
        record = made()
        (held,) = ports.store.get(guid)
        if held is not None:
            return Decision(result=found(held, type(record)))
        audit = AuditEvent(at=record.created_at, event=event, actor=act.actor, subject=guid)
        return Decision(changes=(Change(None, record),), audit=(audit,), result=record)

    return settle(ports, policy, act, decide)
