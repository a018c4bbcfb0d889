"""What the kit reports: which clauses were shown, which were not and why, and what a race is."""

import itertools
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine

from counterseal.errors import Conflict
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal_testing import contracts
from counterseal_testing.contracts.clauses import checks
from counterseal_testing.contracts.race import SHRINK_SECONDS, bounded_shrinking

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
FILES = {
    "ATTESTATION": "attestation_verifier",
    "AUDIT": "audit",
    "CLOCK": "clock",
    "COUNTERS": "counters",
    "ENTROPY": "entropy",
    "IDEMPOTENCY": "idempotency",
    "IDP": "identity_provider",
    "NOTIFIER": "notifier",
    "REPLAY": "replay_guard",
    "SEALER": "sealer",
    "SENDER": "callback_sender",
    "SIGNER": "signer",
    "STORE": "store",
    "WAKE": "wake",
}
"""Where the broken adapters of each port are; those of the clauses of all ports are stores."""


def test_each_port_has_a_file_that_asks_for_all_its_clauses():
    assert {number.partition("-")[0] for number in contracts.clauses()} == FILES.keys() | {"ALL"}
    for prefix, name in FILES.items():
        source = (HERE / f"test_{name}_contract.py").read_text("utf-8")
        assert f'BROKEN.require_every_clause("{prefix}"' in source


# As plain functions


class LosesEvents(MemoryStore):
    def recorded(self):
        return super().recorded()[1:]


def stores(kind):
    return lambda: kind(MemoryAudit())


def test_checks_are_the_tests_of_a_contract_with_each_parameter():
    names = [check.name for check in checks(contracts.StoreContract())]

    assert "test_store_1_finds_in_order_and_none_where_nothing_is" in names
    assert "test_store_20_never_reports_a_lost_reply_as_a_conflict[True]" in names
    assert len(names) == len(set(names)) > 50


@pytest.mark.usefixtures("brief")
def test_checks_run_without_pytest_and_say_what_was_shown():
    report = contracts.run_checks(contracts.StoreContract(), stores(MemoryStore))

    assert "STORE-1" in report.shown_clauses
    assert report.failed_clauses == {}
    skipped = {"ALL-1", "STORE-19", "STORE-20", "STORE-22", "STORE-31"}
    skipped |= {"STORE-33", "STORE-34", "STORE-35"}
    assert report.skipped_clauses.keys() == skipped
    count = len(report.shown_clauses)
    assert str(report).splitlines()[0] == (
        f"StoreContract: {count} of {count + 8} clauses shown, 8 skipped, 0 failed"
    )
    assert "STORE-19 is not shown, without `survives_a_crash`: " in str(report)
    report.require_passed()


def test_a_clause_that_does_not_hold_is_named_with_its_error():
    report = contracts.run_checks(contracts.StoreContract(), stores(LosesEvents), clause="STORE-18")

    assert report.shown_clauses == ()
    assert "0 of 1 clauses shown, 0 skipped, 1 failed" in str(report)
    assert "  STORE-18 failed: " in str(report)
    with pytest.raises(ExceptionGroup, match="StoreContract: STORE-18") as group:
        report.require_passed()
    assert group.group_contains(AssertionError)


# At the end of a pytest run

TESTS = """
import pytest
from counterseal.memory import MemorySealer, SystemEntropy
from counterseal_testing import SealerContract

class TestMySealer(SealerContract):
    @pytest.fixture
    def new_sealer(self):
        return lambda: MemorySealer(bytes(32), SystemEntropy())

class TestBrokenSealer(TestMySealer):
    @pytest.fixture
    def new_sealer(self):
        class Broken(MemorySealer):
            def seal(self, plain, context):
                return super().seal(plain, "")

        return lambda: Broken(bytes(32), SystemEntropy())
"""
ALL_1 = "*ALL-1 is not shown, without a broken adapter: a failure is raised as*"


def test_a_run_ends_with_the_clauses_that_were_shown(pytester):
    pytester.makepyfile(test_sealers=TESTS)

    result = pytester.runpytest_inprocess("-k", "not 1_never and not BrokenSealer")

    result.stdout.fnmatch_lines(
        [
            "*= clauses =*",
            "test_sealers.py::TestMySealer: 5 of 6 clauses shown, 1 skipped, 0 failed",
            ALL_1,
        ]
    )


def test_a_run_says_which_clauses_do_not_hold(pytester):
    pytester.makepyfile(test_sealers=TESTS)

    result = pytester.runpytest_inprocess("-k", "sealer_2 or sealer_1")

    result.stdout.fnmatch_lines(
        [
            "test_sealers.py::TestMySealer: 2 of 2 clauses shown, 0 skipped, 0 failed",
            "test_sealers.py::TestBrokenSealer: 1 of 2 clauses shown, 0 skipped, 1 failed",
            "  SEALER-2 failed: *SealBroken*",
        ]
    )


def test_a_run_under_xdist_does_so_if_its_conftest_asks_for_it(pytester):
    pytester.makepyfile(test_sealers=TESTS)
    pytester.makeconftest('pytest_plugins = ["counterseal_testing.contracts.summary"]')

    result = pytester.runpytest_subprocess("-n", "1", "-k", "TestMySealer")

    result.stdout.fnmatch_lines(
        ["test_sealers.py::TestMySealer: 6 of 7 clauses shown, 1 skipped, 0 failed", ALL_1]
    )


def test_a_run_without_a_contract_says_nothing(pytester):
    pytester.makepyfile("def test_nothing(): ...")
    pytester.makeconftest('pytest_plugins = ["counterseal_testing.contracts.summary"]')

    assert "clauses" not in pytester.runpytest_inprocess().stdout.str()


# Shrinking, and races


@pytest.fixture
def calls_after_failing(monkeypatch):
    """Count the calls of a property that begins to fail, on a clock of ten seconds a look."""
    seconds = itertools.count(step=10.0)
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))

    def count():
        calls = []

        @settings(database=None, derandomize=True)
        @given(st.lists(st.integers(0, 10_000), min_size=1))
        def small(numbers):
            calls.append(numbers)
            assert sum(numbers) < 5_000

        with pytest.raises(AssertionError):
            small()
        return len(calls)

    return count


def test_shrinking_ends_after_a_bounded_time(calls_after_failing):
    unbounded = calls_after_failing()
    with bounded_shrinking("STORE-17"):
        bounded = calls_after_failing()

    assert bounded < unbounded


def test_hypothesis_has_the_limit_that_is_lowered():
    before = engine.MAX_SHRINKING_SECONDS
    with bounded_shrinking("STORE-17"):
        assert engine.MAX_SHRINKING_SECONDS == SHRINK_SECONDS < before
    assert before == engine.MAX_SHRINKING_SECONDS


class ConflictsOnce(MemoryStore):
    """As in a race that is lost now and then: the same calls end differently the next time."""

    _commits = itertools.count(1)

    def commit(self, changes, audit, operation):
        super().commit(changes, audit, operation)
        # Of those that succeed, so that the conflict is always seen.
        if next(self._commits) == 40:
            raise Conflict


def test_a_race_is_reported_as_a_race_in_one_line(pytester):
    with pytest.raises(pytest.fail.Exception) as failure:
        contracts.StoreContract().test_store_17_holds_in_every_history(stores(ConflictsOnce))

    (line,) = str(failure.value).splitlines()
    assert line == "STORE-17: a race: the same calls, made twice, ended differently"
    assert not failure.value.pytrace
