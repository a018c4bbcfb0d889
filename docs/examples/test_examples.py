"""Run every example file beside this one as a program."""

import runpy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OTHERS = ("test_", "conftest", "receive", "running_shop", "shop_with_heartbeat")
"""Tests, and servers that run until they are stopped: tests run them."""

EXAMPLES = sorted(path for path in HERE.glob("*.py") if not path.name.startswith(OTHERS))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, monkeypatch, tmp_path):
    # In a directory of its own: what an example writes is not part of the tree.
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(example), run_name="__main__")
