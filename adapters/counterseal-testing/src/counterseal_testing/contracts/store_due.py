"""What workers and operators find: what is due, on of which queue, and what is dead."""

from __future__ import annotations

from datetime import timedelta

from counterseal.models import (
    AccountEventState,
    ActionState,
    AddressKind,
    AuthenticationState,
    BindingState,
    Callback,
    CallbackState,
    ChallengeState,
    Guid,
    LoginState,
    NotificationState,
    RegistrationState,
    SessionState,
)
from counterseal.ports import Due
from counterseal_testing.clock import START
from counterseal_testing.contracts.record_factory import LATER, SECOND, RecordFactory, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup

INSTANT = timedelta(microseconds=1)


class StoreDue(StoreSetup):
    """Clauses of `due` and `dead`."""

    def test_store_7_returns_what_is_due_and_nothing_else(self, new_store: NewStore) -> None:
        """STORE-7."""
        worker, factory = self.worker(new_store), RecordFactory()
        account, admin = factory.account(), factory.admin(None)
        cases = (
            (
                Due.CHALLENGE,
                factory.challenge(account),
                factory.challenge(account, deadline=START + INSTANT),
                factory.challenge(account, state=ChallengeState.ANSWERED),
            ),
            (
                Due.BINDING,
                factory.binding(account),
                factory.binding(account, deadline=START + INSTANT),
                factory.binding(account, state=BindingState.ACTIVE),
            ),
            (
                Due.CALLBACK,
                factory.callback(account, lease_until=START - SECOND),
                factory.callback(account, lease_until=START + INSTANT),
                factory.callback(account, state=CallbackState.DEAD),
            ),
            (
                Due.NOTIFICATION,
                factory.notification(account, lease_until=START - SECOND),
                factory.notification(account, lease_until=START + INSTANT),
                factory.notification(account, state=NotificationState.DELIVERED),
            ),
            (
                Due.LOGIN,
                factory.login(),
                factory.login(deadline=START + INSTANT),
                factory.login(state=LoginState.USED),
            ),
            (
                Due.REGISTRATION,
                factory.registration(account),
                factory.registration(account, deadline=START + INSTANT),
                factory.registration(account, state=RegistrationState.REGISTERED),
            ),
            (
                Due.AUTHENTICATION,
                factory.authentication(account),
                factory.authentication(account, deadline=START + INSTANT),
                factory.authentication(account, state=AuthenticationState.AUTHENTICATED),
            ),
            (
                Due.ACTION,
                factory.action(account),
                factory.action(
                    account, challenge=factory.beside(account), valid_until=START + INSTANT
                ),
                factory.action(account, challenge=factory.beside(account), state=ActionState.USED),
            ),
            (
                Due.SESSION,
                factory.session(admin.guid),
                factory.session(admin.guid, deadline=START + INSTANT),
                factory.session(admin.guid, state=SessionState.REVOKED),
            ),
            (
                Due.ACCOUNT_EVENT,
                factory.account_event(account),
                factory.account_event(account, number=2, created_at=START + INSTANT),
                factory.account_event(account, number=3, state=AccountEventState.PUBLISHED),
            ),
        )
        assert {kind for kind, *_ in cases} == {kind for kind in Due if kind.due}
        for kind, due, late, done in cases:
            worker.create(due, late, done)

            assert worker.store.due(kind, START - INSTANT, 9) == ()
            assert worker.store.due(kind, START, 9) == (due,)
            assert set(worker.store.due(kind, START + INSTANT, 9)) == {due, late}
            assert len(worker.store.due(kind, LATER, 1)) == 1

    def test_store_7_follows_a_record_that_moves(self, new_store: NewStore) -> None:
        """STORE-7."""
        worker, factory = self.worker(new_store), RecordFactory()
        record = factory.callback(factory.account())
        worker.create(record)
        leased = worker.replace(record, next_version(record, lease_until=START + SECOND))

        assert worker.store.due(Due.CALLBACK, START, 9) == ()
        assert worker.store.due(Due.CALLBACK, START + SECOND, 9) == (leased,)

        back = worker.replace(leased, next_version(leased, lease_until=None))
        assert worker.store.due(Due.CALLBACK, START, 9) == (back,)

        worker.replace(back, next_version(back, state=CallbackState.DELIVERED))
        assert worker.store.due(Due.CALLBACK, LATER, 9) == ()

    def test_store_8_leaves_nothing_out_for_ever(self, new_store: NewStore) -> None:
        """STORE-8."""
        worker, factory = self.worker(new_store), RecordFactory()
        logins = [
            factory.login(guid=factory.guid(partition), deadline=START + SECOND * (partition % 5))
            for partition in (0, 1, 7, 8, 15, 16, 64, 127, 128, 200, 254, 255)
        ]
        worker.create(*logins)
        remaining = {login.guid: login for login in logins}

        for _ in range(50 * len(logins)):
            for record in worker.store.due(Due.LOGIN, LATER, 2):
                login = remaining.pop(record.guid)
                worker.replace(login, next_version(login, state=LoginState.EXPIRED))
            if not remaining:
                break

        assert not remaining, f"never due: {sorted(remaining)}"
        assert worker.store.due(Due.LOGIN, LATER, 9) == ()

    def test_store_8_what_fails_again_and_again_hides_nothing(self, new_store: NewStore) -> None:
        """STORE-8."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        callbacks: dict[Guid, Callback] = {
            callback.guid: callback for callback in (factory.callback(account) for _ in range(6))
        }
        worker.create(*callbacks.values())
        tried: set[Guid] = set()

        for index in range(50):
            now = START + SECOND * index
            for record in worker.store.due(Due.CALLBACK, now, 2):
                tried.add(record.guid)
                callback = callbacks[record.guid]
                again = next_version(callback, next_at=now + SECOND * 30)
                callbacks[record.guid] = worker.replace(callback, again)

        assert tried == set(callbacks)

    def test_store_27_returns_what_is_due_on_one_channel(self, new_store: NewStore) -> None:
        """STORE-27."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        due = {kind: factory.notification(account, kind=kind) for kind in AddressKind}
        for kind, record in due.items():
            late = factory.notification(account, kind=kind, lease_until=START + INSTANT)
            done = factory.notification(account, kind=kind, state=NotificationState.DELIVERED)
            worker.create(record, late, done)
        worker.create(factory.challenge(account), factory.callback(account))

        for kind, record in due.items():
            assert worker.store.due(Due.NOTIFICATION, START, 9, kind) == (record,)
            assert len(worker.store.due(Due.NOTIFICATION, START + INSTANT, 9, kind)) == 2
            assert len(worker.store.due(Due.NOTIFICATION, LATER, 1, kind)) == 1
        assert set(worker.store.due(Due.NOTIFICATION, START, 9)) == set(due.values())

    def test_store_27_follows_a_notification_that_moves(self, new_store: NewStore) -> None:
        """STORE-27."""
        worker, factory, channel = self.worker(new_store), RecordFactory(), AddressKind.RELAY
        record = factory.notification(factory.account(), kind=channel)
        worker.create(record)
        leased = worker.replace(record, next_version(record, lease_until=START + SECOND))

        assert worker.store.due(Due.NOTIFICATION, START, 9, channel) == ()
        assert worker.store.due(Due.NOTIFICATION, START + SECOND, 9, channel) == (leased,)

        worker.replace(leased, next_version(leased, state=NotificationState.OVER))
        assert worker.store.due(Due.NOTIFICATION, LATER, 9, channel) == ()

    def test_store_27_what_is_due_on_other_channels_hides_nothing(
        self, new_store: NewStore
    ) -> None:
        """STORE-27."""
        worker, factory = self.worker(new_store), RecordFactory()
        accounts = [factory.account(), factory.account()]
        expected = {
            factory.notification(account, kind=AddressKind.WEBPUSH, next_at=START)
            for account in accounts
        }
        for account in accounts:
            worker.create(
                *(
                    factory.notification(account, kind=AddressKind.RELAY, next_at=START - SECOND)
                    for _ in range(30)
                )
            )
        worker.create(*expected)

        assert set(worker.store.due(Due.NOTIFICATION, START, 3, AddressKind.WEBPUSH)) == expected
        remaining = {record.guid: record for record in expected}
        for _ in range(50):
            for record in worker.store.due(Due.NOTIFICATION, START, 1, AddressKind.WEBPUSH):
                notification = remaining.pop(record.guid)
                worker.replace(
                    notification, next_version(notification, state=NotificationState.DELIVERED)
                )
            if not remaining:
                break

        assert not remaining, "never due"
        assert worker.store.due(Due.NOTIFICATION, LATER, 9, AddressKind.WEBPUSH) == ()

    def test_store_27_returns_the_callbacks_of_one_origin(self, new_store: NewStore) -> None:
        """STORE-27."""
        worker, factory = self.worker(new_store), RecordFactory()
        ours, theirs, accounts = (
            factory.guid(),
            factory.guid(),
            [factory.account(), factory.account()],
        )
        others = [
            factory.callback(account, origin=theirs, next_at=START - SECOND)
            for account in accounts
            for _ in range(30)
        ]
        due = [factory.callback(account, origin=ours) for account in accounts]
        late = factory.callback(accounts[0], origin=ours, next_at=START + SECOND)
        event = factory.callback(accounts[1], origin=ours, challenge=None, event=factory.guid())
        worker.create(*others, *due, late, event)

        assert set(worker.store.due(Due.CALLBACK, START, 9, ours)) == {*due, event}
        assert len(worker.store.due(Due.CALLBACK, START, 1, ours)) == 1
        assert set(worker.store.due(Due.CALLBACK, LATER, 9, ours)) == {*due, event, late}
        assert worker.store.due(Due.CALLBACK, LATER, 9, factory.guid()) == ()

        leased = worker.replace(due[0], next_version(due[0], lease_until=START + SECOND))
        dead = worker.replace(due[1], next_version(due[1], state=CallbackState.DEAD))
        assert set(worker.store.due(Due.CALLBACK, START, 9, ours)) == {event}
        assert set(worker.store.due(Due.CALLBACK, START + SECOND, 9, ours)) == {event, leased, late}

        again = worker.replace(dead, next_version(dead, state=CallbackState.QUEUED))
        assert again in worker.store.due(Due.CALLBACK, START, 9, ours)

    def test_store_23_returns_the_dead_of_one_origin_and_nothing_else(
        self, new_store: NewStore
    ) -> None:
        """STORE-23."""
        worker, factory = self.worker(new_store), RecordFactory()
        ours, theirs, account = factory.guid(), factory.guid(), factory.account()
        long_ago = START - timedelta(days=20_000)
        callbacks = [
            factory.callback(account, origin=ours, next_at=long_ago) for _ in CallbackState
        ]
        other = factory.callback(account, origin=theirs, state=CallbackState.DEAD)
        far = factory.callback(account, origin=ours, state=CallbackState.DEAD, next_at=LATER)
        worker.create(account, factory.challenge(account, origin=ours), *callbacks, other, far)
        stored = {
            state: worker.replace(callback, next_version(callback, state=state))
            for callback, state in zip(callbacks, CallbackState, strict=True)
        }

        assert worker.store.dead(ours, 9) == (stored[CallbackState.DEAD], far)
        assert worker.store.dead(theirs, 9) == (other,)
        assert worker.store.dead(account.guid, 9) == worker.store.dead(factory.guid(), 9) == ()

    def test_store_23_follows_a_callback_that_moves(self, new_store: NewStore) -> None:
        """STORE-23."""
        worker, factory = self.worker(new_store), RecordFactory()
        origin = factory.guid()
        record = factory.callback(factory.account(), origin=origin)
        worker.create(record)
        assert worker.store.dead(origin, 9) == ()

        dead = worker.replace(record, next_version(record, state=CallbackState.DEAD))
        assert worker.store.dead(origin, 9) == (dead,)

        touched_ = worker.replace(dead, next_version(dead, last_status=410))
        assert worker.store.dead(origin, 9) == (touched_,)

        again = worker.replace(touched_, next_version(touched_, state=CallbackState.QUEUED))
        assert worker.store.dead(origin, 9) == ()

        once_more = worker.replace(again, next_version(again, state=CallbackState.DEAD))
        assert worker.store.dead(origin, 9) == (once_more,)

    def test_store_24_returns_the_oldest_first_and_no_more_than_asked_for(
        self, new_store: NewStore
    ) -> None:
        """STORE-24: in the order in which they were made, in whatever order they died."""
        worker, factory = self.worker(new_store), RecordFactory()
        origin = factory.guid()
        accounts = [factory.account(name) for name in ("zoe", "adam", "0")]
        callbacks = [
            factory.callback(accounts[number % 3], origin=origin, next_at=LATER - SECOND * number)
            for number in range(7)
        ]
        worker.create(*callbacks)
        died = {
            index: worker.replace(
                callbacks[index], next_version(callbacks[index], state=CallbackState.DEAD)
            )
            for index in (5, 1, 6, 0, 3, 2, 4)
        }
        dead = tuple(died[index] for index in range(7))

        for limit in (1, 2, 6, 7, 100):
            assert worker.store.dead(origin, limit) == dead[:limit]

        worker.replace(dead[0], next_version(dead[0], state=CallbackState.QUEUED))
        assert worker.store.dead(origin, 2) == dead[1:3]
