"""What a commit does: STORE-9 to STORE-14, STORE-18 and STORE-21."""

from __future__ import annotations

import attrs

from counterseal.errors import (
    Conflict,
    PartitionCrossed,
    WrongRecord,
)
from counterseal.models import BindingState, replace
from counterseal_testing.contracts.record_factory import (
    RecordFactory,
    event,
    next_version,
    with_other_creation_time,
)
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.store_worker import Pair


class StoreCommitting(StoreSetup):
    """The clauses of `commit`, as one caller sees them."""

    def test_store_9_creates(self, new_store: NewStore) -> None:
        """STORE-9."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        together = (
            account,
            factory.binding(account),
            factory.challenge(account),
            factory.callback(account),
        )

        worker.commit(*((None, record) for record in together))

        assert worker.store.get(*(record.guid for record in together)) == together

    def test_store_9_refuses_a_guid_that_exists(self, new_store: NewStore) -> None:
        """STORE-9."""
        worker, factory = self.worker(new_store), RecordFactory()
        for record in factory.one_of_each():
            worker.create(record)

            worker.require_refused(Conflict, (None, record))
            worker.require_refused(
                Conflict,
                (None, replace(with_other_creation_time(record, factory.moment()), version=1)),
            )
            worker.replace(record, next_version(record))
            worker.require_refused(Conflict, (None, record))

    def test_store_9_refuses_a_natural_key_that_exists(self, new_store: NewStore) -> None:
        """STORE-9."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.create(account)

        worker.require_refused(Conflict, (None, factory.account()))
        worker.require_refused(
            Conflict, (None, factory.binding(account)), (None, factory.account())
        )
        assert worker.store.account(factory.space, "zoe") == account

    def test_store_9_refuses_a_natural_key_twice_in_one_commit(self, new_store: NewStore) -> None:
        """STORE-9."""
        worker, factory = self.worker(new_store), RecordFactory()

        worker.require_refused(Conflict, (None, factory.account()), (None, factory.account()))
        assert worker.store.account(factory.space, "zoe") is None

    def test_store_10_swaps(self, new_store: NewStore) -> None:
        """STORE-10."""
        worker, factory = self.worker(new_store), RecordFactory()
        for record in factory.one_of_each():
            worker.create(record)

            worker.replace(record, next_version(record))

            assert worker.get(record.guid) == next_version(record)

    def test_store_10_refuses_what_was_decided_on_an_old_version(self, new_store: NewStore) -> None:
        """STORE-10."""
        worker, factory = self.worker(new_store), RecordFactory()
        for record in factory.one_of_each():
            worker.create(record)
            second = worker.replace(record, next_version(record))
            worker.require_refused(
                Conflict, (record, with_other_creation_time(record, factory.moment()))
            )
            third = worker.replace(second, next_version(second))

            for stale in (record, second):
                worker.require_refused(Conflict, (stale, next_version(stale)))
            worker.require_refused(
                Conflict, (next_version(third), next_version(next_version(third)))
            )

    def test_store_10_refuses_a_natural_key_that_another_account_has(
        self, new_store: NewStore
    ) -> None:
        """STORE-10."""
        worker, factory = self.worker(new_store), RecordFactory()
        first_id, second_id, free_id = factory.neighbours(3)
        first, second = factory.account(first_id), factory.account(second_id)
        worker.create(first, second)
        renamed = next_version(second, account_id=first_id)

        worker.require_refused(Conflict, (second, renamed))
        worker.require_refused(Conflict, (first, first), (second, renamed))
        worker.require_refused(Conflict, (None, factory.binding(second)), (second, renamed))
        assert worker.store.account(factory.space, first_id) == first
        assert worker.store.account(factory.space, second_id) == second
        assert worker.store.bindings(second.guid) == ()
        worker.replace(second, next_version(second, account_id=free_id))

    def test_store_10_refuses_a_natural_key_twice_in_one_commit(self, new_store: NewStore) -> None:
        """STORE-10."""
        worker, factory = self.worker(new_store), RecordFactory()
        first_id, second_id, free_id = factory.neighbours(3)
        first, second = factory.account(first_id), factory.account(second_id)
        worker.create(first, second)
        first_renamed, renamed = (next_version(one, account_id=free_id) for one in (first, second))

        worker.require_refused(Conflict, (first, first_renamed), (second, renamed))
        worker.require_refused(Conflict, (None, factory.account(free_id)), (second, renamed))
        assert worker.store.account(factory.space, free_id) is None
        assert worker.store.account(factory.space, first_id) == first
        assert worker.store.account(factory.space, second_id) == second

    def test_store_10_looks_at_versions_and_not_at_states(self, new_store: NewStore) -> None:
        """STORE-10."""
        worker, factory = self.worker(new_store), RecordFactory()
        active = factory.binding(factory.account(), state=BindingState.ACTIVE)
        worker.create(active)
        suspended = worker.replace(active, next_version(active, state=BindingState.SUSPENDED))
        worker.replace(suspended, next_version(suspended, state=BindingState.ACTIVE))

        worker.require_refused(Conflict, (active, next_version(active, strikes=1)))

    def test_store_10_refuses_what_is_not_there(self, new_store: NewStore) -> None:
        """STORE-10."""
        worker, factory = self.worker(new_store), RecordFactory()
        for record in factory.one_of_each():
            worker.require_refused(Conflict, (record, next_version(record)))

    def test_store_11_guards(self, new_store: NewStore) -> None:
        """STORE-11."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.create(account)
        binding, callback = factory.binding(account), factory.callback(account)

        worker.commit((account, account), (None, binding))
        worker.commit((None, callback), (account, account))
        worker.commit((account, account))

        assert worker.store.get(account.guid, binding.guid, callback.guid) == (
            account,
            binding,
            callback,
        )

    def test_store_11_refuses_if_the_guard_has_moved(self, new_store: NewStore) -> None:
        """STORE-11."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.create(account)
        locked = worker.replace(account, next_version(account))
        binding = factory.binding(account)

        worker.require_refused(Conflict, (account, account), (None, binding))
        worker.require_refused(Conflict, (None, binding), (account, account))
        worker.require_refused(Conflict, (account, account))
        ahead = next_version(locked)
        worker.require_refused(Conflict, (ahead, ahead), (None, binding))

    def test_store_11_refuses_if_the_guard_is_not_there(self, new_store: NewStore) -> None:
        """STORE-11."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()

        binding = factory.binding(account)
        worker.require_refused(Conflict, (account, account), (None, binding))

    def test_store_12_applies_nothing_of_what_conflicts(self, new_store: NewStore) -> None:
        """STORE-12."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        binding = factory.binding(account)
        worker.create(account, binding)
        moved = worker.replace(binding, next_version(binding))
        challenge = factory.challenge(account)
        pairs: list[Pair] = [
            (None, challenge),
            (account, next_version(account)),
            (binding, next_version(binding)),
        ]

        for index in range(3):
            worker.require_refused(Conflict, *pairs[index:], *pairs[:index])
            assert worker.store.pending(account.guid) == ()
            assert worker.store.bindings(account.guid) == (moved,)
            assert worker.store.account(factory.space, "zoe") == account

    def test_store_12_can_be_tried_again(self, new_store: NewStore) -> None:
        """STORE-12."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        pairs = (None, factory.binding(account)), (account, account)
        worker.require_refused(Conflict, *pairs)
        worker.create(account)

        worker.commit(*pairs)

        assert len(worker.store.bindings(account.guid)) == 1

    def test_store_13_refuses_two_partitions(self, new_store: NewStore) -> None:
        """STORE-13."""
        worker, factory = self.worker(new_store), RecordFactory()
        here, there = (factory.company(guid=factory.guid(partition)) for partition in (3, 4))

        worker.require_refused(PartitionCrossed, (None, here), (None, there))
        worker.create(here, there)
        worker.require_refused(
            PartitionCrossed, (here, next_version(here)), (there, next_version(there))
        )
        worker.require_refused(PartitionCrossed, (here, next_version(here)), (there, there))

    def test_store_14_refuses_other_versions(self, new_store: NewStore) -> None:
        """STORE-14."""
        worker, factory = self.worker(new_store), RecordFactory()
        company = factory.company()
        for version in (0, 2, 7):
            worker.require_refused(WrongRecord, (None, attrs.evolve(company, version=version)))
        worker.create(company)
        second = worker.replace(company, next_version(company))
        for version in (0, 1, 2, 4, 9):
            worker.require_refused(
                WrongRecord, (second, attrs.evolve(second, name="x", version=version))
            )

    def test_store_14_refuses_another_kind_or_guid(self, new_store: NewStore) -> None:
        """STORE-14."""
        worker, factory = self.worker(new_store), RecordFactory()
        company = factory.company()
        worker.create(company)

        worker.require_refused(WrongRecord, (company, next_version(factory.company())))
        worker.require_refused(
            WrongRecord, (company, next_version(factory.admin(None, guid=company.guid)))
        )

    def test_store_18_records_with_the_changes(self, new_store: NewStore) -> None:
        """STORE-18."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        first = [event(str(index), subject=account.guid) for index in range(4)]
        worker.commit((None, account), audit=first)
        second = [event("guard"), event("guard")]
        worker.commit((account, account), audit=second)
        worker.commit((account, next_version(account)))

        assert worker.events() == first + second

    def test_store_18_records_nothing_of_a_refused_commit(self, new_store: NewStore) -> None:
        """STORE-18."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.commit((None, account), audit=[event("kept")])

        worker.require_refused(Conflict, (None, account))
        worker.require_refused(WrongRecord, (account, account), (account, next_version(account)))
        assert worker.events() == [event("kept")]

    def test_store_21_refuses_no_change_and_a_guid_twice(self, new_store: NewStore) -> None:
        """STORE-21."""
        worker, factory = self.worker(new_store), RecordFactory()
        company, other = factory.company(), factory.company()
        worker.create(company)

        worker.require_refused(WrongRecord)
        worker.require_refused(WrongRecord, (company, company), (company, next_version(company)))
        worker.require_refused(
            WrongRecord, (company, next_version(company)), (company, next_version(company))
        )
        worker.require_refused(WrongRecord, (None, other), (None, other))
