"""The contract of `Store`."""

from __future__ import annotations

from functools import partial

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal_testing.contracts.race import bounded_shrinking, long_run
from counterseal_testing.contracts.store_committing import StoreCommitting
from counterseal_testing.contracts.store_crashing import StoreCrashing
from counterseal_testing.contracts.store_due import StoreDue
from counterseal_testing.contracts.store_gauges import StoreGauges
from counterseal_testing.contracts.store_history import StoreHistory
from counterseal_testing.contracts.store_interleaving import StoreInterleaving
from counterseal_testing.contracts.store_parts import StoreParts
from counterseal_testing.contracts.store_racing import StoreRacing
from counterseal_testing.contracts.store_reading import StoreReading
from counterseal_testing.contracts.store_repeating import StoreRepeating
from counterseal_testing.contracts.store_searching import StoreSearching
from counterseal_testing.contracts.store_setup import NewStore


# pytest runs the tests of the last base first: plain clauses, then races, and histories at the end.
class StoreContract(
    StoreRacing,
    StoreInterleaving,
    StoreCrashing,
    StoreRepeating,
    StoreCommitting,
    StoreDue,
    StoreGauges,
    StoreParts,
    StoreSearching,
    StoreReading,
):
    """
    What every store fulfils.

    The tests begin with the plain clauses; those in which callers race come last. For a first look,
    `pytest -x -p counterseal_testing.short` leaves the races out.

    The author of a store gives the rest in the attributes and methods of `StoreSetup`::

        class TestMyStore(StoreContract):
            @pytest.fixture
            def new_store(self, tmp_path_factory):
                return lambda: MyStore(tmp_path_factory.mktemp("store"))
    """

    @long_run
    def test_store_17_holds_in_every_history(self, new_store: NewStore) -> None:
        """STORE-17: with stale reads, guards, competitors, lost replies, crashes and walks."""
        reopened = self.reopened if self.survives_a_crash else None
        histories = partial(StoreHistory, new_store, self.recorded, reopened)
        profile = settings.default
        assert profile is not None
        with bounded_shrinking("STORE-17"):
            run_state_machine_as_test(
                histories,  # type: ignore[arg-type]  # a factory is as good as a class
                settings=_histories_of(profile),
            )


def _histories_of(profile: settings) -> settings:
    """
    Return *profile* for histories of a store.

    One bug is enough, since the next one is found when it is mended, and which part of a long
    history matters is seen by what is left of it.
    """
    return settings(
        profile,
        deadline=None,
        stateful_step_count=30,
        report_multiple_bugs=False,
        phases=[phase for phase in profile.phases if phase is not Phase.explain],
        # A slow machine is no fault of the store's.
        suppress_health_check=(*profile.suppress_health_check, HealthCheck.too_slow),
    )
