"""What becomes of an operation that is asked for again: STORE-15, STORE-16 and STORE-20."""

from __future__ import annotations

import attrs
import pytest

from counterseal.errors import Conflict, Indeterminate, OperationReused, StoreUnavailable
from counterseal.models import Change
from counterseal.testing.contracts.clauses import needs
from counterseal.testing.contracts.clerk import Clerk
from counterseal.testing.contracts.specimens import Specimens, event, newer
from counterseal.testing.contracts.store_bench import NewStore, StoreBench
from counterseal.testing.faults import Faults, faulty


class StoreRepeating(StoreBench):
    """The clauses of *operation*, the name of a commit."""

    def test_store_15_does_nothing_the_second_time(self, new_store: NewStore) -> None:
        """STORE-15."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        create, swap = [(None, account)], [(account, newer(account))]
        clerk.commit(*create, audit=[event("1")], operation="create")
        clerk.commit(*create, audit=[event("1")], operation="create")
        clerk.commit(*swap, operation="swap")
        third = clerk.swap(newer(account), newer(newer(account)))

        clerk.commit(*create, audit=[event("1")], operation="create")
        clerk.commit(*swap, operation="swap")

        assert clerk.one(account.guid) == third
        assert clerk.events() == [event("1")]

    def test_store_15_is_true_of_equal_changes(self, new_store: NewStore) -> None:
        """STORE-15: nobody keeps the very objects."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.keep(account)
        clerk.commit((account, newer(account)), operation="swap")

        clerk.commit((attrs.evolve(account), newer(account)), operation="swap")

        assert clerk.one(account.guid) == newer(account)

    def test_store_15_remembers_while_others_commit(self, new_store: NewStore) -> None:
        """STORE-15: whoever asks again is not the only one who commits."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.commit((None, account), audit=[event("1")], operation="create")
        newest = account
        for _ in range(100):
            newest = clerk.swap(newest, newer(newest))

        clerk.commit((None, account), audit=[event("1")], operation="create")

        assert clerk.one(account.guid) == newest
        assert clerk.events() == [event("1")]

    def test_store_15_tries_afresh_what_was_not_applied(self, new_store: NewStore) -> None:
        """STORE-15."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        binding = made.binding(account)
        with pytest.raises(Conflict):
            clerk.commit((account, account), (None, binding), operation="bind")
        clerk.keep(account)

        clerk.commit((account, account), (None, binding), operation="bind")

        assert clerk.one(binding.guid) == binding

    def test_store_16_refuses_an_operation_with_other_changes(self, new_store: NewStore) -> None:
        """STORE-16."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        binding, other = made.binding(account), made.binding(account)
        clerk.keep(account)
        clerk.commit((account, account), (None, binding), operation="bind")

        for pairs in (
            [(None, other)],
            [(account, account), (None, other)],
            [(account, account)],
            [(account, account), (None, attrs.evolve(binding, name="x"))],
            [(account, newer(account)), (None, binding)],
        ):
            with pytest.raises(OperationReused):
                clerk.commit(*pairs, audit=[event("other")], operation="bind")

        assert clerk.store.bindings(account.guid) == (binding,)
        assert clerk.one(account.guid) == account
        assert clerk.events() == []

    @pytest.mark.parametrize("applied", [True, False])
    def test_store_15_tells_the_truth_after_a_lost_reply(
        self, new_store: NewStore, *, applied: bool
    ) -> None:
        """STORE-15: the reply gets lost on the way to the caller, not in the store."""
        store, made, faults = new_store(), Specimens(), Faults()
        clerk = Clerk(faulty(store, "store", faults), lambda _: self.recorded(store))
        account = made.account()
        clerk.keep(account)
        pairs = (account, newer(account)), (None, made.binding(account))
        faults.lose_reply(applied=applied, times=3)

        for _ in range(3):
            with pytest.raises(Indeterminate):
                clerk.commit(*pairs, audit=[event("once")], operation="bind")
        clerk.commit(*pairs, audit=[event("once")], operation="bind")

        assert clerk.one(account.guid) == newer(account)
        assert len(clerk.store.bindings(account.guid)) == 1
        assert clerk.events() == [event("once")]

    @pytest.mark.parametrize("applied", [True, False])
    def test_store_20_never_reports_a_lost_reply_as_a_conflict(
        self, new_store: NewStore, *, applied: bool
    ) -> None:
        """STORE-20."""
        needs(self, "can_lose_replies", "STORE-20")
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.keep(account)
        changes = (Change(account, newer(account)),)

        self.lose_reply(clerk.store, applied=applied)
        expected = Indeterminate if applied else (Indeterminate, StoreUnavailable)
        with pytest.raises(expected):
            clerk.store.commit(changes, (event("once"),), "swap")
        clerk.store.commit(changes, (event("once"),), "swap")

        assert clerk.one(account.guid) == newer(account)
        assert clerk.events() == [event("once")]
