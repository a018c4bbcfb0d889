"""Types, style, and the tests that Node runs."""

import pytest


@pytest.mark.parametrize("script", ["types", "lint"])
def test_the_sources_are_clean(node, tools, script):
    node.npm("run", script)


def test_the_tests_of_the_packages(node):
    node.run("--test", "*/test/*.test.js")
