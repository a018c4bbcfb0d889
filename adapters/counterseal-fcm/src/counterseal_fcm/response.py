"""
FCM's responses, and the outcome that each is for an address.

One status has several meanings; the error's details tell which:
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
from counterseal_http.fan_out import GONE, MISCONFIGURED, REJECTED, outcome_of_response

QUOTA_PAUSE = timedelta(seconds=60)
"""FCM's documentation asks for at least a minute when a quota is used up."""

_FCM_ERROR = "google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "google.rpc.BadRequest"
_TARGET_FIELDS = frozenset({"message.token", "message.fid"})

_BAD_STATUS, _TOO_MANY = 400, 429


class Fault(enum.Enum):
    """A response whose outcome depends on what was sent."""

    TOKEN = "token"  # noqa: S105 (a word)
    """FCM does not accept the access token."""
    TARGET = "target"
    """The address is malformed, or else something in the message."""


@attrs.frozen
class _Error:
    code: str
    """FCM's error code, or empty."""
    fields: frozenset[str]
    """The fields of the request that are wrong."""


def read_response(response: httpx2.Response, now: datetime) -> PushOutcome | Fault:
    """Return the outcome of *response*, or the fault whose outcome depends on what was sent."""
    status = response.status_code
    outcome = outcome_of_response(response, now)
    if status == _TOO_MANY and outcome.after is None:
        return PushOutcome(result=PushResult.LATER, after=QUOTA_PAUSE)
    if outcome is not MISCONFIGURED or status < _BAD_STATUS:
        return outcome  # FCM never redirects, so another status below 400 is not FCM's
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
            # No such project, no permission to send for it, an APNs key that Apple refuses, or
            # an app that was built for another project.
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
        document: Any = json.loads(content)
    except (ValueError, RecursionError):
        return
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    if isinstance(details, list):
        yield from (detail for detail in details if isinstance(detail, dict))


def _fields(detail: dict[str, Any]) -> Iterator[object]:
    violations = detail.get("fieldViolations")
    if isinstance(violations, list):
        yield from (each.get("field") for each in violations if isinstance(each, dict))
