"""Each of four mistakes in a store is named by its own clause, without a race."""

import pytest
from lmdb_store import LmdbStore

from counterseal.models.record import index_of, require_possible
from counterseal.testing import StoreContract
from counterseal.testing.contracts import run_checks
from counterseal_records import digest, natural_key


class ComparesOutsideTheLock(LmdbStore):
    """Another caller may commit after it has compared, and before it writes."""

    def commit(self, changes, audit, operation):
        require_possible(changes)
        with self._transaction() as transaction:
            if transaction.get(digest(operation), db=self.operations) is None:
                for change in changes:
                    stored = self._load(transaction, change.new.guid.encode())
                    super()._compare(stored, change)
        super().commit(changes, audit, operation)

    def _compare(self, stored, change):
        pass


class ComparesNoNaturalKey(LmdbStore):
    def _write_account(self, transaction, new):
        account_key = index_of(new).account_key
        if account_key is not None:
            transaction.put(natural_key(*account_key), new.guid.encode(), db=self.accounts)


class ComparesNoGuard(LmdbStore):
    def _compare(self, stored, change):
        if change.new is not change.old:
            super()._compare(stored, change)


class LimitsBeforeItFilters(LmdbStore):
    def due(self, kind, before, limit, queue=None):
        records = super().due(kind, before, limit)
        return tuple(one for one in records if queue in {None, index_of(one).queue})


CLAUSES = {
    ComparesOutsideTheLock: "STORE-17",
    ComparesNoNaturalKey: "STORE-9",
    ComparesNoGuard: "STORE-11",
    LimitsBeforeItFilters: "STORE-27",
}


@pytest.mark.parametrize("kind", CLAUSES, ids=lambda kind: kind.__name__)
def test_a_mistake_is_named_by_its_clause(kind, tmp_path_factory):
    clause = CLAUSES[kind]

    report = run_checks(
        StoreContract(), lambda: kind(tmp_path_factory.mktemp("store")), clause=clause, short=True
    )

    assert [*report.failed_clauses] == [clause]
    assert isinstance(report.failed_clauses[clause], AssertionError)
