"""What a store does for many callers at once: STORE-17."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TypeAlias

import attrs

from counterseal.errors import Conflict, Indeterminate
from counterseal.models import Change, Company, Record
from counterseal.ports import Store
from counterseal.testing.contracts.clerk import Clerk
from counterseal.testing.contracts.race import race, results
from counterseal.testing.contracts.specimens import Specimens, event, newer
from counterseal.testing.contracts.store_bench import NewStore, StoreBench
from counterseal.testing.entropy import ScriptedEntropy
from counterseal.testing.faults import Faults, faulty
from counterseal.testing.linearizability import Operation, Witness, linearizable

CALLERS = 6
ROUNDS = 30
"""Of each race; a store that reads first and writes then loses one of them."""

HISTORIES = 12
STEPS = 6
"""Of each of the callers in one history: the search for an order is exponential at worst."""

Names: TypeAlias = tuple[str, ...]
"""The state of the model: what the records are called, which tells who wrote them."""


@attrs.frozen(kw_only=True)
class Seen:
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


def follow(names: Names, seen: Seen) -> Iterable[Names]:
    """Step the model: a read and a guard hold or not, a swap holds and changes."""
    holds = all(names[place] == name for place, name in seen.before)
    if holds is seen.conflict:
        return ()
    if seen.conflict:
        return (names,)
    changed = dict(seen.after)
    return (tuple(changed.get(place, name) for place, name in enumerate(names)),)


class StoreRacing(StoreBench):
    """The clauses of `commit`, as many callers see them."""

    def test_store_17_of_rivals_exactly_one_wins(self, new_store: NewStore) -> None:
        """STORE-17."""
        clerk, made = self.clerk(new_store), Specimens()
        company = made.company()
        clerk.keep(company)
        for turn in range(ROUNDS):
            rivals = [newer(company, name=f"{turn} {caller}") for caller in range(CALLERS)]
            acts = [partial(_won, clerk, company, rival) for rival in rivals]

            won = results(race(acts))

            assert won.count(True) == 1, "of rivals, exactly one wins"
            assert clerk.one(company.guid) == rivals[won.index(True)]
            company = rivals[won.index(True)]
        assert len(clerk.events()) == ROUNDS

    def test_store_17_of_creators_exactly_one_wins(self, new_store: NewStore) -> None:
        """STORE-17: of one GUID, and of one natural key."""
        clerk, made = self.clerk(new_store), Specimens()
        for turn in range(ROUNDS):
            guid = made.guid()
            companies = [made.company(guid=guid) for _ in range(CALLERS)]
            accounts = [made.account(f"account {turn}") for _ in range(CALLERS)]

            created = results(race([partial(_won, clerk, None, record) for record in companies]))
            named = results(race([partial(_won, clerk, None, record) for record in accounts]))

            assert (created.count(True), named.count(True)) == (1, 1)
            assert clerk.one(guid) == companies[created.index(True)]
            winner = accounts[named.index(True)]
            assert clerk.store.account(made.space, winner.account_id) == winner
            losers = [account.guid for account in accounts if account != winner]
            assert set(clerk.store.get(*losers)) == {None}

    def test_store_17_a_guard_and_a_swap_cannot_both_win(self, new_store: NewStore) -> None:
        """STORE-17: two that each guard what the other one changes."""
        clerk, made = self.clerk(new_store), Specimens()
        left, right = made.company(), made.company()
        clerk.keep(left, right)
        for _ in range(ROUNDS):
            acts = [
                partial(_won, clerk, left, newer(left), guard=right),
                partial(_won, clerk, right, newer(right), guard=left),
            ]

            won = results(race(acts))

            assert won.count(True) == 1, "one saw what the other one changed"
            left, right = (newer(left), right) if won[0] else (left, newer(right))
            assert clerk.store.get(left.guid, right.guid) == (left, right)

    def test_store_17_one_operation_is_applied_once(self, new_store: NewStore) -> None:
        """STORE-17: as when a caller gave up, and asks again while the first call runs."""
        clerk, made = self.clerk(new_store), Specimens()
        company = made.company()
        clerk.keep(company)
        for turn in range(ROUNDS):
            act = partial(
                clerk.commit,
                (company, newer(company)),
                audit=[event(str(turn))],
                operation=f"again {turn}",
            )

            results(race([act] * 3))

            company = newer(company)
            assert clerk.one(company.guid) == company
            assert clerk.events() == [event(str(number)) for number in range(turn + 1)]

    def test_store_17_is_linearizable(self, new_store: NewStore) -> None:
        """STORE-17."""
        for seed in range(HISTORIES):
            history, start = self._happened(new_store, seed)
            for place, name in enumerate(start):
                alone: Names = (name,)
                assert linearizable(_alone(history, place), alone, follow), (
                    f"record {place} cannot have changed like that, one step after the other"
                )
            assert linearizable(history, start, follow), (
                "the records cannot have changed like that, one commit after the other"
            )

    def _happened(self, new_store: NewStore, seed: int) -> tuple[list[Operation[Seen]], Names]:
        store, made = new_store(), Specimens(seed)
        setup = Clerk(store, self.recorded)
        companies = [made.company(name=f"company {place}") for place in range(2)]
        setup.keep(*companies)
        witness: Witness[Seen] = Witness()
        callers = [
            _Caller(f"caller {number}", store, companies, witness, seed * CALLERS + number)
            for number in range(4)
        ]
        results(race(callers))
        return witness.history, tuple(company.name for company in companies)


class _Caller:
    # Reads, and commits what it read last, with replies lost in between.

    def __init__(
        self,
        name: str,
        store: Store,
        companies: list[Company],
        witness: Witness[Seen],
        seed: int,
    ) -> None:
        self._name = name
        self._faults = Faults()
        self._store = faulty(store, "store", self._faults)
        self._known = list(companies)
        self._witness = witness
        self._luck = ScriptedEntropy(seed)

    def __call__(self) -> None:
        for number in range(STEPS):
            what, place, lost, applied = self._luck.token(4)
            if what % 3 == 0:
                self._read(place % 2)
            else:
                if lost % 5 == 0:
                    self._faults.lose_reply(applied=bool(applied % 2))
                self._commit(place % 2, f"{self._name}, {number}", guarding=what % 3 == 1)

    def _read(self, place: int) -> None:
        with self._witness.watch() as note:
            (found,) = self._store.get(self._known[place].guid)
            assert isinstance(found, Company)
            note.act = Seen(before=((place, found.name),))
        self._known[place] = found

    def _commit(self, place: int, name: str, *, guarding: bool) -> None:
        old, other = self._known[place], self._known[1 - place]
        new = newer(old, name=name)
        changes = [Change(old, new)]
        before = [(place, old.name)]
        if guarding:
            changes.append(Change(other, other))
            before.append((1 - place, other.name))
        lost_race = False
        with self._witness.watch() as note:
            note.act = Seen(before=tuple(before), after=((place, name),))
            try:
                self._store.commit(tuple(changes), (), name)
                self._known[place] = new
            except Conflict:
                note.act = Seen(before=tuple(before), conflict=True)
                lost_race = True
            except Indeterminate:
                note.lost = True
        if lost_race:
            self._read(place)
            self._read(1 - place)


def _won(clerk: Clerk, old: Record | None, new: Record, *, guard: Record | None = None) -> bool:
    guards = [] if guard is None else [(guard, guard)]
    try:
        clerk.commit((old, new), *guards, audit=[event("won")])
    except Conflict:
        return False
    return True


def _alone(history: list[Operation[Seen]], place: int) -> list[Operation[Seen]]:
    # What one record's history says; that one of two did not hold says nothing about either.
    return [
        attrs.evolve(operation, act=attrs.evolve(seen, before=before, after=after))
        for operation in history
        for seen in [operation.act]
        for before in [tuple((0, name) for at, name in seen.before if at == place)]
        for after in [tuple((0, name) for at, name in seen.after if at == place)]
        if before and not (seen.conflict and len(seen.before) > 1)
    ]
