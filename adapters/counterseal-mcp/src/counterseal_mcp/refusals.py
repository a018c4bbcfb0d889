"""
Refusals of tool calls: a stable code for the program, a sentence for the model.

No refusal says whether the person disowned a request, or why they declined: the people
who made the agent ask may read it.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from counterseal import CountersealError, Refused, Unavailable
from counterseal.errors import InvalidField
from counterseal.models import UNFINISHED, ChallengeState
from counterseal_client import (
    ActionUsed,
    ArgumentsDiffer,
    AskedTooOften,
    Declined,
    EvidenceRefused,
    Finished,
    NoApproval,
    NotFound,
    RequestRefused,
    Unanswered,
    Unauthorised,
    Unreachable,
)

CODES = {
    "invalid_argument": "An argument is missing, unknown or malformed; `field` names it.",
    "unknown_request": "This server has asked nothing under this id.",
    "pending": "The person has not answered yet. Do not act; call require again later.",
    "not_approved": "The person did not approve, or the approval was ended. Do not act.",
    "arguments_differ": "These are not the arguments that the person approved. Do not act.",
    "action_used": "The approval was used before; it allows one use. Do not act.",
    "deadline_passed": "The time to answer, or to use the approval, is over. Do not act.",
    "use_unknown": (
        "The reply to the use was lost, and the approval may count as used. Do not act. `state`, "
        "if it is there, is what the service says now."
    ),
    "evidence_refused": "The service's reply does not prove the approval. Do not act.",
    "unreachable": "This person cannot be asked: without a bound device, or locked.",
    "binding_needed": "The person has to bind a device first, and then ask has to be called again.",
    "binding_declined": "The person did not open the invitation to bind a device.",
    "too_often": "The person has too many open requests, or was asked too often. Ask later.",
    "unavailable": "The service cannot be reached now. Do not act; call again later.",
    "credential_refused": "The service refuses the credential of this server; tell its operator.",
    "refused": "The service refuses the request; `service_code` says why.",
    "internal_error": "This server failed; tell its operator. Do not act.",
}
"""Every code of a refused call, and what it says to the model."""


class CallRefused(Refused, code="call_refused"):
    """
    A tool call is refused.

    Attributes:
        problem: One of `CODES`.
        field: The malformed argument; None for other problems.
        state: The state of the request, in lower case, where it says more than *problem*.
        retry_after: Seconds after which a call may succeed.
        service_code: The service's own code.
    """

    def __init__(
        self,
        problem: str,
        *,
        field: str | None = None,
        detail: str | None = None,
        state: str | None = None,
        retry_after: int | None = None,
        service_code: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field
        self.detail = detail
        self.state = state
        self.retry_after = retry_after
        self.service_code = service_code

    def document(self) -> dict[str, Any]:
        """Return the member `error` of the result."""
        message = CODES[self.problem]
        if self.field is not None and self.detail is not None:
            message = f"{self.field}: {self.detail}"
        members = {
            "code": self.problem,
            "message": message,
            "field": self.field,
            "state": self.state,
            "retry_after_seconds": self.retry_after,
            "service_code": self.service_code,
        }
        return {name: value for name, value in members.items() if value is not None}


_BY_CLASS: dict[type[CountersealError], str] = {
    ActionUsed: "action_used",
    ArgumentsDiffer: "arguments_differ",
    AskedTooOften: "too_often",
    Declined: "not_approved",
    EvidenceRefused: "evidence_refused",
    Finished: "deadline_passed",
    NoApproval: "not_approved",
    NotFound: "unknown_request",
    Unauthorised: "credential_refused",
    Unavailable: "unavailable",
    Unreachable: "unreachable",
}


def call_refused(error: CountersealError) -> CallRefused:
    """Return the refusal of a call that ended in *error*, of the core or the client."""
    match error:
        case CallRefused():
            return error
        case InvalidField():
            return _invalid(error.field, error.problem)
        case Unanswered():
            return _unanswered(error.state)
        case RequestRefused() if type(error) is RequestRefused:
            return _refused(error)
        case _:
            return _by_class(error)


def _by_class(error: CountersealError) -> CallRefused:
    for kind, problem in _BY_CLASS.items():
        if isinstance(error, kind):
            state = "declined" if kind is Declined else None
            return CallRefused(problem, state=state, retry_after=_seconds(error))
    return CallRefused("internal_error")


def _refused(error: RequestRefused) -> CallRefused:
    """Return the refusal for a code of the service that the client has no class for."""
    if error.field is not None:
        return _invalid(error.field, error.detail or error.problem)
    return CallRefused("refused", service_code=error.problem)


def _invalid(field: str, problem: str) -> CallRefused:
    """Name an argument as the tool does: `action.arguments.to` is its `arguments.to`."""
    name = field.removeprefix("action.")
    return CallRefused("invalid_argument", field=name, detail=problem)


def _unanswered(state: ChallengeState) -> CallRefused:
    if state in UNFINISHED:
        return CallRefused("pending", state="pending")
    if state is ChallengeState.EXPIRED:
        return CallRefused("deadline_passed", state="expired")
    return CallRefused("not_approved", state=state.value.lower())


def _seconds(error: CountersealError) -> int | None:
    pause = getattr(error, "retry_after", None)
    return math.ceil(pause.total_seconds()) if isinstance(pause, timedelta) else None
