"""
Numbers on how-to pages: each is written by cog, is in an example, or is listed here with a reason.

A number that is a constant of the program changes with it, so no page has it by hand: it belongs
in a block of `constants.say`.
"""

import re
from pathlib import Path

import pytest

HOW_TO = Path(__file__).parent / "how-to"
PAGES = sorted(HOW_TO.rglob("*.md"))

NOT_PROSE = [
    re.compile(r"<!-- \[\[\[cog.*?\[\[\[end\]\]\] -->", re.DOTALL),
    re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE),
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"`[^`]*`"),
    re.compile(r"(?<=\])\([^)]*\)"),
    re.compile(r"^(?:#+ | *)\d+\. ", re.MULTILINE),
]
"""What cog writes, examples, code, the targets of links, and the numbers of steps."""

NUMBER = re.compile(r"(?<!\w)\d(?:[\d,.]*\d)?\w*")

REASONS = {
    "a status of HTTP": r"(?<![\w,.])(?:[45]xx|2xx|200|40[0134589]|410|429|500|503)(?![\w,.]\d)",
    "an exit code": r"^\| [0-2] \||[Ee]xit(?:s with| code)(?: is)? [0-2]|the first one exits with 1"
    r"|The exit code is 0|holds and 1 if|trusted; 2 means|and exits with 1",
    "a document of the IETF, or an algorithm's name": r"RFC \d+(?:, \d)?|SHA-256|of HTTP/1",
    "a clause of a port": r"(?:ALL|STORE)-\d+",
    "the oldest version of another program that works": r"(?:Python|Node|Compose|Kubernetes|Redis"
    r"|PostgreSQL|SQLite|oidc-provider\]) \d+(?:\.\d+)?",
    "a version of ours, of a schema or of a standard": r"0\.1(?!\d)|\b1\.0\b"
    r"|\b000[45], 2\b|464d674a",
    "a year": r"\b20(?:19|2\d)\b",
    "a port that the examples, or files in `deploy`, set": r"\b(?:8787|8788|8789|9000|443|80|6379"
    r"|5432)\b",
}
"""What a number may be on every page, as a pattern of the number with its context."""

ALLOWED = {
    "ask-behind-a-ciba-host.md": {"1 to 50 characters": "Keycloak's rule of a binding message"},
    "ask-by-ciba.md": {
        "up to 20 seconds": "the value of `Prefer` in the example",
        "After a wait of 20 seconds": "the value of `Prefer` in the example",
    },
    "ask-from-node.md": {"| 1 |": "an example of a reply"},
    "let-people-answer-in-the-browser.md": {
        "asks every 30 seconds": "a constant of the web app, in JavaScript",
        "by a call every 25 seconds": "a constant of the web app, in JavaScript",
    },
    "look-after-users.md": {
        "article 15": "an article of the GDPR",
        "article 17": "an article of the GDPR",
        "article 30": "an article of the GDPR",
    },
    "move-from-a-cx-service.md": {"with  2, it is": "`callbackType` 2 of the CX wire"},
    "watch-over-the-audit-log.md": {"is 1, the alert": "the value of a metric"},
    "notify-by-a-relay.md": {"24 to 64 random bytes": "Standard Webhooks' rule of a secret"},
    "notify-by-fcm.md": {"longer than 4 KiB": "FCM's limit"},
    "notify-by-web-push.md": {"multiple of 256 octets": "RFC 8291's padding, as we choose it"},
    "parts/after-the-bind.md": {"about 720 bytes": "measured"},
    "parts/before-you-go-live.md": {
        "10 a minute": "advice for a proxy",
        "60 a minute": "advice for a proxy",
        "300 a minute": "advice for a proxy",
    },
    "parts/connections.md": {"accepts 100 connections": "PostgreSQL's default"},
    "parts/start-a-shop.md": {"Button 1": "a position in the list of buttons"},
    "property-based-tests.md": {
        "100 without one": "Hypothesis' default",
        "of 50 steps each": "Hypothesis' default",
        "50 of 20 | 2 |": "measured",
        "100 of 50 | 5 |": "measured",
        "25 of 50 | 4 |": "measured",
        "25 of 50 | 10 |": "measured",
        "such as 1,000": "advice",
    },
    "read-a-receipt.md": {"are numbered from 1": "where counting begins"},
    "run-in-containers.md": {
        "user 10001": "the user in the Containerfile",
        "scale every Deployment to 0": "none",
    },
    "run-on-a-cluster.md": {"must stay 0": "none"},
    "run-the-portal.md": {"enter 0": "what an administrator enters"},
    "run-the-service.md": {
        "32 bytes in base64": "the length of a key of AES-256",
        "rates it 1.1 of 10": "what systemd prints",
        "above 16,000": "a limit of the systemd unit",
        "above 500": "a limit of the systemd unit",
        "about 720 bytes": "measured",
        "700 wrong passwords": "an example",
        "44 GB a day": "computed from the two before",
        "the 30 newest": "an option in the systemd unit",
    },
    "runbook.md": {
        "the mode 600": "the mode of a file",
        "after 30 seconds": "the server's own constant",
        "takes up to 20 seconds": "the time of the systemd unit",
        "-  is 0 for": "the value of a setting",
        "more than 50 callbacks": "a threshold of the alerts",
    },
    "upgrade.md": {
        "Migration 0005": "the number of a schema",
        "For 100,000 accounts": "measured",
        "took 5 seconds and 9 MB": "measured",
        "16 seconds and 160 MB": "measured",
        "3,153 | 2,056": "measured",
        "2,054 | 1,829": "measured",
        "110 | 96": "measured",
        "83 | 71": "measured",
        "0 | 0": "measured",
        "generation of 1": "where counting begins",
        "generation 1": "where counting begins",
    },
    "use-an-identity-provider.md": {"some 30 minutes": "Keycloak's default"},
    "verify-callbacks.md": {
        "base64 of 32 bytes": "the length of a secret, by which it was made",
        "text equals 0": "a value in some languages",
    },
    "write-an-adapter.md": {"about 5 seconds of CPU time": "measured"},
    "write-a-device.md": {"64 bytes of r and s": "RFC 7518, 3.4"},
}
"""By page, the words around each other number, and why nothing of ours can change it."""


def prose(text):
    """Return what a person wrote, without code; lines stay lines."""
    for pattern in NOT_PROSE:
        text = pattern.sub("", text)
    return text


def unexplained(text, allowed):
    """Return the lines with a number that has no reason."""
    lines = []
    for line in prose(text).splitlines():
        rest = line
        for words in allowed:
            rest = rest.replace(words, "")
        for pattern in REASONS.values():
            rest = re.sub(pattern, "", rest)
        if NUMBER.search(rest):
            lines.append(line)
    return lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOW_TO)))
def test_a_number_is_written_by_cog_or_has_a_reason(page):
    assert (
        unexplained(page.read_text("utf-8"), ALLOWED.get(str(page.relative_to(HOW_TO)), {})) == []
    )


def test_each_reason_is_needed():
    for page, allowed in ALLOWED.items():
        text = prose((HOW_TO / page).read_text("utf-8"))
        assert [words for words in allowed if words not in text] == [], page


@pytest.mark.parametrize(
    "text",
    ["A question has at most 8 files.", "It waits 50 seconds, or 503.", "- At most 1,024 bytes."],
)
def test_a_number_by_hand_is_found(text):
    assert unexplained(text, {})
    assert not unexplained(f"<!-- [[[cog say() ]]] -->\n{text}\n<!-- [[[end]]] -->", {})
