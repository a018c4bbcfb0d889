"""A file that is no challenge gets one line that names the field, exit code 2, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

BUTTONS = [{"title": "Yes", "strongAuth": True}, {"title": "No", "strongAuth": False}]
GOOD = {"content": {"title": "Sure?", "keys": []}, "duration": "2m", "buttons": BUTTONS}


def having(**members):
    return json.dumps(GOOD | members).encode()


BAD = {
    "one button": (having(buttons=BUTTONS[:1]), "buttons"),
    "no buttons": (having(buttons=[]), "buttons"),
    "nine buttons": (having(buttons=BUTTONS[1:] * 9), "buttons"),
    "all approve": (having(buttons=[{**each, "approving": True} for each in BUTTONS]), "buttons"),
    "buttons are an object": (having(buttons={}), "buttons"),
    "a button is a number": (having(buttons=[BUTTONS[0], 5]), "buttons[1]"),
    "a button has no title": (having(buttons=[BUTTONS[0], {"strongAuth": False}]), "buttons[1]"),
    "strongAuth maybe": (
        having(buttons=[{"title": "Yes", "strongAuth": "maybe"}, BUTTONS[1]]),
        "buttons[0].strongAuth",
    ),
    "empty title": (having(content={"title": "", "keys": []}), "content.title"),
    "blank title": (having(content={"title": " \t", "keys": []}), "content.title"),
    "empty button title": (
        having(buttons=[BUTTONS[0], {"title": "", "strongAuth": False}]),
        "buttons[1].title",
    ),
    "no content": (json.dumps({"duration": "2m"}).encode(), "content"),
    "content is null": (having(content=None), "content"),
    "unknown member in content": (having(content={"title": "a", "x\x1b[2J\n": 1}), "content."),
    "duration -1m": (having(duration="-1m"), "duration"),
    "duration 99d": (having(duration="99d"), "duration"),
    "duration ten": (having(duration="ten"), "duration"),
    "duration 99m": (having(duration="99m"), "duration"),
    "duration 0s": (having(duration="0s"), "duration"),
    "duration is a number that is too large": (having(duration=601), "duration"),
    "duration is half a number": (having(duration=90.5), "duration"),
    "duration is a list": (having(duration=[120]), "duration"),
    "1 MB of text": (having(content="x" * 1_000_000), "content"),
    "1 MB of a value": (
        having(content={"title": "a", "keys": [{"key": "k", "value": "ë" * 500_000}]}),
        "content.keys[0].value",
    ),
    "lone surrogate, escaped": (having(content="a\ud800"), "content"),
    "lone surrogate, escaped, deep": (
        having(content={"title": "a", "keys": [{"key": "\udc00", "value": ""}]}),
        "content.keys[0].key",
    ),
    "lone surrogate, as bytes": (
        having(content="HERE").replace(b"HERE", b"\xed\xa0\x80"),
        "content",
    ),
    "not UTF-8 in a title": (
        having(content={"title": "HERE"}).replace(b"HERE", b"caf\xe9"),
        "content.title",
    ),
    "noncharacter": (having(content="\ufffe"), "content"),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), "challenge"),
    "a list": (json.dumps([GOOD]).encode(), "challenge"),
    "a text": (b'"content"', "challenge"),
    "null": (b"null", "challenge"),
    "broken": (b'{"content": "a"', "challenge"),
    "two documents": (json.dumps(GOOD).encode() * 2, "challenge"),
    "nothing": (b"", "challenge"),
    "NaN": (b'{"content": NaN}', "challenge"),
    "nested without end": (b"[" * 200_000, "challenge"),
    "nested too deeply": (b'{"content":' + b"[" * 40 + b"]" * 40 + b"}", "challenge"),
    "member twice": (b'{"content": "a", "content": "b"}', "content"),
    "account id is a number": (having(accountId=7), "accountId"),
    "account id is empty": (having(accountId=""), "accountId"),
    "account id is too long": (having(accountId="x" * 300), "accountId"),
    "callback is no address": (having(callback="ftp://shop.example.com/"), "callback"),
    "callback has a wildcard": (having(callback="https://shop.example.com/{*}"), "callback"),
    "callback is empty": (having(callback=""), "callback"),
    "callback is a list": (having(callback=[]), "callback"),
    "large number": (having(additionalInfo={"n": 2**60}), "additionalInfo.n"),
    "additionalInfo is a list": (having(additionalInfo=[]), "additionalInfo"),
    "transactionId is a number": (having(transactionId=1), "transactionId"),
    "showCode maybe": (having(showCode="maybe"), "showCode"),
    "notification is too long": (having(notificationBody="x" * 513), "notificationBody"),
}


def complaint(result):
    """Return the one line of a command whose input is unusable."""
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.isprintable()
    return line


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["person", "program"])
@pytest.mark.parametrize(("data", "field"), BAD.values(), ids=BAD)
def test_bad_files(run, tmp_path, data, field, form):
    file = tmp_path / "challenge.json"
    file.write_bytes(data)
    line = complaint(run("demo", "--challenge", file, *form))
    name, _, problem = line.partition(": ")
    assert problem
    assert field in (name if field != "content" or "twice" not in line else line)
    assert "Traceback" not in line


def test_bad_standard_input(run):
    line = complaint(run("demo", "--challenge", "-", stdin=b'{"content": ""}'))
    assert line.startswith("content: ")


@pytest.mark.parametrize("name", ["not-there.json", ".", "dangling", "a\0b", "", "x" * 5000])
def test_files_that_cannot_be_read(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dangling").symlink_to("nowhere")
    assert complaint(run("demo", "--challenge", name)).startswith("challenge: cannot read ")


def test_a_file_without_end(run, monkeypatch, tmp_path):
    monkeypatch.setattr("counterseal_demo.approval_demo.questions.CHALLENGE_LIMIT", 1000)
    file = tmp_path / "challenge.json"
    file.write_bytes(having(content="x" * 1000))
    assert complaint(run("demo", "--challenge", file)) == "challenge: longer than 1000 bytes"


@pytest.mark.parametrize("answer", ["-1", "2", "99999999999999999999"])
def test_answers_out_of_range(run, answer):
    line = complaint(run("demo", "--answer", answer))
    assert line == "answer: no such button; this challenge has 0 to 1"


@pytest.mark.parametrize(
    "option", [["--answer", "yes"], ["--algorithm", "none"], ["--challenge"], ["stray"]]
)
def test_wrong_usage(run, option):
    result = run("demo", *option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
MEMBERS = ["accountId", "content", "buttons", "duration", "callback", "additionalInfo"]
MEMBERS += ["transactionId", "notificationTitle", "notificationBody", "showCode", "approving"]


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, min_size=1, max_size=2))
def test_every_challenge_is_asked_or_refused_in_a_line(run, members):
    result = run("demo", "--json", "--challenge", "-", stdin=having(**members))
    if result.exit_code:
        complaint(result)
    else:
        assert result.stderr == ""
        assert json.loads(result.stdout)["display"]
