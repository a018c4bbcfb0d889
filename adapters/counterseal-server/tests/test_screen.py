"""Whatever a display document holds, the screen around it stays ours."""

import copy
import io
import re
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterseal_server import display
from counterseal_server.screen import Screen
from counterseal_server.words import LANGUAGES

DOCUMENT = {
    "version": 1,
    "challenge": "2b4c0d6e-1111-8222-8333-444455556666",
    "appSpace": {"guid": "2b4c0d6e-1111-8222-8333-444455556667", "name": "Example App"},
    "origin": {"guid": "2b4c0d6e-1111-8222-8333-444455556668", "name": "Example Shop"},
    "account": {"guid": "2b4c0d6e-1111-8222-8333-444455556669", "id": "demo-user"},
    "content": {"title": "Pay?", "keys": [{"key": "Amount", "value": "10.00 EUR"}]},
    "buttons": [
        {"title": "Pay", "strong": True, "approves": True},
        {"title": "No", "strong": False, "approves": False},
    ],
    "transactionId": "t-1",
    "additionalInfo": {"a": "b"},
    "code": False,
    "issuedAt": "2026-11-24T12:00:00.000Z",
    "expiresAt": "2026-11-24T12:02:00.000Z",
}
ACTION = {
    "type": "tool-call",
    "digest": "D" * 43,
    "validUntil": "2026-11-24T12:12:00.000Z",
    "language": "en",
}
BORDERS = set("╭╮╰╯│─")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
PATHS = [
    ("appSpace", "name"),
    ("origin", "name"),
    ("account", "id"),
    ("content", "title"),
    ("content", "keys", 0, "value"),
    ("buttons", 0, "title"),
    ("expiresAt",),
    ("transactionId",),
]


def screen_text(document, capsys, monkeypatch, columns=60, **options):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    display.show_challenge(Screen(), document, **options)
    return capsys.readouterr().out


@pytest.fixture
def show(capsys, monkeypatch):
    return lambda document, **options: screen_text(document, capsys, monkeypatch, **options)


def test_everything_is_shown(show):
    text = show(DOCUMENT)
    for part in ("Example App", "Example Shop", "demo-user", "Pay?", "Amount", "10.00 EUR"):
        assert part in text
    assert "[0] strong, approves:  Pay" in text
    assert "[1] weak, refuses:     No" in text
    assert "2026-11-24T12:02:00.000Z" in text
    assert '{"a":"b"}' in text


@pytest.mark.parametrize(
    ("extra", "part"),
    [
        ({"action": ACTION}, "a<U+202E>b<U+202D>c"),
        ({}, "a<U+003C>U+202E>b<U+202D>c"),
    ],
)
def test_what_an_action_has_written_out_stays_and_other_notation_does_not(show, extra, part):
    content = {"title": "Run a tool", "keys": [{"key": "$.to", "value": "a<U+202E>b\u202dc"}]}
    text = show(DOCUMENT | {"content": content} | extra, columns=100)

    assert part in text


def test_an_action_is_shown_with_its_digest_and_documents(show):
    attachment = {
        "name": "Lease.pdf",
        "size": 48213,
        "type": "application/pdf",
        "sha256": "S" * 43,
        "url": "https://files.example.com/lease.pdf",
    }
    action = ACTION | {"type": "document", "attachments": [attachment]}
    text = show(DOCUMENT | {"action": action}, columns=100)
    for part in ("document", "D" * 43, "2026-11-24T12:12:00.000Z", "Lease.pdf", "48213 bytes"):
        assert part in text
    assert "https://files.example.com/lease.pdf" in text
    assert f"SHA-256 {'S' * 43}" in text
    assert "Digest" not in show(DOCUMENT)


def action_of(*rows, language="en"):
    """Return a document of an action with rows of its own, and what the agent says."""
    pairs = [{"key": key, "value": value} for key, value in rows]
    content = {"title": "Run a tool", "keys": pairs}
    return DOCUMENT | {"content": content, "action": ACTION | {"language": language}}


TOOL = ("Tool", "send_mail")
AGENT, RUN, PURPOSE = ("Agent", "Mail agent"), ("Run", "run-7"), ("Purpose", "Urgent")
END = ("Valid until", "2026-11-24 12:12:00 UTC")
UNVERIFIED = " says this; the service has not verified it "


class TestClaims:
    """What the agent says about itself is apart from what is asked."""

    @pytest.mark.parametrize(
        ("language", "claims", "claimant"),
        [
            ("en", [AGENT, RUN, PURPOSE], "the agent"),
            ("en", [AGENT], "the agent"),
            ("en", [PURPOSE], "who asks"),
            ("de", [AGENT, ("Lauf", "run-7"), ("Zweck", "Eilig")], "the agent"),
        ],
    )
    def test_they_have_a_frame_of_their_own(self, show, language, claims, claimant):
        document = action_of(TOOL, *claims, END, language=language)
        question, claims_frame = show(document, columns=100).split(claimant + UNVERIFIED)
        claims_frame = claims_frame.split("╰")[0]

        assert "send_mail" in question
        assert END[1] in question
        for key, value in claims:
            assert re.search(f"│ {key} +{value} ", claims_frame)
            assert value not in question
        assert "send_mail" not in claims_frame

    @pytest.mark.parametrize(
        "rows",
        [
            [TOOL, END],
            [AGENT, TOOL, END],  # not the last rows: rows of the type
            [TOOL, AGENT],  # without the end, nothing says where the rows of the type end
            [TOOL, ("$.Agent", '"x"'), END],
        ],
    )
    def test_nothing_else_is_a_claim(self, show, rows):
        assert UNVERIFIED not in show(action_of(*rows), columns=100)

    def test_a_question_without_an_action_has_none(self, show):
        content = {"title": "Pay?", "keys": [{"key": "Agent", "value": "x"}]}
        assert UNVERIFIED not in show(DOCUMENT | {"content": content}, columns=100)


@pytest.fixture
def east_of_utc(monkeypatch):
    """Let the machine be two hours east of UTC."""
    monkeypatch.setenv("TZ", "EAST-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class TestMoments:
    """A person reads local time; what is signed and sent is UTC."""

    @pytest.mark.usefixtures("east_of_utc")
    def test_local_time_comes_first(self, show):
        text = show(DOCUMENT | {"action": ACTION}, columns=100, in_local_time=True)

        assert "Answer before  2026-11-24 14:02:00 EAST (2026-11-24T12:02:00.000Z)" in text
        assert "2026-11-24 14:12:00 EAST (2026-11-24T12:12:00.000Z)" in text

    @pytest.mark.usefixtures("east_of_utc")
    def test_a_receipt_says_utc_everywhere(self, show):
        assert "EAST" not in show(DOCUMENT | {"action": ACTION}, columns=100)

    @pytest.mark.usefixtures("east_of_utc")
    @pytest.mark.parametrize("text", ["9999-12-31T23:59:59.000Z", "0001-01-01T00:00:00.000Z"])
    def test_what_has_no_local_time_is_shown_in_utc(self, show, text):
        printed = show(DOCUMENT | {"expiresAt": text}, columns=100, in_local_time=True)

        assert text in printed

    def test_what_is_no_moment_is_shown_as_it_is(self, show):
        assert "soon" in show(DOCUMENT | {"expiresAt": "soon"}, in_local_time=True)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({"text": "Lunch?"}, "Lunch?"),
        ({"html": "<html><b>Hi</b></html>"}, "Hi"),
        ({"html": "<html><b>Hi</b></html>"}, "<html><b>Hi</b></html>"),
        ({"html": "<p>\u202eRUE 01"}, "<U+202E>RUE 01"),
        ({"title": "[bold]T[/]", "keys": []}, "[bold]T[/]"),
        ({"text": "one\ntwo"}, "one<U+000A>"),
        ({"text": "\x1b]0;owned\x07\x1b[2J"}, "<U+001B>]0;owned<U+0007><U+001B>[2J"),
        ({"text": "\u202eRUE 01"}, "<U+202E>RUE 01"),
    ],
)
def test_contents(show, content, part):
    assert f"│ {part}" in show(DOCUMENT | {"content": content})


HTML = """<html><head><style>p { color: red }</style></head><body>
<!-- a note --><h1>Pay?</h1><p>To <s>Zoe</s> Zoë<br>49,90&nbsp;EUR</p>
<span hidden>now</span><script>pay()</script><img src="x"></body></html>"""


def test_html_is_its_text_and_its_source(show):
    printed = show(DOCUMENT | {"content": {"html": HTML}}, columns=100)
    question, _, source = printed.partition("details: the source, which is signed")
    lines = [line.strip("│ ") for line in question.splitlines() if line.startswith("│")]
    assert lines == ["Pay?", "To Zoe Zoë", "49,90 EUR", "now"]
    notes = " ".join(question.rpartition("╯")[2].split())
    assert "all text of the HTML, also what it hides or strikes through" in notes
    for name in ("Scripts", "Style sheets", "Comments", "Pictures"):
        assert f"{name} left out: 1." in notes
    assert "<!-- a note --><h1>Pay?</h1>" in source
    assert "<script>pay()</script>" in source


def test_html_that_cannot_be_read_is_its_source_and_is_said_to_be(show):
    printed = show(DOCUMENT | {"content": {"html": "<p>a</b>"}}, columns=100)
    assert "could not be read as text" in printed
    assert "left out" not in printed
    assert printed.count("<p>a</b>") == 1


@pytest.mark.parametrize("columns", [24, 40, 80, 200])
def test_content_never_leaves_its_border(show, columns):
    fake = "ok\n╰" + "─" * 90 + "╯\n[0] weak, refuses: Pay\n" + " " * 300 + "Account somebody-else"
    lines = show(DOCUMENT | {"content": {"text": fake}}, columns=columns).splitlines()
    top = next(i for i, line in enumerate(lines) if line.startswith("╭"))
    bottom = next(i for i, line in enumerate(lines) if line.startswith("╰"))
    assert all(line.startswith("│ ") and line.endswith(" │") for line in lines[top + 1 : bottom])
    outside = "\n".join(lines[:top] + lines[bottom + 1 :])
    assert "weak, refuses: Pay" not in outside
    assert "somebody-else" not in outside


OPPOSITE = {"approves": "refuses", "refuses": "approves"}
BUTTONS = st.fixed_dictionaries(
    {
        "title": st.text("abc ", min_size=1, max_size=30),
        "strong": st.booleans(),
    },
    optional={"style": st.just('{"color":"#16C656","fontSize":40}')},
)


@given(first=BUTTONS, second=BUTTONS, columns=st.sampled_from([80, 200]))
def test_s37_a_refusal_is_as_prominent_as_an_approval(first, second, columns):
    """Colours and all, a button looks the same whether it approves or refuses."""

    def screen(*meanings):
        pairs = zip((first, second), meanings, strict=True)
        buttons = [button | {"approves": meaning == "approves"} for button, meaning in pairs]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FORCE_COLOR", "1")
            patch.setenv("COLUMNS", str(columns))
            shown_on = Screen()
            with shown_on._console.capture() as captured:
                display.show_challenge(shown_on, DOCUMENT | {"buttons": buttons})
        return captured.get()

    text, other = screen("approves", "refuses"), screen("refuses", "approves")
    # The words differ in length, and so do the spaces that fill their column.
    swapped, count = re.subn(r"approves|refuses", lambda match: OPPOSITE[match[0]], text)

    assert "\x1b[" in text
    assert count == 2
    assert re.sub(" +", "", swapped) == re.sub(" +", "", other)
    # Both titles begin in the same column.
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    labels = [re.match(r"\[\d\] \w+, \w+: +", line) for line in lines if line.startswith("[")]
    titles = [button["title"] for button in (first, second)]
    begins = [
        len(label[0]) - (len(title) - len(title.lstrip()))
        for label, title in zip(labels, titles, strict=True)
        if title.strip()
    ]
    assert len(set(begins)) <= 1


def test_s37_who_asks_why_and_what_have_fields_of_their_own(show):
    lines = [line.rstrip() for line in show(DOCUMENT).splitlines()]
    for who_why_what in (
        "Account at   Example App",
        "Asked by     Example Shop",
        "Account      demo-user",
        "Transaction  t-1",
        'Additional   {"a":"b"}',
    ):
        assert who_why_what in lines
    assert any(line.startswith("│ Pay?") for line in lines)


@pytest.mark.parametrize("columns", [24, 80])
def test_nothing_is_cut_off(show, columns):
    long = "".join(chr(0x4E00 + n) for n in range(500))
    text = show(DOCUMENT | {"content": {"text": long}, "transactionId": long}, columns=columns)
    assert len([character for character in text if character in long]) == 2 * len(long)


def test_a_title_cannot_claim_another_strength(show):
    document = copy.deepcopy(DOCUMENT)
    document["buttons"][0]["title"] = "Pay\n[1] weak, refuses: No"
    text = show(document, columns=100)
    assert "[0] strong, approves:  Pay<U+000A>" in text
    own = [line.rstrip() for line in text.splitlines() if line.startswith("[1]")]
    assert own == ["[1] weak, refuses:     No"]


@given(document=st.data())
def test_a_stranger_s_document_is_shown_and_hides_nothing(document):
    forged = copy.deepcopy(DOCUMENT)
    *path, last = document.draw(st.sampled_from(PATHS))
    part = forged
    for step in path:
        part = part[step]
    part[last] = document.draw(st.text())
    forged["additionalInfo"] = document.draw(JSON)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FORCE_COLOR", raising=False)
        screen = Screen()
        with screen._console.capture() as captured:
            display.show_challenge(screen, forged)
    for character in captured.get():
        assert character in {" ", "\n"} | BORDERS or unicodedata.category(character)[0] in "LMNPS"


@pytest.mark.parametrize(
    ("buttons", "index", "line"),
    [
        ([{"title": "Pay"}], 0, "[0] Pay"),
        ([], None, 'none: "this was not me"'),
    ],
)
def test_button_lines(buttons, index, line):
    assert display.button_line({"buttons": buttons}, index) == line


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_asked_looks_the_same_in_each_language(show, language):
    """Only the words around the question differ, and no line of it."""
    changes = ({}, {"transactionId": "t-2"}, {"origin": {"name": "t"}})
    documents = [DOCUMENT | change for change in changes]
    screens = [show(document, language=language) for document in documents]
    assert len({*screens}) == len(documents)
    english = show(DOCUMENT)
    frame = [line for line in english.splitlines() if line.startswith("│")]
    assert [line for line in screens[0].splitlines() if line.startswith("│")] == frame
    assert (screens[0] == english) is (language == "en")


def test_an_ascii_terminal_gets_ascii(capsysbinary, monkeypatch):
    # A stream of its own, since pytest's is UTF-8.
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    display.show_challenge(Screen(), DOCUMENT | {"content": {"text": "Zoë"}})
    stream.flush()
    assert re.search(rb"\| Zo<U\+00EB> +\|", stream.buffer.getvalue())
