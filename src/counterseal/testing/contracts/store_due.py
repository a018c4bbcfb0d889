"""What workers and operators find: what is due, on which channel, and what is dead."""

from __future__ import annotations

from datetime import timedelta

from counterseal.models import (
    AddressKind,
    BindingState,
    Callback,
    CallbackState,
    ChallengeState,
    Guid,
    LoginState,
    NotificationState,
)
from counterseal.ports import Due
from counterseal.testing.clock import START
from counterseal.testing.contracts.specimens import LATER, SECOND, Specimens, newer
from counterseal.testing.contracts.store_bench import NewStore, StoreBench

INSTANT = timedelta(microseconds=1)


class StoreDue(StoreBench):
    """Clauses of `due` and `dead`."""

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
                made.notification(account, state=NotificationState.DELIVERED),
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

    def test_store_27_returns_what_is_due_on_one_channel(self, new_store: NewStore) -> None:
        """STORE-27."""
        clerk, made = self.clerk(new_store), Specimens()
        account = made.account()
        due = {kind: made.notification(account, kind=kind) for kind in AddressKind}
        for kind, record in due.items():
            late = made.notification(account, kind=kind, lease_until=START + INSTANT)
            done = made.notification(account, kind=kind, state=NotificationState.DELIVERED)
            clerk.keep(record, late, done)
        clerk.keep(made.challenge(account), made.callback(account))

        for kind, record in due.items():
            assert clerk.store.due(Due.NOTIFICATION, START, 9, kind) == (record,)
            assert len(clerk.store.due(Due.NOTIFICATION, START + INSTANT, 9, kind)) == 2
            assert len(clerk.store.due(Due.NOTIFICATION, LATER, 1, kind)) == 1
        assert set(clerk.store.due(Due.NOTIFICATION, START, 9)) == set(due.values())

    def test_store_27_follows_a_notification_that_moves(self, new_store: NewStore) -> None:
        """STORE-27."""
        clerk, made, channel = self.clerk(new_store), Specimens(), AddressKind.RELAY
        queued = made.notification(made.account(), kind=channel)
        clerk.keep(queued)
        leased = clerk.swap(queued, newer(queued, lease_until=START + SECOND))

        assert clerk.store.due(Due.NOTIFICATION, START, 9, channel) == ()
        assert clerk.store.due(Due.NOTIFICATION, START + SECOND, 9, channel) == (leased,)

        clerk.swap(leased, newer(leased, state=NotificationState.OVER))
        assert clerk.store.due(Due.NOTIFICATION, LATER, 9, channel) == ()

    def test_store_27_what_is_due_on_other_channels_hides_nothing(
        self, new_store: NewStore
    ) -> None:
        """STORE-27."""
        clerk, made = self.clerk(new_store), Specimens()
        accounts = [made.account(), made.account()]
        wanted = {
            made.notification(account, kind=AddressKind.WEBPUSH, next_at=START)
            for account in accounts
        }
        for account in accounts:
            clerk.keep(
                *(
                    made.notification(account, kind=AddressKind.RELAY, next_at=START - SECOND)
                    for _ in range(30)
                )
            )
        clerk.keep(*wanted)

        assert set(clerk.store.due(Due.NOTIFICATION, START, 3, AddressKind.WEBPUSH)) == wanted
        remaining = {record.guid: record for record in wanted}
        for _ in range(50):
            for record in clerk.store.due(Due.NOTIFICATION, START, 1, AddressKind.WEBPUSH):
                notification = remaining.pop(record.guid)
                clerk.swap(notification, newer(notification, state=NotificationState.DELIVERED))
            if not remaining:
                break

        assert not remaining, "never due"
        assert clerk.store.due(Due.NOTIFICATION, LATER, 9, AddressKind.WEBPUSH) == ()

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
