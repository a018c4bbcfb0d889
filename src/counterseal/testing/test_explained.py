"""The one thing that pytest collects here; `conftest` prints the explanation."""

from __future__ import annotations

import pytest


def test_the_kit_tests_the_adapters_that_it_is_given() -> None:
    """Skip: there is no adapter."""
    pytest.skip("the conformance kit needs an adapter; how to give it one is said below")
