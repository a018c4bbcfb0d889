"""The question of the demo: from a file, or the demo's own."""

from __future__ import annotations

from typing import Any

from counterseal import read_json, read_question
from counterseal.models import Question
from counterseal_server import files

ACCOUNT_ID = "demo-user"

CHALLENGE_LIMIT = 16 * 1_048_576
"""Far more than a policy allows, so that the policy names what is too long."""

PAYMENT: dict[str, Any] = {
    "content": {
        "title": "Pay for your order?",
        "keys": [
            {"key": "Amount", "value": "10.00 EUR"},
            {"key": "To", "value": "Example Shop, order 1001"},
        ],
    },
    "buttons": [
        {"title": "Pay", "strongAuth": True, "approving": True},
        {"title": "Do not pay", "strongAuth": False},
    ],
    "duration": "2m",
    "transactionId": "order-1001",
    "callback": "https://shop.example.com/counterseal/callback",
    "showCode": True,
}
"""A question with all members, so that every forgery has something to change."""


def read(name: str | None) -> Question:
    """
    Return the question.

    Args:
        name: A file with a challenge in the wire's JSON, `-` for the standard input;
            None takes the demo's own.

    Raises:
        InvalidField: The file cannot be read or is no challenge; the error names the member.
    """
    body: object = PAYMENT
    if name is not None:
        data = files.read(name, field="challenge", limit=CHALLENGE_LIMIT)
        body = read_json(data, field="challenge")
    return read_question(body, account_id=ACCOUNT_ID)


def own(account_id: str) -> Question:
    """Return the demo's own question to an account, without a callback."""
    return read_question({**PAYMENT, "callback": None}, account_id=account_id)
