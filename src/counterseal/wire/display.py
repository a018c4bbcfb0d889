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
| `context` | `{ipAddress, place, browser}`, as the origin says; each absent if it does not |
| `code` | whether an approval asks for the matching code |
| `issuedAt`, `expiresAt` | RFC 3339, UTC, milliseconds |
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from counterseal import ijson
from counterseal.errors import MalformedToken
from counterseal.models import Account, AppSpace, Guid, Origin, Question
from counterseal.wire.claims import VERSION, demand, demand_guids, format_time, parse_time
from counterseal.wire.question import content_document, context_document

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
_OPTIONAL: dict[str, type] = {"transactionId": str, "context": dict}
_GUID_AND_NAME: dict[str, type] = {"guid": str, "name": str}
_ACCOUNT: dict[str, type] = {"guid": str, "id": str}
_TEMPLATE: dict[str, type] = {"title": str, "keys": list}
_PAIR: dict[str, type] = {"key": str, "value": str}
_BUTTON: dict[str, type] = {"title": str, "strong": bool, "approves": bool}
_CONTEXT: dict[str, type] = {"ipAddress": str, "place": str, "browser": str}
_STYLE: dict[str, type] = {"style": str}


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
) -> dict[str, Any]:
    """Return the display document of a new challenge."""
    document: dict[str, Any] = {
        "version": VERSION,
        "challenge": challenge,
        "appSpace": {"guid": app_space.guid, "name": app_space.name},
        "origin": {"guid": origin.guid, "name": origin.name},
        "account": {"guid": account.guid, "id": account.account_id},
        "content": content_document(question.content),
        "buttons": [
            {"title": button.title, "strong": button.strong, "approves": button.approving}
            | ({} if button.style is None else {"style": button.style})
            for button in question.buttons
        ],
        "code": code_asked,
        "issuedAt": format_time(issued_at),
        "expiresAt": format_time(deadline),
    }
    if question.additional_info is not None:
        document["additionalInfo"] = question.additional_info
    if question.transaction_id is not None:
        document["transactionId"] = question.transaction_id
    if question.context is not None:
        document["context"] = context_document(question.context)
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


def _demand_content(content: dict[str, Any]) -> None:
    if "title" not in content:
        demand(content, {next(iter(content.keys() & {"text", "html"}), "text"): str})
        return
    demand(content, _TEMPLATE)
    for pair in content["keys"]:
        _demand_object(pair, _PAIR, {})


def _demand_object(value: Any, required: dict[str, type], optional: dict[str, type]) -> None:
    if not isinstance(value, dict):
        raise MalformedToken
    demand(value, required, optional)


def display_text(document: dict[str, Any]) -> str:
    """
    Return the one canonical text of *document*, whose texts are checked (`rules.sizes`).

    InvalidField names a member that I-JSON cannot hold.
    """
    foreign = document.get("additionalInfo")
    ijson.check(foreign, field="challenge.additionalInfo")
    text = ijson.canonical(document, field="challenge", checked=True, foreign=foreign)
    return text.decode("utf-8")
