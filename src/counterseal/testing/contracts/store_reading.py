"""What a store finds: STORE-1 to STORE-8, STORE-22 to STORE-26."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal.models import (
    Account,
    Binding,
    BindingState,
    CallbackState,
    Challenge,
    ChallengeState,
    LoginState,
    Record,
)
from counterseal.ports import Due
from counterseal.testing.clock import START
from counterseal.testing.contracts.clauses import needs
from counterseal.testing.contracts.oddities import oddities
from counterseal.testing.contracts.specimens import LATER, Specimens, newer
from counterseal.testing.contracts.store_bench import NewStore, StoreBench

INSTANT = timedelta(microseconds=1)


class StoreReading(StoreBench):
    """The clauses of `get`, `get_with_account`, `account`, `bindings`, `pending` and `list`."""

    def test_store_1_finds_in_order_and_none_where_nothing_is(self, new_store: NewStore) -> None:
        """STORE-1."""
        clerk, made = self.clerk(new_store), Specimens()
        records = made.plain()
        clerk.keep(*records)
        absent = made.guid()
        asked = [record.guid for record in reversed(records)]

        found = clerk.store.get(absent, *asked, absent, asked[0])

        assert found == (None, *reversed(records), None, records[-1])
        assert clerk.store.get() == ()

    def test_store_2_returns_every_field_as_it_was_stored(self, new_store: NewStore) -> None:
        """STORE-2."""
        clerk, made = self.clerk(new_store), Specimens()
        for record in (*made.plain(), *oddities(made)):
            clerk.keep(record)

            found = clerk.one(record.guid)

            assert type(found) is type(record)
            assert found == record

    def test_store_2_returns_the_last_version(self, new_store: NewStore) -> None:
        """STORE-2."""
        clerk, made = self.clerk(new_store), Specimens()
        for record in made.plain():
            clerk.keep(record)
            newest: Record = record
            for _ in range(3):
                newest = clerk.swap(newest, newer(newest))

                assert clerk.one(record.guid) == newest

    def test_store_25_returns_the_record_its_account_and_the_others_in_order(
        self, new_store: NewStore
    ) -> None:
        """STORE-25."""
        clerk, made = self.clerk(new_store), Specimens()
        company, space = made.company(), made.app_space(made.guid())
        account, stranger = (made.account(name) for name in made.neighbours(2))
        binding, absent = made.binding(account), made.guid()
        clerk.keep(company, space, stranger, account, binding, made.binding(stranger))
        wanted = (space, None, company, company, binding)

        found = clerk.store.get_with_account(
            binding.guid, *(absent if one is None else one.guid for one in wanted)
        )

        assert found == (binding, account, *wanted)
        assert clerk.store.get_with_account(binding.guid) == (binding, account)
        assert clerk.store.get_with_account(binding.guid, account.guid) == (
            binding,
            account,
            account,
        )
        assert clerk.store.get_with_account(absent) == (None, None)
        assert clerk.store.get_with_account(absent, space.guid) == (None, None, space)

    def test_store_25_returns_the_last_versions(self, new_store: NewStore) -> None:
        """STORE-25."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        challenge = made.challenge(account)
        clerk.keep(account, challenge)
        for _ in range(3):
            account = clerk.swap(account, newer(account))
            challenge = clerk.swap(challenge, newer(challenge))

            assert clerk.store.get_with_account(challenge.guid) == (challenge, account)

    def test_store_26_knows_what_is_about_an_account(self, new_store: NewStore) -> None:
        """STORE-26."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        about = (
            made.binding(account),
            made.challenge(account),
            made.callback(account),
            made.notification(account),
        )
        orphan = made.challenge(made.account("adam"))
        clerk.keep(*about, orphan)
        for record in about:
            assert clerk.store.get_with_account(record.guid) == (record, None)
        clerk.keep(account)

        for record in about:
            assert clerk.store.get_with_account(record.guid) == (record, account)
        assert clerk.store.get_with_account(orphan.guid, account.guid) == (orphan, None, account)
        assert clerk.store.get_with_account(account.guid) == (account, None)
        for other in (*made.plain()[:4], made.login()):
            clerk.keep(other)
            assert clerk.store.get_with_account(other.guid) == (other, None)

    def test_store_3_compares_texts_exactly(self, new_store: NewStore) -> None:
        """STORE-3."""
        clerk, made = self.clerk(new_store), Specimens()
        texts = ("zoë", "zoe\u0308", "Zoë", "zoë ", " zoë", "zo", "zoë\x00", "0", "00", "ﬁ", "fi")
        accounts = [made.account(text) for text in texts]
        clerk.keep(*accounts)

        for text, account in zip(texts, accounts, strict=True):
            assert clerk.store.account(made.space, text) == account
        for stranger in ("ZOË", "zoe", "%", "_", "zo*", "0.0"):
            assert clerk.store.account(made.space, stranger) is None

    def test_store_3_app_spaces_do_not_meet(self, new_store: NewStore) -> None:
        """STORE-3."""
        clerk, made = self.clerk(new_store), Specimens()
        ours, theirs = made.account(), made.account(app_space=made.guid())
        clerk.keep(ours, theirs)

        assert clerk.store.account(ours.app_space, "zoe") == ours
        assert clerk.store.account(theirs.app_space, "zoe") == theirs
        assert clerk.store.account(made.guid(), "zoe") is None

    def test_store_3_finds_the_last_version(self, new_store: NewStore) -> None:
        """STORE-3."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        clerk.keep(account)
        changed = clerk.swap(account, newer(account, receipts=1))

        assert clerk.store.account(made.space, "zoe") == changed

    def test_store_3_knows_an_account_by_the_id_that_it_has_now(self, new_store: NewStore) -> None:
        """STORE-3: an account that was erased has another id, and its user may come back."""
        clerk, made = self.clerk(new_store), Specimens()
        before, after = made.neighbours(2)
        account = made.account(before)
        clerk.keep(account)
        erased = clerk.swap(account, newer(account, account_id=after))

        assert clerk.store.account(made.space, before) is None
        assert clerk.store.account(made.space, after) == erased
        again = made.account(before)
        clerk.keep(again)
        assert clerk.store.account(made.space, before) == again
        assert clerk.one(account.guid) == erased

    def test_store_4_returns_bindings_of_every_state(self, new_store: NewStore) -> None:
        """STORE-4."""
        clerk, made = self.clerk(new_store), Specimens()
        ours, other = (made.account(name) for name in made.neighbours(2))
        bindings = [made.binding(ours) for _ in BindingState]
        clerk.keep(made.binding(other), *bindings, made.challenge(ours))
        stored = [
            clerk.swap(binding, newer(binding, state=state))
            for binding, state in reversed(list(zip(bindings, BindingState, strict=True)))
        ]

        assert clerk.store.bindings(ours.guid) == tuple(reversed(stored))
        assert clerk.store.bindings(made.guid()) == ()

    def test_store_5_returns_the_unfinished_whatever_the_time(self, new_store: NewStore) -> None:
        """STORE-5."""
        clerk, made = self.clerk(new_store), Specimens()
        ours, other = (made.account(name) for name in made.neighbours(2))
        long_ago = START - timedelta(days=20_000)
        challenges = [made.challenge(ours, deadline=long_ago) for _ in ChallengeState]
        clerk.keep(made.challenge(other), *challenges, made.callback(ours))
        for challenge, state in zip(challenges, ChallengeState, strict=True):
            clerk.swap(challenge, newer(challenge, state=state))

        found = clerk.store.pending(ours.guid)

        assert [record.state for record in found] == [ChallengeState.PENDING, ChallengeState.SEEN]
        assert [record.guid for record in found] == [record.guid for record in challenges[:2]]
        assert all(record.version == 2 for record in found)
        assert clerk.store.pending(made.guid()) == ()

    def test_store_6_lists_what_stands_under_a_parent(self, new_store: NewStore) -> None:
        """STORE-6."""
        clerk, made = self.clerk(new_store), Specimens()
        first, second = made.company(), made.company()
        of_all, of_first = made.admin(None), made.admin(first.guid)
        spaces = [made.app_space(first.guid) for _ in range(3)]
        origins = [made.origin(spaces[1].guid) for _ in range(2)]
        clerk.keep(first, second, of_all, of_first, *spaces, *origins)
        clerk.keep(*made.plain()[4:])  # an account and what is about it are no tenancy
        renamed = clerk.swap(spaces[0], newer(spaces[0], name="Renamed"))

        assert clerk.store.list(None) == (first, second, of_all)
        assert clerk.store.list(first.guid) == (of_first, renamed, *spaces[1:])
        assert clerk.store.list(spaces[1].guid) == tuple(origins)
        assert clerk.store.list(second.guid) == ()

    def test_store_22_keeps_what_it_may_not_forget(self, new_store: NewStore) -> None:
        """STORE-22."""
        needs(self, "can_forget", "STORE-22")
        clerk, made = self.clerk(new_store), Specimens()
        company, space, origin, admin, account, binding, *_ = made.plain()
        assert isinstance(account, Account)
        for_ever = (company, space, origin, admin, account, binding)
        finished = made.challenge(account, state=ChallengeState.ANSWERED)
        delivered = made.callback(account, state=CallbackState.DELIVERED)
        used = made.login(state=LoginState.USED)
        open_ = made.challenge(account)
        queued = made.callback(account)
        started = made.login()
        dead = made.callback(account, state=CallbackState.DEAD)
        over = (finished, delivered, used, dead)
        clerk.keep(*for_ever, *over, open_, queued, started)

        self.forget(clerk.store, LATER)
        for record in (*for_ever, *over, open_, queued, started):
            assert clerk.one(record.guid) == record
        assert clerk.store.dead(dead.origin, 9) == (dead,)

        self.forget(clerk.store, LATER + timedelta(days=10_000))
        for record in (*for_ever, open_, queued, started):
            assert clerk.one(record.guid) == record
        assert clerk.store.account(account.app_space, "zoe") == account
        assert clerk.store.pending(account.guid) == (open_,)
        assert clerk.store.due(Due.CALLBACK, LATER, 9) == (queued,)
        assert clerk.store.due(Due.LOGIN, LATER, 9) == (started,)
        assert clerk.store.dead(dead.origin, 9) in ((), (dead,))

    def test_store_22_finds_what_was_stored_long_ago(self, new_store: NewStore) -> None:
        """STORE-22."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        binding: Binding = made.binding(account, state=BindingState.REVOKED, deadline=START)
        challenge: Challenge = made.challenge(account, deadline=START - timedelta(days=20_000))
        expired = attrs.evolve(challenge, guid=made.beside(account), state=ChallengeState.EXPIRED)
        records = (account, binding, challenge, expired)
        clerk.keep(*records)

        clerk.keep(*(made.callback(account) for _ in range(20)))

        assert clerk.store.get(*(record.guid for record in records)) == records
