"""Actions: what origins send, their documents, digests and renderings, and what is refused."""

from datetime import timedelta

from names import DEADLINE, ORIGIN

from counterseal import ijson
from counterseal.actions import STANDARD_ACTIONS
from counterseal.actions.types import COMMON_ROWS, COMMON_TEXTS
from counterseal.challenges.documents.action import (
    action_digest,
    action_document,
    attachment_document,
    read_action,
)
from counterseal.challenges.documents.question import content_document
from counterseal.errors import InvalidField, Refused
from counterseal.wire.members import format_time

VALID_UNTIL = format_time(DEADLINE + timedelta(minutes=10))

PAYMENT = {
    "transaction_id": "pay-2041",
    "payee": {"name": "Zoë Example", "id": "account ending 4711"},
    "currency": "EUR",
    "amount": "1234.50",
}
LANGUAGES = {"German": "de", "French": "fr", "Spanish": "es", "Italian": "it"}
LEASE = {
    "name": "Lease.pdf",
    "size": 48213,
    "type": "application/pdf",
    "sha256": "tUSnaG0RhmgKnY8k_1QrANiuYNpN0mE6OPYpKoM3zDc",
    "url": "https://files.example.com/lease.pdf",
}
ACTIONS = {
    "a payment": {
        "type": "payment",
        "resource": "Account ending 1147",
        "arguments": PAYMENT,
        "purpose": "Invoice 7",
    },
    **{
        f"a payment that recurs, in {language}": {
            "type": "payment",
            "resource": "Account ending 1147",
            "arguments": PAYMENT
            | {"recurrence": {"frequency": "MNTH", "start_date": "2026-04-01", "number": 12}},
            "language": tag,
        }
        for language, tag in LANGUAGES.items()
    },
    "a tool call": {
        "type": "tool-call",
        "resource": "send_mail",
        "arguments": {
            "to": ["ann@example.org", "ben@example.org"],
            "mail": {"subject": "Hello", "body": "First line\nsecond", "urgent": False},
            "copies": 2,
            "reply": None,
        },
        "agent": "Mail agent",
        "run": "run-7",
        "purpose": "Answer the question of Ann",
    },
    **{
        f"a tool call in {language}": {
            "type": "tool-call",
            "resource": "send_mail",
            "arguments": {"to": "ann@example.org"},
            "agent": "Mail agent",
            "run": "run-7",
            "purpose": "Answer the question of Ann",
            "language": tag,
        }
        for language, tag in LANGUAGES.items()
    },
    "a tool call without arguments": {"type": "tool-call", "resource": "restart", "arguments": {}},
    "names that look like paths, texts that look like values, nothing in objects and lists": {
        "type": "tool-call",
        "resource": "$",
        "arguments": {
            "a.b": 1,
            "a": {"b": "1"},
            "a[0]": [],
            '["a"]': {},
            "": "",
            "null": "null",
            "$": None,
        },
    },
    "names in the order of RFC 8785, escapes, hidden characters": {
        "type": "tool-call",
        "resource": "x\u202ey",
        "arguments": {
            "\U0001f600": "an astral name sorts by its first surrogate",
            "\ufb33": "and so after no other but this",
            "\u20ac": 1,
            "\r": '\u2028 \\ " / \u0000 \u001f \u007f \U0001f600',
            "\u00f6": "\u200b<U+200B>  two spaces",
            "1": -9007199254740991,
        },
    },
    "a whole number with a fraction of zero": {
        "type": "tool-call",
        "resource": "wait",
        "arguments": {"seconds": 60.0},
    },
    "fractions": {
        "type": "tool-call",
        "resource": "move_to",
        "arguments": {"latitude": 53.55, "longitude": -0.1, "step": 1e-7, "share": 12.50},
    },
    "a log-in": {
        "type": "login",
        "resource": "bank.example",
        "arguments": {"client": "Bank app", "browser": "Firefox", "place": "Zürich"},
    },
    "a document": {
        "type": "document",
        "resource": "Lease of 12 Example Street",
        "arguments": {"documents": [LEASE]},
        "language": "de",
    },
}
TOOL = {"type": "tool-call", "resource": "t", "arguments": {}}
REFUSED = {
    "a type that is not registered": TOOL | {"type": "transfer"},
    "a large integer": TOOL | {"arguments": {"a": 2**53}},
    "forty-one rows": TOOL | {"arguments": {"a": list(range(41))}},
    "4,001 characters": TOOL | {"arguments": {"a": "x" * 3996}},
    "no arguments": {"type": "tool-call", "resource": "t"},
    "an unknown member": TOOL | {"digest": "x"},
    "a language without texts": TOOL | {"language": "nl"},
    "an amount as a number": ACTIONS["a payment"] | {"arguments": PAYMENT | {"amount": 1234}},
    "a code of no currency": ACTIONS["a payment"] | {"arguments": PAYMENT | {"currency": "EUX"}},
    "too many digits for the currency": ACTIONS["a payment"]
    | {"arguments": PAYMENT | {"amount": "1234.505"}},
    "a document without https": ACTIONS["a document"]
    | {"arguments": {"documents": [LEASE | {"url": "http://files.example.com/lease.pdf"}]}},
}


def timed(body):
    return body | {"validUntil": VALID_UNTIL}


def refusal(body):
    """Return the code of the refusal, and the field that it names."""
    try:
        STANDARD_ACTIONS.render(read_action(body))
    except InvalidField as error:
        return {"code": error.code, "field": error.field}
    except Refused as error:
        return {"code": error.code}
    raise AssertionError(body)


def action_vector(title):
    body = timed(ACTIONS[title])
    action = read_action(body)
    document = action_document(action, ORIGIN.guid)
    rendering = STANDARD_ACTIONS.render(action)
    vector = {
        "about": title,
        "action": body,
        "document": document,
        "canonical": ijson.canonical(document).decode(),
        "digest": action_digest(action, ORIGIN.guid),
        "content": content_document(rendering.content),
    }
    if rendering.attachments:
        vector["attachments"] = [attachment_document(each) for each in rendering.attachments]
    return vector


def action_vectors():
    return {
        "about": "Actions: what an origin sends, the action document with its canonical text and"
        " digest, and the content that is displayed; the labels of the last rows, by language;"
        " and what is refused.",
        "client": ORIGIN.guid,
        "commonRows": {
            language: {name: texts[name] for name in COMMON_ROWS}
            for language, texts in COMMON_TEXTS.items()
        },
        "valid": [action_vector(title) for title in ACTIONS],
        "invalid": [
            {"why": why, "action": body, **refusal(body)}
            for why, body in ((why, timed(body)) for why, body in REFUSED.items())
        ],
    }
