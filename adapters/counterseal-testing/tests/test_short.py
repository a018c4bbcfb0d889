"""The short profile leaves out races and long histories, and still shows every clause."""

import pytest

from counterseal_testing import contracts
from counterseal_testing.contracts.clauses import checks

pytest_plugins = ["pytester"]

CONTRACTS = [getattr(contracts, name) for name in contracts.__all__ if name.endswith("Contract")]
TESTS = """
import pytest
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal_testing import StoreContract


class TestMine(StoreContract):
    @pytest.fixture
    def new_store(self):
        return lambda: MemoryStore(MemoryAudit())
"""
OVERRIDE = """
    def test_store_17_holds_in_every_history(self, new_store):
        assert False
"""


def names_of(result):
    """Return the names of the tests that were collected."""
    return [line.rpartition("::")[2] for line in result.outlines if "::" in line]


def test_a_store_is_tested_in_a_plain_way_before_callers_race():
    long_runs = [check.long_run for check in checks(contracts.StoreContract())]

    assert long_runs == sorted(long_runs)
    assert any(long_runs)


def test_checks_are_in_the_order_of_pytest(pytester):
    pytester.makepyfile(TESTS)

    result = pytester.runpytest_inprocess("--collect-only", "-q")

    assert names_of(result) == [check.name for check in checks(contracts.StoreContract())]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda kind: kind.__name__)
def test_what_a_race_shows_is_shown_in_a_plain_way_too(contract):
    plain_clauses = {check.clause for check in checks(contract()) if not check.long_run}

    assert plain_clauses == {check.clause for check in checks(contract())}


@pytest.mark.usefixtures("brief")  # which loads the profile again that there was
def test_the_plugin_leaves_out_what_takes_long(pytester):
    pytester.makepyfile(TESTS)

    result = pytester.runpytest_inprocess("--collect-only", "-q", "-p", "counterseal_testing.short")

    expected = [check.name for check in checks(contracts.StoreContract()) if not check.long_run]
    assert names_of(result) == expected


@pytest.mark.usefixtures("brief")
def test_a_test_that_an_author_overrides_is_left_out_too(pytester):
    pytester.makepyfile(TESTS + OVERRIDE)

    result = pytester.runpytest_inprocess("-p", "counterseal_testing.short", "-k", "every_history")

    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    ("options", "examples"), [([], 5), (["--hypothesis-profile=thorough"], 1000)]
)
def test_few_examples_are_tried_unless_a_profile_is_named(pytester, options, examples):
    pytester.makepyfile("""
        from hypothesis import settings

        def test_examples():
            print("examples:", settings.default.max_examples)
    """)

    result = pytester.runpytest_inprocess("-s", "-p", "counterseal_testing.short", *options)

    result.stdout.fnmatch_lines([f"*examples: {examples}"])
