"""Documents: an approval request as its client reads it (AAP, `ApprovalRequest`)."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Any

from counterseal import ijson
from counterseal.errors import NotFound
from counterseal.models import (
    ActionUse,
    Challenge,
    ChallengeState,
    RefusalReason,
    UseState,
)
from counterseal.wire.members import format_time

STATUSES = MappingProxyType(
    {
        ChallengeState.PENDING: "pending",
        ChallengeState.SEEN: "pending",
        ChallengeState.ANSWERED: "denied",  # unless it was approved
        ChallengeState.DISOWNED: "denied",
        ChallengeState.FAILED: "denied",
        ChallengeState.CANCELLED: "cancelled",
        ChallengeState.EXPIRED: "expired",
    }
)
"""The status of a request by the state of its challenge."""

OUTCOMES = MappingProxyType({"succeeded": UseState.EXECUTED, "failed": UseState.FAILED})
"""What a client reports."""

NOTES = MappingProxyType(
    {
        RefusalReason.NOT_MINE: "The person does not know of this request.",
        RefusalReason.WRONG_DETAILS: "The person says that details are wrong.",
    }
)
"""
The note of a denial by the person's reason; an agent reads it, and may repeat it to anybody.

So it says nothing of a person who was pressured.
"""

_REPORTED = {state: status for status, state in OUTCOMES.items()}


def status_of(challenge: Challenge) -> str:
    """Return the status of a request, from a challenge with its state now."""
    return "approved" if challenge.approved else STATUSES[challenge.state]


def request_document(challenge: Challenge, use: ActionUse | None) -> dict[str, Any]:
    """
    Return a request as it stands.

    Args:
        challenge: With its state now.
        use: Of its approval; None if there was none.

    Raises:
        NotFound: It is no request of this protocol.
    """
    if challenge.submission is None:
        raise NotFound
    status = status_of(challenge)
    document = {
        **ijson.parse(challenge.submission),
        "id": challenge.guid,
        "status": status,
        "created_at": format_time(challenge.issued_at),
        "deadline_at": format_time(challenge.deadline),
    }
    if status != "pending":
        document["decision"] = _decision(challenge, status)
    if use is not None:
        document["consumption"] = _consumption(use)
    return document


def _decision(challenge: Challenge, status: str) -> dict[str, str]:
    decision = {"status": status, "decided_at": format_time(_decided_at(challenge))}
    if status == "approved":
        terms = challenge.action
        assert terms is not None  # noqa: S101 (each request asks for an action)
        decision["expires_at"] = format_time(terms.valid_until)
    elif challenge.reason is not None and challenge.reason in NOTES:
        decision["note"] = NOTES[challenge.reason]
    return decision


def _decided_at(challenge: Challenge) -> datetime:
    # A worker notes later that a request has expired, and a decision never changes.
    if challenge.state is ChallengeState.EXPIRED or challenge.outcome is None:
        return challenge.deadline
    # If the clock stepped back, the decision is not dated before the request.
    return max(challenge.outcome.at, challenge.issued_at)


def _consumption(use: ActionUse) -> dict[str, Any]:
    consumption: dict[str, Any] = {"consumed_at": format_time(use.created_at)}
    if use.reported_at is not None:
        outcome = {
            "status": _REPORTED[use.state],
            "reported_at": format_time(max(use.reported_at, use.created_at)),
        }
        if use.detail is not None:
            outcome["note"] = use.detail
        consumption["outcome"] = outcome
    return consumption
