"""Problems (RFC 9457): what a reply that is no success means to an origin."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http import HTTPStatus

from counterseal import CountersealError, Refused, read_json
from counterseal.ijson import printable
from counterseal_client.errors import (
    AskedTooOften,
    BadReply,
    Finished,
    NotThere,
    Overloaded,
    RequestRefused,
    Unauthorised,
    Unreachable,
)
from counterseal_client.line import Reply
from counterseal_http.retry_after import retry_after

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,128}")

_BY_CODE: dict[str, type[RequestRefused]] = {
    "deadline_passed": Finished,
    "not_found": NotThere,
    "too_many_pending": AskedTooOften,
    "too_often": AskedTooOften,
    "unauthorized": Unauthorised,
    "unreachable": Unreachable,
    "wrong_state": Finished,
}
_BY_STATUS: dict[int, type[RequestRefused]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorised,
    HTTPStatus.NOT_FOUND: NotThere,
    HTTPStatus.TOO_MANY_REQUESTS: AskedTooOften,
}
DETAIL_LIMIT = 256

_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = range(500, 600)


def failure(reply: Reply, now: datetime) -> CountersealError:
    """
    Return what to raise for a reply that is no success.

    Args:
        reply: What came back.
        now: What a date in `Retry-After` is counted from.
    """
    wait = asked_pause(reply, now)
    if reply.status in _SERVER_ERRORS or reply.status == HTTPStatus.REQUEST_TIMEOUT:
        return Overloaded(f"status {reply.status}", retry_after=wait)
    if reply.status not in _CLIENT_ERRORS:
        return BadReply(f"status {reply.status}; no redirect is followed")
    code, field, detail = _said(reply)
    kind = _BY_CODE.get(code) or _BY_STATUS.get(reply.status, RequestRefused)
    return kind(code, reply.status, field=field, detail=detail, retry_after=wait)


def asked_pause(reply: Reply, now: datetime) -> timedelta | None:
    """Return how long the service asks to be left alone, where it says so."""
    values = reply.headers.get_list("retry-after")
    return retry_after(values[0], now) if len(values) == 1 else None


def _said(reply: Reply) -> tuple[str, str | None, str | None]:
    # Only what looks like a code and a field: these end in logs.
    try:
        document = read_json(reply.body)
    except Refused:
        document = None
    if not isinstance(document, dict):
        return "unknown", None, None
    code, field, detail = (document.get(name) for name in ("code", "field", "detail"))
    return (
        code if isinstance(code, str) and _CODE.fullmatch(code) else "unknown",
        field if isinstance(field, str) and _FIELD.fullmatch(field) else None,
        printable(detail, DETAIL_LIMIT) if isinstance(detail, str) and detail else None,
    )
