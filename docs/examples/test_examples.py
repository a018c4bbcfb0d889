"""Run every example file beside this one as a program."""

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OTHERS = ("test_", "conftest", "receive")
"""Tests, and a server that runs until it is stopped: the tests of counterseal-server run it."""

EXAMPLES = sorted(path for path in HERE.glob("*.py") if not path.name.startswith(OTHERS))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, monkeypatch, tmp_path):
    # In a directory of its own: what an example writes is not part of the tree.
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
