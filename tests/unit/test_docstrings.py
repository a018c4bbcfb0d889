"""Docstrings name arguments, attributes and errors that exist."""

import ast
import builtins
import re
from functools import cache
from pathlib import Path

import pytest
from trees import tree_of

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
MODULES = sorted([*ROOT.glob("src/**/*.py"), *ROOT.glob("adapters/*/src/**/*.py")])
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


def identifiers(tree):
    """Yield every name that is defined, imported or read in *tree*."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.alias(name=name):
                yield name.rpartition(".")[2]


@cache
def all_error_names():
    return {
        *dir(builtins),
        *(name for module in MODULES for name in identifiers(tree_of(module.read_text("utf-8")))),
    }


def unknown_errors(tree, error_names):
    for node in ast.walk(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            unknown = (name for name in entries(node, "Raises") if name not in error_names)
            yield from (f"{node.name}: {name}" for name in unknown)


def test_every_argument_and_attribute_of_a_docstring_exists():
    unknown = {
        module.relative_to(ROOT).as_posix(): list(unknown_names(tree_of(module.read_text("utf-8"))))
        for module in MODULES
    }
    assert {module: names for module, names in unknown.items() if names} == {}


def test_every_error_of_a_docstring_exists():
    unknown = {
        module.relative_to(ROOT).as_posix(): list(
            unknown_errors(tree_of(module.read_text("utf-8")), all_error_names())
        )
        for module in MODULES
    }
    assert {module: names for module, names in unknown.items() if names} == {}


def test_a_stale_error_is_found():
    source = 'def pay():\n    """Pay.\n\n    Raises:\n        NoSuchError: Never.\n    """\n'

    assert list(unknown_errors(ast.parse(source), all_error_names())) == ["pay: NoSuchError"]


@pytest.mark.parametrize(
    "docstring", ["Pay.\n\n    Args:\n        total: Euros.\n    ", "Pay *total*."]
)
def test_a_stale_argument_is_found(docstring):
    source = f'def pay(amount):\n    """{docstring}"""\n'

    assert list(unknown_names(ast.parse(source))) == ["pay: total"]
