"""Display documents, and JSON that no party may accept."""

from names import (
    ACCOUNT,
    CONTEXT,
    DEADLINE,
    ISSUED_AT,
    ORIGIN,
    OTHER_ACCOUNT,
    OTHER_SPACE,
    PARTITION,
    SPACE,
    guid,
)

from counterseal import ijson, keys
from counterseal.challenges.documents.display import display_document, display_text
from counterseal.challenges.documents.question import read_question

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
    "a context": {
        "content": "Did you just log in?",
        "context": {
            "ipAddress": "2001:db8::17",
            "place": "Zürich, Switzerland",
            "browser": "Firefox on Linux",
        },
    },
    "a part of a context": {
        "content": "Did you just log in?",
        "context": {"ipAddress": "192.0.2.17"},
    },
}

ATTACHMENT = {
    "name": "Lease.pdf",
    "size": 48213,
    "type": "application/pdf",
    "sha256": keys.digest(b"lease"),
    "url": "https://files.example.com/lease.pdf",
}
ACTIONS = {
    "a tool call": {"type": "tool-call", "language": "en"},
    "a type and a language of several parts": {"type": "com.example:refund-2", "language": "de-CH"},
    "a document": {"type": "document", "language": "de", "attachments": [ATTACHMENT]},
    "20 attachments, the first empty": {
        "type": "document",
        "language": "en",
        "attachments": [{**ATTACHMENT, "size": 0, "sha256": keys.digest(b"")}, *[ATTACHMENT] * 19],
    },
}
"""Members of actions; the digest and the time are added."""

INVALID_JSON = {
    "a member twice": '{"a":1,"a":2}',
    "a lone surrogate": '{"a":"\\ud800"}',
    "a noncharacter": '{"a":"\\uffff"}',
    "a noncharacter as it is": '{"a":"\ufdd0"}',
    "a noncharacter of the last plane": '{"a":"\\udbff\\udfff"}',
    "a noncharacter in a member's name": '{"\\ufffe":1}',
    "an integer beyond 2**53 - 1": '{"a":9007199254740992}',
    "an integer beyond -(2**53 - 1)": '{"a":-9007199254740992}',
    "an integer beyond 2**53 - 1, written with a fraction": '{"a":9007199254740992.0}',
    "an integer beyond 2**53 - 1, written with an exponent": '{"a":1e20}',
    "an integer of 24 digits": '{"a":100000000000000000000000}',
    "not a number": '{"a":NaN}',
    "a number past all numbers": '{"a":1e999}',
    "nested 33 deep": "[" * 33 + "]" * 33,
    "a comma too many": '{"a":1,}',
    "two documents": '{"a":1}{"a":1}',
    "a byte order mark": '\ufeff{"a":1}',
}

ODD_JSON = {
    "a number that is written with an exponent": '{"a":1e21}',
    "zero with a sign": '{"a":[-0,-0.0]}',
    "2**53 - 1, written with a fraction": '{"a":9007199254740991.0}',
    "white space around it": '\t\r\n {"a" : 1 } ',
    "nested 32 deep": "[" * 32 + "]" * 32,
    "a character beside the noncharacters": '{"a":"\\ufffd\\ufdcf\\ufdf0"}',
}


def question_of(question):
    return read_question(question, account_id=ACCOUNT.account_id)


def displayed(title):
    question = question_of(QUESTIONS[title])
    return display_document(
        question,
        challenge=guid(f"challenge {title}", PARTITION),
        app_space=SPACE,
        origin=ORIGIN,
        account=ACCOUNT,
        code_asked=question.show_code,
        issued_at=ISSUED_AT,
        deadline=DEADLINE,
    )


def action_document(title):
    """Return the display document of an action."""
    action = {"digest": keys.digest(title.encode()), "validUntil": "2026-03-01T12:12:00.000Z"}
    return {**displayed("payment"), "action": {**ACTIONS[title], **action}}


def document_of(title):
    """Return the display document of a question or of an action."""
    return action_document(title) if title in ACTIONS else displayed(title)


def unshowable_actions():
    """Yield why, the document of an action that no device may show."""
    good = action_document("a document")
    action = good["action"]
    pay, dont = good["buttons"]

    def changed(**members):
        return {**good, "action": {**action, **members}}

    def attached(**members):
        return changed(attachments=[{**ATTACHMENT, **members}])

    without = {name: value for name, value in action.items() if name != "digest"}
    yield "an action without a digest", {**good, "action": without}
    yield "an action with more to it", changed(arguments={})
    yield "an action's type in upper case", changed(type="Document")
    yield "an action's type of 65 characters", changed(type="a" * 65)
    yield "an action's digest that is too short", changed(digest=action["digest"][1:])
    yield "an action's digest that no writer spells so", changed(digest="A" * 42 + "B")
    yield "an action's end without milliseconds", changed(validUntil="2026-03-01T12:12:00Z")
    yield "an action's language that is no tag", changed(language="en_GB")
    yield "an empty list of attachments", changed(attachments=[])
    yield "21 attachments", changed(attachments=[ATTACHMENT] * 21)
    yield "an attachment with more to it", attached(title="Lease")
    yield "an attachment without a name", attached(name="")
    yield "an attachment of less than no size", attached(size=-1)
    yield "an attachment's size as a text", attached(size="48213")
    yield "an attachment's type with a parameter", attached(type="text/plain;charset=utf-8")
    yield "an attachment's SHA-256 in hexadecimal", attached(sha256="0" * 64)
    yield "an attachment by plain HTTP", attached(url="http://files.example.com/lease.pdf")
    yield "an attachment's address with a space", attached(url="https://files.example.com/a b")
    yield "an action beside a text", {**good, "content": {"text": "Sign?"}}
    yield "an action beside additionalInfo", {**good, "additionalInfo": ""}
    yield (
        "an action that a weak button approves",
        {**good, "buttons": [{**pay, "strong": False}, dont]},
    )
    yield (
        "an action that another weak button approves",
        {
            **good,
            "buttons": [pay, {**dont, "approves": True}],
        },
    )


def unshowable():
    """Yield why, a text that no device may show, and the code of its refusal."""
    good = displayed("payment")
    text = display_text(good)
    template = good["content"]

    def changed(**members):
        members_ = {name: value for name, value in {**good, **members}.items() if value is not None}
        return ijson.canonical(members_).decode()

    pay, dont = good["buttons"]
    upper = {**good["origin"], "guid": ORIGIN.guid.upper()}
    elsewhere = {"guid": OTHER_SPACE, "name": "Bank"}
    somebody = {"guid": OTHER_ACCOUNT, "id": "user-8"}
    yield "a member twice", text[:-1] + ',"version":1}', "invalid_field"
    yield "white space", text.replace(":", ": ", 1), "display_changed"
    yield "members in another order", ijson.compact(good).decode(), "display_changed"
    yield "another version", changed(version=2), "display_changed"
    yield "an unknown member", changed(warning="Do not press!"), "display_changed"
    yield "a missing member", changed(origin=None), "display_changed"
    yield "another kind of content", changed(content={"markdown": "x"}), "display_changed"
    yield "content of two kinds", changed(content={**template, "text": "x"}), "display_changed"
    hinted, unsure = {**dont, "hint": "x"}, {**dont, "strong": "no"}
    yield "a button with more to it", changed(buttons=[pay, hinted]), "display_changed"
    yield "strength as a text", changed(buttons=[pay, unsure]), "display_changed"
    yield "just one button", changed(buttons=[pay]), "display_changed"
    yield (
        "a moment without milliseconds",
        changed(issuedAt="2026-03-01T12:00:00Z"),
        "display_changed",
    )
    yield "a day that is none", changed(expiresAt="2026-02-30T12:00:00.000Z"), "display_changed"
    yield "a GUID that is none", changed(challenge="one"), "display_changed"
    yield "a GUID in upper case", changed(origin=upper), "display_changed"
    yield "a code that is no boolean", changed(code="042617"), "display_changed"
    yield "a transactionId that is no text", changed(transactionId=2041), "display_changed"
    yield "an empty context", changed(context={}), "display_changed"
    yield "a context with more to it", changed(context={"city": "Bern"}), "display_changed"
    yield "a context that is no text", changed(context={"place": 7}), "display_changed"
    yield "another App Space", changed(appSpace=elsewhere), "display_changed"
    yield "another account", changed(account=somebody), "display_changed"
    yield "a list", "[]", "display_changed"
    for why, document in unshowable_actions():
        yield why, ijson.canonical(document).decode(), "display_changed"


def display_vectors():
    valid = []
    for title, question in QUESTIONS.items():
        document = displayed(title)
        text = display_text(document)
        valid.append(
            {
                "about": title,
                "question": question,
                "document": document,
                "canonical": text,
                "hash": keys.digest(text.encode()),
            }
        )
    return {
        "about": "Display documents: what an origin sends, what comes of it, and its hash;"
        " JSON that no party may accept (`invalid`); JSON that looks odd and is accepted, with"
        " its canonical text (`readable`); documents of actions (`actions`); and documents that no"
        " device may show (`unshowable`).",
        "context": CONTEXT,
        "issuedAt": valid[0]["document"]["issuedAt"],
        "expiresAt": valid[0]["document"]["expiresAt"],
        "valid": valid,
        "invalid": [
            {"why": why, "json": text, "code": "invalid_field"}
            for why, text in INVALID_JSON.items()
        ],
        "readable": [
            {"about": title, "json": text, "canonical": ijson.canonical(ijson.parse(text)).decode()}
            for title, text in ODD_JSON.items()
        ],
        "actions": [
            {
                "about": title,
                "document": action_document(title),
                "canonical": display_text(action_document(title)),
            }
            for title in ACTIONS
        ],
        "unshowable": [
            {"why": why, "text": text, "code": code} for why, text, code in unshowable()
        ],
    }
