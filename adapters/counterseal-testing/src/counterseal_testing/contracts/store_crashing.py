"""What a store leaves when its process dies, or never reaches it: STORE-19, and ALL-1 to ALL-3."""

from __future__ import annotations

import gc
from functools import partial

import pytest

from counterseal.errors import Conflict
from counterseal.models import AddressKind, Change
from counterseal.ports import Due
from counterseal_testing.clock import START
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.edge_values import edge_records
from counterseal_testing.contracts.leaks import (
    no_secret_is_logged,
    only_unavailable_leaves,
    skip_without_broken,
)
from counterseal_testing.contracts.lines import crashed
from counterseal_testing.contracts.race import race, results
from counterseal_testing.contracts.record_factory import RecordFactory, event, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.store_worker import StoreWorker

LINES = 1_000
"""Of a commit, at most; one that has more is not tried at all of them."""


class StoreCrashing(StoreSetup):
    """The clauses that hold when something breaks, and those of all ports."""

    # What the process left open, as a dead one does, is closed with noise.
    @pytest.mark.filterwarnings("ignore::ResourceWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_store_19_survives_a_crash_at_every_line(self, new_store: NewStore) -> None:
        """STORE-19."""
        needs(self, "survives_a_crash", "STORE-19")
        for line in range(0, LINES, self.crash_stride):
            factory, store = RecordFactory(), new_store()
            account = factory.account()
            StoreWorker(store, self.recorded).create(account)
            new, binding = next_version(account), factory.binding(account)
            changes = (Change(account, new), Change(None, binding))
            events = [event("first"), event("second")]
            commit = partial(store.commit, changes, tuple(events), "operation")

            died = crashed(commit, adapter=store, line=line)

            store = self.reopened(store)
            stored = store.get(account.guid, binding.guid)
            applied = stored == (new, binding)
            assert applied or stored == (account, None), f"half a commit, at line {line}"
            assert list(self.recorded(store)) == (events if applied else []), f"at line {line}"
            assert store.account(factory.space, "zoe") == stored[0]
            assert len(store.bindings(account.guid)) == applied
            # The same operation again: a caller that lived on cannot know.
            store.commit(changes, tuple(events), "operation")
            assert store.get(account.guid, binding.guid) == (new, binding)
            assert list(self.recorded(store)) == events
            if not died:
                break
        gc.collect()  # here, where noise is expected, and not in the middle of another test

    def test_store_19_finds_everything_again(self, new_store: NewStore) -> None:
        """STORE-19."""
        needs(self, "survives_a_crash", "STORE-19")
        factory, store = RecordFactory(), new_store()
        records = edge_records(factory)
        worker = StoreWorker(store, self.recorded)
        for record in records:
            worker.commit((None, record), audit=[event()])

        again = self.reopened(store)

        assert again.get(*(record.guid for record in records)) == records
        assert list(self.recorded(again)) == [event()] * len(records)

    def test_all_1_only_unavailable_leaves(self, broken_store: NewStore | None) -> None:
        """ALL-1."""
        if broken_store is None:
            skip_without_broken()
            return
        factory, store = RecordFactory(), broken_store()
        company = factory.company()
        only_unavailable_leaves(
            {
                "get": lambda: store.get(company.guid),
                "account": lambda: store.account(factory.space, "zoe"),
                "get_with_account": lambda: store.get_with_account(company.guid),
                "bindings": lambda: store.bindings(company.guid),
                "pending": lambda: store.pending(company.guid),
                "search": lambda: store.search(factory.space, "z", None, 1),
                "list": lambda: store.list(None),
                "dead": lambda: store.dead(factory.guid(), 1),
                "due": lambda: store.due(Due.CALLBACK, START, 1),
                "due on a channel": lambda: store.due(
                    Due.NOTIFICATION, START, 1, AddressKind.RELAY
                ),
                "commit": lambda: store.commit((Change(None, company),), (event(),), "commit"),
            }
        )

    def test_all_2_serves_another_thread(self, new_store: NewStore) -> None:
        """ALL-2: a thread that did not make the store, while no other one calls it."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()

        results(race([partial(worker.create, account)]))

        assert worker.get(account.guid) == account
        assert results(race([partial(worker.get, account.guid)])) == [account]

    def test_all_3_logs_no_secret(self, new_store: NewStore) -> None:
        """ALL-3."""
        factory = RecordFactory()
        with no_secret_is_logged():
            worker = self.worker(new_store)
            for record in edge_records(factory):
                worker.create(record)
                worker.replace(record, next_version(record))
                worker.get(record.guid)
                worker.require_refused(Conflict, (None, record))
