"""
The tools: names, descriptions, and JSON Schemas of their arguments and results.

None answers or approves a request, binds a device, or changes what the service allows.
The schemas say what `tool_arguments` reads: a model gets them, and the readers decide.
"""

from __future__ import annotations

from typing import Any

from mcp_types import Tool, ToolAnnotations

from counterseal.models.guid import SHAPE
from counterseal_mcp.refusals import CODES
from counterseal_mcp.settings import Settings
from counterseal_mcp.tool_arguments import (
    DEFAULT_TYPE,
    DETAIL_LENGTH,
    KEY_LENGTH,
    LONGEST_ANSWER,
)

INSTRUCTIONS = """\
Before you do something that a person has to approve: call `ask` with exactly the arguments that \
you will execute. The person decides on their own device. Then call `require` with the id and the \
arguments; act only if it succeeds, with these arguments, once. Afterwards call `report`. \
Any error means: do not act. Nothing that you can do here answers a request."""

STATES = (
    *("pending", "approved", "declined", "cancelled", "failed"),
    *("used", "withdrawn", "expired"),
)

_ID = {
    "type": "string",
    "pattern": f"^{SHAPE}$",
    "description": "The id of the request, as `ask` returned it.",
}
_TIME = {"type": "string", "format": "date-time"}
_SECONDS = {"type": "integer", "minimum": 0}
_STATE = {"type": "string", "enum": list(STATES)}

_PROGRESS = {
    "id": _ID,
    "state": _STATE,
    "answer_until": _TIME,
    "use_until": _TIME,
    "seconds_remaining": _SECONDS,
    "outcome": {
        "type": "string",
        "enum": ["unknown", "executed", "failed"],
        "description": "What came of the use; only where the state is used.",
    },
}
"""What `ask` and `status` return."""
_WARNINGS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "code": {"type": "string"},
            "field": {"type": "string"},
            "host": {"type": "string"},
        },
        "required": ["code"],
    },
    "description": (
        "What the person will meet although they are asked: with document_host, the app in the "
        "browser may not fetch the document at this host, so that they cannot approve there."
    ),
}


def tools(settings: Settings) -> list[Tool]:
    """Return the tools of a server with these settings."""
    return [_ask(settings), _status(), _require(settings), _report()]


def _ask(settings: Settings) -> Tool:
    properties: dict[str, Any] = {
        "type": {
            "type": "string",
            "maxLength": 64,
            "default": DEFAULT_TYPE,
            "description": (
                "The type of the action, which decides how the person sees it: tool-call (any "
                "tool), payment, login, document, or another one that the service knows."
            ),
        },
        "resource": {
            "type": "string",
            "minLength": 1,
            "description": "The name of the tool, or what the action acts on.",
        },
        "arguments": {
            "type": "object",
            "description": (
                "Exactly the arguments that will be executed. The person sees all of them."
            ),
        },
        "purpose": {"type": "string", "minLength": 1, "description": "Why, in one sentence."},
        "agent": {"type": "string", "minLength": 1, "description": "The name of the agent."},
        "run": {
            "type": "string",
            "minLength": 1,
            "description": "The run, task or conversation of the agent.",
        },
        "language": {
            "type": "string",
            "description": "The language in which the person is asked, such as en or de; by"
            " default, that of the person's device.",
        },
        "answer_within_seconds": {
            "type": "integer",
            "minimum": 1,
            "maximum": LONGEST_ANSWER,
            "description": "How long the person may answer; the service may allow less.",
        },
        "idempotency_key": {
            "type": "string",
            "pattern": f"^[!-~]{{1,{KEY_LENGTH}}}$",
            "description": (
                "A repeated call with the same key asks the person only once, and returns the "
                "state as it is now: declined stays declined. A new question needs a new key."
            ),
        },
    }
    required = ["resource", "arguments"]
    if settings.agent is not None:
        del properties["agent"]
    if len(settings.accounts) > 1:
        required.append("account_id")
        properties["account_id"] = {
            "type": "string",
            "enum": list(settings.accounts),
            "description": "The person who is asked.",
        }
    return Tool(
        name="ask",
        title="Ask a person to approve an action",
        description=(
            "Ask the person to approve one action on their own device. Returns at once with an id "
            "and the deadline; call `require` with the id before you act. If the state is "
            "declined, the person has said no: do not ask again."
        ),
        input_schema=_object(properties, required),
        output_schema=_result(
            {**_PROGRESS, "warnings": _WARNINGS}, optional=("outcome", "warnings")
        ),
        annotations=ToolAnnotations(
            read_only_hint=False,
            destructive_hint=False,
            idempotent_hint=False,
            open_world_hint=True,
        ),
    )


def _status() -> Tool:
    return Tool(
        name="status",
        title="Look at a request",
        description=(
            "Return how far a request has come, and the time that remains. It proves nothing and "
            "uses nothing: before you act, call `require`."
        ),
        input_schema=_object({"id": _ID}, ["id"]),
        output_schema=_result(_PROGRESS, optional=("outcome",)),
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=True),
    )


def _require(settings: Settings) -> Tool:
    wait = {
        "type": "integer",
        "minimum": 0,
        "maximum": settings.longest_wait,
        "default": settings.longest_wait,
        "description": "How long to wait for the answer; then the error `pending` is returned.",
    }
    return Tool(
        name="require",
        title="Require the approval, and use it",
        description=(
            "Wait for the person's answer, verify it, and use the approval for the arguments that "
            "are about to be executed. It succeeds once: if it does, execute exactly these "
            "arguments now. Any error means: do not act."
        ),
        input_schema=_object(
            {
                "id": _ID,
                "arguments": {
                    "type": "object",
                    "description": "The arguments that are about to be executed.",
                },
                "wait_seconds": wait,
            },
            ["id", "arguments"],
        ),
        output_schema=_result(
            {
                "id": _ID,
                "state": {"type": "string", "enum": ["used"]},
                "approved_by": {"type": "string", "description": "The account id."},
                "approved_at": _TIME,
                "used_at": _TIME,
                "digest": {"type": "string", "description": "Of the action, as it was signed."},
                "receipt": {
                    "type": "string",
                    "description": "Proves the person's answer; a JWS.",
                },
                "use_receipt": {"type": "string", "description": "Proves this use; a JWS."},
            }
        ),
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
        ),
    )


def _report() -> Tool:
    return Tool(
        name="report",
        title="Report what came of a use",
        description=(
            "Record whether the action was executed or has failed, after `require` succeeded. "
            "The same report again changes nothing."
        ),
        input_schema=_object(
            {
                "id": _ID,
                "outcome": {"type": "string", "enum": ["executed", "failed"]},
                "detail": {
                    "type": "string",
                    "maxLength": DETAIL_LENGTH,
                    "description": "For example the number of the transfer.",
                },
            },
            ["id", "outcome"],
        ),
        output_schema=_result(
            {"id": _ID, "outcome": {"type": "string", "enum": ["executed", "failed"]}}
        ),
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
        ),
    )


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _result(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the schema of a result: the members, or `error` alone."""
    required = [name for name in properties if name not in optional]
    error = _object(
        {
            "code": {"type": "string", "enum": list(CODES)},
            "message": {"type": "string"},
            "field": {"type": "string"},
            "state": _STATE,
            "retry_after_seconds": _SECONDS,
            "service_code": {"type": "string"},
        },
        ["code", "message"],
    )
    return {
        "type": "object",
        "oneOf": [_object(properties, required), _object({"error": error}, ["error"])],
    }
