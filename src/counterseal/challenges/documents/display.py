"""
The display document: everything that the person is shown. The device signs its hash.

A JSON object in canonical form (RFC 8785), made once, at issue:

| member | value |
|---|---|
| `version` | 1 |
| `challenge` | GUID |
| `appSpace`, `origin` | `{guid, name}` |
| `account` | `{guid, id}`, the id being the origin's own |
| `content` | `{text}`, `{html}` or `{title, keys: [{key, value}]}` |
| `buttons` | `[{title, strong, approves}]`, with `style` where there is one |
| `additionalInfo`, `transactionId` | as the origin sent them; absent if it did not |
| `action` | `{type, digest, validUntil, language}`, and `attachments` of a document; \
absent if it asks for no action |
| `context` | `{ipAddress, place, browser}`, as the origin says; each absent if it does not |
| `code` | whether an approval asks for the matching code |
| `issuedAt`, `expiresAt` | RFC 3339, UTC, milliseconds |

Beside `action`, `content` is `{title, keys}`, there is no `additionalInfo`, and every button that
approves is strong. An attachment is `{name, size, type, sha256, url}`: `size` in bytes, `sha256` in
base64url.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import attrs

from counterseal import ijson, models
from counterseal.challenges.documents.action import attachment_document
from counterseal.challenges.documents.question import content_document, context_document
from counterseal.errors import MalformedToken
from counterseal.models import (
    Account,
    AppSpace,
    Attachment,
    Button,
    Guid,
    Origin,
    PairsContent,
    Question,
)
from counterseal.wire.members import VERSION, demand, demand_guids, format_time, parse_time

BUTTONS_AT_LEAST = 2
"""With one button there is no choice."""

_MEMBERS: dict[str, type] = {
    "version": int,
    "challenge": str,
    "appSpace": dict,
    "origin": dict,
    "account": dict,
    "content": dict,
    "buttons": list,
    "code": bool,
    "issuedAt": str,
    "expiresAt": str,
}
_OPTIONAL: dict[str, type] = {"transactionId": str, "context": dict, "action": dict}
_GUID_AND_NAME: dict[str, type] = {"guid": str, "name": str}
_ACCOUNT: dict[str, type] = {"guid": str, "id": str}
_TEMPLATE: dict[str, type] = {"title": str, "keys": list}
_PAIR: dict[str, type] = {"key": str, "value": str}
_BUTTON: dict[str, type] = {"title": str, "strong": bool, "approves": bool}
_CONTEXT: dict[str, type] = {"ipAddress": str, "place": str, "browser": str}
_STYLE: dict[str, type] = {"style": str}
_ACTION: dict[str, type] = {"type": str, "digest": str, "validUntil": str, "language": str}
_ATTACHMENTS: dict[str, type] = {"attachments": list}
_ATTACHMENT: dict[str, type] = {"name": str, "size": int, "type": str, "sha256": str, "url": str}

ATTACHMENTS_AT_MOST = 20
TYPE_LIMIT = 64
LANGUAGE_LIMIT = 35
"""Characters of a language tag (RFC 5646, section 4.4.1)."""
MEDIA_TYPE_LIMIT = 127
"""Characters; RFC 6838, section 4.2, allows as many to each half."""
URL_LIMIT = 2048

_TYPE = re.compile(r"[a-z][a-z0-9]*([-.:][a-z0-9]+)*")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""SHA-256 in base64url; the last character has two bits to spare, which are 0."""
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_URL = re.compile(r"https://[!-~]+")


@attrs.frozen(kw_only=True)
class DisplayedAction:
    """
    An action with what a person is shown of it.

    Attributes:
        terms: What is approved, without the arguments.
        content: A title, and rows of label and value.
        attachments: Files that the device fetches and compares with their hashes.
        attachment_field: As `Rendering` has it.
        buttons: The question's, or the standard ones in the action's language.
        language: Of the content.
    """

    terms: models.ActionTerms
    content: PairsContent
    attachments: tuple[Attachment, ...]
    attachment_field: str
    buttons: tuple[Button, ...]
    language: str


def display_document(
    question: Question,
    *,
    challenge: Guid,
    app_space: AppSpace,
    origin: Origin,
    account: Account,
    code_asked: bool,
    issued_at: datetime,
    deadline: datetime,
    action: DisplayedAction | None = None,
) -> dict[str, Any]:
    """Return the display document of a new challenge; of an *action*, its rendering."""
    content = question.content if action is None else action.content
    buttons = question.buttons if action is None else action.buttons
    document: dict[str, Any] = {
        "version": VERSION,
        "challenge": challenge,
        "appSpace": {"guid": app_space.guid, "name": app_space.name},
        "origin": {"guid": origin.guid, "name": origin.name},
        "account": {"guid": account.guid, "id": account.account_id},
        "content": content_document(content),
        "buttons": [
            {"title": button.title, "strong": button.strong, "approves": button.approving}
            | ({} if button.style is None else {"style": button.style})
            for button in buttons
        ],
        "code": code_asked,
        "issuedAt": format_time(issued_at),
        "expiresAt": format_time(deadline),
    }
    if question.additional_info is not None:
        document["additionalInfo"] = question.additional_info
    if question.transaction_id is not None:
        document["transactionId"] = question.transaction_id
    if action is not None:
        document["action"] = _action_document(action)
    if question.context is not None:
        document["context"] = context_document(question.context)
    return document


def _action_document(action: DisplayedAction) -> dict[str, Any]:
    terms, attachments = action.terms, action.attachments
    document: dict[str, Any] = {
        "type": terms.type,
        "digest": terms.digest,
        "validUntil": format_time(terms.valid_until),
        "language": action.language,
    }
    if attachments:
        document["attachments"] = [attachment_document(each) for each in attachments]
    return document


def demand_display(document: Any) -> None:
    """Require a display document from outside to be as above, with two buttons at least."""
    if not isinstance(document, dict):
        raise MalformedToken
    rest = {name: value for name, value in document.items() if name != "additionalInfo"}
    if not isinstance(document.get("additionalInfo", ""), (str, dict)):
        raise MalformedToken
    demand(rest, _MEMBERS, _OPTIONAL)
    demand(document["appSpace"], _GUID_AND_NAME)
    demand(document["origin"], _GUID_AND_NAME)
    demand(document["account"], _ACCOUNT)
    guids = [document[name]["guid"] for name in ("appSpace", "origin", "account")]
    demand_guids(document["challenge"], *guids)
    parse_time(document["issuedAt"])
    parse_time(document["expiresAt"])
    _demand_content(document["content"])
    if "context" in document:
        demand(document["context"], {}, _CONTEXT)
        if not document["context"]:
            raise MalformedToken
    if len(document["buttons"]) < BUTTONS_AT_LEAST:
        raise MalformedToken
    for button in document["buttons"]:
        _demand_object(button, _BUTTON, _STYLE)
    if "action" in document:
        _demand_action(document)


def _demand_content(content: dict[str, Any]) -> None:
    if "title" not in content:
        demand(content, {next(iter(content.keys() & {"text", "html"}), "text"): str})
        return
    demand(content, _TEMPLATE)
    for pair in content["keys"]:
        _demand_object(pair, _PAIR, {})


def _demand_action(document: dict[str, Any]) -> None:
    """Require the action of *document*, and the rest of it to be what an action may have."""
    action = document["action"]
    demand(action, _ACTION, _ATTACHMENTS)
    _demand_text(action["type"], _TYPE, limit=TYPE_LIMIT)
    _demand_text(action["digest"], _DIGEST)
    _demand_text(action["language"], _LANGUAGE, limit=LANGUAGE_LIMIT)
    parse_time(action["validUntil"])
    if not 1 <= len(action.get("attachments", [None])) <= ATTACHMENTS_AT_MOST:
        raise MalformedToken
    for attachment in action.get("attachments", []):
        _demand_object(attachment, _ATTACHMENT, {})
        if not attachment["name"] or attachment["size"] < 0:
            raise MalformedToken
        _demand_text(attachment["type"], _MEDIA_TYPE, limit=MEDIA_TYPE_LIMIT)
        _demand_text(attachment["sha256"], _DIGEST)
        _demand_text(attachment["url"], _URL, limit=URL_LIMIT)
    weak = any(button["approves"] and not button["strong"] for button in document["buttons"])
    if weak or "title" not in document["content"] or "additionalInfo" in document:
        raise MalformedToken


def _demand_text(text: str, pattern: re.Pattern[str], *, limit: int | None = None) -> None:
    if (limit is not None and len(text) > limit) or not pattern.fullmatch(text):
        raise MalformedToken


def _demand_object(value: Any, required: dict[str, type], optional: dict[str, type]) -> None:
    if not isinstance(value, dict):
        raise MalformedToken
    demand(value, required, optional)


def display_text(document: dict[str, Any]) -> str:
    """
    Return the one canonical text of *document*, whose texts are checked (`_input_limits`).

    InvalidField names a member that I-JSON cannot hold.
    """
    foreign = document.get("additionalInfo")
    ijson.check(foreign, field="challenge.additionalInfo")
    text = ijson.canonical(document, field="challenge", checked=True, foreign=foreign)
    return text.decode("utf-8")
