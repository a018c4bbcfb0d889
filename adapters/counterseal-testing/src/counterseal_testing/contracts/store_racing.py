"""What a store does for many callers at once: STORE-17 and ALL-2."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TypeAlias

import attrs

from counterseal.errors import Conflict, Indeterminate
from counterseal.models import Account, Change, Company, Record
from counterseal.ports import Due, Store
from counterseal_testing.clock import START
from counterseal_testing.contracts.race import long_run, race, results
from counterseal_testing.contracts.record_factory import RecordFactory, event, next_version
from counterseal_testing.contracts.store_setup import NewStore, StoreSetup
from counterseal_testing.contracts.store_worker import StoreWorker
from counterseal_testing.entropy import ScriptedEntropy
from counterseal_testing.faults import Faults, faulty
from counterseal_testing.linearizability import Operation, Recorder, linearizable

THREADS = 6
ROUNDS = 30
"""Of each race; a store that reads first and writes then loses one of them."""

HISTORIES = 12
STEPS = 6
"""Of each of the callers in one history: the search for an order is exponential at worst."""

Names: TypeAlias = tuple[str, ...]
"""The state of the model: what the records are called, which tells who wrote them."""


@attrs.frozen(kw_only=True)
class Observation:
    """
    What one caller saw happen.

    Attributes:
        before: The names that records have to have had, by their place.
        after: The names that they have then.
        conflict: Whether it was refused: so one of *before* did not hold.
    """

    before: tuple[tuple[int, str], ...]
    after: tuple[tuple[int, str], ...] = ()
    conflict: bool = False


def follow(names: Names, observation: Observation) -> Iterable[Names]:
    """Step the model: a read and a guard hold or not, a swap holds and changes."""
    holds = all(names[index] == name for index, name in observation.before)
    if holds is observation.conflict:
        return ()
    if observation.conflict:
        return (names,)
    changed = dict(observation.after)
    return (tuple(changed.get(index, name) for index, name in enumerate(names)),)


class StoreRacing(StoreSetup):
    """The clauses of `commit`, as many callers see them who race."""

    @long_run
    def test_store_17_of_competitors_exactly_one_wins(self, new_store: NewStore) -> None:
        """STORE-17."""
        worker, factory = self.worker(new_store), RecordFactory()
        company = factory.company()
        worker.create(company)
        for index in range(ROUNDS):
            competitors = [
                next_version(company, name=f"{index} {client}") for client in range(THREADS)
            ]
            calls = [partial(_won, worker, company, competitor) for competitor in competitors]

            won = results(race(calls))

            assert won.count(True) == 1, "of competitors, exactly one wins"
            assert worker.get(company.guid) == competitors[won.index(True)]
            company = competitors[won.index(True)]
        assert len(worker.events()) == ROUNDS

    @long_run
    def test_store_17_of_creators_exactly_one_wins(self, new_store: NewStore) -> None:
        """STORE-17: of one GUID, and of one natural key."""
        worker, factory = self.worker(new_store), RecordFactory()
        for index in range(ROUNDS):
            guid = factory.guid()
            companies = [factory.company(guid=guid) for _ in range(THREADS)]
            accounts = [factory.account(f"account {index}") for _ in range(THREADS)]

            created = results(race([partial(_won, worker, None, record) for record in companies]))
            accounts_created = results(
                race([partial(_won, worker, None, record) for record in accounts])
            )

            assert (created.count(True), accounts_created.count(True)) == (1, 1)
            assert worker.get(guid) == companies[created.index(True)]
            winner = accounts[accounts_created.index(True)]
            assert worker.store.account(factory.space, winner.account_id) == winner
            losers = [account.guid for account in accounts if account != winner]
            assert set(worker.store.get(*losers)) == {None}

    @long_run
    def test_store_17_a_guard_and_a_swap_cannot_both_win(self, new_store: NewStore) -> None:
        """STORE-17: two that each guard what the other one changes."""
        worker, factory = self.worker(new_store), RecordFactory()
        first, second = factory.company(), factory.company()
        worker.create(first, second)
        for _ in range(ROUNDS):
            calls = [
                partial(_won, worker, first, next_version(first), guard=second),
                partial(_won, worker, second, next_version(second), guard=first),
            ]

            won = results(race(calls))

            assert won.count(True) == 1, "one saw what the other one changed"
            first, second = (
                (next_version(first), second) if won[0] else (first, next_version(second))
            )
            assert worker.store.get(first.guid, second.guid) == (first, second)

    @long_run
    def test_store_17_one_operation_is_applied_once(self, new_store: NewStore) -> None:
        """STORE-17: as when a caller gave up, and asks again while the first call runs."""
        worker, factory = self.worker(new_store), RecordFactory()
        company = factory.company()
        worker.create(company)
        for index in range(ROUNDS):
            call = partial(
                worker.commit,
                (company, next_version(company)),
                audit=[event(str(index))],
                operation=f"again {index}",
            )

            results(race([call] * 3))

            company = next_version(company)
            assert worker.get(company.guid) == company
            assert worker.events() == [event(str(number)) for number in range(index + 1)]

    @long_run
    def test_store_17_is_linearizable(self, new_store: NewStore) -> None:
        """STORE-17."""
        for seed in range(HISTORIES):
            history, start = self._happened(new_store, seed)
            for index, name in enumerate(start):
                alone: Names = (name,)
                assert linearizable(_alone(history, index), alone, follow), (
                    f"record {index} cannot have changed like that, one step after the other"
                )
            assert linearizable(history, start, follow), (
                "the records cannot have changed like that, one commit after the other"
            )

    @long_run
    def test_all_2_serves_many_threads_at_once(self, new_store: NewStore) -> None:
        """ALL-2."""
        worker = self.worker(new_store)
        factories = [RecordFactory(seed) for seed in range(6)]

        def call(mine: RecordFactory) -> bool:
            account = mine.account()
            worker.create(account)
            for _ in range(10):
                _read_all(worker.store, account)
                account = worker.replace(account, next_version(account))
                challenge = mine.challenge(account)
                worker.commit((account, account), (None, challenge), audit=[event()])
                assert worker.store.get(account.guid, challenge.guid) == (account, challenge)
            return len(worker.store.pending(account.guid)) == 10

        assert all(results(race([partial(call, mine) for mine in factories])))
        assert len(worker.events()) == 60
        assert len(worker.store.due(Due.CHALLENGE, START, 100)) == 60

    def _happened(
        self, new_store: NewStore, seed: int
    ) -> tuple[list[Operation[Observation]], Names]:
        store, factory = new_store(), RecordFactory(seed)
        setup = StoreWorker(store, self.recorded)
        companies = [factory.company(name=f"company {index}") for index in range(2)]
        setup.create(*companies)
        recorder: Recorder[Observation] = Recorder()
        clients = [
            _Client(f"caller {number}", store, companies, recorder, seed * THREADS + number)
            for number in range(4)
        ]
        results(race(clients))
        return recorder.history, tuple(company.name for company in companies)


class _Client:
    # Reads, and commits what it read last, with replies lost in between.

    def __init__(
        self,
        name: str,
        store: Store,
        companies: list[Company],
        recorder: Recorder[Observation],
        seed: int,
    ) -> None:
        self._name = name
        self._faults = Faults()
        self._store = faulty(store, "store", self._faults)
        self._records = list(companies)
        self._recorder = recorder
        self._entropy = ScriptedEntropy(seed)

    def __call__(self) -> None:
        for number in range(STEPS):
            what, index, lost, applied = self._entropy.token(4)
            if what % 3 == 0:
                self._read_record(index % 2)
            else:
                if lost % 5 == 0:
                    self._faults.lose_reply(applied=bool(applied % 2))
                self._commit(index % 2, f"{self._name}, {number}", guarding=what % 3 == 1)

    def _read_record(self, index: int) -> None:
        with self._recorder.watch() as note:
            (record,) = self._store.get(self._records[index].guid)
            assert isinstance(record, Company)
            note.call = Observation(before=((index, record.name),))
        self._records[index] = record

    def _commit(self, index: int, name: str, *, guarding: bool) -> None:
        old, other = self._records[index], self._records[1 - index]
        new = next_version(old, name=name)
        changes = [Change(old, new)]
        before = [(index, old.name)]
        if guarding:
            changes.append(Change(other, other))
            before.append((1 - index, other.name))
        lost_race = False
        with self._recorder.watch() as note:
            note.call = Observation(before=tuple(before), after=((index, name),))
            try:
                self._store.commit(tuple(changes), (), name)
                self._records[index] = new
            except Conflict:
                note.call = Observation(before=tuple(before), conflict=True)
                lost_race = True
            except Indeterminate:
                note.lost = True
        if lost_race:
            self._read_record(index)
            self._read_record(1 - index)


def _read_all(store: Store, account: Account) -> None:
    store.get(account.guid)
    store.account(account.app_space, account.account_id)
    store.bindings(account.guid)
    store.pending(account.guid)
    store.search(account.app_space, "", None, 10)
    store.list(None)
    store.due(Due.CHALLENGE, START, 10)


def _won(
    worker: StoreWorker, old: Record | None, new: Record, *, guard: Record | None = None
) -> bool:
    guards = [] if guard is None else [(guard, guard)]
    try:
        worker.commit((old, new), *guards, audit=[event("won")])
    except Conflict:
        return False
    return True


def _alone(history: list[Operation[Observation]], index: int) -> list[Operation[Observation]]:
    # What one record's history says; that one of two did not hold says nothing about either.
    return [
        attrs.evolve(operation, call=attrs.evolve(observation, before=before, after=after))
        for operation in history
        for observation in [operation.call]
        for before in [tuple((0, name) for at, name in observation.before if at == index)]
        for after in [tuple((0, name) for at, name in observation.after if at == index)]
        if before and not (observation.conflict and len(observation.before) > 1)
    ]
