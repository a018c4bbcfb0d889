"""The test file that the documentation shows runs as it is, and a failure says what differs."""

from pathlib import Path

import counterseal_testing

EXAMPLE = (Path(__file__).parents[3] / "docs/examples/test_my_store.py").read_text("utf-8")

pytest_plugins = ["pytester"]


def test_the_kit_brings_no_tests_of_its_own():
    """Nothing to collect, and no `conftest.py`, where it is installed."""
    names = {path.name for path in Path(counterseal_testing.__file__).parent.rglob("*.py")}

    assert not {name for name in names if name.startswith("test_") or name == "conftest.py"}


FEW = """
from hypothesis import settings

settings.register_profile("few", max_examples=2)
settings.load_profile("few")
"""
"""An author's profile; the memory store's own tests run more examples."""


def test_the_file_on_the_page_passes(pytester):
    pytester.makeconftest(FEW)
    pytester.makepyfile(test_my_store=EXAMPLE)

    result = pytester.runpytest_subprocess("-rs")

    outcomes = result.parseoutcomes()
    assert result.ret == 0
    assert outcomes["passed"] > 40
    assert set(outcomes) == {"passed", "skipped"}


def test_a_failure_says_what_differs(pytester):
    pytester.makepyfile("""
        import pytest
        from counterseal.memory import MemoryAudit, MemoryStore
        from counterseal_testing import StoreContract

        class Forgetful(MemoryStore):
            def recorded(self):
                return super().recorded()[1:]

        class TestMine(StoreContract):
            @pytest.fixture
            def new_store(self):
                return lambda: Forgetful(MemoryAudit())
    """)

    result = pytester.runpytest_inprocess("-k", "store_18_records_with")

    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*assert [[]AuditEvent*"])
