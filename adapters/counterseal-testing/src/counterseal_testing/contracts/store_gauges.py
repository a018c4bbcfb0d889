"""How many records a store says that there are of each kind and state: STORE-31 and STORE-32."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from counterseal.errors import Conflict
from counterseal.models import (
    Account,
    BindingState,
    Callback,
    CallbackState,
    Challenge,
    ChallengeState,
    Credential,
    Device,
    Gauge,
    GaugeKey,
    Guid,
    Origin,
    Record,
    Scheme,
)
from counterseal.ports import Store
from counterseal_testing.clock import START
from counterseal_testing.contracts.clauses import needs
from counterseal_testing.contracts.record_factory import LATER, RecordFactory, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.store_worker import Pair, StoreWorker

CREDENTIAL = Credential(scheme=Scheme.BASIC, created_at=START)
ENDING = Credential(scheme=Scheme.BASIC, created_at=START, ends_at=START)


def device(state: BindingState = BindingState.ACTIVE, *, answers: bool = True) -> Device:
    """Return a device of an account, which need not be stored."""
    return Device(binding=Guid(""), state=state, deadline=START, answers=answers)


def count_gauges(records: Iterable[Record]) -> Mapping[GaugeKey, int]:
    """Return what the gauges are if these are all records: by a look at each of them."""
    keys = (_key_of(record) for record in records)
    return Counter(key for key in keys if key is not None)


def _key_of(record: Record) -> GaugeKey | None:
    gauge, origin = None, getattr(record, "origin", None)
    if isinstance(record, Account):
        states = {one.state.value for one in record.devices}
        gauge = Gauge.ACTIVE_USERS if "ACTIVE" in states and not record.locked_at else None
    elif isinstance(record, Origin):
        endless = [one for one in record.credentials if one.ends_at is None]
        gauge = Gauge.ACTIVE_ORIGINS if len(endless) > 0 else None
    elif isinstance(record, Challenge):
        is_open = record.state.value in {"PENDING", "SEEN"}
        gauge = Gauge.PENDING_CHALLENGES if is_open else None
    elif isinstance(record, Callback):
        gauges = {"QUEUED": Gauge.QUEUED_CALLBACKS, "DEAD": Gauge.DEAD_CALLBACKS}
        gauge = gauges.get(record.state.value)
    return None if gauge is None else GaugeKey(gauge, getattr(record, "app_space", None), origin)


def read_gauges(store: Store, app_spaces: frozenset[Guid] | None = None) -> dict[GaugeKey, int]:
    """Return the gauges in which something counts."""
    return {key: count for key, count in store.gauges(app_spaces).items() if count}


class StoreGauges(StoreSetup):
    """The clauses of `gauges`."""

    def test_store_31_follows_an_account(self, new_store: NewStore) -> None:
        """STORE-31: it counts while it has an active device or passkey, and is not locked."""
        worker, factory = self.worker(new_store), RecordFactory()
        others = [factory.account(text, devices=(device(),)) for text in ("adam", "eve")]
        account = factory.account()
        worker.create(*others, account)
        self._require(worker, *others, account)
        for devices, locked_at in (
            *(((device(state),), None) for state in BindingState),
            ((device(BindingState.SUSPENDED), device(answers=False)), None),
            ((device(), device(BindingState.INVITED)), None),
            ((device(), device()), None),
            ((device(),), START),
            ((device(),), None),
            ((), None),
        ):
            account = worker.replace(
                account, next_version(account, devices=devices, locked_at=locked_at)
            )
            self._require(worker, *others, account)

    def test_store_31_follows_an_origin(self, new_store: NewStore) -> None:
        """STORE-31: it counts while it has a credential without an end."""
        worker, factory = self.worker(new_store), RecordFactory()
        other = factory.origin(factory.space, credentials=(CREDENTIAL,))
        origin = factory.origin(factory.space)
        worker.create(other, origin)
        self._require(worker, other, origin)
        for credentials in (
            (CREDENTIAL,),
            (CREDENTIAL, ENDING),
            (ENDING,),
            (CREDENTIAL, CREDENTIAL),
            (),
            (CREDENTIAL,),
        ):
            origin = worker.replace(origin, next_version(origin, credentials=credentials))
            self._require(worker, other, origin)

    def test_store_31_follows_a_challenge(self, new_store: NewStore) -> None:
        """STORE-31: it counts while it is unfinished by its state, whatever the time is."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        other = factory.challenge(account)
        challenge = factory.challenge(account, deadline=LATER)
        worker.create(account, other, challenge)
        self._require(worker, account, other, challenge)
        for state in (*ChallengeState, ChallengeState.SEEN):
            challenge = worker.replace(challenge, next_version(challenge, state=state))
            self._require(worker, account, other, challenge)

    def test_store_31_follows_a_callback(self, new_store: NewStore) -> None:
        """STORE-31: it counts as queued or as dead, and never as both."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        spaces = {"app_space": account.app_space}
        origins = [factory.guid(), factory.guid()]
        others = [factory.callback(account, origin=one, **spaces) for one in origins]
        callback = factory.callback(account, origin=origins[0], **spaces)
        worker.create(*others, callback)
        self._require(worker, *others, callback)
        states = list(CallbackState)
        for state in (*states, *reversed(states), CallbackState.QUEUED):
            callback = worker.replace(callback, next_version(callback, state=state))
            self._require(worker, *others, callback)

    def test_store_31_counts_what_is_committed_and_once(self, new_store: NewStore) -> None:
        """STORE-31: a conflict changes no gauge, a guard and a repeated commit change none."""
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account(devices=(device(),))
        challenges = [factory.challenge(account) for _ in range(3)]
        created: tuple[Record, ...] = (account, *challenges)
        new: list[Pair] = [(None, one) for one in created]
        for _ in range(2):
            worker.commit(*new, operation="once")
            self._require(worker, account, *challenges)
        worker.require_refused(
            Conflict, (account, next_version(account, devices=())), (None, challenges[0])
        )
        self._require(worker, account, *challenges)
        cancelled = [next_version(one, state=ChallengeState.CANCELLED) for one in challenges[:2]]
        queued_callbacks = [
            factory.callback(account, app_space=account.app_space) for _ in cancelled
        ]
        pairs: list[Pair] = [*zip(challenges, cancelled, strict=False)]
        pairs += [(None, one) for one in queued_callbacks]
        for _ in range(2):
            worker.commit((account, account), *pairs, operation="twice")
            self._require(worker, account, challenges[2], *cancelled, *queued_callbacks)

    def test_store_31_counts_no_record_that_is_forgotten(self, new_store: NewStore) -> None:
        """STORE-31."""
        needs(self, "can_forget", "STORE-31")
        worker, factory = self.worker(new_store), RecordFactory()
        account = factory.account()
        later = LATER + timedelta(days=20_000)
        dead = [
            factory.callback(account, state=CallbackState.DEAD, keep_until=end)
            for end in (LATER, LATER, later)
        ]
        queued_callback = factory.callback(account)
        worker.create(*dead, queued_callback)
        self._require(worker, *dead, queued_callback)

        for moment in (LATER + timedelta(days=10_000), later):
            self.forget(worker.store, moment)
            stored = worker.store.get(*(one.guid for one in dead))
            assert dead[2] in stored
            self._require(worker, *(one for one in stored if one is not None), queued_callback)

    def test_store_32_app_spaces_do_not_meet(self, new_store: NewStore) -> None:
        """STORE-32: without an App Space only where all are asked for."""
        worker, factory = self.worker(new_store), RecordFactory()
        spaces = [factory.guid(partition) for partition in (0, 0, 1)]
        records: list[Record] = []
        for number, space in enumerate(spaces, 1):
            for name in range(number):
                account = factory.account(f"{name}", app_space=space, devices=(device(),))
                records += [account, factory.challenge(account)]
                records += [factory.callback(account, app_space=one) for one in (space, None)]
        worker.create(*records)

        everything = count_gauges(records)
        assert len(everything) == 12
        for chosen in (*(frozenset({one}) for one in spaces), frozenset(spaces[1:]), frozenset()):
            expected = {key: one for key, one in everything.items() if key.app_space in chosen}
            assert read_gauges(worker.store, chosen) == expected
        assert read_gauges(worker.store, frozenset({factory.guid()})) == {}
        assert read_gauges(worker.store) == everything

    def _require(self, worker: StoreWorker, *records: Record) -> None:
        assert read_gauges(worker.store) == count_gauges(records)
