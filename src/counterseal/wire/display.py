"""
The display document: everything that the person is shown, and what the device signs the hash of.

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
| `code` | whether an approval asks for the matching code |
| `issuedAt`, `expiresAt` | RFC 3339, UTC, milliseconds |
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from counterseal import ijson
from counterseal.models import Account, AppSpace, Guid, Origin, Question
from counterseal.wire.claims import VERSION
from counterseal.wire.moment import stamp
from counterseal.wire.question import content_document


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
        "issuedAt": stamp(issued_at),
        "expiresAt": stamp(deadline),
    }
    if question.additional_info is not None:
        document["additionalInfo"] = question.additional_info
    if question.transaction_id is not None:
        document["transactionId"] = question.transaction_id
    return document


def display_text(document: dict[str, Any]) -> str:
    """
    Return the one canonical text of *document*.

    Raises:
        InvalidField: I-JSON cannot hold it; the error names the member.
    """
    return ijson.canonical(document, field="challenge").decode("utf-8")
