"""
Mutation testing of everything that decides: `nox -s mutants`.

mutmut changes one thing at a time in decisions, `_capabilities`, rules, documents, `wire`,
`machines`, `keys` and `invariants`, and a mutant that no test notices stays alive. This script runs
it on a copy of the source and of the tests, and compares the mutants that stay alive with
`accepted.toml`: one that is not listed there fails the run, and so does a listed one that is not
alive.

A mutant is known by its function and by what was changed in it, not by mutmut's number, which
moves with every edit. What needs no line in the list is in `mutations.excused`, and meets no test.

Arguments name the mutants to look at, as for mutmut itself:
`nox -s mutants -- 'counterseal.challenges.decisions.answers.*'`. `mutmut show` shows one in the
copy, `.mutants`. With arguments, it changes only the modules that they may name, and a mutant meets
the tests of its folder and its subject; one that stays alive then meets all. One that is listed
meets none.

`nox -s mutants -- --matrix PATTERN…` asks which tests notice what: at most three mutants of each
function meet the tests of its folder and its subject that call it, each in at most three cases, and
no races. It prints the tests that alone noticed a mutant, and those that noticed none. Use cases
have mutants here only. The first have the mark `alone` (see CONTRIBUTING).

What mutmut does not change: constants and other lines outside functions, charts among them
(`tests/unit/machines/test_agrees_with_engine.py` plants its own faults in these), and defaults
that are no literals.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Container
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import forks
import mutations
from mutmut.stats import status_by_exit_code

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TREE = ROOT / ".mutants"

COPIED = ("pyproject.toml", "src", "tests")
SELECTION = "pytest_add_cli_args_test_selection"
KILLED = {"killed", "timeout"}
ALIVE = {"survived", "no tests"}


FIRST = "counterseal.accounts.rules.x_in_force__mutmut_1"
FIRST_PATH = "src/counterseal/accounts/rules.py"
"""mutmut makes all mutants and learns which tests call what, and runs no fewer mutants than one."""


MATRIX = "--matrix"

USE_CASES = "src/counterseal/*/usecases*"
"""Only the matrix changes them: they decide nothing, and tests inspect them."""


def main(patterns: list[str]) -> int:
    """Make the mutants, run the tests against them, and compare; return the exit code."""
    listed = mutations.accepted(HERE / "accepted.toml")
    if patterns[:1] == [MATRIX]:
        show_matrix(patterns[1:], listed)
        return 0
    mutants = meet(patterns, listed, near=bool(patterns))
    if patterns:
        doubtful = [mutant.name for mutant in mutants if fate(mutant) in ALIVE]
        if doubtful:
            print(f"{len(doubtful)} outlive the tests near them, and meet all")
        after = {mutant.name: mutant for mutant in meet(doubtful, listed)} if doubtful else {}
        mutants = [after.get(mutant.name, mutant) for mutant in mutants]
    counted = Counter(map(fate, mutants)).most_common()
    print(f"\n{len(mutants)} mutants:", ", ".join(f"{count} {name}" for name, count in counted))

    survivors = [mutant for mutant in mutants if fate(mutant) in ALIVE]
    changes = {mutant.change for mutant in survivors}
    wrong = {
        "No verdict": [mutant for mutant in mutants if fate(mutant) not in KILLED | ALIVE],
        "Alive and not listed": [mutant for mutant in survivors if mutant.change not in listed],
        # A run over a part says nothing about the others.
        "Listed and not alive": [
            change for change in listed if change not in changes and not patterns
        ],
    }
    for title, mutants_ in wrong.items():
        if mutants_:
            print(f"\n{title}:\n", *mutants_, sep="\n")
    return 1 if any(wrong.values()) else 0


def show_matrix(patterns: list[str], listed: Container[mutations.Change]) -> None:
    """Print which tests alone notice a mutant that *patterns* name, and which notice none."""
    killers = TREE / "killers"
    mutants = meet(patterns, listed, near=True, killers=killers)
    matrix = mutations.matrix_of(path.read_text("utf-8") for path in killers.iterdir())
    alive = [mutant for mutant in mutants if fate(mutant) in ALIVE]
    print(f"\n{len(mutants)} mutants met {len(matrix.noticed)} tests")
    for title, tests in {
        "Alone notice a mutant": {test: count for test, count in matrix.alone.items() if count},
        "Notice none": {test: 0 for test, count in matrix.noticed.items() if not count},
    }.items():
        print(f"\n{title}: {len(tests)}", *(f"{n:4} {test}" for test, n in tests.items()), sep="\n")
    print("\nAlive:", *alive, sep="\n")


def meet(
    patterns: list[str],
    listed: Container[mutations.Change],
    *,
    near: bool = False,
    killers: Path | None = None,
) -> list[mutations.Mutant]:
    """
    Run tests against the mutants that *patterns* name, and return these.

    Those that are excused are left out, and with patterns those that are *listed*; with *near*,
    only the tests of their folders and subjects run. With a folder *killers*, at most three of a
    function meet each test in a few cases, and the folder gets what failed.
    """
    copy()
    if patterns:
        more = [] if killers is None else [USE_CASES]
        restrict(patterns, near=near, more=more)
    mutmut("run", FIRST)
    names = {
        mutant.name
        for mutant in mutations.mutants(TREE, patterns)
        if not mutations.excused(mutant) and not (patterns and mutant.change in listed)
    }
    if killers is not None:
        names = mutations.few_of_each(names)
        killers.mkdir()
    print(f"{len(names)} meet tests; the others are excused, or listed")
    run_forks(names, killers)
    return [mutant for mutant in mutations.mutants(TREE, patterns) if mutant.name in names]


def restrict(patterns: list[str], *, near: bool, more: list[str]) -> None:
    """
    Let mutmut change the modules that *patterns* may name, and no other of the copy.

    *more* are globs of modules that it may change besides those of `pyproject.toml`.

    With *near*, run only the tests in folders of their nouns, and of their subjects, if there are
    any.
    """
    settings = read_settings()
    paths = [
        str(path.relative_to(TREE)) for path in sorted((TREE / "src" / "counterseal").rglob("*.py"))
    ]
    mutable = [
        path
        for path in paths
        if any(fnmatch(path, glob) for glob in [*settings["only_mutate"], *more])
    ]
    chosen = mutations.named_modules(mutable, patterns)
    if not chosen:
        sys.exit(f"nothing that decides is in a module that has a name like {' '.join(patterns)}")
    lists = {"only_mutate": [*chosen, FIRST_PATH]}
    if near:
        selected = settings[SELECTION]
        subjects = {subject for path in chosen for subject in forks.subjects_of(Path(path))}
        # `src/counterseal/challenges/…`, or `src/counterseal/machines.py`
        folders = {Path(path).parts[2].removesuffix(".py") for path in chosen}
        tests = [
            str(path.relative_to(TREE))
            for path_in_tree in selected
            if not path_in_tree.startswith("-")
            for path in test_files(TREE / path_in_tree)
            if path.parent.name in folders
            or any(path.name.startswith(f"test_{subject}") for subject in subjects)
        ]
        if tests:
            lists[SELECTION] = tests + [
                path_in_tree for path_in_tree in selected if path_in_tree.startswith("-")
            ]
    pyproject = TREE / "pyproject.toml"
    pyproject.write_text(mutations.restricted(pyproject.read_text("utf-8"), lists), "utf-8")


def test_files(path_in_tree: Path) -> list[Path]:
    """Return the files of tests in *path_in_tree*, or *path_in_tree* itself."""
    return sorted(path_in_tree.rglob("test_*.py")) if path_in_tree.is_dir() else [path_in_tree]


def read_settings() -> dict[str, Any]:
    """Return what the copy's `pyproject.toml` says to mutmut."""
    settings: dict[str, Any] = tomllib.loads((TREE / "pyproject.toml").read_text("utf-8"))
    return settings["tool"]["mutmut"]


def copy() -> None:
    """Make a fresh copy, without the decorators that mutmut would skip."""
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, TREE / name, ignore=ignore)
        else:
            shutil.copy2(ROOT / name, TREE / name)
    for path in TREE.glob("src/**/*.py"):
        path.write_text(mutations.undecorated(path.read_text("utf-8")), "utf-8")


def mutmut(*arguments: str) -> None:
    """Run mutmut in the copy; only a terminal gets its spinner."""
    # The order of a set decides which test meets a mutant first: the same one in every run.
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    log = None if sys.stdout.isatty() else (TREE / "mutmut.log").open("a")
    program = str(Path(sys.executable).with_name("mutmut"))
    ran = subprocess.run([program, *arguments], cwd=TREE, env=environment, stdout=log, check=False)
    if ran.returncode:
        # It prints what pytest said only with `debug`.
        sys.exit(f"mutmut failed; run it in {TREE} with `debug = true` in pyproject.toml there")


def run_forks(names: set[str], killers: Path | None) -> None:
    """Run the mutants that have *names*; see `forks.py`."""
    settings = read_settings()
    path = TREE / "names.txt"
    path.write_text("\n".join(sorted(names)), "utf-8")
    subprocess.run(
        [
            *(sys.executable, HERE / "forks.py", path, killers or "-", "--"),
            *settings["pytest_add_cli_args"],
            *settings[SELECTION],
        ],
        cwd=TREE / "mutants",
        env=os.environ | {"PYTHONHASHSEED": "0"},
        check=True,
    )


def fate(mutant: mutations.Mutant) -> str:
    """Return the status of a mutant, as mutmut calls it."""
    return status_by_exit_code[mutant.code]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
