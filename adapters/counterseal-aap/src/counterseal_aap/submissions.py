"""Submissions: the tool call that a client submits, and the question that a person is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from counterseal import ijson
from counterseal.errors import InvalidField
from counterseal.models import Action, Question
from counterseal.policy import Policy

REQUIRED = frozenset({"tool", "arguments", "timeout"})
OPTIONAL = frozenset({"server", "agent_reasoning", "context"})

SUBMISSION_BYTES = 32_768
"""The most bytes of a submission in canonical form, which is stored with the request."""

NAME_BYTES = 120
"""The most bytes of a tool's name, and of a server's: both fit into the action's resource."""

RUN_BYTES = 256
PURPOSE_BYTES = 1_024
"""Limits of the action's members; a longer text of the client is returned, and not displayed."""

CLAIM = "The agent says: "
"""What precedes the agent's reasoning, which nobody has verified."""

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smh])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


@attrs.frozen(kw_only=True)
class Submission:
    """
    One tool call that waits for a decision (AAP, `CreateApprovalRequest`).

    Attributes:
        members: All of them as they came.
        timeout: How long the client would wait for a decision.
    """

    members: Mapping[str, Any] = attrs.field(repr=False)
    timeout: timedelta

    def text(self) -> str:
        """
        Return the submission in canonical form (RFC 8785).

        Raises:
            InvalidField: It is too long, or I-JSON cannot hold it.
        """
        text = ijson.canonical(self.members, field="body")
        if len(text) > SUBMISSION_BYTES:
            raise InvalidField("body", f"more than {SUBMISSION_BYTES} bytes")
        return text.decode()

    def question(self, account_id: str, policy: Policy) -> Question:
        """
        Return what the person of an account is asked.

        A deadline may be earlier than the client asks for, and never later.

        Raises:
            InvalidField: The call cannot be displayed.
        """
        action = Action(
            type="tool-call",
            resource=self._resource(),
            arguments=self.members["arguments"],
            run=self._run(),
            purpose=self._purpose(),
        )
        _, longest = policy.action_lives(action)
        return Question(account_id=account_id, content=action, duration=min(self.timeout, longest))

    def _resource(self) -> str:
        # A tool's name has no space, so that the first one separates it from the server.
        tool, server = self.members["tool"], self.members.get("server")
        return tool if server is None else f"{tool} on {server}"

    def _run(self) -> str | None:
        run = self.members.get("context", {}).get("call_id")
        return run if isinstance(run, str) and 0 < len(run.encode()) <= RUN_BYTES else None

    def _purpose(self) -> str | None:
        reasoning = " ".join(self.members.get("agent_reasoning", "").split())
        purpose = CLAIM + reasoning
        return purpose if reasoning and len(purpose.encode()) <= PURPOSE_BYTES else None


def read_submission(document: Any) -> Submission:
    """
    Read what a client submits.

    Raises:
        InvalidField: A member is missing, unknown or malformed; the error names it.
    """
    members = read_members(document, REQUIRED, OPTIONAL)
    _read_name(members, "tool", spaces=False)
    if "server" in members:
        _read_name(members, "server", spaces=True)
    for name in ("arguments", "context"):
        if not isinstance(members.get(name, {}), dict):
            raise InvalidField(name, "not an object")
    if not isinstance(members.get("agent_reasoning", ""), str):
        raise InvalidField("agent_reasoning", "not a text")
    return Submission(members=members, timeout=read_duration(members["timeout"], "timeout"))


def read_members(
    document: Any, required: frozenset[str], optional: frozenset[str]
) -> dict[str, Any]:
    """
    Return the members of an object of the protocol, which knows no others and no nulls.

    Raises:
        InvalidField: It is no object, or a member is missing, unknown or null.
    """
    if not isinstance(document, dict):
        raise InvalidField("body", "not an object")
    for name in sorted(document):
        if name not in required | optional:
            raise InvalidField(ijson.printable(name), "unknown")
        if document[name] is None:
            raise InvalidField(name, "null")
    for name in sorted(required - document.keys()):
        raise InvalidField(name, "missing")
    return document


def read_duration(value: Any, field: str) -> timedelta:
    """
    Read a duration such as `30m`.

    Raises:
        InvalidField: It is none.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidField(field, "not a duration such as 30s, 30m or 24h")
    number, unit = match.groups()
    return timedelta(**{_UNITS[unit]: int(number)})


def _read_name(members: Mapping[str, Any], field: str, *, spaces: bool) -> None:
    name = members[field]
    if not isinstance(name, str) or not 0 < len(name.encode(errors="replace")) <= NAME_BYTES:
        raise InvalidField(field, f"not a text of 1 to {NAME_BYTES} bytes")
    if not name.isprintable() or (not spaces and " " in name) or name != name.strip():
        raise InvalidField(field, "not printable" if spaces else "not printable, or with a space")
