"""Problems (RFC 9457): the error to raise for a reply that is not a success."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

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
    "not_approved": NoApproval,
    "not_found": NotFound,
    "too_many_pending": AskedTooOften,
    "too_often": AskedTooOften,
    "unauthorized": Unauthorised,
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
    try:
        problem = read_problem(read_json(reply.body), status=reply.status)
    except Refused:
        problem = read_problem(None, status=reply.status)
    kind = _BY_CODE.get(problem.code) or _BY_STATUS.get(reply.status, RequestRefused)
    return kind(
        problem.code,
        reply.status,
        field=problem.field,
        detail=problem.detail,
        retry_after=pause,
    )
