"""
The action: what an origin sends to have it approved, and what its digest covers.

`request/add` has it as `action`, in place of `content`; other members are refused by name:

| member | value |
|---|---|
| `type` | a registered type |
| `resource` | the tool's name, or what the action acts on |
| `arguments` | an object (I-JSON) |
| `agent`, `run`, `purpose` | texts; each absent if the origin does not say |
| `validUntil` | RFC 3339, UTC, milliseconds; absent lets the service decide |
| `language` | of the rendering; absent is that of the device that is asked |

The *action document* has these members but `language`, and besides:

| member | value |
|---|---|
| `version` | 1 |
| `client` | GUID of the origin |
| `validUntil` | always |

The digest is SHA-256 of the action document in canonical form (RFC 8785), base64url.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from counterseal import ijson, keys
from counterseal.errors import InvalidField, MalformedToken
from counterseal.models import Action, Attachment, Guid
from counterseal.wire.members import (
    VERSION,
    format_time,
    parse_time,
    read_object,
    read_optional_text,
    read_text,
)

ACTION_MEMBERS = frozenset(
    {"type", "resource", "arguments", "agent", "run", "purpose", "validUntil", "language"}
)


def read_action(value: object, field: str = "action") -> Action:
    """
    Read an action that came as JSON.

    Args:
        value: The object.
        field: What an error calls it.

    Raises:
        InvalidField: A member is missing, unknown, of another type, or does not fit.
    """
    prefix = f"{field}."
    members = read_object(value, ACTION_MEMBERS, field)
    try:
        return Action(
            type=read_text(members, "type", prefix),
            resource=read_text(members, "resource", prefix),
            arguments=members.get("arguments"),  # the model refuses what is no object
            agent=read_optional_text(members, "agent", prefix),
            run=read_optional_text(members, "run", prefix),
            purpose=read_optional_text(members, "purpose", prefix),
            valid_until=_time(members.get("validUntil"), f"{prefix}validUntil"),
            language=read_optional_text(members, "language", prefix),
        )
    except InvalidField as error:
        if field == "action" or not error.field.startswith("action."):
            raise
        raise InvalidField(prefix + error.field.removeprefix("action."), error.problem) from None


def action_request_document(action: Action) -> dict[str, Any]:
    """Return the member `action` of `request/add`; what is None is left out."""
    members = {
        "type": action.type,
        "resource": action.resource,
        "arguments": action.arguments,
        "agent": action.agent,
        "run": action.run,
        "purpose": action.purpose,
        "validUntil": None if action.valid_until is None else format_time(action.valid_until),
        "language": action.language,
    }
    return {name: value for name, value in members.items() if value is not None}


def action_document(action: Action, client: Guid) -> dict[str, Any]:
    """
    Return the action document of an action that *client*, an origin, asks about.

    Raises:
        InvalidField: *action* has no `valid_until`, which the service decides before.
    """
    if action.valid_until is None:
        raise InvalidField("action.validUntil", "missing")
    document = action_request_document(action)
    document.pop("language", None)
    return document | {"version": VERSION, "client": client}


def action_digest(action: Action, client: Guid) -> str:
    """Return the digest of an action that *client* asks about; errors as in `action_document`."""
    return keys.digest(ijson.canonical(action_document(action, client), field="action"))


def attachment_document(attachment: Attachment) -> dict[str, Any]:
    """Return an attachment as in the display document."""
    return {
        "name": attachment.name,
        "size": attachment.size,
        "type": attachment.type,
        "sha256": attachment.sha256,
        "url": attachment.url,
    }


def _time(value: object, field: str) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_time(value)  # type: ignore[arg-type]  # another type is refused below
    except (MalformedToken, TypeError):
        raise InvalidField(field, "not a time like 2026-12-31T23:59:59.000Z") from None
