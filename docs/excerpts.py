"""
What cog writes into the pages: parts of example files and of shared texts.

A forge shows a page without Sphinx, so the code stands in the page itself. `cog --check` tells
when a page and its file differ. The fences say `py`, not `python`: the files have tests of their
own, and the tests of the pages run only what says `python`.
"""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import cog
from package_pages import text_of

from counterseal import models

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
    """
    Write part of the file at *path*, from the root of the repository, as a block of code.

    An example in Python begins with the imports that it needs and no earlier part on the page has.
    """
    file = ROOT / path
    text = file.read_text("utf-8")
    code = excerpt(text, start, end, name)
    code = textwrap.dedent(code).strip("\n").rstrip()
    language = language or LANGUAGES.get(file.suffix, "text")
    if language == "py":  # methods stand at the left now, as the formatter wants functions
        code = re.sub(r"\n\n+(?=@|def |class |async def )", "\n\n\n", code)
        shown_names = IMPORTED.setdefault((cog.inFile, path), set())
        imports = needed_imports(text, code, shown_names)
        if imports and path.startswith("docs/examples/"):  # nobody copies the core's own source
            gap = "\n\n\n" if re.match("@|def |class |async def ", code) else "\n\n"
            code = f"{imports}{gap}{code}"
    cog.outl(f"\n```{language}\n{code}\n```\n")


IMPORTED: dict[tuple[str, str], set[str]] = {}
"""The names whose imports a page has shown, by the page and the file that they are from."""


def needed_imports(text: str, code: str, shown_names: set[str]) -> str:
    """
    Return the imports of the Python source *text* that the part *code* of it needs.

    Args:
        shown_names: What the page has imported so far; the names of *code* are added.
    """
    used = set(re.findall(r"(?<![.\w])[A-Za-z_]\w*", _without_texts(code)))
    for node in _imports_of(code):
        shown_names |= {_bound(alias) for alias in node.names}
    blocks: list[list[str]] = []
    block: list[str] = []
    end = -1
    for node in _imports_of(text):
        if node.lineno > end + 1:  # an empty line, as between a library's and ours
            blocks.append(block := [])
        end = node.end_lineno or node.lineno
        aliases = [each for each in node.names if _bound(each) in used - shown_names]
        shown_names |= {_bound(each) for each in aliases}
        if aliases:
            block.append(_import_line(node, aliases))
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _imports_of(code: str) -> list[ast.Import | ast.ImportFrom]:
    """Return the imports at the top of *code*; none of what is no whole Python."""
    try:
        nodes = ast.parse(code).body
    except SyntaxError:
        return []
    return [
        node
        for node in nodes
        if isinstance(node, ast.Import)
        or (isinstance(node, ast.ImportFrom) and node.module != "__future__")
    ]


def _without_texts(code: str) -> str:
    """Return *code* without texts and comments, in which a word is no name."""
    quoted = r'"""(?:.|\n)*?"""|(?<!f)"(?:[^"\\\n]|\\.)*"|#.*'
    return re.sub(quoted, "", code)


def _bound(alias: ast.alias) -> str:
    """Return the name that an import defines."""
    return alias.asname or alias.name.partition(".")[0]


def _import_line(node: ast.Import | ast.ImportFrom, aliases: list[ast.alias]) -> str:
    """Return *node* with some of its names, wrapped as the formatter does."""
    names = [f"{each.name} as {each.asname}" if each.asname else each.name for each in aliases]
    if isinstance(node, ast.Import):
        return "\n".join(f"import {name}" for name in names)
    head = f"from {'.' * node.level}{node.module or ''} import"
    line = f"{head} {', '.join(names)}"
    if len(line) <= WIDEST_IMPORT:
        return line
    return "\n".join([f"{head} (", *(f"    {name}," for name in names), ")"])


WIDEST_IMPORT = 88
"""Characters, as a block of code shows them without scrolling."""


def difference(before: str, after: str) -> None:
    """Write what the file *after* has beyond *before*, with a line of context, as a block."""
    texts = [(ROOT / path).read_text("utf-8").splitlines() for path in (before, after)]
    _, _, *lines = difflib.unified_diff(*texts, n=1, lineterm="")
    # Where a part stands in the file, its lines say.
    parts = ["" if line.startswith("@@") else line for line in lines]
    cog.outl("\n```diff\n" + "\n".join(parts).strip("\n") + "\n```\n")


def part(name: str) -> None:
    """Write the text that several pages share: how-to/parts/NAME.md."""
    text = (ROOT / "docs" / "how-to" / "parts" / f"{name}.md").read_text("utf-8")
    text = re.sub(r"(?m)^ *<!-- \[\[\[(?:.|\n)*?-->\n\n?", "", text)
    text = text.replace("```python\n", "```py\n")
    cog.outl("\n" + text.strip("\n") + "\n")


def section(path: str, heading: str, page: str) -> None:
    """Write what stands below *heading* of the README at *path*, with links for *page*."""
    text = text_of(ROOT / path, page)
    level = heading.split(maxsplit=1)[0]
    _, _, rest = text.partition(f"\n{heading}\n")
    body = re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    body = body.replace("```bash\n", "```sh\n")  # the tests run the README's
    cog.outl("\n" + body.strip("\n") + "\n")


COMMON = ("data", "store", "config")
"""Options of nearly every command, which are explained once."""


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield each command below *command* with its whole name."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from walk(subcommand, f"{path} {name}")
    else:
        yield path, command


def commands() -> str:
    """Return a section for each command of `counterseal`: its arguments, text and options."""
    from counterseal_server.cli import main  # noqa: PLC0415 (cog alone needs it)

    found = dict(walk(main, "counterseal"))
    lines = ["", "## Options of most commands", ""]
    serve = found["counterseal serve"].params
    lines += [option_line(each) for each in serve if each.name in COMMON]
    group = ""
    for path, command in found.items():
        words = path.split()
        heading = words[1] if len(words) > 2 else "Commands"  # noqa: PLR2004
        if heading != group:
            lines += ["", f"## {heading}"]
            group = heading
        lines += ["", f"### `{path}`", "", "```text", usage(path, command), "```", ""]
        lines += [paragraphs(command.help or "")]
        parameters = command.get_params(click.Context(command))
        own = [each for each in parameters if each.name not in COMMON and "--help" not in each.opts]
        options = [
            option_line(each) for each in own if isinstance(each, click.Option) and not each.hidden
        ]
        lines += ["", *options] if options else []
    return "\n".join(lines) + "\n"


def editable(kind: type[Any]) -> str:
    """Return a table of what `OriginChanges` or the like edits: members, options and meanings."""
    from counterseal_server.commands.admin.edits import option_of  # noqa: PLC0415 (cog alone needs it)

    lines = ["", "| member | option | meaning |", "|---|---|---|"]
    for member in models.editable_members(kind).values():
        cleared = f" Cleared: {member.cleared}." if member.cleared else ""
        options = option_of(member).replace("/", "`, `")
        lines.append(f"| `{member.wire}` | `{options}` | {member.help}{cleared} |")
    return "\n".join([*lines, ""])


def usage(path: str, command: click.Command) -> str:
    """Return the line that says how *command* is called."""
    context = click.Context(command, info_name=path)
    return " ".join([path, *command.collect_usage_pieces(context)])


def paragraphs(text: str) -> str:
    """Return the help text *text* with one line for each paragraph."""
    parts = re.split(r"\n\s*\n", text.replace("\b", "").strip())
    return "\n\n".join(" ".join(each.split()) for each in parts).replace("<", "&lt;")


def option_line(option: click.Parameter) -> str:
    """Return *option* as an item of a list."""
    record = option.get_help_record(click.Context(click.Command("x")))
    assert record is not None
    names, text = record
    return f"- `{names}`: {' '.join(text.split())}"
