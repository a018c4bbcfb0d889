"""A decision has half a page, and the index leads to it; what fell names its successor."""

import re
from pathlib import Path

import pytest

DECISIONS = Path(__file__).parent / "decisions"
PAGES = {
    path.relative_to(DECISIONS).as_posix(): path.read_text("utf-8")
    for path in sorted(DECISIONS.rglob("*.md"))
}
INDEX = PAGES.pop("index.md")

LIMIT = 350
"""Words of prose of a page."""

LONGER = {"workspace.md": "the conventions of the repository, a paragraph each"}
"""The pages that may have more words, with the reason."""
MOST_LONGER = 5

PARTS = ("**Context.**", "**Decision.**", "**Consequence.**")
PARTS_OF_SUPERSEDED = ("**Context.**", "**Decision.**", "**Why it fell.**")
SUCCESSOR = re.compile(r"^# .*\n\nSuperseded by \[(\d{4})\]\(\.\./(\1-[\w-]+\.md)\): ")


def count_words(text):
    """Return the number of words of prose: code, tables and the targets of links are none."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\|.*\|$", "", text, flags=re.MULTILINE)
    return len(re.sub(r"\]\([^)]*\)", "]", text).split())


def faults_of(name, pages):
    """Return what is wrong with the page *name* of *pages*, which are texts by their names."""
    text = pages[name]
    superseded = name.startswith("superseded/")
    successor = SUCCESSOR.match(text)
    faults = []
    if count_words(text) > LIMIT and name not in LONGER:
        faults.append("too long")
    if re.search(r"^Superseded by ", text, re.MULTILINE) and not superseded:
        faults.append("superseded, and not in the folder")
    if superseded and (not successor or successor[2] not in pages):
        faults.append("no successor")
    elif superseded and f"({name})" not in pages[successor[2]]:
        faults.append("the successor does not link to it")
    parts = PARTS_OF_SUPERSEDED if superseded else PARTS
    if name != "workspace.md" and not all(f"\n{part}\n" in text for part in parts):
        faults.append("a part is missing")
    return faults


@pytest.mark.parametrize("name", PAGES)
def test_a_decision_has_half_a_page_and_its_parts(name):
    assert faults_of(name, PAGES) == []


def page(title, top="", words=100, parts=PARTS):
    return f"# {title}\n\n{top}\n\n" + "\n".join(f"{part}\n{'word ' * words}" for part in parts)


FALLEN = "superseded/0001-old.md"


def fallen(number="0002", place="../0002-new.md"):
    return page("0001: Old", f"Superseded by [{number}]({place}): new.", 9, PARTS_OF_SUPERSEDED)


@pytest.mark.parametrize(
    ("name", "pages", "fault"),
    [
        ("0003-a.md", {"0003-a.md": page("0003: A", words=120)}, "too long"),
        ("0003-a.md", {"0003-a.md": page("0003: A", parts=PARTS[1:])}, "a part is missing"),
        (
            "0001-old.md",
            {"0001-old.md": page("0001: Old", "Superseded by [0002](0002-new.md): new.")},
            "superseded, and not in the folder",
        ),
        (FALLEN, {FALLEN: page("0001: Old", words=9, parts=PARTS_OF_SUPERSEDED)}, "no successor"),
        (FALLEN, {FALLEN: fallen()}, "no successor"),
        (
            FALLEN,
            {FALLEN: fallen("0003"), "0002-new.md": page("0002: New", f"[0001]({FALLEN})")},
            "no successor",
        ),
        (
            FALLEN,
            {FALLEN: fallen(), "0002-new.md": page("0002: New")},
            "the successor does not link to it",
        ),
    ],
)
def test_a_planted_fault_is_found(name, pages, fault):
    assert faults_of(name, pages) == [fault]


def test_few_pages_may_be_longer_and_each_is():
    assert len(LONGER) <= MOST_LONGER
    assert [name for name in LONGER if count_words(PAGES[name]) <= LIMIT] == []


def test_no_two_decisions_have_one_number():
    numbers = [Path(name).name[:4] for name in PAGES if name != "workspace.md"]

    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("name", [name for name in PAGES if name != "workspace.md"])
def test_the_index_lists_a_decision_once_by_its_title(name):
    title = PAGES[name].partition("\n")[0].removeprefix("# ")

    assert Path(name).name[:4] == title[:4]
    assert re.findall(rf"^- \[([^]]*)\]\({re.escape(name)}\)", INDEX, re.MULTILINE) == [title]
