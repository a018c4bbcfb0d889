"""
The numbered clauses of the ports, the checks that show them, and what a run of checks has shown.

A check is a test of a contract class as a plain function. `run_checks` needs no pytest run:

    report = run_checks(StoreContract(), lambda: MyStore(...))
    print(report)
    report.require_passed()
"""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from counterseal import ports
from counterseal_testing.contracts.race import is_long_run

_CLAUSE = re.compile(r"^- ([A-Z]+-[0-9]+): (.*(?:\n  .*)*)", re.MULTILINE)
_TEST = re.compile(r"test_([a-z]+)_([0-9]+)_")


@functools.cache
def clauses() -> MappingProxyType[str, str]:
    """
    Return each clause of every port, by its number.

    Raises:
        LookupError: Two clauses have one number.
    """
    texts: dict[str, str] = {}
    for docstring in _docstrings():
        for number, text in _CLAUSE.findall(inspect.cleandoc(docstring)):
            if number in texts:
                message = f"{number} is given twice"
                raise LookupError(message)
            texts[number] = " ".join(text.split())
    return MappingProxyType(texts)


def clause_of(test: str) -> str:
    """Return the number of the clause that a test's name begins with; empty if there is none."""
    match = _TEST.match(test)
    return "" if match is None else f"{match[1].upper()}-{match[2]}"


def needs(contract: object, capability: str, number: str) -> None:
    """
    Skip the test, and print the clause, unless *contract* declares the capability.

    Args:
        contract: The class of the author's tests, as an instance.
        capability: A class attribute that is true if the adapter can do it.
        number: The clause.
    """
    if not getattr(contract, capability):
        pytest.skip(f"{number} is not shown, without `{capability}`: {clauses()[number]}")


@attrs.frozen
class Check:
    """
    One test of a contract.

    Attributes:
        clause: The number of the clause that it shows.
        name: The test's name, with its parameters.
        run: Runs it with a factory of adapters, and one of adapters whose connection is broken.
        long_run: Whether it races or plays many histories, so that the short profile leaves it out.
    """

    clause: str
    name: str
    run: Callable[[Any, Any], None]
    long_run: bool = False


@attrs.frozen
class CheckResult:
    """
    What became of one check.

    Attributes:
        reason: Why it was skipped; empty if it ran.
        error: How it failed; None if it did not.
    """

    clause: str
    name: str
    reason: str = ""
    error: BaseException | None = None


@attrs.frozen
class Report:
    """
    What the checks of one contract have shown.

    Attributes:
        title: Whose checks they are.
        results: What became of each.
    """

    title: str
    results: tuple[CheckResult, ...]

    @property
    def failed_clauses(self) -> dict[str, BaseException]:
        """The clauses that do not hold, each with the first error."""
        errors: dict[str, BaseException] = {}
        for result in self.results:
            if result.error is not None:
                errors.setdefault(result.clause, result.error)
        return errors

    @property
    def skipped_clauses(self) -> dict[str, str]:
        """The clauses that were not shown, or not wholly, each with the first reason."""
        reasons: dict[str, str] = {}
        for result in self.results:
            if result.reason and result.clause not in self.failed_clauses:
                reasons.setdefault(result.clause, result.reason)
        return reasons

    @property
    def shown_clauses(self) -> tuple[str, ...]:
        """The clauses of which every check ran and passed."""
        missing = self.failed_clauses.keys() | self.skipped_clauses.keys()
        numbers = dict.fromkeys(result.clause for result in self.results)
        return tuple(number for number in numbers if number not in missing)

    def __str__(self) -> str:
        """Say how many clauses were shown, and why the others were not."""
        count = len({result.clause for result in self.results})
        head = f"{self.title}: {len(self.shown_clauses)} of {count} clauses shown"
        head += f", {len(self.skipped_clauses)} skipped, {len(self.failed_clauses)} failed"
        failures = [
            f"  {number} failed: {_first_line(error)}"
            for number, error in self.failed_clauses.items()
        ]
        return "\n".join(
            [head, *failures, *(f"  {reason}" for reason in self.skipped_clauses.values())]
        )

    def require_passed(self) -> None:
        """
        Raise if a clause does not hold; a skipped one is no failure.

        Raises:
            BaseExceptionGroup: All failures.
        """
        errors = [result.error for result in self.results if result.error is not None]
        if errors:
            raise BaseExceptionGroup(f"{self.title}: {', '.join(self.failed_clauses)}", errors)


def checks(contract: object) -> tuple[Check, ...]:
    """
    Return the checks of *contract*, an instance of a contract class, in the order of pytest.

    A test with parameters is one check for each of them.
    """
    return tuple(
        attrs.evolve(check, long_run=is_long_run(type(contract), name))
        for name in _test_names(type(contract))
        for check in _expanded(name, getattr(contract, name))
    )


def run_checks(
    contract: object,
    new_adapter: Any,
    broken_adapter: Any = None,
    *,
    clause: str = "",
    short: bool = False,
) -> Report:
    """
    Run the checks of *contract* outside of a pytest run.

    Args:
        contract: An instance of a contract class, or of a class of yours that inherits it.
        new_adapter: What the fixture `new_…` would return: a factory of adapters.
        broken_adapter: What the fixture `broken_…` would return; None if there is none.
        clause: The only clause to check; all if it is empty.
        short: Whether to leave out the checks that race or play many histories.
    """
    selected = [
        check
        for check in checks(contract)
        if clause in {"", check.clause} and not (short and check.long_run)
    ]
    results = (_result(check, new_adapter, broken_adapter) for check in selected)
    return Report(type(contract).__name__, tuple(results))


def _test_names(contract: type) -> Iterator[str]:
    """Return the names of the tests: those of the last base first, as they are defined."""
    defined_later: set[str] = set()
    names_of_classes = []
    for base in contract.__mro__:
        names = [name for name in vars(base) if clause_of(name) and name not in defined_later]
        defined_later.update(names)
        names_of_classes.append(names)
    return itertools.chain.from_iterable(reversed(names_of_classes))


def _result(check: Check, new_adapter: Any, broken_adapter: Any) -> CheckResult:
    result = CheckResult(check.clause, check.name)
    try:
        check.run(new_adapter, broken_adapter)
    except pytest.skip.Exception as skipped:
        return attrs.evolve(result, reason=str(skipped))
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - any failure is one
        return attrs.evolve(result, error=error)
    return result


def _expanded(name: str, test: Callable[..., None]) -> Iterator[Check]:
    parameters = set(inspect.signature(test).parameters)
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    for values in itertools.product(*(mark.args[1] for mark in marks)):
        arguments = {mark.args[0]: value for mark, value in zip(marks, values, strict=True)}
        (fixture,) = parameters - arguments.keys()
        names = [str(getattr(value, "__name__", value)) for value in values]
        suffix = f"[{'-'.join(names)}]" if names else ""
        yield Check(
            clause_of(name), name + suffix, functools.partial(_run, test, fixture, arguments)
        )


def _run(
    test: Callable[..., None],
    fixture: str,
    arguments: dict[str, Any],
    new_adapter: Any,
    broken_adapter: Any,
) -> None:
    factory = broken_adapter if fixture.startswith("broken_") else new_adapter
    test(**{fixture: factory}, **arguments)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _docstrings() -> list[str]:
    docstrings = [ports.__doc__ or ""]
    for name in ports.__all__:
        port = getattr(ports, name)
        docstrings.append(port.__doc__ or "")
        functions = [member for member in vars(port).values() if inspect.isfunction(member)]
        docstrings += [function.__doc__ or "" for function in functions]
    return docstrings
