"""The core stays small: it has few modules, and each is neither a scrap nor a heap."""

from pathlib import Path

import pytest

import counterseal

pytestmark = pytest.mark.one_python

CORE = Path(counterseal.__file__).parent
MODULES = {
    path.relative_to(CORE).as_posix(): len(path.read_text("utf-8").splitlines())
    for path in CORE.rglob("*.py")
    if path.relative_to(CORE).parts[0] != "testing"
}
"""The lines of each module of the core but `testing`, which has names of another package."""

FILES, LINES = 240, 42_000
"""A ceiling: what is above it is another package, or says the same twice."""

LONG = {
    "errors.py": "the errors, one class each",
    "policy.py": "the policy, every setting with its reason, its span and its direction",
    "ports.py": "the ports, one protocol each, with their clauses",
}
"""Modules that may be longer than others, and why."""


def misfits(modules):
    """Return the modules that are too short, or too long without a reason."""
    return {
        name: lines
        for name, lines in modules.items()
        if (lines < 50 and not name.endswith("__init__.py")) or (lines > 450 and name not in LONG)
    }


def test_the_core_stays_below_its_ceiling():
    assert len(MODULES) <= FILES
    assert sum(MODULES.values()) <= LINES


def test_every_module_is_of_a_fitting_size():
    assert misfits(MODULES) == {}


@pytest.mark.parametrize("name", LONG)
def test_every_long_module_is_long(name):
    assert MODULES[name] > 450


@pytest.mark.parametrize(
    ("name", "lines", "fits"),
    [
        ("challenges/rules/question_limits.py", 49, False),
        ("challenges/rules/question_limits.py", 50, True),
        ("challenges/rules/question_limits.py", 450, True),
        ("challenges/rules/question_limits.py", 451, False),
        ("challenges/rules/__init__.py", 1, True),
        ("challenges/rules/__init__.py", 451, False),
        ("ports.py", 451, True),
        ("ports.py", 49, False),
    ],
)
def test_a_misfit_is_found(name, lines, fits):
    assert (misfits({name: lines}) == {}) is fits
