"""
Show the README of each package on the site, while Sphinx builds.

A README lies with its package, where a forge and a package index show it. Its page, such as
reference/packages/counterseal-sql.md, has only a title; the text comes from the README, with its
links led to the pages of the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = "reference/packages/"
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^):#\s]+)(#[^)\s]*)?\)")
NPM = {"device": "counterseal-js-device", "origin": "counterseal-js-origin"}
"""Folders of adapters/counterseal-js, and their pages."""


def readmes() -> dict[str, Path]:
    """Return the README of each package by the name of its page."""
    found = {path.parent.name: path for path in sorted(ROOT.glob("adapters/*/README.md"))}
    for folder, name in NPM.items():
        found[name] = ROOT / "adapters" / "counterseal-js" / folder / "README.md"
    return found


def text_of(readme: Path, page: str) -> str:
    """Return the text of *readme* with links as the page *page*, from docs/, needs them."""

    def led(link: re.Match[str]) -> str:
        text, path, anchor = link[1], link[2], link[3] or ""
        target = (readme.parent / path).resolve()
        up = "../" * page.count("/")
        names = {path: name for name, path in readmes().items()}
        if target in names:
            return f"[{text}]({up}{PAGES}{names[target]}.md{anchor})"
        if target == ROOT / "README.md":
            return f"[{text}]({up}index.md)"
        if target.suffix == ".md" and target.is_relative_to(ROOT / "docs"):
            return f"[{text}]({up}{target.relative_to(ROOT / 'docs').as_posix()}{anchor})"
        return f"{text} (`{target.relative_to(ROOT).as_posix()}`)"

    return LINK.sub(led, readme.read_text("utf-8"))


def fill(app: Any, docname: str, source: list[str]) -> None:
    """Put the README in the place of its page."""
    if docname.startswith(PAGES) and docname != f"{PAGES}index":
        readme = readmes()[docname.removeprefix(PAGES)]
        app.env.note_dependency(str(readme))
        source[0] = text_of(readme, docname)


def setup(app: Any) -> dict[str, bool]:
    """Fill the pages when they are read."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
