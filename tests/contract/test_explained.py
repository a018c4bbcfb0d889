"""What a stranger sees who runs the kit as it is, and what works as it is said there."""

from counterseal.testing.conftest import EXAMPLE

pytest_plugins = ["pytester"]


def test_the_kit_explains_itself(pytester):
    result = pytester.runpytest_subprocess("--pyargs", "counterseal.testing")

    assert result.ret == 0
    result.assert_outcomes(skipped=1)
    said = result.stdout.str()
    assert "it is the conformance kit" in said
    assert all(line in said for line in EXAMPLE.splitlines())


FEW = """
from hypothesis import settings

settings.register_profile("few", max_examples=10)
settings.load_profile("few")
"""
"""A stranger's profile; what it leaves to chance is played in the memory store's own tests."""


def test_the_file_that_it_shows_runs_green(pytester):
    pytester.makeconftest(FEW)
    pytester.makepyfile(test_my_store=EXAMPLE)

    result = pytester.runpytest_subprocess("-rs")

    told = result.parseoutcomes()
    assert result.ret == 0
    assert told["passed"] > 40
    assert set(told) == {"passed", "skipped"}


def test_a_failure_says_what_differs(pytester):
    pytester.makepyfile("""
        import pytest
        from counterseal.memory import MemoryAudit, MemoryStore
        from counterseal.testing import StoreContract

        class Forgetful(MemoryStore):
            def recorded(self):
                return super().recorded()[1:]

        class TestMine(StoreContract):
            @pytest.fixture
            def new_store(self):
                return lambda: Forgetful(MemoryAudit())
    """)

    result = pytester.runpytest_subprocess("-k", "store_18_records_with")

    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*assert [[]AuditEvent*"])
