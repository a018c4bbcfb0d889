"""What becomes of an operation that is asked for again: STORE-15, STORE-16 and STORE-20."""

from __future__ import annotations

import attrs
import pytest

from counterseal.errors import Conflict, Indeterminate, OperationReused, StoreUnavailable
from counterseal.models import ChallengeState, Change, Outcome, RefusalReason
from counterseal_testing.clock import START
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.record_factory import LATER, RecordFactory, event, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.store_worker import StoreWorker
from counterseal_testing.faults import Faults, faulty


class StoreRepeating(StoreSetup):
    """The clauses of *operation*, the name of a commit."""

    def test_store_15_does_nothing_the_second_time(self, new_store: NewStore) -> None:
        """STORE-15."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        create, swap = [(None, account)], [(account, next_version(account))]
        worker.commit(*create, audit=[event("1")], operation="create")
        worker.commit(*create, audit=[event("1")], operation="create")
        worker.commit(*swap, operation="swap")
        third = worker.replace(next_version(account), next_version(next_version(account)))

        worker.commit(*create, audit=[event("1")], operation="create")
        worker.commit(*swap, operation="swap")

        assert worker.get(account.guid) == third
        assert worker.events() == [event("1")]

    def test_store_15_is_true_of_equal_changes(self, new_store: NewStore) -> None:
        """STORE-15: nobody keeps the very objects."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.create(account)
        worker.commit((account, next_version(account)), operation="swap")

        worker.commit((attrs.evolve(account), next_version(account)), operation="swap")

        assert worker.get(account.guid) == next_version(account)

    def test_store_15_remembers_while_others_commit(self, new_store: NewStore) -> None:
        """STORE-15: other callers commit before the operation is asked for again."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.commit((None, account), audit=[event("1")], operation="create")
        newest = account
        for _ in range(100):
            newest = worker.replace(newest, next_version(newest))

        worker.commit((None, account), audit=[event("1")], operation="create")

        assert worker.get(account.guid) == newest
        assert worker.events() == [event("1")]

    def test_store_15_tries_afresh_what_was_not_applied(self, new_store: NewStore) -> None:
        """STORE-15."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        binding = factory.binding(account)
        with pytest.raises(Conflict):
            worker.commit((account, account), (None, binding), operation="bind")
        worker.create(account)

        worker.commit((account, account), (None, binding), operation="bind")

        assert worker.get(binding.guid) == binding

    def test_store_16_refuses_an_operation_with_other_changes(self, new_store: NewStore) -> None:
        """STORE-16."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        binding, other = factory.binding(account), factory.binding(account)
        worker.create(account)
        worker.commit((account, account), (None, binding), operation="bind")

        for pairs in (
            [(None, other)],
            [(account, account), (None, other)],
            [(account, account)],
            [(account, account), (None, attrs.evolve(binding, name="x"))],
            [(account, next_version(account)), (None, binding)],
        ):
            with pytest.raises(OperationReused):
                worker.commit(*pairs, audit=[event("other")], operation="bind")

        assert worker.store.bindings(account.guid) == (binding,)
        assert worker.get(account.guid) == account
        assert worker.events() == []

    def test_store_16_finds_another_answer(self, new_store: NewStore) -> None:
        """STORE-16: an answer differs from another one in a few letters of a long record."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        challenge = factory.challenge(account, display='{"a":1}', display_hash="a")
        token, receipt = "a.b.c", "d.e.f"
        outcome = Outcome(at=START, device=challenge.guid, button=0, token=token, receipt=receipt)
        answered = next_version(challenge, state=ChallengeState.ANSWERED, outcome=outcome)
        worker.create(account)
        worker.create(challenge)
        worker.commit((challenge, answered), operation="answer")

        for changes in (
            {"button": 1},
            {"at": LATER},
            {"device": account.guid},
            {"token": "a.x.c"},
            {"token": "a.b.x"},
            {"receipt": "d.e.x"},
            {"receipt": None},
            {"refusal_reason": RefusalReason.OTHER},
        ):
            other = attrs.evolve(answered, outcome=attrs.evolve(outcome, **changes))
            with pytest.raises(OperationReused):
                worker.commit((challenge, other), operation="answer")
        for members in (
            {"display": '{"a":2}', "display_hash": "b"},
            {"state": ChallengeState.DISOWNED},
            {"transaction_id": '","receipt":"d.e.f"'},
        ):
            with pytest.raises(OperationReused):
                worker.commit((challenge, attrs.evolve(answered, **members)), operation="answer")
        worker.commit((challenge, answered), operation="answer")

        assert worker.get(challenge.guid) == answered

    @pytest.mark.parametrize("applied", [True, False])
    def test_store_15_tells_the_truth_after_a_lost_reply(
        self, new_store: NewStore, *, applied: bool
    ) -> None:
        """STORE-15: the reply gets lost on the way to the caller, not in the store."""
        store, factory, faults = new_store(), RecordFactory(), Faults()
        worker = StoreWorker(faulty(store, "store", faults), lambda _: self.recorded(store))
        account = factory.account()
        worker.create(account)
        pairs = (account, next_version(account)), (None, factory.binding(account))
        faults.lose_reply(applied=applied, times=3)

        for _ in range(3):
            with pytest.raises(Indeterminate):
                worker.commit(*pairs, audit=[event("once")], operation="bind")
        worker.commit(*pairs, audit=[event("once")], operation="bind")

        assert worker.get(account.guid) == next_version(account)
        assert len(worker.store.bindings(account.guid)) == 1
        assert worker.events() == [event("once")]

    @pytest.mark.parametrize("applied", [True, False])
    def test_store_20_never_reports_a_lost_reply_as_a_conflict(
        self, new_store: NewStore, *, applied: bool
    ) -> None:
        """STORE-20."""
        needs(self, "can_lose_replies", "STORE-20")
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.create(account)
        changes = (Change(account, next_version(account)),)

        self.lose_reply(worker.store, applied=applied)
        expected = Indeterminate if applied else (Indeterminate, StoreUnavailable)
        with pytest.raises(expected):
            worker.store.commit(changes, (event("once"),), "swap")
        worker.store.commit(changes, (event("once"),), "swap")

        assert worker.get(account.guid) == next_version(account)
        assert worker.events() == [event("once")]
