"""Types of the scripts; test_tools.py of counterseal-pwa looks at their style."""

import subprocess
from pathlib import Path

FOLDER = Path(__file__).parents[1]


def test_the_types_of_the_scripts_fit(node, javascript_tools):
    compiler = javascript_tools / "tsc" / "bin" / "tsc"
    command = [node / "bin" / "node", compiler, "--project", "tsconfig.json"]
    ended = subprocess.run(command, cwd=FOLDER, capture_output=True, encoding="utf-8", check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
