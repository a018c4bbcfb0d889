"""
Decisions read straight down: what waits for the store or a signature is awaited where it is needed.

Counted in decisions and use cases, from their source. A continuation is what is called later
with what was read: an argument of `then`, or a lambda, but for one that is a `payload`, which gets
the issuer and decides nothing.
"""

import ast

import pytest
from folders import SOURCE, paths_of
from trees import tree_of

pytestmark = pytest.mark.one_python

LAMBDAS_LIMIT = 40


def trees():
    shared = [SOURCE / f"{name}.py" for name in ("_plan", "_idempotency", "_guid_memory")]
    paths = [*paths_of("decisions"), *paths_of("usecases"), *shared]
    return {path.relative_to(SOURCE).as_posix(): tree_of(path.read_text("utf-8")) for path in paths}


def is_then(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "then"
    )


def count_lambdas(tree):
    return sum(isinstance(node, ast.Lambda) for node in ast.walk(tree))


def continuations(tree):
    """Return what is called later, as nodes."""
    payloads = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "payload"
    }
    for node in ast.walk(tree):
        if is_then(node):
            yield from node.args
        elif isinstance(node, ast.Lambda) and id(node) not in payloads:
            yield node.body


def called_by_continuations_only(files):
    """Return the functions that *files* define and mention in continuations alone."""
    functions, inside, elsewhere = set(), set(), set()
    for tree in files.values():
        later = {id(node) for root in continuations(tree) for node in ast.walk(root)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                (inside if id(node) in later else elsewhere).add(name)
    return functions & inside - elsewhere


def test_nothing_continues_by_then():
    assert [file for file, tree in trees().items() if any(map(is_then, ast.walk(tree)))] == []


def test_no_function_is_called_by_a_continuation_alone():
    assert called_by_continuations_only(trees()) == set()


def test_there_are_few_lambdas():
    assert 0 < sum(map(count_lambdas, trees().values())) <= LAMBDAS_LIMIT


@pytest.mark.parametrize(
    ("source", "functions"),
    [
        ("def f(): ...\ndef g(): return read().then(f)", {"f"}),
        ("def f(): ...\ndef g(): return read().then(lambda stored, _: f(stored))", {"f"}),
        ("async def f(): ...\nrun(lambda stored: f(stored))", {"f"}),
        ("def f(): ...\ndef g(): f()\nread().then(f)", set()),
        ("def f(): ...\nSigning(payload=lambda issuer: f(issuer))", set()),
    ],
)
def test_a_planted_continuation_is_found(source, functions):
    assert called_by_continuations_only({"planted.py": ast.parse(source)}) == functions
