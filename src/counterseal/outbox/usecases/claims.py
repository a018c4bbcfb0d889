"""
Claims: a worker claims a due callback or notification before it attempts to deliver it.

There is no queue beside the records. A worker claims an attempt by a lease, in one transaction. It
then sends, in no transaction, and records the outcome in another one. If the worker crashes before
the claim, the record is still due. If it crashes later, the record is due again when the lease
ends. So every record is attempted at least once. An attempt is counted when its outcome is
recorded, so an outage of the service uses up no attempts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from counterseal._audit_context import AuditContext
from counterseal._plan import Decision, Records, Tools, records
from counterseal._transaction import Loaded, Transactions
from counterseal.models import Callback, Guid, Notification

R = TypeVar("R", Callback, Notification)

CANDIDATES_PER_SLOT = 4
"""How many due records are looked at for each slot: others may have claimed some of them."""


def claim_attempt(
    transactions: Transactions,
    noun: str,
    record: R | Guid,
    claim: Callable[[Records, Tools], Decision[R]],
) -> R:
    """
    Claim a record's next attempt.

    Args:
        noun: What the audit log calls the record.
        record: As it was read when it was due, or its GUID. It is read again only if it has
            changed since.
        claim: Decides whether the caller gets it.
    """
    if isinstance(record, str):
        guid, loaded = record, None
    else:
        guid, loaded = record.guid, loaded_record(record)
    context = AuditContext(event=f"{noun}.claim", actor="worker", subject=guid)
    return transactions.transact(context, loaded or records(guid), claim)


def attempt_context(noun: str, claimed: Callback | Notification) -> AuditContext:
    """Return the audit context of what follows the claim of an attempt."""
    return AuditContext(event=f"{noun}.attempt", actor="worker", subject=claimed.guid)


def loaded_record(record: Callback | Notification) -> Loaded[Records]:
    """Return what reading *record* would return if it has not changed."""
    return Loaded((record,), (record,), reading=records(record.guid))
