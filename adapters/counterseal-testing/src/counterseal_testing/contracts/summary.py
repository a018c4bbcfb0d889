"""
What a contract's tests tell at the end of a pytest run: clauses shown, and clauses skipped.

The first test of a contract registers this module as a plugin. Under xdist the main process runs
no test: there a `conftest.py` has to name it, `pytest_plugins =
["counterseal_testing.contracts.summary"]`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from counterseal_testing.contracts.clauses import CheckResult, Report, clause_of

PROPERTY = "counterseal_testing.clause"
"""The user property that a contract's tests have, also in a JUnit file: the clause's number."""

_OUTCOMES = ("passed", "skipped", "failed", "error")


class Contract:
    """The clauses of one port as tests, for the author of an adapter to inherit."""

    @pytest.fixture(autouse=True)
    def _tell_clause(self, request: pytest.FixtureRequest) -> None:
        number = clause_of(request.node.name)
        plugins, module = request.config.pluginmanager, sys.modules[__name__]
        if not plugins.is_registered(module):
            plugins.register(module, __name__)
        if number:
            request.node.user_properties.append((PROPERTY, number))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write a line for each class of tests, and one for each clause that was not shown."""
    results: dict[str, list[CheckResult]] = {}
    for outcome in _OUTCOMES:
        for test in terminalreporter.stats.get(outcome, ()):
            for number in _clauses_of(test):
                title, _, name = test.nodeid.rpartition("::")
                result = CheckResult(number, name, **_details(outcome, test))
                results.setdefault(title, []).append(result)
    if results:
        terminalreporter.section("clauses")
    for title, class_results in results.items():
        terminalreporter.write_line(str(Report(title, tuple(class_results))))


def _clauses_of(test: Any) -> Iterator[str]:
    for name, value in getattr(test, "user_properties", ()):
        if name == PROPERTY:
            yield value


def _details(outcome: str, test: Any) -> dict[str, Any]:
    if outcome == "skipped":
        _, _, reason = test.longrepr
        return {"reason": reason.removeprefix("Skipped: ")}
    if outcome == "passed":
        return {}
    crash = getattr(test.longrepr, "reprcrash", None)
    return {"error": AssertionError(getattr(crash, "message", str(test.longrepr)))}
