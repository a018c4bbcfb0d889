"""What a commit does: STORE-9 to STORE-14, STORE-18 and STORE-21."""

from __future__ import annotations

import attrs

from counterseal.errors import (
    Conflict,
    PartitionCrossed,
    WrongRecord,
)
from counterseal.models import BindingState
from counterseal.testing.contracts.clerk import Pair
from counterseal.testing.contracts.specimens import Specimens, event, newer, touched
from counterseal.testing.contracts.store_bench import NewStore, StoreBench


class StoreCommitting(StoreBench):
    """The clauses of `commit`, as one caller sees them."""

    def test_store_9_creates(self, new_store: NewStore) -> None:
        """STORE-9."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        together = (account, made.binding(account), made.challenge(account), made.callback(account))

        clerk.commit(*((None, record) for record in together))

        assert clerk.store.get(*(record.guid for record in together)) == together

    def test_store_9_refuses_a_guid_that_exists(self, new_store: NewStore) -> None:
        """STORE-9."""
        clerk, made = self.clerk(new_store), Specimens()
        for record in made.plain():
            clerk.keep(record)

            clerk.refused(Conflict, (None, record))
            clerk.refused(Conflict, (None, attrs.evolve(touched(record, made.moment()), version=1)))
            clerk.swap(record, newer(record))
            clerk.refused(Conflict, (None, record))

    def test_store_9_refuses_a_natural_key_that_exists(self, new_store: NewStore) -> None:
        """STORE-9."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.keep(account)

        clerk.refused(Conflict, (None, made.account()))
        clerk.refused(Conflict, (None, made.binding(account)), (None, made.account()))
        assert clerk.store.account(made.space, "zoe") == account

    def test_store_9_refuses_a_natural_key_twice_in_one_commit(self, new_store: NewStore) -> None:
        """STORE-9."""
        clerk, made = self.clerk(new_store), Specimens()

        clerk.refused(Conflict, (None, made.account()), (None, made.account()))
        assert clerk.store.account(made.space, "zoe") is None

    def test_store_10_swaps(self, new_store: NewStore) -> None:
        """STORE-10."""
        clerk, made = self.clerk(new_store), Specimens()
        for record in made.plain():
            clerk.keep(record)

            clerk.swap(record, newer(record))

            assert clerk.one(record.guid) == newer(record)

    def test_store_10_refuses_what_was_decided_on_an_old_version(self, new_store: NewStore) -> None:
        """STORE-10."""
        clerk, made = self.clerk(new_store), Specimens()
        for record in made.plain():
            clerk.keep(record)
            second = clerk.swap(record, newer(record))
            clerk.refused(Conflict, (record, touched(record, made.moment())))
            third = clerk.swap(second, newer(second))

            for stale in (record, second):
                clerk.refused(Conflict, (stale, newer(stale)))
            clerk.refused(Conflict, (newer(third), newer(newer(third))))

    def test_store_10_looks_at_versions_and_not_at_states(self, new_store: NewStore) -> None:
        """STORE-10."""
        clerk, made = self.clerk(new_store), Specimens()
        active = made.binding(made.account(), state=BindingState.ACTIVE)
        clerk.keep(active)
        suspended = clerk.swap(active, newer(active, state=BindingState.SUSPENDED))
        clerk.swap(suspended, newer(suspended, state=BindingState.ACTIVE))

        clerk.refused(Conflict, (active, newer(active, strikes=1)))

    def test_store_10_refuses_what_is_not_there(self, new_store: NewStore) -> None:
        """STORE-10."""
        clerk, made = self.clerk(new_store), Specimens()
        for record in made.plain():
            clerk.refused(Conflict, (record, newer(record)))

    def test_store_11_guards(self, new_store: NewStore) -> None:
        """STORE-11."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.keep(account)
        binding, callback = made.binding(account), made.callback(account)

        clerk.commit((account, account), (None, binding))
        clerk.commit((None, callback), (account, account))
        clerk.commit((account, account))

        assert clerk.store.get(account.guid, binding.guid, callback.guid) == (
            account,
            binding,
            callback,
        )

    def test_store_11_refuses_if_the_guard_has_moved(self, new_store: NewStore) -> None:
        """STORE-11."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.keep(account)
        locked = clerk.swap(account, newer(account))
        binding = made.binding(account)

        clerk.refused(Conflict, (account, account), (None, binding))
        clerk.refused(Conflict, (None, binding), (account, account))
        clerk.refused(Conflict, (account, account))
        ahead = newer(locked)
        clerk.refused(Conflict, (ahead, ahead), (None, binding))

    def test_store_11_refuses_if_the_guard_is_not_there(self, new_store: NewStore) -> None:
        """STORE-11."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()

        binding = made.binding(account)
        clerk.refused(Conflict, (account, account), (None, binding))

    def test_store_12_applies_nothing_of_what_conflicts(self, new_store: NewStore) -> None:
        """STORE-12."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        binding = made.binding(account)
        clerk.keep(account, binding)
        moved = clerk.swap(binding, newer(binding))
        challenge = made.challenge(account)
        pairs: list[Pair] = [
            (None, challenge),
            (account, newer(account)),
            (binding, newer(binding)),
        ]

        for turn in range(3):
            clerk.refused(Conflict, *pairs[turn:], *pairs[:turn])
            assert clerk.store.pending(account.guid) == ()
            assert clerk.store.bindings(account.guid) == (moved,)
            assert clerk.store.account(made.space, "zoe") == account

    def test_store_12_can_be_tried_again(self, new_store: NewStore) -> None:
        """STORE-12."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        pairs = (None, made.binding(account)), (account, account)
        clerk.refused(Conflict, *pairs)
        clerk.keep(account)

        clerk.commit(*pairs)

        assert len(clerk.store.bindings(account.guid)) == 1

    def test_store_13_refuses_two_partitions(self, new_store: NewStore) -> None:
        """STORE-13."""
        clerk, made = self.clerk(new_store), Specimens()
        here, there = (made.company(guid=made.guid(partition)) for partition in (3, 4))

        clerk.refused(PartitionCrossed, (None, here), (None, there))
        clerk.keep(here, there)
        clerk.refused(PartitionCrossed, (here, newer(here)), (there, newer(there)))
        clerk.refused(PartitionCrossed, (here, newer(here)), (there, there))

    def test_store_14_refuses_other_versions(self, new_store: NewStore) -> None:
        """STORE-14."""
        clerk, made = self.clerk(new_store), Specimens()
        company = made.company()
        for version in (0, 2, 7):
            clerk.refused(WrongRecord, (None, attrs.evolve(company, version=version)))
        clerk.keep(company)
        second = clerk.swap(company, newer(company))
        for version in (0, 1, 2, 4, 9):
            clerk.refused(WrongRecord, (second, attrs.evolve(second, name="x", version=version)))

    def test_store_14_refuses_another_kind_or_guid(self, new_store: NewStore) -> None:
        """STORE-14."""
        clerk, made = self.clerk(new_store), Specimens()
        company = made.company()
        clerk.keep(company)

        clerk.refused(WrongRecord, (company, newer(made.company())))
        clerk.refused(WrongRecord, (company, newer(made.admin(None, guid=company.guid))))

    def test_store_18_records_with_the_changes(self, new_store: NewStore) -> None:
        """STORE-18."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        first = [event(str(place), subject=account.guid) for place in range(4)]
        clerk.commit((None, account), audit=first)
        second = [event("guard"), event("guard")]
        clerk.commit((account, account), audit=second)
        clerk.commit((account, newer(account)))

        assert clerk.events() == first + second

    def test_store_18_records_nothing_of_a_refused_commit(self, new_store: NewStore) -> None:
        """STORE-18."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.commit((None, account), audit=[event("kept")])

        clerk.refused(Conflict, (None, account))
        clerk.refused(WrongRecord, (account, account), (account, newer(account)))
        assert clerk.events() == [event("kept")]

    def test_store_21_refuses_no_change_and_a_guid_twice(self, new_store: NewStore) -> None:
        """STORE-21."""
        clerk, made = self.clerk(new_store), Specimens()
        company, other = made.company(), made.company()
        clerk.keep(company)

        clerk.refused(WrongRecord)
        clerk.refused(WrongRecord, (company, company), (company, newer(company)))
        clerk.refused(WrongRecord, (company, newer(company)), (company, newer(company)))
        clerk.refused(WrongRecord, (None, other), (None, other))
