"""The tests of the packages in the oldest Node, and in other runtimes."""

import json
import os
import re
import subprocess

import pytest

PACKAGES = ("wire", "device", "origin")
DENO = ("--no-check", "--no-lock", "--no-remote", "--allow-read", "--allow-env")
RUNTIMES = {
    "deno": ("@deno/*/deno", ("test", *DENO, "--allow-net=127.0.0.1"), r"^ok \| (\d+) passed"),
    # By itself, it ends a test after five seconds.
    "bun": ("@oven/*/bin/bun", ("test", "--timeout=240000"), r"^ *(\d+) pass$"),
}
"""Where the program is that npm installs for this machine, its arguments, what it counts."""


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_tests_of_the_packages(node, runtimes, name, tmp_path):
    pattern, arguments, form = RUNTIMES[name]
    program, *_ = sorted(runtimes.glob(pattern))
    folder = runtimes.parents[1]
    environment = {"DENO_DIR": str(tmp_path), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
    ended = subprocess.run(
        [program, *arguments, *(f"./{package}/test" for package in PACKAGES)],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    in_node = node.run("--test", "--test-reporter=tap", "*/test/*.test.js")
    [expected] = re.findall(r"^# tests (\d+)$", in_node, re.MULTILINE)
    assert re.findall(form, ended.stdout, re.MULTILINE) == [expected]


def test_the_tests_of_the_packages_in_the_oldest_node_that_they_name(node, runtimes):
    program, *_ = sorted(runtimes.glob("node-*/bin/node"))
    oldest = type(node)(program.parents[1])
    major = oldest.run("--version").lstrip("v").partition(".")[0]
    for package in ("device", "origin"):
        description = json.loads((runtimes.parents[1] / package / "package.json").read_text())
        assert description["engines"] == {"node": f">={major}"}
    oldest.run("--test", "*/test/*.test.js")
