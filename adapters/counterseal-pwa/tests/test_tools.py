"""Types and style of the sources, by the tools of the packages for npm."""

import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1]
ADAPTERS = FOLDER.parent
DEMO = ADAPTERS / "counterseal-demo"
TSC = "tsc/bin/tsc"
ESLINT = "eslint/bin/eslint.js"
SCRIPTS = (
    "counterseal-demo/src/counterseal_demo/web_demo/static",
    "counterseal-portal/src/counterseal_portal/static",
    "counterseal-pwa/src/counterseal_pwa/static",
    "counterseal-pwa/tests/node",
)
"""What one run of the linter looks at, by the rules of each folder: it takes long to start."""

TOOLS = {
    "types": (FOLDER, TSC, "--project", "tsconfig.json"),
    "types of the worker": (FOLDER, TSC, "--project", "tsconfig.worker.json"),
    "types of the demo": (DEMO, TSC, "--project", "tsconfig.json"),
    "style": (ADAPTERS, ESLINT, *SCRIPTS),
}
"""The folder, the tool and its arguments; the demo frames the app, and imports from it."""


@pytest.mark.parametrize("name", TOOLS)
def test_the_sources_are_clean(node, javascript_tools, name):
    folder, tool, *arguments = TOOLS[name]
    command = [node / "bin" / "node", javascript_tools / tool, *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_the_service_workers_files_in_node(node):
    """Where a full disk, a broken cache and a network that hangs can be had."""
    tests = [str(path) for path in (FOLDER / "tests").glob("*.test.js")]
    command = [node / "bin" / "node", "--test", *tests]
    ended = subprocess.run(command, cwd=FOLDER, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
