"""`counterseal demo`: the main job, judged by libraries that know nothing of us."""

import base64
import hashlib
import json
import re
from pathlib import Path

import jwt
import pytest
import rfc8785

from counterseal import STANDARD
from counterseal.models import Algorithm
from counterseal_demo.demo_command import ALGORITHMS

EXAMPLES = sorted((Path(__file__).parents[3] / "docs/examples/challenges").glob("*.json"))

ATTEMPTS = {
    "changed amount": "display_changed",
    "swapped button": "strong_key_missed",
    "replay": "replayed",
    "late": "deadline_passed",
    "weak key for a strong button": "weak_key",
    "other device": "wrong_key",
    "other tenant": "foreign",
    "cancelled": "wrong_state",
    "wrong code": "wrong_code",
    "stripped algorithm": "malformed_token",
}
SHAPES = {
    "text": {"content": "Did you just send yourself a notification?", "duration": "10m"},
    "html": {"content": "<html><body><p>Are you logging in?</p></body></html>"},
    "no pairs": {"content": {"title": "Sure?", "keys": []}},
    "no keys": {"content": {"title": "Sure?"}},
    "explicit text": {"content": {"text": "<html>is text here"}},
    "explicit html": {"content": {"html": "not that it looks like it"}},
    "own account": {"content": "?", "accountId": "user-42"},
    "form booleans": {"content": "?", "showCode": "true", "showNotification": "false"},
    "one second": {"content": "?", "duration": "1s"},
    "callback": {"content": "?", "callback": "https://shop.example.com:8443/answers?x=1"},
    "all weak": {
        "content": "?",
        "buttons": [{"title": "a", "strongAuth": False}, {"title": "b", "strongAuth": False}],
    },
    "all strong": {
        "content": "?",
        "buttons": [{"title": "a", "strongAuth": True}, {"title": "b", "strongAuth": True}],
    },
    "same titles, the last approves": {
        "content": "?",
        "buttons": [
            {"title": "a", "strongAuth": False},
            {"title": "a", "strongAuth": True},
            {"title": "a", "strongAuth": False, "approving": True},
        ],
    },
    "hostile": {
        "content": {
            "title": "\x1b[2J\u202e[bold]",
            "keys": [{"key": "Amount\r\n", "value": "10\u200b EUR"}],
        },
        "transactionId": "\x07",
        "additionalInfo": {"\x1b": ["\u2066", 1.5, None]},
        "buttons": [
            {"title": "Pay\x1b[31m", "strongAuth": True},
            {"title": "\u202eNo", "strongAuth": False},
        ],
    },
    "numbers": {"content": "?", "additionalInfo": {"n": [0.1, 1e21, -0.0, 9007199254740991]}},
}


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def check_answer(output, algorithm="ES256"):
    """Check a demo's JSON with PyJWT and rfc8785 alone, and return the answer's claims."""
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(output["keys"]).keys}
    header = jwt.get_unverified_header(output["answer"])
    assert header == {"alg": algorithm, "typ": "counterseal-answer+jwt", "kid": header["kid"]}
    display = output["display"]
    claims = jwt.decode(
        output["answer"],
        keys[header["kid"]],
        algorithms=[algorithm],
        audience=display["appSpace"]["guid"],
        options={"require": ["iss", "sub", "aud", "iat", "jti"]},
    )
    assert claims["display"] == b64url(hashlib.sha256(rfc8785.dumps(display)).digest())
    assert claims["challenge"] == display["challenge"]
    assert claims["sub"] == display["account"]["guid"]
    assert claims["title"] == display["buttons"][claims["button"]]["title"]
    service = jwt.PyJWKSet.from_dict(output["jwks"])
    receipt = jwt.decode(
        output["receipt"],
        service[jwt.get_unverified_header(output["receipt"])["kid"]],
        algorithms=["ES256"],
    )
    assert receipt["answer"] == output["answer"]
    assert json.loads(receipt["display"]) == display
    return claims


def output_of(run, *args, **options):
    result = run("demo", "--json", *args, **options)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_the_json_is_what_it_says(output):
    assert list(output) == ["display", "answer", "keys", "receipt", "jwks", "refusals"]
    assert {entry["attempt"]: entry["code"] for entry in output["refusals"]} == ATTEMPTS
    assert len(output["keys"]["keys"]) == 2
    for key in output["keys"]["keys"] + output["jwks"]["keys"]:
        assert key["kid"]
        assert key["alg"] == "ES256"
        assert "d" not in key


def test_algorithms_are_those_of_the_standard_policy():
    standard = [each.value for each in Algorithm if each in STANDARD.algorithms]
    assert list(ALGORITHMS) == standard


@pytest.mark.parametrize("button", [0, 1], ids=["strong", "weak"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_strangers_agree(run, algorithm, button):
    output = output_of(run, "--algorithm", algorithm, "--answer", button)
    claims = check_answer(output, algorithm)
    assert claims["button"] == button
    assert ("code" in claims) is (button == 0)
    # The key of a strong button is the second one, and only it.
    used = jwt.get_unverified_header(output["answer"])["kid"]
    assert used == output["keys"]["keys"][1 - button]["kid"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_challenges(run, example):
    body = json.loads(example.read_text())
    buttons = len(body.get("buttons", "ab"))
    for button in range(buttons):
        claims = check_answer(output_of(run, "--challenge", example, "--answer", button))
        assert claims["button"] == button
    assert run("demo", "--challenge", example, "--answer", buttons).exit_code == 2


def test_there_are_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES)
def test_challenges_of_every_shape(run, body):
    output = output_of(run, "--challenge", "-", stdin=json.dumps(body))
    check_answer(output)
    assert output["display"]["account"]["id"] == body.get("accountId", "demo-user")
    assert {entry["attempt"]: entry["code"] for entry in output["refusals"]} == ATTEMPTS


def test_no_answer_named_presses_what_approves(run):
    body = SHAPES["same titles, the last approves"]
    assert check_answer(output_of(run, "--challenge", "-", stdin=json.dumps(body)))["button"] == 2


def test_a_person_reads_all_of_it(run):
    result = run("demo")
    assert (result.exit_code, result.stderr) == (0, "")
    for part in (
        "Example Company",
        "Pay for your order?",
        "10.00 EUR",
        "[0] strong, approves:  Pay",
        "[1] weak, refuses:     Do not pay",
        "matching code ",
        "Answer before",
        "strong key, ES256",
        "DELIVERED, attempt 1",
        "https://shop.example.com/counterseal/callback",
        "issuer proven",
        "10 of 10 forgeries were refused",
    ):
        assert part in result.stdout
    for attempt, code in ATTEMPTS.items():
        assert f"{attempt} - refused: {code}" in result.stdout
    # A receipt's text is for programs: none of it stands between what a person reads.
    assert "--save DIR writes it to a file" in " ".join(result.stdout.split())
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    # Its beginning alone is in one thumbprint of some thousands.
    assert not re.search(r"eyJ[\w-]*\.", result.stdout)


def test_a_person_reads_that_nobody_is_called_back(run):
    result = run("demo", "--challenge", "-", stdin='{"content": "?"}')
    assert "The challenge has none." in result.stdout
    assert "On the shop's own page" not in result.stdout


def test_a_person_reads_where_the_receipt_was_saved(run, tmp_path):
    text = " ".join(run("demo", "--save", tmp_path / "kept").stdout.split())
    assert "--save DIR" not in text
    assert "receipt.txt in the folder of --save" in text


def test_what_is_saved_verifies(run, tmp_path):
    folder = tmp_path / "made" / "here"
    output = output_of(run, "--save", folder)
    assert (folder / "receipt.txt").read_text() == f"{output['receipt']}\n"
    assert json.loads((folder / "jwks.json").read_text()) == output["jwks"]
    result = run("verify", folder / "receipt.txt", "--jwks", folder / "jwks.json")
    assert result.exit_code == 0
    assert "issuer proven" in result.stdout


def test_what_cannot_be_saved_is_said_in_a_line(run, tmp_path):
    (tmp_path / "file").write_text("")
    result = run("demo", "--save", tmp_path / "file")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("save: cannot write to ")
    assert result.stderr.count("\n") == 1
