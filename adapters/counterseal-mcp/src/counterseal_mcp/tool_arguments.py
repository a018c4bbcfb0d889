"""The arguments of the tools, read strictly: an unknown one is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

import attrs

from counterseal import ijson
from counterseal.challenges.documents.action import read_action
from counterseal.errors import InvalidField
from counterseal.models import Action, Guid
from counterseal.models.guid import parse
from counterseal.wire.members import read_object, read_optional_text, read_text
from counterseal_client import UseOutcome
from counterseal_mcp.settings import Settings

SIZE_LIMIT = 65_536
"""Bytes of the arguments of one call, as canonical JSON."""

LONGEST_ANSWER = 86_400
"""Seconds that `ask` may give the person to answer; the service's policy may allow less."""

KEY_LENGTH = 128
DETAIL_LENGTH = 500
DEFAULT_TYPE = "tool-call"
ACTION_NAMES = ("type", "resource", "arguments", "purpose", "agent", "run", "language")

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class AskArguments:
    """
    What `ask` is called with.

    Attributes:
        account_id: Who is asked.
        duration: How long the person may answer; None lets the service decide.
        key: The idempotency key; None makes a new request of each call.
    """

    action: Action
    account_id: str
    duration: timedelta | None = None
    key: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class RequireArguments:
    """
    What `require` is called with.

    Attributes:
        arguments: What is about to be executed.
        wait: Seconds to wait for the answer.
    """

    guid: Guid
    arguments: Mapping[str, Any] = attrs.field(repr=False)
    wait: int


@attrs.frozen(kw_only=True)
class ReportArguments:
    """What `report` is called with."""

    guid: Guid
    outcome: UseOutcome
    detail: str | None = attrs.field(repr=False)


def read_ask(value: object, settings: Settings) -> AskArguments:
    """
    Read the arguments of `ask`.

    Raises:
        InvalidField: One is missing, unknown or malformed, or names an account or an agent that
            the operator does not allow.
    """
    names = {*ACTION_NAMES, "answer_within_seconds", "idempotency_key"}
    if len(settings.accounts) > 1:
        names.add("account_id")
    if settings.agent is not None:
        names.remove("agent")
    members = _members(value, names)
    action = {name: members[name] for name in ACTION_NAMES if members.get(name) is not None}
    action.setdefault("type", DEFAULT_TYPE)
    if settings.agent is not None:
        action["agent"] = settings.agent
    seconds = _seconds(members, "answer_within_seconds", None, 1, LONGEST_ANSWER)
    return AskArguments(
        action=read_action(action),
        account_id=_account(members, settings),
        duration=None if seconds is None else timedelta(seconds=seconds),
        key=_key(members),
    )


def read_status(value: object) -> Guid:
    """
    Read the arguments of `status`: the id.

    Raises:
        InvalidField: It is missing or malformed, or there are others.
    """
    return _id(_members(value, {"id"}))


def read_require(value: object, settings: Settings) -> RequireArguments:
    """
    Read the arguments of `require`.

    Raises:
        InvalidField: One is missing, unknown or malformed.
    """
    members = _members(value, {"id", "arguments", "wait_seconds"})
    arguments = members.get("arguments")
    if not isinstance(arguments, Mapping):
        raise InvalidField("arguments", "missing or not a JSON object")
    longest = settings.longest_wait
    return RequireArguments(
        guid=_id(members),
        arguments=arguments,
        wait=_seconds(members, "wait_seconds", longest, 0, longest),
    )


def read_report(value: object) -> ReportArguments:
    """
    Read the arguments of `report`.

    Raises:
        InvalidField: One is missing, unknown or malformed.
    """
    members = _members(value, {"id", "outcome", "detail"})
    try:
        outcome = UseOutcome(members.get("outcome"))
    except ValueError:
        raise InvalidField("outcome", "neither executed nor failed") from None
    detail = read_optional_text(members, "detail")
    if detail is not None and len(detail) > DETAIL_LENGTH:
        raise InvalidField("detail", f"longer than {DETAIL_LENGTH} characters")
    return ReportArguments(guid=_id(members), outcome=outcome, detail=detail)


def _members(value: object, names: set[str]) -> Mapping[str, Any]:
    members = read_object({} if value is None else value, names, "arguments", prefix="")
    for name, member in members.items():
        ijson.check(member, field=name)
    size = len(ijson.canonical(dict(members), field="arguments"))
    if size > SIZE_LIMIT:
        raise InvalidField("arguments", f"longer than {SIZE_LIMIT} bytes")
    return members


def _account(members: Mapping[str, Any], settings: Settings) -> str:
    if len(settings.accounts) == 1:
        return settings.accounts[0]
    account_id = read_text(members, "account_id")
    if account_id not in settings.accounts:
        raise InvalidField("account_id", "not one that the operator allows")
    return account_id


def _id(members: Mapping[str, Any]) -> Guid:
    return parse(members.get("id"), field="id")


def _key(members: Mapping[str, Any]) -> str | None:
    key = read_optional_text(members, "idempotency_key")
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidField(
            "idempotency_key", f"not 1 to {KEY_LENGTH} printable ASCII characters without spaces"
        )
    return f"mcp:{key}"  # never the key of another program of the same origin


def _seconds(members: Mapping[str, Any], name: str, default: T, least: int, most: int) -> int | T:
    value = members.get(name)
    if value is None:
        return default
    number = ijson.to_integer(value)
    if number is None or not least <= number <= most:
        raise InvalidField(name, f"not {least} to {most} whole seconds")
    return number
