"""What builds the site: excerpts, names of files, the pages of packages, and the search."""

import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent
ROOT = DOCS.parent
pytest.importorskip("sphinx")


@pytest.fixture(scope="module")
def run():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)  # the extensions import each other, as in `conf.py`
        patch.setitem(sys.modules, "cog", ModuleType("cog"))  # is one only while cog runs a page
        yield lambda name: runpy.run_path(str(DOCS / f"{name}.py"))


TEXT = "one\n# 1. Begin\ntwo\nthree\n# 2. End\nfour\n"


@pytest.mark.parametrize(
    ("start", "end", "lines"),
    [
        ("", "", TEXT.strip()),
        ("# 1.", "# 2.", "# 1. Begin\ntwo\nthree"),
        ("> # 1.", "# 2.", "two\nthree"),
        ("> # 1.", "# 2. <", "two\nthree\n# 2. End"),
        ("four", "", "four"),
    ],
)
def test_an_excerpt(run, start, end, lines):
    assert run("excerpts")["excerpt"](TEXT, start, end, "") == lines


def test_an_excerpt_that_is_not_there_is_refused(run):
    with pytest.raises(StopIteration):
        run("excerpts")["excerpt"](TEXT, "# 3.", "", "")


def test_a_method_with_its_decorator(run):
    source = "class A:\n    @property\n    def b(self):\n        return 1\n\n    c = 2\n"

    assert run("excerpts")["excerpt"](source, "", "", "A.b").splitlines() == [
        "    @property",
        "    def b(self):",
        "        return 1",
    ]


SOURCE = """\
from __future__ import annotations

import sqlite3
from counterseal import (
    Accounts as Users,
    Challenges,
    Question,
)
import counterseal.memory


def ask(party):
    \"\"\"Ask a Question.\"\"\"
    return Challenges(counterseal.memory.memory_ports()).issue(party)  # not by Users


class Shop:
    def ask(self):
        return Question(self.sqlite3), Users
"""


@pytest.mark.parametrize(
    ("name", "shown", "imports"),
    [
        ("ask", set(), "from counterseal import Challenges\nimport counterseal.memory"),
        ("ask", {"Challenges"}, "import counterseal.memory"),
        ("Shop", set(), "from counterseal import Accounts as Users, Question"),
        ("Shop", {"Users", "Question"}, ""),
    ],
)
def test_an_excerpt_begins_with_the_imports_that_it_needs(run, name, shown, imports):
    excerpts = run("excerpts")
    code = excerpts["excerpt"](SOURCE, "", "", name)

    assert excerpts["needed_imports"](SOURCE, code, shown) == imports


def test_an_excerpt_does_not_repeat_its_own_imports(run):
    excerpts = run("excerpts")

    shown_names = set()
    assert excerpts["needed_imports"](SOURCE, SOURCE, shown_names) == ""
    assert {"Users", "Challenges", "sqlite3", "counterseal"} <= shown_names


def test_a_long_import_is_wrapped(run):
    names = [f"Name{number}" for number in range(12)]
    source = f"from counterseal import {', '.join(names)}\n"

    wrapped = run("excerpts")["needed_imports"](source, str(names).replace("'", ""), set())

    assert wrapped == "\n".join(
        ["from counterseal import (", *(f"    {one}," for one in names), ")"]
    )


def test_every_command_is_on_the_page(run):
    text = (DOCS / "reference" / "commands.md").read_text("utf-8")
    main = pytest.importorskip("counterseal_server.cli").main
    names = [name for name, _ in run("excerpts")["walk"](main, "counterseal")]

    assert "counterseal serve" in names
    assert [name for name in names if f"### `{name}`\n" not in text] == []


def test_the_pages_of_packages_are_those_of_the_readmes(run):
    pages = {page.stem for page in (DOCS / "reference" / "packages").glob("*.md")} - {"index"}

    assert pages == set(run("package_pages")["readmes"]())
    index = (DOCS / "reference" / "packages" / "index.md").read_text("utf-8")
    assert [page for page in pages if f"]({page}.md)" not in index] == []


def test_links_of_a_readme_lead_to_pages_of_the_site(run):
    module = run("package_pages")
    text = module["text_of"](
        ROOT / "adapters/counterseal-server/README.md", "reference/packages/counterseal-server"
    )

    assert "](../../tutorial/first-service.md)" in text
    assert "](../../reference/packages/counterseal-sql.md#use-it)" in text
    for _, link, _ in module["LINK"].findall(text):
        assert (DOCS / "reference" / "packages" / link).exists(), link


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("docs/examples/embed_in_server.py", "docs/examples/embed_in_server.py"),
        ("unit/test_words.py::test_no_name_is_an_old_word", "tests/unit/test_words.py"),
        ("counterseal-sql/test_contract.py::test_x", None),
        ("deploy/counterseal.toml", "adapters/counterseal-server/deploy/counterseal.toml"),
        ("application/json", None),
        ("docs/examples/no_such_file.py", None),
    ],
)
def test_a_name_of_a_file(run, name, file):
    assert run("file_links")["file_of"](name) == file


def test_each_word_that_readers_search_for_has_a_page(run):
    words = run("search_words")["WORDS"]

    assert [page for page in words.values() if not (DOCS / f"{page}.md").is_file()] == []


def test_the_page_of_changes(run, tmp_path):
    folder = tmp_path / "changelog.d"
    folder.mkdir()
    (folder / "README.md").write_text("How to write.")
    (folder / "counterseal-sql.added.md").write_text("Stores records.\n")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("# Changelog\n\n## 0.1.0\n\nThe first.\n")

    assert run("changes")["text_of"](folder, changelog) == (
        "# Changes\n\n## Not released yet\n\n### counterseal-sql\n\nStores records.\n"
        "\n## 0.1.0\n\nThe first.\n"
    )


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("name", ["a", "c", "c()", "b.c", "a.b.c", "bytes", "B.c", "", "."])
def test_a_python_name_is_found_as_sphinx_finds_it(run, name, mode):
    from sphinx.domains.python import ObjectEntry, PythonDomain  # noqa: PLC0415 (may be absent)

    domain = object.__new__(run("python_names")["PythonNames"])
    entry = ObjectEntry(docname="page", node_id="", objtype="class", aliased=False)
    domain.data = {"objects": dict.fromkeys(["a", "a.b", "a.b.c", "x.c"], entry)}
    domain.objtypes_for_role = lambda _: ["class"]

    for module, scope in ((None, None), ("a", None), ("a", "b")):
        arguments = (None, module, scope, name, "obj", mode)
        assert domain.find_obj(*arguments) == PythonDomain.find_obj(domain, *arguments)


PAGES = {
    "index": "# A site\n\n```{toctree}\n:hidden:\n\nfirst/index\nother\n```\n",
    "first/index": "# First <b>\n\n```{toctree}\ntwo\ndeep/index\n```\n",
    "first/two": "# Two\n\n## A part\n",
    "first/deep/index": "# Deep\n\n```{toctree}\nlast\n```\n",
    "first/deep/last": "# `Last` & least\n",
    "other": "# Other\n",
}
CONFIGURATION = """
extensions = {extensions}
html_theme = "furo"
def setup(app):
    app.connect("html-collect-pages", lambda app: [
        (name, {{"title": name, "body": name}}, "page.html") for name in ("files/a/b", "files/c/d")
    ])
"""


def test_navigation_is_what_the_theme_writes(tmp_path, monkeypatch):
    pytest.importorskip("furo")
    from sphinx.cmd.build import main  # noqa: PLC0415 (may be absent)

    monkeypatch.syspath_prepend(DOCS)
    source, sites = tmp_path / "source", []
    for name, text in PAGES.items():
        page = source / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, "utf-8")
    for extensions in (["myst_parser"], ["myst_parser", "navigation"]):
        settings = CONFIGURATION.format(extensions=extensions)
        (source / "conf.py").write_text(settings, "utf-8")
        site = tmp_path / f"with-{extensions[-1]}"
        assert main(["-q", "-E", "-W", str(source), str(site)]) == 0
        pages = {path.relative_to(site): path.read_text("utf-8") for path in site.rglob("*.html")}
        sites.append(pages)

    theme, ours = sites
    assert len(theme) == len(PAGES) + len(["files/a/b", "files/c/d", "genindex", "search"])
    assert theme == ours
