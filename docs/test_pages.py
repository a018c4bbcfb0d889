"""What the pages say of the repository is so: rules and tests exist, and code is included."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from counterseal import errors
from counterseal_asgi import DEFAULT_THREADS
from counterseal_server.configuration import ELSEWHERE, KINDS, OLDER

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
PROJECT = [*PAGES, ROOT / "README.md", *sorted((ROOT / ".github").glob("*.md"))]

READMES = [ROOT / "README.md", *sorted(ROOT.glob("adapters/*/README.md"))]
"""Read where they lie, on a forge or a package index; Sphinx never sees them."""

EXAMPLES = sorted((DOCS / "examples").rglob("*.py"))

TEST = re.compile(r"((?:interop|unit|vectors|stateful|contract)/[\w/]+\.py)::(test_\w+)")
ADAPTERS_TEST = re.compile(r"(counterseal-\w+)/(\w+\.py)::(test_\w+)")
CLAUSES = DOCS / "reference" / "clauses.md"
COMPARISON = DOCS / "explanation" / "how-it-compares.md"
EVIDENCE = [
    COMPARISON,
    DOCS / "explanation" / "threats.md",
    DOCS / "reference" / "specifications.md",
    CLAUSES,
]
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)")
NAME = re.compile(r"`(_?[a-z]+\.(?:\w+\.)*\w+)`")
MODULES = {path.name.removesuffix(".py") for path in (ROOT / "src" / "counterseal").iterdir()}


def found(pattern, pages):
    return sorted({match for page in pages for match in pattern.findall(page.read_text())})


@pytest.mark.parametrize(("path", "name"), found(TEST, EVIDENCE))
def test_a_test_that_is_named_exists(path, name):
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")

    assert f"def {name}(" in text


@pytest.mark.parametrize(("adapter", "path", "name"), found(ADAPTERS_TEST, EVIDENCE))
def test_an_adapters_test_that_is_named_exists(adapter, path, name):
    text = (ROOT / "adapters" / adapter / "tests" / path).read_text(encoding="utf-8")

    assert f"def {name}(" in text


@pytest.mark.parametrize("name", found(NAME, EVIDENCE))
def test_a_rule_that_is_named_exists(name):
    module, *rest = name.split(".")
    assert module in MODULES
    place = importlib.import_module(f"counterseal.{module}")
    for part in rest:
        if not hasattr(place, part):
            place = importlib.import_module(f"{place.__name__}.{part}")
        else:
            place = getattr(place, part)


def test_each_clause_names_a_feature_and_a_test():
    rows = re.findall(r"^\| (?!clause)(.*) \|$", CLAUSES.read_text("utf-8"), re.MULTILINE)

    assert rows
    for row in rows:
        clause, feature, tests = row.split(" | ")
        assert re.match(r"[\d.()a-z, and]+: |OpenID4VP", clause), clause
        assert feature, clause
        assert TEST.fullmatch(tests.split(", ")[0].strip("`")), clause


def test_each_text_of_clauses_says_what_is_not_covered():
    _, *sections = re.split(r"^## ", CLAUSES.read_text("utf-8"), flags=re.MULTILINE)

    assert sections
    for section in sections:
        assert "\nNot covered:" in section, section.partition("\n")[0]


PASSKEYS = ["keys/passkeys.py", "ceremonies/rules.py", "ceremonies/decisions/ceremonies.py"]
"""The modules that refuse passkeys, besides the verifier of registrations."""
REGISTERING = {"MalformedRegistration", "AttestationRefused"}
SETTINGS = {"InvalidField"}
"""What is refused is a text of the caller's own, and nobody attacks by it."""


def refusals_of_passkeys():
    """Return the codes of all errors that these modules name."""
    names = set(REGISTERING)
    for path in PASSKEYS:
        tree = ast.parse((ROOT / "src" / "counterseal" / path).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "counterseal.errors":
                names |= {alias.name for alias in node.names}
    return sorted(getattr(errors, name).code for name in names - SETTINGS)


@pytest.mark.parametrize("code", refusals_of_passkeys())
def test_each_refusal_of_a_passkey_has_its_threat(code):
    text = (DOCS / "explanation" / "threats.md").read_text(encoding="utf-8")
    section = text.partition("## With a passkey as the strong key")[2].partition("\n## ")[0]

    assert f"`{code}`" in section


NO_EXAMPLES = {
    "conftest.py",
    "running_shop.py",
    "shop_with_heartbeat.py",
    "test_concurrent_approvals.py",
    "test_examples.py",
    "test_postgresql.py",
    "test_shops_in_a_browser.py",
}
"""Tests, and what tests run: no page needs to name them."""


def test_every_example_is_on_a_page():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in PROJECT)

    for example in (DOCS / "examples").glob("*.py"):
        named = example.name in pages
        assert named or example.name in NO_EXAMPLES, example.name


@pytest.mark.parametrize("page", PROJECT, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_no_place_outside_the_repository(page):
    text = page.read_text(encoding="utf-8")

    assert not re.search(r"(?<![\w.:/])/(?:work|tmp|home|root|usr)/", text)


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", READMES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_readme_leads_where_it_says(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))

    for place, anchor in links:
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), place
        assert not anchor or anchor in anchors(target), f"{place}#{anchor}"


OLD_WORDS = re.compile(
    r"\b(?:bells?|by turns|found (?:a|the) service|found it|handsets?|in earnest|likewise|luck"
    r"|outward word|rings? the|rung|told apart)\b",
    re.IGNORECASE,
)
"""What readers had to read twice; a decision and a generated text keep the words of their time."""


def prose(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [page for page in [*PAGES, *READMES] if not {"changelog.d", "decisions"} & {*page.parts}],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_a_page_has_no_old_word(page):
    assert OLD_WORDS.findall(prose(page)) == []


WIDEST = 86
"""Characters of a command that are shown without scrolling in a window of 1280 pixels."""


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_is_shown_whole(page):
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```(?:bash|sh)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    wide = [line for block in blocks for line in block.splitlines() if len(line) > WIDEST]
    assert wide == []


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_is_copied_without_a_prompt(page):
    assert re.findall(r"^ *\$ .*", page.read_text("utf-8"), re.MULTILINE) == []


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_its_code_without_sphinx(page):
    includes = re.findall(r"^```\{(?:literal)?include\}", page.read_text("utf-8"), re.MULTILINE)

    assert includes == []


FIRST_PAGES = [DOCS / "index.md", ROOT / "README.md"]
FIGURES = {
    "about 10 minutes": ("tutorial/first-service.md", "It takes about ten minutes"),
    "81.4 a second": ("explanation/measurements.md", "| SQLite, replies in 5 ms | 81.4 |"),
    "3 of 3": ("how-to/move-from-a-cx-service.md", "made in 2019, 2021 and 2024"),
    "7 programs of others": ("explanation/how-it-compares.md", "let these programs ask"),
}
"""By a figure of the first pages, its page, and the words there that it comes from."""


@pytest.mark.parametrize("page", FIRST_PAGES, ids=lambda page: page.name)
def test_the_figures_of_a_first_page_are_those_of_their_pages(page):
    rows = re.findall(
        r"^\| \*\*(.*?)\*\* \| .* \| .*\]\((.*?)[)#]", page.read_text("utf-8"), re.MULTILINE
    )

    assert [figure for figure, _ in rows] == [*FIGURES]
    for figure, link in rows:
        target, words = FIGURES[figure]
        assert (page.parent / link).resolve() == DOCS / target
        assert words in (DOCS / target).read_text("utf-8")


def test_as_many_programs_of_others_are_listed_as_the_first_pages_say():
    section = COMPARISON.read_text("utf-8").partition("## What programs of others do with it")[2]

    programs = re.findall(r"^\| \[", section, re.MULTILINE)
    assert f"{len(programs)} programs of others" in FIGURES


FIFTEEN = 15


def test_the_whole_flow_in_fifteen_lines_is_fifteen_lines():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("## The whole flow in fifteen lines\n")[2]
    block = section.partition("```python\n")[2].partition("```")[0]

    assert len(list(filter(None, block.splitlines()))) == FIFTEEN


def test_aio_has_as_many_threads_as_its_readme_says():
    text = (ROOT / "adapters" / "counterseal-asgi" / "README.md").read_text(encoding="utf-8")

    assert f"`aio` has its own threads: {DEFAULT_THREADS} for each event loop" in text


VARIABLE = re.compile(r"\b(COUNTERSEAL_(?!NAME\b|PUBLIC_ULR\b)[A-Z_]*[A-Z])\b")
"""Neither the placeholder, nor the typing error that is refused."""


@pytest.mark.parametrize("variable", found(VARIABLE, [*PROJECT, *READMES, *EXAMPLES]))
def test_serve_starts_beside_each_variable_that_a_page_sets(variable):
    name = variable.removeprefix("COUNTERSEAL_").lower()

    assert variable in ELSEWHERE or name in {*KINDS, *OLDER}
