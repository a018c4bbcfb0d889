"""The wire in JavaScript and in Python: each input that one refuses, the other refuses too."""

import copy
import json
import random

import pytest

from counterseal import ijson, keys
from counterseal.challenges.documents.answer import ANSWER_TYP, DISOWN_TYP, read_answer
from counterseal.challenges.documents.display import demand_display
from counterseal.challenges.documents.receipt import RECEIPT_TYP, verify_receipt
from counterseal.errors import CountersealError
from counterseal.keys.jws import read as read_token
from counterseal.keys.private import generate
from counterseal.models import Algorithm
from counterseal.wire.link import read_link

COUNT = 500
"""Inputs of each kind."""

RECEIPTS = 150
"""Each has two keys, which JavaScript checks slowly."""

DEVICE = "97a7e1e1-c222-87e5-be48-cb4abb3dd87e"
ACCOUNT = "9776d5e6-7b6c-881b-86bd-89e71800ca35"
APP_SPACE = "072474e9-82a3-8ce6-891d-30696cf80f68"
CHALLENGE = "97536725-7d24-8347-8a65-2c7634d21950"
MEMBERS = f"st=a.b&appSpaceGuid={APP_SPACE}&appSpaceName=Bank%20%26%20S%C3%B6hne"
LINKS = [
    f"counterseal://bind?{MEMBERS}&privakeyId={ACCOUNT}&displayName=Zo%C3%AB",
    f"https://auth.example.com/app/#bind?{MEMBERS}&service=https%3A%2F%2Fauth.example.com",
    f"http://localhost:8080/a.b/#bind?{MEMBERS}&service=http%3A%2F%2F%5B%3A%3A1%5D%3A65536",
    f"authwallet://{MEMBERS}&displayName=A & B&privakeyId={ACCOUNT}",
]
PIECES = [
    *("&", "=", "%", "%41", "%C3%A9", "%ED%A0%80", "%zz", "+", " ", "é", "\u202e", "\ud800", "😀"),
    *("/", "#", "?", "@", ":", "[::1]", "..", "st=", "service=", "displayName=", "\n", "\r", "\0"),
    *('"', "\\", "\\u0041", "\\ud83d\\ude00", "\\ud800", "\\uffff", "\uffff", "\ufeff", "\u2028"),
    *(
        "{",
        "}",
        "[",
        "]",
        ",",
        "1",
        "-0",
        "-",
        "0.0",
        "1e400",
        "1e21",
        "1e22",
        "01",
        "1E5",
        "5e-324",
    ),
    *("9007199254740991", "9007199254740992", "true", "null", "NaN", '"a":1', '"__proto__":1'),
]
VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1.5,
        1.0,
        2**53 - 1,
        2**53,
        "",
        "x",
        [],
        {},
        "\ud800",
        "😀" * 64,
    ),
    *("a" * 65, "strong", "device", "ANSWERED", "DISOWNED", "123456", ACCOUNT, ACCOUNT.upper()),
    *("2026-03-01T12:00:00.000Z", "2026-03-01T12:02:00.000Z", "2026-02-30T12:00:00.000Z"),
    *("0000-01-01T00:00:00.000Z", "2026-03-01T24:00:00.000Z", "2026-03-01T12:00:00Z"),
]
NUMBERS = [0, 1, -1, 1.5, 0.1, 1e21, 1e-7, 2**53 - 1, 5e-324, 1e300, 333333333.33333329, 4.5, 2e-3]
NAMES = ["a", "é", "😀", "\ufb33", "", "__proto__", "constructor", "1", "10", "2", "€", "\r"]
PROGRAM = """
import { demandAnswer } from "./wire/answer.js";
import { demandDisplay } from "./wire/display.js";
import { CountersealError } from "./wire/errors.js";
import { canonical, readJson } from "./wire/ijson.js";
import { readToken } from "./wire/jws.js";
import { readKeySet } from "./wire/keys.js";
import { readLink } from "./wire/link.js";
import { verifyReceipt } from "./wire/receipt.js";

const trusted = { keys: await readKeySet({ keys: [input.issuer] }) };
const READERS = {
  link: (text) => Object.entries(readLink(text)).sort(),
  json: (text) => canonical(readJson(text)),
  display: (text) => Boolean(demandDisplay(readJson(text))),
  token: ([text, typ]) => {
    const token = readToken(text);
    demandAnswer(token.claims, typ);
    return [token.header.kid, token.signedText];
  },
  receipt: async (text) => {
    const receipt = await verifyReceipt(text, trusted);
    const { hash, outcome, approved, role, factors, number } = receipt;
    return [hash, outcome, approved, role, factors, number];
  },
};
const results = [];
for (const [kind, argument] of input.inputs) {
  try {
    results.push({ value: await READERS[kind](argument) });
  } catch (error) {
    if (!(error instanceof CountersealError)) throw error;
    results.push({ code: kind === "receipt" ? error.code : "refused" });
  }
}
console.log(JSON.stringify(results));
"""
FACTORS = [
    ["possession", "knowledge-or-inherence"],
    ["possession"],
    ["knowledge-or-inherence", "possession"],
    ["possession", "knowledge"],
    ["possession", "inherence"],
    ["possession", "knowledge-or-inherence", "inherence"],
    [],
    [True],
]
REASONS = ["declined", "not_mine", "wrong_details", "pressured", "other", "tired", ""]
DISPLAY = {
    "version": 1,
    "challenge": CHALLENGE,
    "appSpace": {"guid": APP_SPACE, "name": "Bank"},
    "origin": {"guid": "0714f396-3a94-880b-a13b-9d08e89cca43", "name": "Shop"},
    "account": {"guid": ACCOUNT, "id": "user-7"},
    "content": {"title": "Pay?", "keys": [{"key": "Payee", "value": "Zoë"}]},
    "buttons": [
        {"title": "Pay", "strong": True, "approves": True},
        {"title": "Do not pay", "strong": False, "approves": False},
    ],
    "code": False,
    "issuedAt": "2026-03-01T12:00:00.000Z",
    "expiresAt": "2026-03-01T12:02:00.000Z",
}
ACTION_DISPLAY = {
    **DISPLAY,
    "action": {
        "type": "document",
        "digest": keys.digest(b"action"),
        "validUntil": "2026-03-01T12:12:00.000Z",
        "language": "de-CH",
        "attachments": [
            {
                "name": "a",
                "size": 1,
                "type": "text/plain",
                "sha256": keys.digest(b"a"),
                "url": "https://files.example.com/a",
            }
        ],
    },
}
ACTION_TEXTS = [
    *("de", "en_GB", "-", "tool-call", "a..b", "text/plain", "a/b/c", "Text/plain", "a/\n"),
    *("https://", "https://é", "https://x y", "http://x", keys.digest(b"x"), "A" * 43, "a" * 64),
]
ISSUER = generate(Algorithm.EDDSA, kid="issuer")
KEYS = {
    "device": generate(Algorithm.EDDSA, kid="device"),
    "strong": generate(Algorithm.ES256, kid="strong"),
}
LINK_FIELDS = {
    "token": "token",
    "app_space": "appSpace",
    "app_space_name": "appSpaceName",
    "account": "account",
    "display_name": "displayName",
    "app": "app",
    "service": "service",
}


def jwk_of(key):
    return {**json.loads(key.public.jwk), "kid": key.public.kid, "alg": key.public.alg}


class Mutator:
    """
    What makes inputs, the same each time.

    Args:
        seed: Another one makes others.
    """

    def __init__(self, seed):
        self.random = random.Random(seed)  # noqa: S311 (no secrets)

    def text(self, text):
        """Return *text* with up to three changes."""
        for _ in range(self.random.randint(0, 3)):
            at, size = self.random.randint(0, len(text)), self.random.randint(0, 4)
            piece = self.random.choice([*PIECES, "", text[at : at + 12] * 2])
            text = text[:at] + piece + text[at + size :]
        return text

    def value(self, depth=0):
        """Return a JSON value."""
        kind = self.random.random()
        if depth > 4 or kind < 0.4:
            return self.random.choice([*NUMBERS, *VALUES[:3], "a", "é", '"\\/', "\u2028", "\x01"])
        items = [self.value(depth + 1) for _ in range(self.random.randint(0, 4))]
        return items if kind < 0.7 else {self.random.choice(NAMES): item for item in items}

    def document(self, document):
        """Return *document* with one member changed, deleted or added, at any depth."""
        changed = node = copy.deepcopy(document)
        while isinstance(node, (dict, list)) and node:
            name = self.random.choice(list(node) if isinstance(node, dict) else range(len(node)))
            if isinstance(node[name], (dict, list)) and node[name] and self.random.random() < 0.7:
                node = node[name]
                continue
            if isinstance(node, dict) and self.random.random() < 0.3:
                name = self.random.choice(["code", "deviceKey", "style", "text", "passkey", "x"])
            node[name] = self.replacement(node[name] if isinstance(node, list) else node.get(name))
            if self.random.random() < 0.2:
                del node[name]
            break
        return changed

    def replacement(self, value):
        """Return another value, of the same type in at least half of the cases."""
        values = [*VALUES, *ACTION_TEXTS]
        similar = [each for each in values if type(each) is type(value)]
        return self.random.choice(self.random.choice([similar or values, values]))

    def display(self):
        """Return the text of a display document."""
        document = self.random.choice([DISPLAY, ACTION_DISPLAY])
        document = self.document(document) if self.random.random() < 0.7 else document
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return self.text(text) if self.random.random() < 0.3 else text

    def answer(self, display, role):
        """Return the claims of an answer or a disown, and its kind."""
        claims = {"iss": DEVICE, "sub": ACCOUNT, "aud": APP_SPACE, "challenge": CHALLENGE}
        claims |= {"display": keys.digest(display.encode()), "iat": 1, "jti": "id"}
        if self.random.random() < 0.2:
            claims["reason"] = self.random.choice(REASONS)
        if self.random.random() < 0.3:
            return claims, DISOWN_TYP
        button = 0 if role == "strong" else 1
        claims |= {"button": button, "title": DISPLAY["buttons"][button]["title"]}
        return claims, ANSWER_TYP

    def token(self):
        """Return the text of an answer, unsigned, and its kind."""
        claims, typ = self.answer("", self.random.choice(["strong", "device"]))
        header = {"alg": "ES256", "kid": "strong", "typ": typ}
        if self.random.random() < 0.2:
            header = self.document(header)
        parts = [json.dumps(each).encode() for each in (header, self.document(claims))]
        text = ".".join(keys.b64url(each) for each in (*parts, b"\x00" * 64))
        if self.random.random() < 0.3:
            at = self.random.randint(0, len(text))
            text = text[:at] + self.random.choice("=.-_A+ é") + text[at + 1 :]
        return text, typ

    def receipt(self):
        """Return a receipt that the service has signed, whatever is in it."""
        role = self.random.choice(["strong", "device"])
        document = self.random.choice([DISPLAY, ACTION_DISPLAY])
        document = self.document(document) if self.random.random() < 0.2 else document
        display = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        display = display.encode(errors="replace").decode()
        claims, typ = self.answer(display, role)
        if self.random.random() < 0.2:
            claims = self.document(claims)
        history = [
            {"at": "2026-01-01T00:00:00.000Z", "role": each, "thumbprint": key.public.thumbprint}
            for each, key in KEYS.items()
        ]
        number = self.random.choice([1, 2])
        payload = {
            "version": 1,
            "issuer": jwk_of(ISSUER),
            "display": display,
            "answer": sign(KEYS[role], typ, claims),
            "device": DEVICE,
            "account": ACCOUNT,
            "key": jwk_of(KEYS[role]),
            "role": role,
            "history": history,
            "outcome": "ANSWERED" if typ == ANSWER_TYP else "DISOWNED",
            "approved": typ == ANSWER_TYP and role == "strong",
            "at": "2026-03-01T12:01:00.000Z",
            "number": number,
            "previous": "" if number == 1 else "h" * 43,
        }
        if self.random.random() < 0.5:
            payload["factors"] = self.random.choice(FACTORS)
        if self.random.random() < 0.6:
            payload = self.document(payload)
        return sign(ISSUER, RECEIPT_TYP, payload)


def sign(key, typ, claims):
    """Sign *claims*, also those that no writer would write."""
    header = {"alg": key.public.alg, "kid": key.public.kid, "typ": typ}
    text = ".".join(keys.b64url(json.dumps(each).encode()) for each in (header, claims))
    return f"{text}.{keys.b64url(key.sign(text.encode()))}"


def link_in_python(text):
    link = read_link(text)
    values = {name: getattr(link, field) for field, name in LINK_FIELDS.items()}
    return sorted([name, value] for name, value in values.items() if value is not None)


def display_in_python(text):
    demand_display(ijson.parse(text))
    return True


def token_in_python(argument):
    text, typ = argument
    token = read_token(text, limit=16_384)
    read_answer(token.claimed, typ=typ)
    return [token.header.kid, token.signed.decode()]


def receipt_in_python(text):
    receipt = verify_receipt(text, trusted=(ISSUER.public,))
    role, state = receipt.role.value, receipt.state.value
    factors = [factor.value for factor in receipt.factors]
    return [receipt.hash, state, receipt.approved, role, factors, receipt.number]


READERS = {
    "link": link_in_python,
    "json": lambda text: ijson.canonical(ijson.parse(text)).decode(),
    "display": display_in_python,
    "token": token_in_python,
    "receipt": receipt_in_python,
}


def result_in_python(kind, argument):
    try:
        return {"value": READERS[kind](argument)}
    except CountersealError as error:
        return {"code": error.code if kind == "receipt" else "refused"}


def inputs_of(kind):
    mutator = Mutator(kind)
    if kind == "link":
        return [mutator.text(mutator.random.choice(LINKS)) for _ in range(COUNT)]
    if kind == "json":
        depths = range(30, 35)
        nested = [left * depth + right * depth for depth in depths for left, right in ("[]", "{}")]
        texts = [json.dumps(mutator.value(), ensure_ascii=False) for _ in range(COUNT)]
        changed = [
            text if index % 3 == 0 else mutator.text(text) for index, text in enumerate(texts)
        ]
        return nested + [f"[{text}]" for text in nested] + changed
    make = {"display": mutator.display, "token": mutator.token, "receipt": mutator.receipt}[kind]
    return [make() for _ in range(RECEIPTS if kind == "receipt" else COUNT)]


@pytest.mark.parametrize("kind", READERS)
def test_both_read_and_refuse_the_same(node, kind):
    arguments = inputs_of(kind)
    expected = [result_in_python(kind, each) for each in arguments]
    # Enough of each: otherwise the inputs show little.
    share = sum("value" in each for each in expected) / len(arguments)
    assert 0.1 < share < 0.9
    document = {"issuer": jwk_of(ISSUER), "inputs": [[kind, each] for each in arguments]}
    results = node.evaluate(PROGRAM, document)
    differing = [
        (argument, python, javascript)
        for argument, python, javascript in zip(arguments, expected, results, strict=True)
        if python != javascript
    ]
    assert differing == []
