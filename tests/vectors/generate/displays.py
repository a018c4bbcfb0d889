"""Display documents, and JSON that no party may accept."""

from names import ACCOUNT, CONTEXT, DEADLINE, ISSUED_AT, ORIGIN, PARTITION, SPACE, guid

from counterseal import keys
from counterseal.wire.display import display_document, display_text
from counterseal.wire.question import read_question

QUESTIONS = {
    "text": {"content": "Did you just ask for a new password?"},
    "HTML": {
        "content": "<html><body><p>Are you trying to log in?</p></body></html>",
        "additionalInfo": "{'viewType': 'html'}",
    },
    "payment": {
        "content": {
            "title": "Transfer",
            "keys": [
                {"key": "Amount", "value": "10,00 EUR"},
                {"key": "Payee", "value": "Zoë Example, account ending 4711"},
            ],
        },
        "transactionId": "pay-2041",
        "buttons": [
            {"title": "Pay", "strongAuth": True},
            {"title": "Do not pay", "strongAuth": False},
        ],
    },
    "payment with a code": {
        "content": {
            "title": "Transfer",
            "keys": [{"key": "Amount", "value": "9 999,00 EUR"}],
        },
        "showCode": True,
    },
    "weak buttons, styles, and the second one approves": {
        "content": "Shall we call you back?",
        "buttons": [
            {"title": "No", "strongAuth": False, "style": '{"color": "red"}'},
            {"title": "Yes, please", "strongAuth": False, "approving": True},
        ],
    },
    "names in the order of RFC 8785, numbers, escapes": {
        "content": {"html": '<p>\u2028 \\ " / \u0000 \u001f \u007f \U0001f600</p>'},
        "additionalInfo": {
            "\U0001f600": "an astral name sorts by its first surrogate",
            "\ufb33": "and so after no other but this",
            "\u20ac": 1,
            "\r": 2,
            "1": [1e21, 1e-7, 0.1, -0.0, 100.0, 9007199254740991, True, None],
            "ö": {"nested": {"deeper": []}},
        },
    },
}

INVALID_JSON = {
    "a member twice": '{"a":1,"a":2}',
    "a lone surrogate": '{"a":"\\ud800"}',
    "a noncharacter": '{"a":"\\uffff"}',
    "an integer beyond 2**53 - 1": '{"a":9007199254740992}',
    "not a number": '{"a":NaN}',
    "a number past all numbers": '{"a":1e999}',
    "nested 33 deep": "[" * 33 + "]" * 33,
    "a comma too many": '{"a":1,}',
    "two documents": '{"a":1}{"a":1}',
    "a byte order mark": '\ufeff{"a":1}',
}


def asked(question):
    return read_question(question, account_id=ACCOUNT.account_id)


def displayed(about):
    question = asked(QUESTIONS[about])
    return display_document(
        question,
        challenge=guid(f"challenge {about}", PARTITION),
        app_space=SPACE,
        origin=ORIGIN,
        account=ACCOUNT,
        code_asked=question.show_code,
        issued_at=ISSUED_AT,
        deadline=DEADLINE,
    )


def display_vectors():
    valid = []
    for about, question in QUESTIONS.items():
        document = displayed(about)
        text = display_text(document)
        valid.append(
            {
                "about": about,
                "question": question,
                "document": document,
                "canonical": text,
                "hash": keys.digest(text.encode()),
            }
        )
    return {
        "about": "Display documents: what an origin sends, what comes of it, and its hash;"
        " and JSON that no party may accept.",
        "context": CONTEXT,
        "issuedAt": valid[0]["document"]["issuedAt"],
        "expiresAt": valid[0]["document"]["expiresAt"],
        "valid": valid,
        "invalid": [{"why": why, "json": text} for why, text in INVALID_JSON.items()],
    }
