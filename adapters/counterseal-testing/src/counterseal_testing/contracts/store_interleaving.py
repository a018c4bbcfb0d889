"""What a commit does while another caller's comes, at each of its lines in turn: STORE-17."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from counterseal.errors import Conflict
from counterseal_testing.contracts.lines import interleaved
from counterseal_testing.contracts.record_factory import RecordFactory, event, next_version
from counterseal_testing.contracts.store_crashing import LINES
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.store_worker import Pair, StoreWorker

Competitors = tuple[tuple[Pair, ...], tuple[Pair, ...]]
"""The changes of two commits of which exactly one may be applied."""


def swaps(worker: StoreWorker, factory: RecordFactory, number: int) -> Competitors:
    """Swap one record, twice."""
    company = factory.company(name=f"company {number}")
    worker.create(company)
    first, second = (next_version(company, name=name) for name in ("first", "second"))
    return ((company, first),), ((company, second),)


def guards(worker: StoreWorker, factory: RecordFactory, number: int) -> Competitors:
    """Change what the other one guards."""
    names = (f"company {number}", f"other company {number}")
    first, second = (factory.company(name=name) for name in names)
    worker.create(first, second)
    return (
        ((first, next_version(first)), (second, second)),
        ((second, next_version(second)), (first, first)),
    )


def natural_keys(_: StoreWorker, factory: RecordFactory, number: int) -> Competitors:
    """Create two accounts of one natural key."""
    first, second = (factory.account(f"account {number}") for _ in range(2))
    return ((None, first),), ((None, second),)


class StoreInterleaving(StoreSetup):
    """
    The clause of concurrent commits, in a plain way: one commit stops, and another one comes.

    No thread races: the same lines run in the same order each time.
    """

    @pytest.mark.parametrize("competitors", [swaps, guards, natural_keys])
    def test_store_17_a_commit_that_comes_at_any_line_is_noticed(
        self,
        new_store: NewStore,
        competitors: Callable[[StoreWorker, RecordFactory, int], Competitors],
    ) -> None:
        """STORE-17."""
        worker, factory = self.worker(new_store), RecordFactory()
        for number, line in enumerate(range(0, LINES, self.crash_stride)):
            first, second = competitors(worker, factory, number)

            end = interleaved(
                partial(_is_applied, worker, first, f"first {number}"),
                partial(_is_applied, worker, second, f"second {number}"),
                adapter=worker.store,
                line=line,
            )

            if not end.line:
                break
            meanwhile = (
                f"of two commits, the second of which came while the first was at {end.line}"
            )
            assert end.first or end.second, f"{meanwhile}, none was applied"
            assert not (end.first and end.second), f"{meanwhile}, both were applied"
            for is_applied, pairs in ((end.first, first), (end.second, second)):
                (_, new), *_ = pairs
                stored = worker.get(new.guid)
                assert (stored == new) is is_applied, f"{meanwhile}, {new.guid} is {stored!r}"


def _is_applied(worker: StoreWorker, pairs: tuple[Pair, ...], operation: str) -> bool:
    try:
        worker.commit(*pairs, audit=[event(operation)], operation=operation)
    except Conflict:
        return False
    return True
