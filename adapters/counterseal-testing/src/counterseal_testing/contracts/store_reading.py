"""What a store finds: STORE-1 to STORE-8, STORE-22 to STORE-26."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal.models import (
    LIVING_SESSIONS,
    Account,
    Binding,
    BindingState,
    CallbackState,
    Challenge,
    ChallengeState,
    LoginState,
    Record,
    SessionState,
)
from counterseal.ports import Due
from counterseal_testing.clock import START
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.edge_values import edge_records
from counterseal_testing.contracts.record_factory import LATER, RecordFactory, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup

INSTANT = timedelta(microseconds=1)


class StoreReading(StoreSetup):
    """The clauses of `get`, `get_with_account`, `account`, `bindings`, `pending` and `list`."""

    def test_store_1_finds_in_order_and_none_where_nothing_is(self, new_store: NewStore) -> None:
        """STORE-1."""
        worker, factory = self.worker(new_store), RecordFactory()
        records = factory.one_of_each()
        worker.create(*records)
        absent = factory.guid()
        guids = [record.guid for record in reversed(records)]

        actual = worker.store.get(absent, *guids, absent, guids[0])

        assert actual == (None, *reversed(records), None, records[-1])
        assert worker.store.get() == ()

    def test_store_2_returns_every_field_as_it_was_stored(self, new_store: NewStore) -> None:
        """STORE-2."""
        worker, factory = self.worker(new_store), RecordFactory()
        for record in (*factory.one_of_each(), *edge_records(factory)):
            worker.create(record)

            actual = worker.get(record.guid)

            assert type(actual) is type(record)
            assert actual == record

    def test_store_2_returns_the_last_version(self, new_store: NewStore) -> None:
        """STORE-2."""
        worker, factory = self.worker(new_store), RecordFactory()
        for record in factory.one_of_each():
            worker.create(record)
            newest: Record = record
            for _ in range(3):
                newest = worker.replace(newest, next_version(newest))

                assert worker.get(record.guid) == newest

    def test_store_25_returns_the_record_its_account_and_the_others_in_order(
        self, new_store: NewStore
    ) -> None:
        """STORE-25."""
        worker, factory = self.worker(new_store), RecordFactory()
        company, space = factory.company(), factory.app_space(factory.guid())
        account, stranger = (factory.account(name) for name in factory.neighbours(2))
        binding, absent = factory.binding(account), factory.guid()
        worker.create(company, space, stranger, account, binding, factory.binding(stranger))
        expected = (space, None, company, company, binding)

        actual = worker.store.get_with_account(
            binding.guid, *(absent if one is None else one.guid for one in expected)
        )

        assert actual == (binding, account, *expected)
        assert worker.store.get_with_account(binding.guid) == (binding, account)
        assert worker.store.get_with_account(binding.guid, account.guid) == (
            binding,
            account,
            account,
        )
        assert worker.store.get_with_account(absent) == (None, None)
        assert worker.store.get_with_account(absent, space.guid) == (None, None, space)

    def test_store_25_returns_the_last_versions(self, new_store: NewStore) -> None:
        """STORE-25."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        challenge = factory.challenge(account)
        worker.create(account, challenge)
        for _ in range(3):
            account = worker.replace(account, next_version(account))
            challenge = worker.replace(challenge, next_version(challenge))

            assert worker.store.get_with_account(challenge.guid) == (challenge, account)

    def test_store_26_knows_what_is_about_an_account(self, new_store: NewStore) -> None:
        """STORE-26."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        subjects = (
            factory.binding(account),
            factory.challenge(account),
            factory.callback(account),
            factory.notification(account),
            factory.account_event(account),
            factory.action(account),
            factory.use(account),
        )
        orphan = factory.challenge(factory.account("adam"))
        worker.create(*subjects, orphan)
        for record in subjects:
            assert worker.store.get_with_account(record.guid) == (record, None)
        worker.create(account)

        for record in subjects:
            assert worker.store.get_with_account(record.guid) == (record, account)
        assert worker.store.get_with_account(orphan.guid, account.guid) == (orphan, None, account)
        assert worker.store.get_with_account(account.guid) == (account, None)
        about_an_event = factory.callback(account, challenge=None, event=factory.guid())
        for other in (*factory.one_of_each()[:4], factory.login(), about_an_event):
            worker.create(other)
            assert worker.store.get_with_account(other.guid) == (other, None)

    def test_store_3_compares_texts_exactly(self, new_store: NewStore) -> None:
        """STORE-3."""
        worker, factory = self.worker(new_store), RecordFactory()
        texts = ("zoë", "zoe\u0308", "Zoë", "zoë ", " zoë", "zo", "zoë\x00", "0", "00", "ﬁ", "fi")
        accounts = [factory.account(text) for text in texts]
        worker.create(*accounts)

        for text, account in zip(texts, accounts, strict=True):
            assert worker.store.account(factory.space, text) == account
        for stranger in ("ZOË", "zoe", "%", "_", "zo*", "0.0"):
            assert worker.store.account(factory.space, stranger) is None

    def test_store_3_app_spaces_do_not_meet(self, new_store: NewStore) -> None:
        """STORE-3."""
        worker, factory = self.worker(new_store), RecordFactory()
        ours, theirs = factory.account(), factory.account(app_space=factory.guid())
        worker.create(ours, theirs)

        assert worker.store.account(ours.app_space, "zoe") == ours
        assert worker.store.account(theirs.app_space, "zoe") == theirs
        assert worker.store.account(factory.guid(), "zoe") is None

    def test_store_3_finds_the_last_version(self, new_store: NewStore) -> None:
        """STORE-3."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        worker.create(account)
        changed = worker.replace(account, next_version(account, receipts=1))

        assert worker.store.account(factory.space, "zoe") == changed

    def test_store_3_knows_an_account_by_the_id_that_it_has_now(self, new_store: NewStore) -> None:
        """STORE-3: an account that was erased has another id, and its user may come back."""
        worker, factory = self.worker(new_store), RecordFactory()
        before, after = factory.neighbours(2)
        account = factory.account(before)
        worker.create(account)
        erased = worker.replace(account, next_version(account, account_id=after))

        assert worker.store.account(factory.space, before) is None
        assert worker.store.account(factory.space, after) == erased
        again = factory.account(before)
        worker.create(again)
        assert worker.store.account(factory.space, before) == again
        assert worker.get(account.guid) == erased

    def test_store_4_returns_bindings_of_every_state(self, new_store: NewStore) -> None:
        """STORE-4."""
        worker, factory = self.worker(new_store), RecordFactory()
        ours, other = (factory.account(name) for name in factory.neighbours(2))
        bindings = [factory.binding(ours) for _ in BindingState]
        worker.create(factory.binding(other), *bindings, factory.challenge(ours))
        stored = [
            worker.replace(binding, next_version(binding, state=state))
            for binding, state in reversed(list(zip(bindings, BindingState, strict=True)))
        ]

        assert worker.store.bindings(ours.guid) == tuple(reversed(stored))
        assert worker.store.bindings(factory.guid()) == ()

    def test_store_5_returns_the_unfinished_whatever_the_time(self, new_store: NewStore) -> None:
        """STORE-5."""
        worker, factory = self.worker(new_store), RecordFactory()
        ours, other = (factory.account(name) for name in factory.neighbours(2))
        long_ago = START - timedelta(days=20_000)
        challenges = [factory.challenge(ours, deadline=long_ago) for _ in ChallengeState]
        worker.create(factory.challenge(other), *challenges, factory.callback(ours))
        for challenge, state in zip(challenges, ChallengeState, strict=True):
            worker.replace(challenge, next_version(challenge, state=state))

        actual = worker.store.pending(ours.guid)

        assert [record.state for record in actual] == [ChallengeState.PENDING, ChallengeState.SEEN]
        assert [record.guid for record in actual] == [record.guid for record in challenges[:2]]
        assert all(record.version == 2 for record in actual)
        assert worker.store.pending(factory.guid()) == ()

    def test_store_6_lists_what_stands_under_a_parent(self, new_store: NewStore) -> None:
        """STORE-6."""
        worker, factory = self.worker(new_store), RecordFactory()
        first, second = factory.company(), factory.company()
        of_all, of_first = factory.admin(None), factory.admin(first.guid)
        spaces = [factory.app_space(first.guid) for _ in range(3)]
        origins = [factory.origin(spaces[1].guid) for _ in range(2)]
        worker.create(first, second, of_all, of_first, *spaces, *origins)
        worker.create(*factory.one_of_each()[4:])  # an account and what is about it are no tenancy
        renamed = worker.replace(spaces[0], next_version(spaces[0], name="Renamed"))

        assert worker.store.list(None) == (first, second, of_all)
        assert worker.store.list(first.guid) == (of_first, renamed, *spaces[1:])
        assert worker.store.list(spaces[1].guid) == tuple(origins)
        assert worker.store.list(second.guid) == ()

        sessions = [factory.session(of_all.guid, state=state) for state in SessionState]
        worker.create(*sessions)
        assert worker.store.list(of_all.guid) == tuple(
            session for session in sessions if session.state in LIVING_SESSIONS
        )
        ended = worker.replace(sessions[0], next_version(sessions[0], state=SessionState.EXPIRED))
        assert ended not in worker.store.list(of_all.guid)

    def test_store_22_keeps_what_it_may_not_forget(self, new_store: NewStore) -> None:
        """STORE-22."""
        needs(self, "can_forget", "STORE-22")
        worker, factory = self.worker(new_store), RecordFactory()
        company, space, origin, admin, account, binding, *_ = factory.one_of_each()
        assert isinstance(account, Account)
        for_ever = (company, space, origin, admin, account, binding)
        finished = factory.challenge(account, state=ChallengeState.ANSWERED)
        delivered = factory.callback(account, state=CallbackState.DELIVERED)
        used = factory.login(state=LoginState.USED)
        open_ = factory.challenge(account)
        queued_callback = factory.callback(account)
        started = factory.login()
        dead = factory.callback(account, state=CallbackState.DEAD)
        over = (finished, delivered, used, dead)
        worker.create(*for_ever, *over, open_, queued_callback, started)

        self.forget(worker.store, LATER)
        for record in (*for_ever, *over, open_, queued_callback, started):
            assert worker.get(record.guid) == record
        assert worker.store.dead(dead.origin, 9) == (dead,)

        self.forget(worker.store, LATER + timedelta(days=10_000))
        for record in (*for_ever, open_, queued_callback, started):
            assert worker.get(record.guid) == record
        assert worker.store.account(account.app_space, "zoe") == account
        assert worker.store.pending(account.guid) == (open_,)
        assert worker.store.due(Due.CALLBACK, LATER, 9) == (queued_callback,)
        assert worker.store.due(Due.LOGIN, LATER, 9) == (started,)
        assert worker.store.dead(dead.origin, 9) in ((), (dead,))

    def test_store_22_finds_what_was_stored_long_ago(self, new_store: NewStore) -> None:
        """STORE-22."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        binding: Binding = factory.binding(account, state=BindingState.REVOKED, deadline=START)
        challenge: Challenge = factory.challenge(account, deadline=START - timedelta(days=20_000))
        expired = attrs.evolve(
            challenge, guid=factory.beside(account), state=ChallengeState.EXPIRED
        )
        records = (account, binding, challenge, expired)
        worker.create(*records)

        worker.create(*(factory.callback(account) for _ in range(20)))

        assert worker.store.get(*(record.guid for record in records)) == records
