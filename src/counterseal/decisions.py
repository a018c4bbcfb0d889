"""
Decisions: the one way in which a use case commits what it decided.

Load, gather facts, `step`, one atomic commit, then effects: a use case writes the first three
as a function that returns a `Decision`, and `settle` does the fourth.
`read` and `found` load what has to be there.

- On Conflict everything is read and decided again, a bounded number of times.
- On Indeterminate the same commit is asked for again under the same operation id, so that a lost
  reply never turns into a reported conflict.
- A refusal is recorded in the audit log, then raised; nothing was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Generic, TypeVar

import attrs

from counterseal.errors import (
    Conflict,
    Contended,
    Indeterminate,
    NotFound,
    Refused,
    TooOften,
    Unavailable,
)
from counterseal.keys import b64url
from counterseal.models import AuditEvent, Change, Guid, Record
from counterseal.policy import Policy
from counterseal.ports import Ports, Store

R = TypeVar("R")
T = TypeVar("T")

OPERATION_BYTES = 16
MINUTE = timedelta(minutes=1)


@attrs.frozen(kw_only=True)
class Act:
    """
    What somebody wants to do, as the audit log names it.

    Attributes:
        event: `noun.verb`.
        actor: A GUID or a role.
        subject: What it is to be done to; None if there is nothing yet.
    """

    event: str
    actor: str
    subject: Guid | None = None


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


def found(record: Record | None, kind: type[R]) -> R:
    """
    Return *record* as what it has to be.

    Raises:
        NotFound: There is none, or it is of another kind.
    """
    if not isinstance(record, kind):
        raise NotFound
    return record


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
                _commit(ports, policy, decision)
        except Conflict:
            continue
        if decision.refusal is not None:
            raise decision.refusal
        return decision.result
    raise Contended


def refused(ports: Ports, act: Act, refusal: Refused) -> None:
    """
    Record a refusal that happens before anything is decided.

    Raises:
        Unavailable: The audit log did not answer.
    """
    ports.audit.record(
        AuditEvent(
            at=ports.clock.now(),
            event=act.event,
            actor=act.actor,
            subject=act.subject,
            reason=refusal.code,
        )
    )


def within_rate(ports: Ports, act: Act, key: tuple[str, str], limit: int) -> None:
    """
    Count one more act of *key* in this minute, before it is done.

    Raises:
        TooOften: There were more than *limit*.
        Unavailable: A port failed.
    """
    if ports.counters.add(key, MINUTE) > limit:
        refusal = TooOften(f"{key[0]}_rate", MINUTE.total_seconds())
        refused(ports, act, refusal)
        raise refusal


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


def _commit(ports: Ports, policy: Policy, decision: Decision[T]) -> None:
    operation = b64url(ports.entropy.token(OPERATION_BYTES))
    lost: Indeterminate | None = None
    for _ in range(policy.commit_attempts):
        try:
            ports.store.commit(decision.changes, decision.audit, operation)
        except Indeterminate as indeterminate:
            lost = indeterminate
        except Unavailable as failure:
            # Once a reply was lost, a later failure does not say that nothing happened.
            raise failure if lost is None else lost from failure
        else:
            return
    if lost is not None:
        raise lost
