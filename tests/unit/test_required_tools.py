"""COUNTERSEAL_REQUIRE: a test that is skipped since a listed tool is absent fails instead."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_workspace import REQUIRABLE

SKIPPED = {
    "test": 'import pytest\ndef test_it():\n    pytest.skip("no ntfy: install it")\n',
    "other": 'import pytest\ndef test_it():\n    pytest.skip("no strace: install it")\n',
    "mark": (
        'import pytest\n@pytest.mark.skipif(True, reason="no ntfy: install it")\n'
        "def test_it():\n    pass\n"
    ),
    "fixture": (
        "import pytest\n@pytest.fixture\ndef tool():\n"
        '    pytest.skip("no ntfy: install it")\ndef test_it(tool):\n    pass\n'
    ),
    "file": 'import pytest\npytest.importorskip("nothing_of_it", reason="no ntfy: install it")\n',
}


@pytest.fixture
def outcome(tmp_path):
    """Return a function that runs tests, and returns the status and what is printed."""
    for name, source in SKIPPED.items():
        (tmp_path / f"test_{name}.py").write_text(source, "utf-8")

    def run(required):
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith("PYTEST")
        }
        environment.pop("REQUIRED_TOOLS", None)
        environment["COUNTERSEAL_REQUIRE"] = required
        options = ("-p", "no:cacheprovider", "-q", "--continue-on-collection-errors")
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *options, tmp_path],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return ended.returncode, ended.stdout + ended.stderr

    return run


def test_what_is_required_and_absent_fails_and_the_rest_is_skipped(outcome):
    status, output = outcome("chromium,ntfy")
    assert status == 1
    assert "1 failed, 1 skipped, 3 errors" in output
    assert "required, but Skipped: no ntfy: install it" in output


def test_an_unknown_tool_is_refused(outcome):
    status, output = outcome("chromum")
    assert status == 4
    assert "COUNTERSEAL_REQUIRE: unknown: chromum" in output


ROOT = Path(__file__).parents[2]
TESTS = [
    path
    for pattern in ("tests", "adapters/*/tests", "docs", ".github/release/tests")
    for folder in ROOT.glob(pattern)
    for path in folder.rglob("*.py")
    if "node_modules" not in path.parts
]
CALLS = {"skip": 0, "importorskip": 0, "skipif": None}
"""Which argument is the reason, where it is not named."""
ABSENT = re.compile(r"no ([a-z0-9-]+):")

OTHERS = {
    # What an environment leaves out on purpose: each is a test of other sessions.
    "counterseal_oidc",
    "counterseal_server.cli",
    "furo",
    "mmdr",
    "no adapter of providers",
    "no counterseal serve",
    "no guarded client",
    "no provider for trials",
    'nox -s "heavy(browser-full)"',
    "sphinx",
    "there is a release",
    "with BROWSER_FULL only",
    "with EVERY_FACE only",
    "with EVERY_SERVER only",
    # What a machine or an interpreter has or has not.
    "filters are of Linux",
    "it reads /proc",
    "pty",
    "the system has no full device",
    "this is no clone",
    "this machine has no ::1",
    "this machine lets a process open ",
    "tracemalloc",
    # What a variant of a test cannot show.
    "Django's handler for ASGI stores a whole body, whatever its length",
    "before 7.2, WAIT waits for the writes of others too",
    "over a socket the server notices it with the next piece, and not before",
    "over a socket, the server reads the length: see its own tests",
}


def reasons(path):
    """Return the reason of each skip in a file, or how it begins."""
    source = path.read_text("utf-8")
    if "skip" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in CALLS or not ast.unparse(node.func).startswith("pytest."):
            continue
        given_reasons = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
        reason = (given_reasons or node.args)[0]
        if isinstance(reason, ast.JoinedStr):
            reason = reason.values[0]
        assert isinstance(reason, ast.Constant), f"{path}:{node.lineno}: no text"
        yield reason.value


def test_each_skip_names_what_is_missing():
    skip_reasons = {reason for path in TESTS for reason in reasons(path)}
    programs = {match[1] for match in map(ABSENT.match, skip_reasons) if match}
    assert programs == REQUIRABLE
    assert {reason for reason in skip_reasons if ABSENT.match(reason) is None} == OTHERS
