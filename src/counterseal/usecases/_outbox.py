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

from counterseal._decisions.plan import Decision, Plan, Records, Tools
from counterseal._decisions.readings import records
from counterseal._transaction import AuditContext, Loaded, Transactions
from counterseal.models import Callback, Guid, Notification, Record

R = TypeVar("R", Callback, Notification)
Message = TypeVar("Message")
Effect = TypeVar("Effect")

CANDIDATES_PER_SLOT = 4
"""How many due records are looked at for each slot: others may have claimed some of them."""


def make_attempt(
    transactions: Transactions,
    noun: str,
    record: R | Guid,
    *,
    claim: Callable[[Records, Tools], Decision[R]] | None,
    compose: Callable[[R], Plan[Message]],
    send: Callable[[Message], Effect],
    plan_record: Callable[[R, Message, Effect], Plan[R]],
    records_claim: Callable[[R], bool] = lambda _: False,
) -> R:
    """
    Claim one record's next attempt, send once, and record what came of it.

    *send* begins after one transaction and ends before the next.

    Args:
        noun: What the audit log calls the record.
        record: The record as it was read when it was due, or its GUID. It is read again only if it
            has changed since.
        claim: Decides on the claim; None if *record* is claimed.
        compose: Plans what is sent, once the claim is committed.
        plan_record: Plans the record's new state from the claim, what was sent, and its outcome.
        records_claim: Whether that plan reads nothing but the record, as claimed.
    """
    guid, loaded = (record, None) if isinstance(record, str) else (record.guid, _loaded(record))
    if claim is None:
        assert not isinstance(record, str)  # noqa: S101 (a claimed record; for the type checker)
        claimed = record
    else:
        context = AuditContext(event=f"{noun}.claim", actor="worker", subject=guid)
        claimed = transactions.run(context, records(guid).then(claim), loaded)
    context = AuditContext(event=f"{noun}.attempt", actor="worker", subject=guid)
    composed = transactions.run(context, compose(claimed))
    outcome = send(composed)
    loaded = _loaded(claimed) if records_claim(claimed) else None
    return transactions.run(context, plan_record(claimed, composed, outcome), loaded)


def _loaded(record: Record) -> Loaded[Records]:
    return Loaded((record,), (record,))
