"""The pages state what they have to: what is not protected, who may loosen what, who reads what."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent
ROOT = DOCS.parent
THREATS = "explanation/threats.md"
LIMITATIONS = "explanation/limitations.md"

TEXTS = [
    *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts),
    *(ROOT / "README.md", *sorted((ROOT / ".github").glob("*.md"))),
    *sorted(ROOT.glob("adapters/*/README.md")),
]

NOT_PROTECTED = {
    (LIMITATIONS, "# Limitations"): (
        "It is not phishing-resistant, and must not be called so.",
        "What is not protected, and why, is on the page [Threats] …",
    ),
    (THREATS, "**An attacker in the middle of a log-in.**"): (
        "A false page sends everything that the victim types to the real page …",
        "The device cannot see which page the person is looking at …",
        "So Counterseal is **not phishing-resistant**, with any settings.",
        "If you need phishing resistance, use FIDO cross-device authentication … is stronger: …",
        "Some measures make the attack harder, but do not prevent it: …",
    ),
    (THREATS, "**What a passkey protects against phishing, and what it does not.**"): (
        "But an attacker can still phish the person's approval.",
        "So passkeys as strong keys do not make Counterseal phishing-resistant.",
    ),
    (THREATS, "**A device that is taken over.**"): (
        "An attacker who controls the software … can show one thing and sign another.",
        "Strong keys in hardware … limit this … they do not prevent it.",
    ),
    (THREATS, "**A thief with the phone and the PIN.**"): (
        "The service cannot tell the thief from the user, until the device is revoked.",
    ),
    (THREATS, "**An origin that lies.**"): (
        "Counterseal proves which text was shown, but cannot know whether it is true.",
        "An origin can bind any device to any of its accounts …",
        "An origin that works with an attacker can … and no setting prevents it.",
    ),
    (THREATS, "**Lost commits that a store had acknowledged.**"): (
        "If a store fails over to a replica … an acknowledged commit may be lost: …",
        "With Redis, this can happen at every level of `durability` but `replicated` …",
        "The core cannot detect this.",
    ),
    (LIMITATIONS, "## Of the Redis adapter"): (
        "**A replica that is promoted can undo … at every level but `replicated`: …",
    ),
}
"""What a threat model has to say that it does not prevent (IETF, cross-device flows: BCP)."""

READ_BY_PUSH_SERVICES = (
    "The App Space's name and the origin's text, if the origin sets `notificationTitle` …",
    "… `origin_texts` … to `no` …",
)
PROMISES = {
    ("how-to/notify-by-fcm.md", "## What Google and Apple can see"): READ_BY_PUSH_SERVICES,
    ("how-to/notify-by-a-relay.md", "## What the relay can see"): READ_BY_PUSH_SERVICES,
    ("how-to/notify-by-web-push.md", "## What the push service can see"): (
        "So it reads neither the App Space's name nor the origin's text …",
    ),
    (THREATS, "**A push that pretends.**"): (
        "The administrators of an App Space choose its name … and neither is verified.",
        "The origin chooses the body of a push, and what follows the name in the title.",
    ),
    (LIMITATIONS, "- **App Spaces and origins can only narrow the policy"): (
        "But `clients` is a choice between two sets of limits … the looser `cx_…` settings …",
        "… give the `cx_…` settings the values of the others, as the strict profile does.",
    ),
    ("reference/policy.md", "# Policy"): (
        "`clients` of an origin is a choice between two sets of limits: … `cx_…` settings …",
    ),
    ("reference/cx-wire.md", "## Sources say nothing"): (
        "It is stored and returned, and changes nothing else: …",
    ),
    ("reference/commands.md", "### `counterseal admin edit-app-space`"): (
        "`--universal-app / --own-app`: … clients of the Privakey CX service … changes nothing.",
    ),
    ("how-to/solve-problems.md", "## When something goes wrong"): (
        "The portal logs each refusal as `refused: CODE`, also where … to the log-in.",
    ),
    ("how-to/run-the-service.md", "- Set a rate limit by client address"): (
        "So does each page of the portal … an invented cookie.",
    ),
}
"""
Who reads the texts of a push, who may loosen a limit, which refusals leave a trace, and which
setting is only stored.
"""


def statements(table):
    return [(*place, statement) for place, required in table.items() for statement in required]


def section(text, beginning):
    """Return the lines of *text* from *beginning* to the next heading or beginning of its kind."""
    lines = text.splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.startswith(beginning)]
    kind = re.match(r"#+ |- |\*\*", beginning)[0]
    ends = {"#": r"#+ ", "*": r"\*\*|#+ ", "-": r"- |#+ "}[kind[0]]
    rest = [number for number, line in enumerate(lines) if number > first and re.match(ends, line)]
    return lines[first : min(rest, default=len(lines))]


def find_statement(text, beginning, statement):
    """Return the lines of a section that contain *statement*; … stands for any words."""
    parts = [re.escape(part) for part in re.split(r"(?:^| )…(?: |$)", statement)]
    pattern = re.compile(".*".join(parts))
    return [line for line in section(text, beginning) if pattern.search(line)]


def read(page):
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "beginning", "statement"), statements(NOT_PROTECTED))
def test_s36_the_threat_model_says_what_is_not_protected(page, beginning, statement):
    assert find_statement(read(page), beginning, statement)


@pytest.mark.parametrize(("page", "beginning", "statement"), statements(PROMISES))
def test_a_page_says_what_it_has_to(page, beginning, statement):
    assert find_statement(read(page), beginning, statement)


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_s36_no_page_calls_the_product_phishing_resistant(page):
    for line in page.read_text(encoding="utf-8").splitlines():
        for before in re.findall(r"^(.*?)phishing-resistant", line):
            assert re.search(r"\bnot\b", before), line


PAGE = """\
## What is not protected

**Thieves.**
The service cannot tell them from the user.

**Liars.**
It cannot detect them, with any settings.
"""


@pytest.mark.parametrize(
    ("text", "statement", "lines"),
    [
        (PAGE, "It cannot detect them, with any settings.", 1),
        (PAGE, "It cannot … with any …", 1),
        (PAGE, "The service cannot tell them …", 0),
        (PAGE.replace("cannot detect", "detects"), "It cannot … with any …", 0),
        (PAGE.replace("them, with", "them with"), "It cannot … with any …", 1),
        (PAGE.replace(", with any settings", ""), "It cannot … with any …", 0),
    ],
)
def test_a_statement_is_found_in_its_section_only(text, statement, lines):
    assert len(find_statement(text, "**Liars.**", statement)) == lines
