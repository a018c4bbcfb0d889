"""
The outbox: how a worker makes one attempt, whatever it delivers.

There is no queue beside the records. A worker claims an attempt by a lease, in one transaction;
sends, in none; and records what came of it, in another one. A crash before the claim leaves the
record due; after it, due again when the lease is over; so every record is attempted at least once.
An attempt counts when its outcome is recorded: our own outage uses none of them up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from counterseal._decisions.plan import Decision, Plan, Records, Tools, records
from counterseal._transaction import AuditContext, Transactions
from counterseal.models import Callback, Guid, Notification

R = TypeVar("R", Callback, Notification)
M = TypeVar("M")
T = TypeVar("T")

CANDIDATES_PER_SLOT = 4
"""How many due records are looked at for each slot: others may have claimed some of them."""


def make_attempt(
    transactions: Transactions,
    noun: str,
    guid: Guid,
    *,
    claim: Callable[[Records, Tools], Decision[R]],
    compose: Callable[[R], Plan[M]],
    send: Callable[[M], T],
    record: Callable[[R, M, T], Plan[R]],
) -> R:
    """
    Claim one record's next attempt, send once, and record what came of it.

    Args:
        noun: What the audit log calls the record.
        guid: The record's.
        claim: Decides on the claim.
        compose: Plans what is sent, given the record as it was claimed.
        send: Makes the attempt; it begins after one transaction and ends before the next.
        record: Plans to record the outcome.

    Returns:
        The record as it was recorded.

    Raises:
        NotFound: There is no such record.
        WrongState: It is not queued.
        DeadlineAhead: Its attempt is not due, or another worker has claimed it.
        LeaseLost: The attempt took so long that another worker claimed it.
    """
    context = AuditContext(event=f"{noun}.claim", actor="worker", subject=guid)
    claimed = transactions.run(context, records(guid).then(claim))
    context = AuditContext(event=f"{noun}.attempt", actor="worker", subject=guid)
    composed = transactions.run(context, compose(claimed))
    outcome = send(composed)
    return transactions.run(context, record(claimed, composed, outcome))
