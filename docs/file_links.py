"""
Link the names of files and folders of the repository, while Sphinx builds.

A name in code, such as `docs/examples/embed.py`, leads to the file in the repository, if the
setting `repository` says where that is, and else to a page of the site that shows the file.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx.util.osutil import relative_uri

ROOT = Path(__file__).parent.parent
NAME = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.\w+(?:::\w+)?")
"""A path with a folder and a suffix; a test may follow."""

FOLDERS = ("", "tests/", "adapters/", "adapters/counterseal-server/")
"""What a name on a page may be relative to."""
LIMIT = 400_000
"""Bytes; a longer file has no page."""


@cache
def files() -> frozenset[str]:
    """Return the files of the repository; without Git, those that lie here."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        listed = [
            path.relative_to(ROOT).as_posix()
            for folder in ("adapters", "docs", "src", "tests")
            for path in (ROOT / folder).rglob("*")
            if path.is_file()
        ]
    return frozenset(listed)


def file_of(name: str) -> str | None:
    """Return the file that a page calls *name*, from the root of the repository, or None."""
    if not NAME.fullmatch(name):
        return None
    path, _, test = name.partition("::")
    if test and path.startswith("counterseal-") and "/tests/" not in path:
        path = path.replace("/", "/tests/", 1)
    paths = (f"{folder}{path}" for folder in FOLDERS)
    return next((each for each in paths if each in files()), None)


def link(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put a link around each name of a file that is in no link yet."""
    if app.builder.format != "html":
        return
    for literal in list(doctree.findall(nodes.literal)):
        path = file_of(literal.astext())
        if path is None or is_linked(literal):
            continue
        page, _, suffix = path.rpartition(".")
        if suffix == "md" and page.startswith("docs/") and page[5:] in app.env.found_docs:
            target = app.builder.get_relative_uri(docname, page[5:])
        elif app.config.repository:
            target = posixpath.join(app.config.repository, "blob", app.config.branch, path)
        else:
            shown_files(app).add(path)
            target = relative_uri(app.builder.get_target_uri(docname), f"files/{path}.html")
        literal.replace_self(nodes.reference("", "", literal.deepcopy(), refuri=target))


def is_linked(node: nodes.Node) -> bool:
    """Tell whether *node* is in a link or in a title."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.reference | nodes.title):
            return True
    return False


def shown_files(app: Any) -> set[str]:
    """Return the files that have a page of their own: every one that a page may link."""
    if not hasattr(app.env, "shown_files"):
        app.env.shown_files = set()
    return app.env.shown_files


def read(app: Any, doctree: nodes.document) -> None:
    """Note which files a page names: pages are written by several processes."""
    for literal in doctree.findall(nodes.literal):
        path = file_of(literal.astext())
        if path is not None:
            shown_files(app).add(path)


def merge(app: Any, _env: Any, _docnames: Any, other: Any) -> None:
    """Take over what another process has read."""
    shown_files(app).update(getattr(other, "shown_files", ()))


def pages(app: Any) -> Any:
    """Yield a page for each file that a page names."""
    if app.config.repository:
        return
    formatter = HtmlFormatter(linenos="inline", linespans="line")
    for path in sorted(shown_files(app) & files()):
        file = ROOT / path
        if file.stat().st_size > LIMIT:
            continue
        try:
            text = file.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        try:
            lexer = get_lexer_for_filename(path)
        except ClassNotFound:
            lexer = get_lexer_for_filename("a.txt")
        body = f"<h1>{path}</h1>{highlight(text, lexer, formatter)}"
        yield f"files/{path}", {"title": path, "body": body}, "page.html"


def setup(app: Any) -> dict[str, bool]:
    """Link names once the pages are read."""
    app.add_config_value("repository", "", "html")
    app.add_config_value("branch", "main", "html")
    app.connect("doctree-read", read)
    app.connect("env-merge-info", merge)
    app.connect("doctree-resolved", link)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
