"""Types and style of the scripts, by the tools of the packages for npm."""

import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1]
TOOLS = {
    "types": ("tsc/bin/tsc", "--project", "tsconfig.json"),
    "style": ("eslint/bin/eslint.js", "src/counterseal_portal/static"),
}


@pytest.mark.parametrize("name", TOOLS)
def test_the_scripts_are_clean(node, javascript_tools, name):
    tool, *arguments = TOOLS[name]
    command = [node / "bin" / "node", javascript_tools / tool, *arguments]
    ended = subprocess.run(command, cwd=FOLDER, capture_output=True, encoding="utf-8", check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
