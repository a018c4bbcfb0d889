"""What a store finds: STORE-1 to STORE-8, STORE-22 to STORE-26."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal.models import (
    Account,
    Binding,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    ChallengeState,
    Guid,
    LoginState,
    NotificationState,
    Record,
)
from counterseal.ports import Due
from counterseal.testing.clock import START
from counterseal.testing.contracts.clauses import needs
from counterseal.testing.contracts.oddities import oddities
from counterseal.testing.contracts.specimens import LATER, SECOND, Specimens, newer
from counterseal.testing.contracts.store_bench import NewStore, StoreBench

INSTANT = timedelta(microseconds=1)


class StoreReading(StoreBench):
    """The clauses of `get`, `about`, `account`, `bindings`, `pending`, `list`, `due` and `dead`."""

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

        found = clerk.store.about(
            binding.guid, *(absent if one is None else one.guid for one in wanted)
        )

        assert found == (binding, account, *wanted)
        assert clerk.store.about(binding.guid) == (binding, account)
        assert clerk.store.about(binding.guid, account.guid) == (binding, account, account)
        assert clerk.store.about(absent) == (None, None)
        assert clerk.store.about(absent, space.guid) == (None, None, space)

    def test_store_25_returns_the_last_versions(self, new_store: NewStore) -> None:
        """STORE-25."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        challenge = made.challenge(account)
        clerk.keep(account, challenge)
        for _ in range(3):
            account = clerk.swap(account, newer(account))
            challenge = clerk.swap(challenge, newer(challenge))

            assert clerk.store.about(challenge.guid) == (challenge, account)

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
            assert clerk.store.about(record.guid) == (record, None)
        clerk.keep(account)

        for record in about:
            assert clerk.store.about(record.guid) == (record, account)
        assert clerk.store.about(orphan.guid, account.guid) == (orphan, None, account)
        assert clerk.store.about(account.guid) == (account, None)
        for other in (*made.plain()[:4], made.login()):
            clerk.keep(other)
            assert clerk.store.about(other.guid) == (other, None)

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

    def test_store_7_returns_what_is_due_and_nothing_else(self, new_store: NewStore) -> None:
        """STORE-7."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        for kind, due, late, done in (
            (
                Due.CHALLENGE,
                made.challenge(account),
                made.challenge(account, deadline=START + INSTANT),
                made.challenge(account, state=ChallengeState.ANSWERED),
            ),
            (
                Due.BINDING,
                made.binding(account),
                made.binding(account, deadline=START + INSTANT),
                made.binding(account, state=BindingState.ACTIVE),
            ),
            (
                Due.CALLBACK,
                made.callback(account, lease_until=START - SECOND),
                made.callback(account, lease_until=START + INSTANT),
                made.callback(account, state=CallbackState.DEAD),
            ),
            (
                Due.NOTIFICATION,
                made.notification(account, lease_until=START - SECOND),
                made.notification(account, lease_until=START + INSTANT),
                made.notification(account, state=NotificationState.RUNG),
            ),
            (
                Due.LOGIN,
                made.login(),
                made.login(deadline=START + INSTANT),
                made.login(state=LoginState.USED),
            ),
        ):
            clerk.keep(due, late, done)

            assert clerk.store.due(kind, START - INSTANT, 9) == ()
            assert clerk.store.due(kind, START, 9) == (due,)
            assert set(clerk.store.due(kind, START + INSTANT, 9)) == {due, late}
            assert len(clerk.store.due(kind, LATER, 1)) == 1

    def test_store_7_follows_a_record_that_moves(self, new_store: NewStore) -> None:
        """STORE-7."""
        clerk, made = self.clerk(new_store), Specimens()
        queued = made.callback(made.account())
        clerk.keep(queued)
        leased = clerk.swap(queued, newer(queued, lease_until=START + SECOND))

        assert clerk.store.due(Due.CALLBACK, START, 9) == ()
        assert clerk.store.due(Due.CALLBACK, START + SECOND, 9) == (leased,)

        back = clerk.swap(leased, newer(leased, lease_until=None))
        assert clerk.store.due(Due.CALLBACK, START, 9) == (back,)

        clerk.swap(back, newer(back, state=CallbackState.DELIVERED))
        assert clerk.store.due(Due.CALLBACK, LATER, 9) == ()

    def test_store_8_leaves_nothing_out_for_ever(self, new_store: NewStore) -> None:
        """STORE-8."""
        clerk, made = self.clerk(new_store), Specimens()
        logins = [
            made.login(guid=made.guid(partition), deadline=START + SECOND * (partition % 5))
            for partition in (0, 1, 7, 8, 15, 16, 64, 127, 128, 200, 254, 255)
        ]
        clerk.keep(*logins)
        left = {login.guid: login for login in logins}

        for _ in range(50 * len(logins)):
            for record in clerk.store.due(Due.LOGIN, LATER, 2):
                login = left.pop(record.guid)
                clerk.swap(login, newer(login, state=LoginState.EXPIRED))
            if not left:
                break

        assert not left, f"never due: {sorted(left)}"
        assert clerk.store.due(Due.LOGIN, LATER, 9) == ()

    def test_store_8_what_fails_again_and_again_hides_nothing(self, new_store: NewStore) -> None:
        """STORE-8."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        callbacks: dict[Guid, Callback] = {
            callback.guid: callback for callback in (made.callback(account) for _ in range(6))
        }
        clerk.keep(*callbacks.values())
        tried: set[Guid] = set()

        for turn in range(50):
            now = START + SECOND * turn
            for record in clerk.store.due(Due.CALLBACK, now, 2):
                tried.add(record.guid)
                callback = callbacks[record.guid]
                again = newer(callback, next_at=now + SECOND * 30)
                callbacks[record.guid] = clerk.swap(callback, again)

        assert tried == set(callbacks)

    def test_store_23_returns_the_dead_of_one_origin_and_nothing_else(
        self, new_store: NewStore
    ) -> None:
        """STORE-23."""
        clerk, made = self.clerk(new_store), Specimens()
        ours, theirs, account = made.guid(), made.guid(), made.account()
        long_ago = START - timedelta(days=20_000)
        callbacks = [made.callback(account, origin=ours, next_at=long_ago) for _ in CallbackState]
        other = made.callback(account, origin=theirs, state=CallbackState.DEAD)
        far = made.callback(account, origin=ours, state=CallbackState.DEAD, next_at=LATER)
        clerk.keep(account, made.challenge(account, origin=ours), *callbacks, other, far)
        stored = {
            state: clerk.swap(callback, newer(callback, state=state))
            for callback, state in zip(callbacks, CallbackState, strict=True)
        }

        assert clerk.store.dead(ours, 9) == (stored[CallbackState.DEAD], far)
        assert clerk.store.dead(theirs, 9) == (other,)
        assert clerk.store.dead(account.guid, 9) == clerk.store.dead(made.guid(), 9) == ()

    def test_store_23_follows_a_callback_that_moves(self, new_store: NewStore) -> None:
        """STORE-23."""
        clerk, made = self.clerk(new_store), Specimens()
        origin = made.guid()
        queued = made.callback(made.account(), origin=origin)
        clerk.keep(queued)
        assert clerk.store.dead(origin, 9) == ()

        dead = clerk.swap(queued, newer(queued, state=CallbackState.DEAD))
        assert clerk.store.dead(origin, 9) == (dead,)

        touched_ = clerk.swap(dead, newer(dead, last_status=410))
        assert clerk.store.dead(origin, 9) == (touched_,)

        again = clerk.swap(touched_, newer(touched_, state=CallbackState.QUEUED))
        assert clerk.store.dead(origin, 9) == ()

        once_more = clerk.swap(again, newer(again, state=CallbackState.DEAD))
        assert clerk.store.dead(origin, 9) == (once_more,)

    def test_store_24_returns_the_oldest_first_and_no_more_than_asked_for(
        self, new_store: NewStore
    ) -> None:
        """STORE-24: in the order in which they were made, in whatever order they died."""
        clerk, made = self.clerk(new_store), Specimens()
        origin = made.guid()
        accounts = [made.account(name) for name in ("zoe", "adam", "0")]
        callbacks = [
            made.callback(accounts[number % 3], origin=origin, next_at=LATER - SECOND * number)
            for number in range(7)
        ]
        clerk.keep(*callbacks)
        died = {
            place: clerk.swap(callbacks[place], newer(callbacks[place], state=CallbackState.DEAD))
            for place in (5, 1, 6, 0, 3, 2, 4)
        }
        dead = tuple(died[place] for place in range(7))

        for limit in (1, 2, 6, 7, 100):
            assert clerk.store.dead(origin, limit) == dead[:limit]

        clerk.swap(dead[0], newer(dead[0], state=CallbackState.QUEUED))
        assert clerk.store.dead(origin, 2) == dead[1:3]

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
