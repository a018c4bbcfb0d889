"""
What cog writes into the pages: parts of example files and of shared texts.

A forge shows a page without Sphinx, so the code stands in the page itself. `cog --check` tells
when a page and its file differ. The fences say `py`, not `python`: the files have tests of their
own, and the tests of the pages run only what says `python`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import cog

ROOT = Path(__file__).parent.parent
LANGUAGES = {".mjs": "js", ".py": "py", ".service": "ini", ".conf": "nginx", ".toml": "toml"}


def excerpt(text: str, start: str, end: str, name: str) -> str:
    """
    Return the lines of *text* from *start* up to *end*.

    *start* and *end* are parts of lines. `> TEXT` begins after the line of TEXT, `TEXT <` ends
    with it, and an empty one is the file's. *name* is a function's or a method's instead.
    """
    if name:
        return definition(text, name)
    lines = text.splitlines()
    first, last = 0, len(lines)
    if start:
        needle = start.removeprefix("> ")
        first = next(number for number, line in enumerate(lines) if needle in line)
        first += start.startswith("> ")
    if end:
        needle = end.removesuffix(" <")
        # A start that is also an end is one line.
        later = range(first + (not start.startswith("> ")), len(lines))
        last = next(number for number in later if needle in lines[number])
        last += end.endswith(" <")
    return "\n".join(lines[first:last])


def definition(text: str, name: str) -> str:
    """Return the function, method or class *name* of Python source, with its decorators."""
    nodes: list[ast.stmt] = ast.parse(text).body
    for part in name.split("."):
        node = next(each for each in nodes if getattr(each, "name", None) == part)
        nodes = getattr(node, "body", [])
    first = min(each.lineno for each in (node, *getattr(node, "decorator_list", [])))
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def show(path: str, start: str = "", end: str = "", *, name: str = "", language: str = "") -> None:
    """Write part of the file at *path*, from the root of the repository, as a block of code."""
    file = ROOT / path
    code = excerpt(file.read_text("utf-8"), start, end, name)
    code = textwrap.dedent(code).strip("\n").rstrip()
    language = language or LANGUAGES.get(file.suffix, "text")
    cog.outl(f"\n```{language}\n{code}\n```\n")


def part(name: str) -> None:
    """Write the text that several pages share: how-to/parts/NAME.md."""
    text = (ROOT / "docs" / "how-to" / "parts" / f"{name}.md").read_text("utf-8")
    text = re.sub(r"<!-- \[\[\[(?:.|\n)*?-->\n", "", text).replace("```python\n", "```py\n")
    text = re.sub(r"\n{3,}", "\n\n", text)
    cog.outl("\n" + text.strip("\n") + "\n")
