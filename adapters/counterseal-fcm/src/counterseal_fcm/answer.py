"""
FCM's answers: what each of them says of an address.

The same status means several things, and the error's details tell which:
https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import attrs
import httpx2

from counterseal.models import PushOutcome, PushResult
from counterseal_http import asked_to_wait
from counterseal_http.rounds import MISCONFIGURED

DELIVERED = PushOutcome(result=PushResult.DELIVERED)
GONE = PushOutcome(result=PushResult.GONE)
REJECTED = PushOutcome(result=PushResult.REJECTED)

QUOTA_PAUSE = timedelta(seconds=60)
"""FCM asks for a minute at least when a quota is used up, whether it says so or not."""

_FCM_ERROR = "google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "google.rpc.BadRequest"
_TARGET_FIELDS = frozenset({"message.token", "message.fid"})

_OK, _REDIRECTS = 200, 300
_BAD, _TIMEOUT, _TOO_MANY, _OURS = 400, 408, 429, 500


class Fault(enum.Enum):
    """What an answer says that is more than an outcome."""

    TOKEN = "token"  # noqa: S105 (a word)
    """Our access token is not accepted."""
    TARGET = "target"
    """The address is malformed, if nothing else of the message is."""


@attrs.frozen
class _Error:
    code: str
    """FCM's own, or empty."""
    fields: frozenset[str]
    """Of our request, that are wrong."""


def read_answer(response: httpx2.Response, now: datetime) -> PushOutcome | Fault:
    """Return what *response* says, as far as can be told without knowing what was sent."""
    status = response.status_code
    if _OK <= status < _REDIRECTS:
        return DELIVERED
    if status >= _OURS or status in {_TIMEOUT, _TOO_MANY}:
        asked = asked_to_wait(response.headers, now)
        if asked is None and status == _TOO_MANY:
            asked = QUOTA_PAUSE
        return PushOutcome(result=PushResult.LATER, after=asked)
    if status < _BAD:
        return MISCONFIGURED  # FCM redirects nobody: this is not FCM
    return _refusal(status, _read_error(response.content))


def _refusal(status: int, error: _Error) -> PushOutcome | Fault:
    match status, error.code:
        case 400, "INVALID_ARGUMENT" if error.fields <= _TARGET_FIELDS:
            return Fault.TARGET
        case 401, code if code != "THIRD_PARTY_AUTH_ERROR":
            return Fault.TOKEN
        case 404, "UNREGISTERED":
            return GONE
        case ((401 | 403 | 404), _):
            # No project of this name, no leave to send for it, a key that Apple does not take,
            # or an app that was built for another project.
            return MISCONFIGURED
    return REJECTED


def _read_error(content: bytes) -> _Error:
    code, fields = "", set()
    for detail in _details(content):
        kind = str(detail.get("@type", "")).rpartition("/")[2]
        if kind == _FCM_ERROR:
            code = str(detail.get("errorCode", ""))
        elif kind == _BAD_REQUEST:
            fields |= {str(field) for field in _fields(detail)} or {""}
    return _Error(code, frozenset(fields))


def _details(content: bytes) -> Iterator[dict[str, Any]]:
    try:
        read: Any = json.loads(content)
    except (ValueError, RecursionError):
        return
    error = read.get("error") if isinstance(read, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    if isinstance(details, list):
        yield from (detail for detail in details if isinstance(detail, dict))


def _fields(detail: dict[str, Any]) -> Iterator[object]:
    violations = detail.get("fieldViolations")
    if isinstance(violations, list):
        yield from (one.get("field") for one in violations if isinstance(one, dict))
