"""Every test says what an author forgot."""

pytest_plugins = ["pytester"]


def test_a_forgotten_fixture_fails_every_test(pytester):
    pytester.makepyfile("""
        from counterseal_testing.contracts import ReplayGuardContract

        class TestNothing(ReplayGuardContract):
            pass
    """)

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")

    outcomes = result.parseoutcomes()
    assert outcomes["errors"] >= 5
    assert set(outcomes) <= {"errors", "skipped"}
    result.stdout.fnmatch_lines(["*NotImplementedError: give the fixture `new_replay_guard`*"])


def test_a_skip_prints_its_clause(pytester):
    pytester.makepyfile("""
        import pytest
        from counterseal.memory import MemoryAudit, MemoryStore
        from counterseal_testing import StoreContract

        class TestMine(StoreContract):
            @pytest.fixture
            def new_store(self):
                return lambda: MemoryStore(MemoryAudit())
    """)

    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rs", "-k", "19 or 20 or 22")

    result.assert_outcomes(skipped=5, passed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*STORE-19 is not shown*leaves all of its commit, or nothing*"])


def test_a_connection_left_open_by_a_crash_warns_in_no_other_test(pytester):
    pytester.makepyfile("""
        import gc
        import warnings

        import pytest
        from counterseal.memory import MemoryAudit, MemoryStore
        from counterseal_testing import StoreContract

        class Connection:
            def __init__(self):
                self.itself = self

            def __del__(self):
                warnings.warn("left open", ResourceWarning)

        class Store(MemoryStore):
            def commit(self, *args):
                Connection()
                super().commit(*args)

        class TestMine(StoreContract):
            survives_a_crash = True

            @pytest.fixture
            def new_store(self):
                gc.disable()
                return lambda: Store(MemoryAudit())

            def reopened(self, store):
                return store

        def test_elsewhere():
            gc.enable()
            gc.collect()
    """)

    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-W", "error", "-k", "at_every_line or elsewhere"
    )

    result.assert_outcomes(passed=2, deselected=result.parseoutcomes()["deselected"])
