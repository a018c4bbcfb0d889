"""Types, style, and the tests that Node runs."""

import re
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1]
SCHEDULES = PACKAGES / "device" / "test" / "schedules.test.js"
"""250 of them; apart, since they take as long as all others together."""


@pytest.mark.parametrize("script", ["types", "lint"])
def test_the_sources_are_clean(node, tools, script):
    node.npm("run", script)


def test_the_tests_of_the_packages_pass_with_every_vector(node, vector_count):
    files = sorted(PACKAGES.glob("*/test/*.test.js"))
    others = [file for file in files if file != SCHEDULES]
    output = node.run("--test", "--test-reporter=tap", *others)
    passed = sum(map(int, re.findall(r"^ *# vectors: (\d+)$", output, re.MULTILINE)))
    assert passed == vector_count


def test_random_schedules_of_the_device(node):
    node.run("--test", SCHEDULES)
