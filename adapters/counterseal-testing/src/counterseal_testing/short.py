"""
The short profile of the contracts: a pytest plugin for a first look at an adapter.

    pytest -x -rs -p counterseal_testing.short

It leaves out the tests in which callers race, or which play many histories, and Hypothesis tries
few examples of each property. Every clause is still shown, by a test that fails in the same way
each time; a clause that only a race shows keeps it, as ALL-2 of ports other than `Store`. What an
adapter passes here is no proof: run the contract without the plugin before you rely on it.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

from counterseal_testing.contracts.race import is_long_run

EXAMPLES = 5
"""Of each property, unless a profile is named on the command line."""

PROFILE = "counterseal_testing.short"


def pytest_configure(config: pytest.Config) -> None:
    """Let Hypothesis try few examples."""
    if config.getoption("--hypothesis-profile", None) is None:
        settings.register_profile(PROFILE, settings.default, max_examples=EXAMPLES)
        settings.load_profile(PROFILE)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that take long."""
    long_runs = [item for item in items if _is_long_run(item)]
    if long_runs:
        config.hook.pytest_deselected(items=long_runs)
        items[:] = [item for item in items if item not in set(long_runs)]


def _is_long_run(item: pytest.Item) -> bool:
    return (
        isinstance(item, pytest.Function)
        and item.cls is not None
        and is_long_run(item.cls, item.originalname)
    )
