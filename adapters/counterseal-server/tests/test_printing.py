"""Printing: no text of a service, a database or a file reaches the terminal as it is."""

import ast
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import counterseal_demo
import counterseal_server
from counterseal_server.effective import _quoted
from counterseal_server.printing import json_text

SOURCES = [Path(package.__file__).parent for package in (counterseal_demo, counterseal_server)]
PRINTERS = {"printing.py", "screen.py", "plainly.py"}
"""Modules whose functions write to the terminal; all else goes through them."""

READS = {"encoding", "isatty"}


def terminal_writes(tree):
    """Find what writes to the terminal: `print`, click's functions, and the streams' methods."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="click"), attr="echo" | "secho"):
                yield node.lineno
            case ast.Attribute(
                value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr")
            ) if node.attr not in READS:
                yield node.lineno


@pytest.mark.parametrize(
    "module",
    sorted(module for source in SOURCES for module in source.rglob("*.py")),
    ids=lambda path: "/".join(path.parts[-3:]),
)
def test_nothing_else_writes_to_the_terminal(module):
    if module.name not in PRINTERS:
        assert list(terminal_writes(ast.parse(module.read_text("utf-8")))) == []


def test_what_would_write_is_found():
    planted = (
        "import click, sys\nclick.echo(1)\nprint(2)\nsys.stdout.write('')\nsys.stdout.encoding"
    )
    assert sorted(terminal_writes(ast.parse(planted))) == [2, 3, 4]


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_is_printed_in_ascii_without_control_characters(document):
    text = json_text(document)

    assert json.loads(text) == document
    assert all(" " <= character <= "~" or character == "\n" for character in text)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_setting_is_printed_without_what_cannot_be_seen(value):
    text = _quoted(value)

    assert tomllib.loads(f"a = {text}") == {"a": value}
    assert text.isprintable()
