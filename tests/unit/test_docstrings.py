"""Docstrings of the core and of the kit name arguments and attributes that exist."""

import ast
import re
from pathlib import Path

import pytest

import counterseal

pytestmark = pytest.mark.one_python

ROOT = Path(counterseal.__file__).parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ENTRY = re.compile(r"^    \*{0,2}(\w+): ", re.MULTILINE)
ITALICS = re.compile(r"(?<!\*)\*(\w+)\*(?!\*)")


def entries(node, section):
    """Return the names that a section of the docstring of *node* lists."""
    docstring = ast.get_docstring(node) or ""
    _, _, after = docstring.partition(f"{section}:\n")
    return ENTRY.findall(after.split("\n\n")[0])


def parameters(function):
    arguments = function.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    others = (arguments.vararg, arguments.kwarg)
    return {one.arg for one in (*every, *filter(None, others))}


def attributes(node):
    """Return what the body of a class and the methods of it assign or define."""
    names = {one.name for one in node.body if isinstance(one, FUNCTIONS)}
    for one in ast.walk(node):
        if isinstance(one, ast.Name | ast.Attribute) and isinstance(one.ctx, ast.Store):
            names.add(one.id if isinstance(one, ast.Name) else one.attr)
    return names


def unknown_names(tree):
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            names, sections = parameters(node), ("Args",)
            if "changes" in names:
                names |= {"old", "new"}  # of each change
        elif isinstance(node, ast.ClassDef):
            names, sections = attributes(node), ("Args", "Attributes")
            for method in node.body:
                if isinstance(method, FUNCTIONS) and method.name == "__init__":
                    names |= parameters(method)
        else:
            continue
        italics = ITALICS.findall(ast.get_docstring(node) or "") if sections == ("Args",) else []
        for name in (*italics, *(name for each in sections for name in entries(node, each))):
            if name not in names:
                yield f"{node.name}: {name}"


@pytest.mark.parametrize(
    "module", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_argument_and_attribute_of_a_docstring_exists(module):
    assert list(unknown_names(ast.parse(module.read_text()))) == []


@pytest.mark.parametrize(
    "docstring", ["Pay.\n\n    Args:\n        total: Euros.\n    ", "Pay *total*."]
)
def test_a_stale_argument_is_found(docstring):
    source = f'def pay(amount):\n    """{docstring}"""\n'

    assert list(unknown_names(ast.parse(source))) == ["pay: total"]
