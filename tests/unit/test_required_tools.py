"""COUNTERSEAL_REQUIRE: a test that is skipped since a listed tool is absent fails instead."""

import os
import subprocess
import sys

import pytest

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
