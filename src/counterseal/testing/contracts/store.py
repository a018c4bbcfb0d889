"""The contract of `Store`."""

from __future__ import annotations

from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal.testing.contracts.store_bench import NewStore
from counterseal.testing.contracts.store_committing import StoreCommitting
from counterseal.testing.contracts.store_crashing import StoreCrashing
from counterseal.testing.contracts.store_due import StoreDue
from counterseal.testing.contracts.store_history import StoreHistory
from counterseal.testing.contracts.store_racing import StoreRacing
from counterseal.testing.contracts.store_reading import StoreReading
from counterseal.testing.contracts.store_repeating import StoreRepeating


class StoreContract(
    StoreReading, StoreDue, StoreCommitting, StoreRepeating, StoreRacing, StoreCrashing
):
    """
    What every store keeps.

    Its author says the rest in attributes and methods of `StoreBench`::

        class TestMyStore(StoreContract):
            @pytest.fixture
            def new_store(self, tmp_path_factory):
                return lambda: MyStore(tmp_path_factory.mktemp("store"))
    """

    def test_store_17_holds_in_every_history(self, new_store: NewStore) -> None:
        """STORE-17: with stale reads, guards, rivals, lost replies, crashes and walks."""
        reopened = self.reopened if self.survives_a_crash else None
        histories = partial(StoreHistory, new_store, self.recorded, reopened)
        run_state_machine_as_test(
            histories,  # type: ignore[arg-type]  # a factory is as good as a class
            settings=settings(
                deadline=None,
                stateful_step_count=30,
                # A slow machine is no fault of the store's.
                suppress_health_check=(
                    *settings.default.suppress_health_check,  # type: ignore[union-attr]
                    HealthCheck.too_slow,
                ),
            ),
        )
