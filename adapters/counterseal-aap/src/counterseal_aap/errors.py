"""Errors: those of the protocol, and which of them a refusal of the core is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

import attrs

import counterseal as cs
from counterseal.errors import (
    AccountLocked,
    ActionUsed,
    ApproverInactive,
    ArgumentsMissing,
    DeadlinePassed,
    InvalidField,
    KeyInProgress,
    KeyReused,
    NotApproved,
    WrongState,
)
from counterseal_web.messages import Reply
from counterseal_web.problems import STATUS, RefusedRequestError

TYPES = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: "authentication",
        HTTPStatus.FORBIDDEN: "authorization",
        HTTPStatus.NOT_FOUND: "not_found",
        HTTPStatus.CONFLICT: "conflict",
        HTTPStatus.TOO_MANY_REQUESTS: "rate_limit",
        HTTPStatus.INTERNAL_SERVER_ERROR: "internal",
        HTTPStatus.SERVICE_UNAVAILABLE: "dependency",
    }
)
"""The type of an error by its status (AAP, HTTP API, Errors)."""

OTHER_TYPE = "invalid_request"

NO_STORE = MappingProxyType({"Cache-Control": "no-store"})


@attrs.frozen
class AapError(Exception):
    """
    What a client gets (AAP, HTTP API, Errors).

    Attributes:
        status: Of HTTP.
        code: What went wrong; the client's gate knows some of them.
        message: For the developer of the client.
        headers: What the reply has besides.
    """

    status: HTTPStatus
    code: str
    message: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def reply(self, request_id: str) -> Reply:
        """
        Return the error as a reply.

        Args:
            request_id: Of the HTTP request, as in its header `X-Request-Id`.
        """
        error = {
            "type": TYPES.get(self.status, OTHER_TYPE),
            "code": self.code,
            "message": self.message or self.code,
            "request_id": request_id,
        }
        return Reply(
            status=self.status, document={"error": error}, headers={**NO_STORE, **self.headers}
        )


def invalid_request(code: str, message: str) -> AapError:
    """Return the error of a request that is malformed."""
    return AapError(HTTPStatus.BAD_REQUEST, code, message)


def conflict(code: str, message: str) -> AapError:
    """Return the error of a call that conflicts with the request's state."""
    return AapError(HTTPStatus.CONFLICT, code, message)


UNAUTHENTICATED = AapError(
    HTTPStatus.UNAUTHORIZED,
    "credential_refused",
    "not the credential of an origin",
    {"WWW-Authenticate": "Bearer"},
)

ALREADY_TERMINAL = conflict("already_terminal", "the request has ended")

_CONFLICTS: tuple[tuple[type[cs.Refused], str, str], ...] = (
    (KeyReused, "idempotency_conflict", "the key was used for another request"),
    (ActionUsed, "already_consumed", "the approval was used"),
    (DeadlinePassed, "approval_expired", "the approval's time has passed"),
    (NotApproved, "not_approved", "there is no approval to use"),
    (ApproverInactive, "approver_inactive", "the device may no longer approve"),
    (AccountLocked, "approver_locked", "the account of the approver is locked"),
    (WrongState, "wrong_state", "the request's state forbids it"),
)
"""Refusals that are conflicts in AAP; a gate treats every conflict as a denial."""


def opening_error(refusal: cs.Refused) -> AapError:
    """Return what a refusal to ask is; an account that cannot be asked is not found."""
    if isinstance(refusal, AccountLocked):
        return AapError(HTTPStatus.NOT_FOUND, refusal.public_code, "the account cannot be asked")
    return protocol_error(refusal)


def protocol_error(refusal: cs.Refused) -> AapError:
    """Return what a refusal of the core is for a client."""
    for kind, code, message in _CONFLICTS:
        if isinstance(refusal, kind):
            return conflict(code, message)
    if isinstance(refusal, InvalidField):
        field = _protocol_field(refusal.field)
        return invalid_request("invalid_field", f"{field}: {refusal.problem}")
    if isinstance(refusal, ArgumentsMissing):
        return AapError(
            HTTPStatus.FORBIDDEN, refusal.code, "the policy demands that arguments are presented"
        )
    if isinstance(refusal, KeyInProgress):
        # The client calls again; a conflict would end its wait.
        return AapError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            refusal.code,
            "a call with this key is running",
            {"Retry-After": str(max(1, math.ceil(refusal.retry_after)))},
        )
    status = STATUS.get(refusal.code, HTTPStatus.FORBIDDEN)
    headers: dict[str, str] = {}
    retry_after = getattr(refusal, "retry_after", None)
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    return AapError(status, refusal.public_code, headers=headers)


def refused_request(refusal: RefusedRequestError) -> AapError:
    """Return what a request is that names no call, or whose body cannot be read."""
    reply = refusal.reply()
    return AapError(HTTPStatus(reply.status), refusal.word, headers=reply.headers)


def _protocol_field(field: str) -> str:
    """Return the name that a member of the action has in AAP."""
    for ours, theirs in (
        ("action.arguments", "arguments"),
        ("action.resource", "tool"),
        ("action.run", "context.call_id"),
        ("action.purpose", "agent_reasoning"),
        ("idempotencyKey", "Idempotency-Key"),
        ("duration", "timeout"),
        ("detail", "note"),
    ):
        if field == ours or field.startswith((f"{ours}.", f"{ours}[")):
            return theirs + field.removeprefix(ours)
    return field.removeprefix("body.")
