"""The app's modules in Node, where a browser and a service fail as a test says."""

import subprocess
from pathlib import Path

TESTS = Path(__file__).parent / "node"


def test_the_modules_in_node(node):
    tests = [str(path) for path in sorted(TESTS.glob("*.test.js"))]
    command = [node / "bin" / "node", "--import", TESTS / "library.js", "--test", *tests]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
