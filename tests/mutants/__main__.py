"""
Mutation testing of everything that decides: `nox -s mutants`.

mutmut changes one thing at a time in `_decisions`, `rules`, `wire`, `machines`, `keys` and
`invariants`, and a mutant that no test notices stays alive. This script runs it on a copy of the
source and of the tests, and compares the mutants that stay alive with `accepted.toml`: one that is
not listed there fails the run, and so does a listed one that is not alive.

A mutant is known by its function and by what was changed in it, not by mutmut's number, which
moves with every edit. What needs no line in the list is in `mutations.excused`.

Arguments name the mutants to look at, as for mutmut itself:
`nox -s mutants -- 'counterseal._decisions.endings.*'`. `mutmut show` shows one in the copy,
`.mutants`.

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
from pathlib import Path

import mutations
from mutmut.stats import status_by_exit_code

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TREE = ROOT / ".mutants"

COPIED = ("conftest.py", "pyproject.toml", "src", "tests")
KILLED = {"killed", "timeout"}
ALIVE = {"survived", "no tests"}


FIRST = "counterseal.rules.standing.x_in_force__mutmut_1"
"""mutmut makes all mutants and learns which tests call what, and runs no fewer mutants than one."""


def main(patterns: list[str]) -> int:
    """Make the mutants, run the tests against them, and compare; return the exit code."""
    copy()
    mutmut("run", FIRST)
    forks(patterns)
    mutants = mutations.mutants(TREE, patterns)
    counted = Counter(map(fate, mutants)).most_common()
    print(f"\n{len(mutants)} mutants:", ", ".join(f"{count} {name}" for name, count in counted))

    listed = mutations.accepted(HERE / "accepted.toml")
    alive = [mutant for mutant in mutants if fate(mutant) in ALIVE]
    survivors = [mutant for mutant in alive if not mutations.excused(mutant)]
    print(
        f"{len(alive)} alive: {len(alive) - len(survivors)} excused, {len(survivors)} to be listed"
    )
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


def forks(patterns: list[str]) -> None:
    """Run the mutants that a pattern names, or all; see `forks.py`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    subprocess.run(
        [
            *(sys.executable, HERE / "forks.py", *(patterns or ["*"]), "--"),
            *settings["pytest_add_cli_args"],
            *settings["pytest_add_cli_args_test_selection"],
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
