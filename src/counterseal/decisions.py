"""
Decisions on the old pattern: a closure reads and decides, and `settle` commits what it returns.

What is converted to plans (`counterseal._decisions`, `counterseal._transaction`) uses nothing of
this module; what is not yet uses `settle`. The module goes with its last caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

import attrs

from counterseal._decisions import plan
from counterseal._decisions.plan import require as found
from counterseal._transaction import AuditContext as Act
from counterseal._transaction import changes_of, commit, events_of, tools_of
from counterseal._transaction import demand_rate as within_rate
from counterseal._transaction import record_refusal as refused
from counterseal.errors import Conflict, Contended, Refused
from counterseal.models import AuditEvent, Change, Guid, Record
from counterseal.policy import Policy
from counterseal.ports import Ports, Store

__all__ = [
    "Act",
    "Decision",
    "found",
    "read",
    "refused",
    "settle",
    "settled",
    "sweep",
    "tools_of",
    "within_rate",
]

R = TypeVar("R")
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Decision(Generic[T]):
    """
    What a use case decided on what it read.

    Attributes:
        changes: What to commit; nothing if there is nothing to change.
        audit: What the commit records.
        result: What the use case returns.
        refusal: What it raises instead, once the consequence is committed.
    """

    result: T
    changes: tuple[Change, ...] = ()
    audit: tuple[AuditEvent, ...] = ()
    refusal: Refused | None = None


def settled(
    decision: plan.Decision[T], stored: tuple[Record | None, ...], act: Act, now: datetime
) -> Decision[T]:
    """Return a decision of the new pattern as one of the old; bridges use it."""
    return Decision(
        result=decision.result,
        changes=changes_of(decision, (stored,)),
        audit=events_of(decision.audit, act, now),
        refusal=decision.refusal,
    )


def read(store: Store, guid: Guid, kind: type[R]) -> R:
    """
    Read one record.

    Raises:
        NotFound: There is none of this kind.
        Unavailable: The store did not answer.
    """
    (record,) = store.get(guid)
    return found(record, kind)


def settle(ports: Ports, policy: Policy, act: Act, decide: Callable[[], Decision[T]]) -> T:
    """
    Decide and commit, again if a race was lost.

    Args:
        act: What the audit log records if it is refused.
        decide: Reads and decides; has no effects.

    Returns:
        The result of the decision that was committed.

    Raises:
        Refused: What *decide* raised, or the committed decision's own refusal.
        Contended: Every attempt lost its race.
        Indeterminate: The store's reply was lost each time.
        Unavailable: A port failed.
    """
    for _ in range(policy.commit_attempts):
        decision = _decided(ports, act, decide)
        try:
            if decision.changes:
                commit(ports, policy, decision.changes, decision.audit)
        except Conflict:
            continue
        if decision.refusal is not None:
            raise decision.refusal
        return decision.result
    raise Contended


def sweep(
    ports: Ports,
    policy: Policy,
    act: Act,
    due: Sequence[Record],
    decide: Callable[[Guid], Decision[None]],
) -> int:
    """
    Settle each record that was found due, and pass over those that moved meanwhile.

    Args:
        act: What the audit log records; its subject is set for each record.
        due: What the store found.
        decide: Reads one record and decides.

    Returns:
        How many were settled.

    Raises:
        Unavailable: A port failed; those before it stay settled.
    """
    settled = 0
    for record in due:
        guid = record.guid
        try:
            settle(ports, policy, attrs.evolve(act, subject=guid), partial(decide, guid))
        except Refused:
            # It was finished, or the clock stepped back, between the look and the decision.
            continue
        settled += 1
    return settled


def _decided(ports: Ports, act: Act, decide: Callable[[], Decision[T]]) -> Decision[T]:
    try:
        return decide()
    except Refused as refusal:
        refused(ports, act, refusal)
        raise
