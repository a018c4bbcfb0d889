"""
The problem: what the service replies when it refuses or fails (RFC 9457).

| member | value |
|---|---|
| `type`, `code` | `urn:counterseal:error:` and the code; the code alone, which is stable |
| `title`, `detail` | for people |
| `status` | the status of the reply |
| `attemptsLeft` | of a refused answer: how many more are allowed |
| `reason` | why, where one code has several causes: `suspended` or `revoked` of a device |
| `field` | the member that is malformed |
| `requestId` | the id of the request, which the log of the service also has |

The reader refuses nothing: what it returns ends in logs, and so has only what looks as above.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from counterseal.ijson import printable

TYPE = "urn:counterseal:error:"
UNKNOWN = "unknown"
DETAIL_LIMIT = 256

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,128}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@attrs.frozen(kw_only=True)
class Problem:
    """Why a call was refused or failed; texts for people are printable and of bounded length."""

    code: str
    title: str
    status: int
    attempts_left: int | None = None
    reason: str | None = None
    field: str | None = None
    detail: str | None = None
    request_id: str | None = None


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return the JSON of *problem*, without what is None."""
    optional = {
        "attemptsLeft": problem.attempts_left,
        "reason": problem.reason,
        "field": problem.field,
        "detail": problem.detail,
        "requestId": problem.request_id,
    }
    return {
        "type": TYPE + problem.code,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
    } | {name: value for name, value in optional.items() if value is not None}


def read_problem(document: object, *, status: int) -> Problem:
    """Read the problem in a reply of *status*; the code is `unknown` where there is none."""
    members: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    attempts_left = members.get("attemptsLeft")
    return Problem(
        code=_matching(members.get("code"), _CODE) or UNKNOWN,
        title=_for_people(members.get("title")) or "",
        status=status,
        # `type` and not `isinstance`, so that True is not a number.
        attempts_left=attempts_left if type(attempts_left) is int else None,
        reason=_matching(members.get("reason"), _CODE),
        field=_matching(members.get("field"), _FIELD),
        detail=_for_people(members.get("detail")),
        request_id=_matching(members.get("requestId"), _REQUEST_ID),
    )


def _matching(value: object, form: re.Pattern[str]) -> str | None:
    return value if isinstance(value, str) and form.fullmatch(value) else None


def _for_people(value: object) -> str | None:
    return printable(value, DETAIL_LIMIT) if isinstance(value, str) and value else None
