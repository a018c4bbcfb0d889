"""Problems (RFC 9457), and errors of OAuth: what to raise for a reply that is not a success."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

from counterseal import CountersealError, Refused, read_json
from counterseal.wire.problem import read_problem
from counterseal_client.errors import (
    ActionUsed,
    ArgumentsDiffer,
    AskedTooOften,
    BadReply,
    Finished,
    NoApproval,
    NotFound,
    Overloaded,
    RequestRefused,
    Unauthorised,
    Unreachable,
)
from counterseal_client.transport import Reply
from counterseal_http import requested_wait

_BY_CODE: dict[str, type[RequestRefused]] = {
    "action_used": ActionUsed,
    "approver_inactive": NoApproval,
    "arguments_differ": ArgumentsDiffer,
    "deadline_passed": Finished,
    "invalid_client": Unauthorised,
    "invalid_grant": NotFound,
    "invalid_token": Unauthorised,
    "not_approved": NoApproval,
    "not_found": NotFound,
    "too_many_pending": AskedTooOften,
    "too_often": AskedTooOften,
    "unauthorized": Unauthorised,
    "unknown_user_id": Unreachable,
    "unreachable": Unreachable,
    "wrong_state": Finished,
}
_BY_STATUS: dict[int, type[RequestRefused]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorised,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.TOO_MANY_REQUESTS: AskedTooOften,
}
_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = range(500, 600)


def error_of(reply: Reply, now: datetime) -> CountersealError:
    """
    Return the error to raise for a reply that is not a success.

    Args:
        reply: The service's reply.
        now: The time from which a date in `Retry-After` counts.
    """
    pause = requested_wait(reply.headers, now)
    if reply.status in _SERVER_ERRORS or reply.status == HTTPStatus.REQUEST_TIMEOUT:
        return Overloaded(f"status {reply.status}", retry_after=pause)
    if reply.status not in _CLIENT_ERRORS:
        return BadReply(f"status {reply.status}; no redirect is followed")
    problem = read_problem(_problem_document(reply.body), status=reply.status)
    kind = _BY_CODE.get(problem.code) or _BY_STATUS.get(reply.status, RequestRefused)
    return kind(
        problem.code,
        reply.status,
        field=problem.field,
        detail=problem.detail,
        request_id=problem.request_id,
        retry_after=pause,
    )


def _problem_document(body: bytes) -> Any:
    """Return the problem in *body*; that of an error of OAuth (RFC 6749, 5.2) has its members."""
    try:
        document = read_json(body)
    except Refused:
        return None
    if isinstance(document, dict) and "error" in document and "code" not in document:
        return {"code": document["error"], "detail": document.get("error_description")}
    return document
