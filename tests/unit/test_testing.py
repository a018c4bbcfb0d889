"""`counterseal.testing` has the public names of the test kit, and says how to install it."""

import subprocess
import sys

import pytest

import counterseal.testing
import counterseal.testing.contracts
import counterseal.testing.linearizability
import counterseal.testing.pictures
import counterseal.testing.strategies
import counterseal_testing

SUBMODULES = ("contracts", "linearizability", "pictures", "strategies")


def import_without(missing):
    """Return how an import of `counterseal.testing` ends where a package is not installed."""
    program = f"import sys; sys.modules[{missing!r}] = None; import counterseal.testing.contracts"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    return ended.stderr.splitlines()[-1]


def test_it_has_each_name_of_the_kit():
    assert counterseal.testing.__all__ == counterseal_testing.__all__
    for name in set(counterseal_testing.__all__) - {*SUBMODULES}:
        assert getattr(counterseal.testing, name) is getattr(counterseal_testing, name)


@pytest.mark.parametrize("name", SUBMODULES)
def test_a_module_of_it_has_each_name_of_the_kits(name):
    module, original = getattr(counterseal.testing, name), getattr(counterseal_testing, name)
    assert module.__name__ == f"counterseal.testing.{name}"
    assert original.__all__
    for member in original.__all__:
        assert getattr(module, member) is getattr(original, member)


def test_each_module_of_the_kits_face_is_here():
    names = counterseal_testing.__all__
    assert {name for name in names if f"counterseal_testing.{name}" in sys.modules} == {*SUBMODULES}


def test_without_the_kit_the_error_names_the_extra():
    assert import_without("counterseal_testing") == (
        'ImportError: counterseal.testing needs the test kit: pip install "counterseal[testing]"'
    )


def test_what_the_kit_lacks_itself_is_named():
    assert "hypothesis" in import_without("hypothesis")
