"""Histories of one store: stale reads, guards, competitors, lost replies, crashes, due walks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from counterseal.errors import Conflict, CountersealError, Indeterminate, OperationReused
from counterseal.models import (
    UNFINISHED,
    Account,
    AuditEvent,
    Binding,
    Callback,
    CallbackState,
    Challenge,
    Change,
    Guid,
    Record,
    replace,
)
from counterseal.ports import Due, Store
from counterseal_testing.contracts.race import race, results
from counterseal_testing.contracts.record_factory import (
    RecordFactory,
    event,
    with_other_creation_time,
)
from counterseal_testing.contracts.store_gauges import count_gauges, read_gauges
from counterseal_testing.contracts.store_model import (
    IDS,
    MOMENTS,
    applies,
    draw_version,
    ended_version,
    lookup_fields,
)
from counterseal_testing.faults import Crash, Faults, faulty

Recorded: TypeAlias = Callable[[Store], Sequence[AuditEvent]]
Reopened: TypeAlias = Callable[[Store], Store] | None

BREAKS = st.sampled_from(
    ["nothing"] * 4
    + ["reply before", "reply after", "silence before", "silence after"]
    + ["crash before", "crash after"]
)
"""What goes wrong, and whether before the commit or after: after `reply` the caller asks again."""


@attrs.frozen
class Attempt:
    """A commit that was made, or was to be made."""

    changes: tuple[Change, ...]
    events: tuple[AuditEvent, ...]
    operation: str


class StoreHistory(RuleBasedStateMachine):
    """
    Callers of one store, some of them late, and a dictionary that knows the truth.

    Args:
        new_store: Makes the store.
        recorded: Reads what its commits recorded.
        reopened: Finds what a dead process left; None if nothing survives.
    """

    versions = Bundle("versions")

    def __init__(
        self, new_store: Callable[[], Store], recorded: Recorded, reopened: Reopened = None
    ) -> None:
        super().__init__()
        self.faults = Faults()
        self.bare = new_store()
        self.store = faulty(self.bare, "store", self.faults)
        self.recorded = recorded
        self.reopened = reopened
        self.truth: dict[Guid, Record] = {}
        self.events: list[AuditEvent] = []
        self.applied: dict[str, tuple[Change, ...]] = {}
        self.past: list[Attempt] = []
        self.factory = RecordFactory()
        self.numbers = itertools.count()

    # What a caller decides

    @initialize(target=versions)
    def begin(self) -> Any:
        """Create an account, so that no history is about nothing."""
        account = self.factory.account(IDS[0])
        self._commit([Change(None, account)], "nothing")
        return account

    @rule(target=versions, name=st.sampled_from(IDS), breaks=BREAKS)
    def create_account(self, name: str, breaks: str) -> Any:
        """Create an account, perhaps one of a natural key that exists."""
        return self._create(self.factory.account(name), None, breaks)

    @rule(
        target=versions,
        kind=st.sampled_from(["binding", "challenge", "callback", "notification"]),
        guard=versions,
        at=MOMENTS,
        breaks=BREAKS,
    )
    def create(self, kind: str, guard: Record, at: datetime, breaks: str) -> Any:
        """Create what is about an account, guarded by what was read a while ago."""
        account = self._account(guard)
        fields = {"next_at" if kind in {"callback", "notification"} else "deadline": at}
        return self._create(getattr(self.factory, kind)(account, **fields), guard, breaks)

    @rule(target=versions, old=versions)
    def create_again(self, old: Record) -> Any:
        """Create what exists."""
        return self._create(replace(old, version=1), None, "nothing")

    @rule(target=versions, old=versions, at=MOMENTS, data=st.data(), breaks=BREAKS)
    def swap(self, old: Record, at: datetime, data: st.DataObject, breaks: str) -> Any:
        """Change a record as it was read, perhaps a while ago."""
        new = draw_version(old, at, data)
        self._commit([Change(old, new)], breaks)
        return new

    @rule(
        target=versions,
        old=versions,
        guards=st.lists(versions, max_size=2),
        at=MOMENTS,
        data=st.data(),
        breaks=BREAKS,
    )
    def swap_guarded(
        self, old: Record, guards: list[Record], at: datetime, data: st.DataObject, breaks: str
    ) -> Any:
        """Change a record and create another, guarded by some that were read a while ago."""
        new = draw_version(old, at, data)
        callback = self.factory.callback(self._account(old), next_at=at)
        guarded = {guard.guid: guard for guard in guards if guard.guid != old.guid}
        changes = [Change(guard, guard) for guard in guarded.values()]
        changes += [Change(old, new), Change(None, callback)]
        self._commit(data.draw(st.permutations(changes)), breaks)
        return multiple(new, callback)

    @rule(target=versions, old=versions, at=MOMENTS, data=st.data())
    def swap_beside_a_competitor(self, old: Record, at: datetime, data: st.DataObject) -> Any:
        """Change a record twice, at the same moment."""
        # Alike in all that draws depend on: which one wins, Hypothesis cannot replay.
        first = draw_version(old, at, data)
        second = replace(with_other_creation_time(old, at), **lookup_fields(first))
        competitors = [first, second]
        attempts = [self._attempt([Change(old, new)]) for new in competitors]
        errors = results(race([partial(self._send, attempt) for attempt in attempts]))
        won = [index for index, error in enumerate(errors) if error is None]
        assert all(isinstance(error, Conflict | None) for error in errors), f"{errors}"
        assert len(won) == applies(self.truth, attempts[0].changes), "not exactly one of them wins"
        for index in won:
            self._note(attempts[index])
        return multiple(*competitors)

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """Repeat an operation, however long ago."""
        attempts = [one for one in self.past if all(self._as_read(c) == c for c in one.changes)]
        self._check(data.draw(st.sampled_from(attempts)))

    @rule(data=st.data(), other=versions)
    def reuse_an_operation(self, data: st.DataObject, other: Record) -> None:
        """Ask for something else under the name of an operation that was applied."""
        attempt = data.draw(st.sampled_from(self.past))
        changes = (Change(other, other),)
        if self.applied.get(attempt.operation, changes) != changes:
            error = self._send(attrs.evolve(attempt, changes=changes))
            assert isinstance(error, OperationReused), f"OperationReused was due, not {error!r}"

    # What a worker finds

    @rule(kinds=st.permutations([kind for kind in Due if kind.due]), at=MOMENTS)
    def walk(self, kinds: list[Due], at: datetime) -> None:
        """Deal with all that is due, a few at a time; nothing is left out."""
        for kind in kinds:
            self._walk(kind, at)

    def _walk(self, kind: Due, at: datetime) -> None:
        expected = {
            guid
            for guid, record in self.truth.items()
            if isinstance(record, kind.record_class)
            and record.due_at is not None
            and record.due_at <= at
        }
        for _ in range(20 * (1 + len(expected))):
            actual = self.store.due(kind, at, 2)
            assert len(actual) <= 2
            for record in actual:
                assert record == self.truth.get(record.guid), "what is due is not what is stored"
                assert record.guid in expected, "not due, or returned again after it was not"
                expected.discard(record.guid)
                self._commit([Change(record, ended_version(record))], "nothing")
            if not expected:
                break
        assert not expected, "never due"

    @precondition(lambda self: self.reopened)
    @rule()
    def open_again(self) -> None:
        """Stop, and start as another process."""
        self._reopen()

    # What must always be true

    @invariant()
    def every_record_is_what_was_committed_last(self) -> None:
        """STORE-1, STORE-2."""
        guids = list(self.truth)
        assert self.store.get(*guids) == tuple(self.truth[guid] for guid in guids)

    @invariant()
    def everything_is_found_where_it_belongs(self) -> None:
        """STORE-3 to STORE-5, STORE-25."""
        accounts = [record for record in self.truth.values() if isinstance(record, Account)]
        by_name = {account.account_id: account for account in accounts}
        for name in IDS:
            assert self.store.account(self.factory.space, name) == by_name.get(name)
        for account in accounts:
            mine = [
                record
                for record in self.truth.values()
                if isinstance(record, Binding | Challenge) and record.account == account.guid
            ]
            bindings = {record for record in mine if isinstance(record, Binding)}
            actual = self.store.bindings(account.guid)
            assert (len(actual), set(actual)) == (len(bindings), bindings)
            pending = {
                record
                for record in mine
                if isinstance(record, Challenge) and record.state in UNFINISHED
            }
            for record in mine:
                assert self.store.get_with_account(record.guid) == (record, account)
            open_ = self.store.pending(account.guid)
            assert (len(open_), set(open_)) == (len(pending), pending)

    @invariant()
    def accounts_are_found_by_their_ids(self) -> None:
        """STORE-28 to STORE-30."""
        space = self.factory.space
        accounts = sorted(
            (one for one in self.truth.values() if isinstance(one, Account) and not one.erased_at),
            key=lambda account: account.account_id,
        )
        assert self.store.search(space, "", None, 1 + len(accounts)) == tuple(accounts)
        for name in IDS:
            mine = tuple(one for one in accounts if one.account_id.startswith(name))
            later = tuple(one for one in accounts if one.account_id > name)
            assert self.store.search(space, name, None, 9) == mine
            assert self.store.search(space, "", name, 1) == later[:1]

    @invariant()
    def the_dead_are_found(self) -> None:
        """STORE-23, STORE-24."""
        origin = self.factory.space
        dead = {
            record
            for record in self.truth.values()
            if isinstance(record, Callback) and record.state is CallbackState.DEAD
        }
        actual = self.store.dead(origin, 1 + len(dead))
        assert (len(actual), set(actual)) == (len(dead), dead)
        assert self.store.dead(origin, 1) == actual[:1]

    @invariant()
    def gauges_are_what_a_count_says(self) -> None:
        """STORE-31."""
        assert read_gauges(self.store) == count_gauges(self.truth.values())

    @invariant()
    def events_are_those_of_what_was_applied(self) -> None:
        """STORE-18."""
        assert list(self.recorded(self.bare)) == self.events

    # How it is done

    def _account(self, record: Record) -> Account:
        # Somebody's account: what a record is about need not be stored.
        if isinstance(record, Account):
            return record
        return next(one for one in self.truth.values() if isinstance(one, Account))

    def _create(self, new: Record, guard: Record | None, breaks: str) -> Record:
        guards = [] if guard is None else [Change(guard, guard)]
        self._commit([*guards, Change(None, new)], breaks)
        return new

    def _commit(self, changes: list[Change], breaks: str) -> None:
        attempt = self._attempt(changes)
        is_applicable = applies(self.truth, attempt.changes)
        if breaks == "nothing":
            self._check(attempt)
            return
        after = breaks.endswith("after")
        if breaks.startswith("crash"):
            self.faults.crash("store.commit", after=after)
        else:
            self.faults.lose_reply(applied=after)
        error = self._send(attempt)
        self.faults.clear()
        if is_applicable or not after:
            assert isinstance(error, Crash | Indeterminate), f"{error!r} instead of the fault"
        else:
            assert isinstance(error, Conflict), f"Conflict was due, not {error!r}"
        if is_applicable and after:
            self._note(attempt)
        if isinstance(error, Crash):
            self._reopen()
        elif breaks.startswith("reply"):
            self._check(attempt)

    def _attempt(self, changes: list[Change]) -> Attempt:
        number = next(self.numbers)
        as_read = tuple(self._as_read(change) for change in changes)
        attempt = Attempt(as_read, (event(str(number)),) * (number % 3), f"op {number}")
        self.past.append(attempt)
        return attempt

    def _as_read(self, change: Change) -> Change:
        # A version whose commit failed was read by nobody, and another one may have its number.
        stored = self.truth.get(change.new.guid)
        if stored is None or change.old is None or stored.version != change.old.version:
            return change
        return Change(stored, stored if change.new is change.old else change.new)

    def _send(self, attempt: Attempt) -> BaseException | None:
        try:
            self.store.commit(attempt.changes, attempt.events, attempt.operation)
        except (CountersealError, Crash) as error:
            return error
        return None

    def _check(self, attempt: Attempt) -> None:
        again = self.applied.get(attempt.operation) == attempt.changes
        error = self._send(attempt)
        if again:
            assert error is None, f"applied already, and now {error!r}"
        elif applies(self.truth, attempt.changes):
            assert error is None, f"nothing has moved, and still {error!r}"
            self._note(attempt)
        else:
            assert isinstance(error, Conflict), f"Conflict was due, not {error!r}"

    def _note(self, attempt: Attempt) -> None:
        for change in attempt.changes:
            if change.new is not change.old:
                self.truth[change.new.guid] = change.new
        self.events += attempt.events
        self.applied[attempt.operation] = attempt.changes

    def _reopen(self) -> None:
        if self.reopened is not None:
            self.bare = self.reopened(self.bare)
            self.store = faulty(self.bare, "store", self.faults)
