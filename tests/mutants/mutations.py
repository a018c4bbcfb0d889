"""Mutants: how they are read and excused, and the source without what hides it from mutmut."""

from __future__ import annotations

import ast
import difflib
import fnmatch
import inspect
import json
import re
import textwrap
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import attrs

from counterseal import errors

TEXTS = {"detail", "problem"}
"""The parameters of our errors that are for logs; fields, reasons and numbers are not."""

HELPERS = {"_require": 1}
"""A function that raises for its callers, and which argument is the text."""

CODING = {"encode", "decode"}
"""Methods whose argument is the name of a codec, in which case does not count."""


@attrs.frozen
class Change:
    """
    What was changed, in a form that outlives mutmut's numbers.

    Attributes:
        function: `counterseal.package.module.function`, or `….Class.method`.
        diff: The lines that went, each with a `-`, and those that came, with a `+`.
    """

    function: str
    diff: str

    def __str__(self) -> str:
        return f"{self.function}\n{self.diff}\n"


@attrs.frozen
class Mutant:
    """One mutant, mutmut's exit code for it, and the function before and after."""

    name: str
    code: int | None
    change: Change
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name}\n{self.change}"


@attrs.frozen
class Matrix:
    """
    Which tests noticed mutants.

    Attributes:
        noticed: Of each test that met mutants, how many it noticed.
        alone: Of each test, how many no other test noticed.
    """

    noticed: Mapping[str, int]
    alone: Mapping[str, int]


def mutants(tree: Path, patterns: list[str]) -> list[Mutant]:
    """Read what mutmut left in *tree*, of those mutants that a pattern names, or of all."""
    mutants_ = []
    for meta in sorted(tree.glob("mutants/src/**/*.meta")):
        codes = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        functions = _functions(meta.with_suffix("").read_text("utf-8")) if codes else {}
        for name, code in codes.items():
            if not patterns or any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
                mutants_.append(_mutant(name, code, functions))
    return mutants_


def accepted(path: Path) -> dict[Change, str]:
    """Read the list: each change with its reason."""
    listed: dict[Change, str] = {}
    for entry in tomllib.loads(path.read_text("utf-8"))["alive"]:
        for diff in _diffs(entry["diff"]):
            change = Change(entry["function"], diff)
            assert change not in listed, f"listed twice: {change}"
            assert entry["why"].strip(), f"no reason: {change}"
            listed[change] = entry["why"]
    return listed


def few_of_each(names: Iterable[str]) -> set[str]:
    """Return at most three of the mutants of each function: the first, the last, one between."""
    by_function: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names, key=lambda name: int(name.rpartition("_")[2])):
        by_function[name.rpartition("__mutmut_")[0]].append(name)
    return {
        group[index]
        for group in by_function.values()
        for index in (0, len(group) // 2, len(group) - 1)
    }


def matrix_of(reports: Iterable[str]) -> Matrix:
    """
    Return which tests noticed mutants, by the names of their functions.

    Args:
        reports: Of each mutant, lines with 1 or 0, for failed or passed, and the id of a test.
    """
    noticed: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for report in reports:
        killers = set()
        for line in report.splitlines():
            failed, _, test = line.partition(" ")
            function = test.partition("[")[0]
            noticed[function] += 0
            killers |= {function} if failed == "1" else set()
        noticed.update(killers)
        alone.update(killers if len(killers) == 1 else ())
    return Matrix(dict(sorted(noticed.items())), dict(sorted(alone.items())))


def named_modules(paths: list[str], patterns: list[str]) -> list[str]:
    """Return those of *paths*, as `src/counterseal/ijson.py`, whose mutants *patterns* may name."""
    stems = [re.split(r"[*?[]", pattern, maxsplit=1)[0] for pattern in patterns]
    # mutmut's names of functions begin with `x`.
    beginnings = {path: f"{module_of(path)}.x" for path in paths}
    return [
        path
        for path, begin in beginnings.items()
        if any(begin.startswith(stem) or stem.startswith(begin) for stem in stems)
    ]


def module_of(path: str) -> str:
    """Return the name of the module in *path*, which begins with `src/`."""
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def restricted(settings: str, lists: dict[str, list[str]]) -> str:
    """Return the TOML document *settings* with other values for some of its lists."""
    for name, values in lists.items():
        old = re.search(rf"^{name} = \[.*?^\]$", settings, re.DOTALL | re.MULTILINE)
        assert old, name
        settings = settings.replace(old[0], f"{name} = {json.dumps(values)}")
    return settings


def excused(mutant: Mutant) -> bool:
    """
    Tell whether a mutant differs in nothing but what is no promise, or in no way at all.

    That is the text of one of our errors (what binds to `detail` or `problem` of the class that is
    raised), or the case of a codec's name. Both functions have to be the same once these are
    struck out; a text may have become None.
    """
    return _struck(mutant.before) == _struck(mutant.after)


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def undecorated(source: str) -> str:
    """
    Return *source* with no decorator that mutmut would skip.

    A cache is removed, because it hides which tests reach the function behind it; a property is
    made below its function, under the same name.
    """
    lines = source.splitlines(keepends=True)
    below: dict[int, str] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, FUNCTIONS) or len(node.decorator_list) != 1:
            continue
        decorator = node.decorator_list[0]
        text = ast.unparse(decorator)
        if text == "property":
            indent = " " * node.col_offset
            below[node.end_lineno or 0] = f"{indent}{node.name} = property({node.name})\n"
        if text == "property" or text.startswith("lru_cache("):
            lines[decorator.lineno - 1] = ""
    return "".join(line + below.get(number, "") for number, line in enumerate(lines, 1))


def _functions(source: str) -> dict[str, str]:
    """Every function of a module and of its classes, by its mangled, and so unique, name."""
    functions = {}
    lines = source.splitlines(keepends=True)
    for node in ast.parse(source).body:
        for function in [node, *(node.body if isinstance(node, ast.ClassDef) else [])]:
            if isinstance(function, FUNCTIONS):
                text = "".join(lines[function.lineno - 1 : function.end_lineno])
                functions[function.name] = textwrap.dedent(text)
    return functions


def _mutant(name: str, code: int | None, functions: dict[str, str]) -> Mutant:
    module, _, mangled = name.rpartition(".")
    stem, _, _ = mangled.rpartition("__mutmut_")
    names = stem.removeprefix("x_").removeprefix("xǁ").split("ǁ")
    before, after = (
        functions[long].replace(f"def {long}(", f"def {names[-1]}(", 1)
        for long in (f"{stem}__mutmut_orig", mangled)
    )
    changed = [
        f"{line[0]} {line[1:].strip()}"
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    change = Change(f"{module}.{'.'.join(names)}", "\n".join(changed))
    return Mutant(name, code, change, before, after)


def _diffs(text: str) -> Iterator[str]:
    """Divide several diffs, which an empty line parts."""
    for block in text.strip().split("\n\n"):
        yield "\n".join(line.strip() for line in block.splitlines())


def _struck(function: str) -> str:
    """Return the function without what is excused."""
    tree = ast.parse(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            _strike(node.exc, _text_of_an_error(node.exc))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            _strike(node, HELPERS.get(node.func.id))
        elif isinstance(node, ast.Call) and isinstance(codec := _codec(node), str):
            node.args[0] = ast.Constant(codec.lower())
    return ast.dump(tree)


def _text_of_an_error(call: ast.Call) -> int | None:
    """Tell which argument is the text of the error that is raised."""
    kind = getattr(errors, call.func.id, None) if isinstance(call.func, ast.Name) else None
    names = list(inspect.signature(kind).parameters) if kind else []
    return next((index for index, name in enumerate(names) if name in TEXTS), None)


def _strike(call: ast.Call, index: int | None) -> None:
    if index is None or index > len(call.args):
        return
    if index == len(call.args):
        # The text is left out.
        call.args.append(ast.Constant(""))
    text = call.args[index]
    is_text = isinstance(text, ast.Constant) and isinstance(text.value, str | None)
    # A state, say, that is named in the log.
    if is_text or isinstance(text, ast.JoinedStr | ast.Attribute):
        call.args[index] = ast.Constant("")


def _codec(call: ast.Call) -> object:
    """Return the codec that a text is written or read in, if it is named."""
    is_codec = isinstance(call.func, ast.Attribute) and call.func.attr in CODING
    lone = len(call.args) == 1 and not call.keywords
    return (
        call.args[0].value if is_codec and lone and isinstance(call.args[0], ast.Constant) else None
    )
