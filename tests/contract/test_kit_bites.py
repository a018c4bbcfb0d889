"""
The kit is tested by a zoo: each animal breaks one clause, and fails that clause's tests.

Its healthy twin, alike in all but the fault, passes them.
A clause without an animal is not finished: the last test here asks for it.
"""

import copy
import inspect
import itertools
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import attrs
import pytest
from hypothesis import Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from counterseal import memory
from counterseal.errors import (
    CallbackUncallable,
    Conflict,
    IdentityWithdrawn,
    Indeterminate,
    NotifierUnavailable,
    OperationReused,
    PartitionCrossed,
    SealBroken,
    SignerUnavailable,
    StoreUnavailable,
    WrongRecord,
)
from counterseal.memory import (
    MemoryAudit,
    MemoryCounters,
    MemoryIdempotency,
    MemoryReplayGuard,
    MemoryStore,
)
from counterseal.models import (
    LIVING,
    Account,
    AddressKind,
    Algorithm,
    CallbackState,
    Company,
    DeliveryOutcome,
    PushOutcome,
    PushResult,
)
from counterseal.models.guid import partition_of
from counterseal.testing import (
    START,
    FakeIdentityProvider,
    FrozenClock,
    OutboxNotifier,
    ScriptedEntropy,
    ScriptedSender,
    contracts,
)
from counterseal.testing.contracts.store_history import StoreHistory
from counterseal.wire.messages import push_data

# --- how an animal is shown to the kit


@attrs.frozen
class Animal:
    clause: str
    contract: object
    sick: Callable
    healthy: Callable


ANIMALS: list[Animal] = []

NEVER = timedelta(minutes=5)
"""After which comes back who never comes back."""

SOON = timedelta(seconds=0.5)
"""How long an animal is waited for; the healthy have as long as the kit gives everybody."""


def dawdle():
    """
    Leave another thread time where a sound adapter would hold its lock.

    It is the animal's own fault that is slow here, so that a race which it can lose is lost;
    no test and no sound adapter waits.
    """
    time.sleep(0.0002)


def animal(clause, contract, *, healthy):
    """Put a factory of adapters that break *clause* into the zoo."""

    def put(sick):
        ANIMALS.append(Animal(clause, contract, sick, healthy))
        return sick

    return put


def shown_by(contract, clause):
    """Find the tests that name *clause*, each with one of its parameters."""
    prefix = f"test_{clause.lower().replace('-', '_')}_"
    for name, test in inspect.getmembers(contract, inspect.ismethod):
        if name.startswith(prefix):
            marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
            (names, values) = marks[0].args[:2] if marks else ("", [None])
            for value in values:
                yield partial(test, **({names: value} if names else {}))


def failures(contract, clause, factory):
    """Run the tests of *clause*; yield what fails, and note how many were run."""
    ran = 0
    for test in shown_by(contract, clause):
        try:
            test(factory)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - any failure is one
            yield failure
        ran += 1
    assert ran, f"no test of {clause} was run"


class Store(contracts.StoreContract):
    can_forget = True

    def forget(self, store, before):
        store.forget(before)


def stores(kind):
    return lambda: kind(MemoryAudit())


STORE = Store()


def sick_store(clause, contract=STORE, healthy=MemoryStore):
    def put(kind):
        new = stores(kind)
        new.__name__ = kind.__name__
        animal(clause, contract, healthy=stores(healthy))(new)
        return kind

    return put


# --- stores that find the wrong thing


@sick_store("STORE-1")
class ReturnsInItsOwnOrder(MemoryStore):
    def get(self, *guids):
        return super().get(*sorted(guids))


@sick_store("STORE-1")
class LeavesOutWhatIsNotThere(MemoryStore):
    def get(self, *guids):
        return tuple(record for record in super().get(*guids) if record is not None)


@sick_store("STORE-2")
class CutsTimesToSeconds(MemoryStore):
    def _keep(self, record):
        at = getattr(record, "created_at", None)
        super()._keep(
            record if at is None else attrs.evolve(record, created_at=at.replace(microsecond=0))
        )


@sick_store("STORE-2")
class ReadsFromAnOldCopy(MemoryStore):
    def __init__(self, audit):
        super().__init__(audit)
        self._cache = {}

    def get(self, *guids):
        found = super().get(*guids)
        return tuple(record and self._cache.setdefault(record.guid, record) for record in found)


@sick_store("STORE-3")
class KnowsNoCase(MemoryStore):
    def account(self, app_space, account_id):
        for (space, name), guid in self._accounts.items():
            if space == app_space and name.casefold() == account_id.casefold():
                return self._records[guid]
        return None


@sick_store("STORE-3")
class KnowsOneAppSpace(MemoryStore):
    def account(self, app_space, account_id):
        for (_, name), guid in self._accounts.items():
            if name == account_id:
                return self._records[guid]
        return None


@sick_store("STORE-3")
class KnowsAnOldId(MemoryStore):
    def __init__(self, *args):
        super().__init__(*args)
        self._ever = {}

    def account(self, app_space, account_id):
        guid = self._ever.get((app_space, account_id))
        return None if guid is None else self._records[guid]

    def _keep(self, record):
        if isinstance(record, Account):
            self._ever[record.app_space, record.account_id] = record.guid
        super()._keep(record)


@sick_store("STORE-4")
class HidesWhatHasEnded(MemoryStore):
    def bindings(self, account):
        return tuple(one for one in super().bindings(account) if one.state in LIVING)


@sick_store("STORE-4")
class ReturnsTheNewestFirst(MemoryStore):
    def bindings(self, account):
        return tuple(reversed(super().bindings(account)))


@sick_store("STORE-5")
class ExpiresByItself(MemoryStore):
    def pending(self, account):
        return tuple(one for one in super().pending(account) if one.deadline > START)


@sick_store("STORE-6")
class ForgetsTheAdministrators(MemoryStore):
    def list(self, parent):
        return tuple(
            one for one in super().list(parent) if parent is not None or isinstance(one, Company)
        )


@sick_store("STORE-7")
class KnowsNoLimit(MemoryStore):
    def due(self, kind, before, limit, channel=None):
        return super().due(kind, before, limit + 100, channel)


@sick_store("STORE-7")
class IsAnInstantLate(MemoryStore):
    def due(self, kind, before, limit, channel=None):
        return super().due(kind, before - timedelta(microseconds=1), limit, channel)


@sick_store("STORE-8")
class NeverWalksTheUpperHalf(MemoryStore):
    def due(self, kind, before, limit, channel=None):
        found = super().due(kind, before, 10_000, channel)
        return tuple(one for one in found if partition_of(one.guid) < 128)[:limit]


@sick_store("STORE-8")
class NeverReturnsWhatItReturnedBefore(MemoryStore):
    def __init__(self, audit):
        super().__init__(audit)
        self._turn = 0

    def due(self, kind, before, limit, channel=None):
        # As a cursor that nobody resets.
        found = super().due(kind, before, 10_000, channel)[self._turn : self._turn + limit]
        self._turn += len(found)
        return found


@sick_store("STORE-27")
class KnowsNoChannels(MemoryStore):
    def due(self, kind, before, limit, channel=None):
        return super().due(kind, before, limit)


@sick_store("STORE-27")
class KnowsNoLimitOfAChannel(MemoryStore):
    def due(self, kind, before, limit, channel=None):
        return super().due(kind, before, limit + 100 * (channel is not None), channel)


@sick_store("STORE-27")
class ChannelsHideEachOther(MemoryStore):
    def due(self, kind, before, limit, channel=None):
        # As a filter on what was read of all channels.
        found = super().due(kind, before, limit + 20)
        return tuple(one for one in found if channel in {None, getattr(one, "kind", None)})[:limit]


@sick_store("STORE-27")
class IndexesAChannelOnce(MemoryStore):
    def due(self, kind, before, limit, channel=None):
        found = super().due(kind, before, limit, channel)
        if channel is None:
            return found
        self._channels = getattr(self, "_channels", {})
        return self._channels.setdefault(channel, found)


@sick_store("STORE-25")
class MixesUpTheOthers(MemoryStore):
    def get_with_account(self, guid, *others):
        record, account, *rest = super().get_with_account(guid, *others)
        return (record, account, *reversed(rest))


@sick_store("STORE-25")
class LeavesOutTheOthersThatAreNotThere(MemoryStore):
    def get_with_account(self, guid, *others):
        record, account, *rest = super().get_with_account(guid, *others)
        return (record, account, *(one for one in rest if one is not None))


@sick_store("STORE-25")
class RemembersWhoseItWas(MemoryStore):
    def get_with_account(self, guid, *others):
        self._whose = getattr(self, "_whose", {})
        record, account, *rest = super().get_with_account(guid, *others)
        return (record, self._whose.setdefault(guid, account), *rest)


@sick_store("STORE-26")
class KnowsNobody(MemoryStore):
    def get_with_account(self, guid, *others):
        record, _, *rest = super().get_with_account(guid, *others)
        return (record, None, *rest)


@sick_store("STORE-26")
class TakesAnyNeighbour(MemoryStore):
    def get_with_account(self, guid, *others):
        record, account, *rest = super().get_with_account(guid, *others)
        anybody = next((one for one in self._records.values() if type(one) is Account), None)
        return (record, anybody if account is None and record else account, *rest)


@sick_store("STORE-23")
class FindsTheDeadOfAllOrigins(MemoryStore):
    def dead(self, origin, limit):
        found = [one for origin in self._dead for one in super(type(self), self).dead(origin, 99)]
        return tuple(found[:limit])


@sick_store("STORE-23")
class NeverBuriesTwice(MemoryStore):
    def _unbury(self, record):
        pass


@sick_store("STORE-23")
class FindsTheDeadWhoseTimeHasCome(MemoryStore):
    def dead(self, origin, limit):
        return tuple(one for one in super().dead(origin, limit) if one.next_at <= START)


@sick_store("STORE-24")
class KnowsNoLimitOfTheDead(MemoryStore):
    def dead(self, origin, limit):
        return super().dead(origin, limit + 100)


@sick_store("STORE-24")
class FindsTheDeadInTheOrderOfTheirDeath(MemoryStore):
    def _keep(self, record):
        super()._keep(record)
        for dead in self._dead.values():
            dead.sort(key=lambda one: self._records[one[1]].guid == record.guid)

    def _unbury(self, record):
        if getattr(record, "state", None) is CallbackState.DEAD:
            self._dead[record.origin].remove((record.created_at, record.guid))


@sick_store("STORE-24")
class LimitsBeforeItSorts(MemoryStore):
    def dead(self, origin, limit):
        return super().dead(origin, 100)[-limit:]


# --- stores that commit the wrong thing


class Careful(MemoryStore):
    """The reference store in steps, so that an animal can leave one out."""

    def commit(self, changes, audit, operation):
        self.whole(changes)
        self.together(changes)
        self.following(changes)
        with self._lock:
            if self.applied(changes, operation):
                return
            self.compared(changes)
            self.kept(changes)
            self.told(audit)
            self._operations[operation] = changes

    def whole(self, changes):
        if not changes or len({change.new.guid for change in changes}) != len(changes):
            raise WrongRecord

    def together(self, changes):
        if len({partition_of(change.new.guid) for change in changes}) > 1:
            raise PartitionCrossed

    def following(self, changes):
        self.counted(changes)
        self.alike(changes)

    def counted(self, changes):
        for change in changes:
            due = 1 if change.old is None else change.old.version + 1
            if change.new is not change.old and change.new.version != due:
                raise WrongRecord

    def alike(self, changes):
        for old, new in ((change.old, change.new) for change in changes):
            if old is not None and (type(old) is not type(new) or old.guid != new.guid):
                raise WrongRecord

    def applied(self, changes, operation):
        known = self._operations.get(operation)
        if known is not None and known != changes:
            raise OperationReused
        return known is not None

    def compared(self, changes):
        names = set()
        for change in changes:
            self._compare(change)
            name = getattr(change.new, "account_id", None)
            if change.old is None and name is not None:
                if name in names:
                    raise Conflict
                names.add(name)

    def kept(self, changes):
        for change in changes:
            if change.new is not change.old:
                self._keep(change.new)

    def told(self, audit):
        for event in audit:
            self._audit.record(event)


careful = partial(sick_store, healthy=Careful)


@careful("STORE-9")
class CreatesOverWhatIsThere(Careful):
    def _compare(self, change):
        if change.old is not None:
            super()._compare(change)


@careful("STORE-9")
class KnowsNoNaturalKey(Careful):
    def _compare(self, change):
        if change.old is not None or change.new.guid in self._records:
            super()._compare(change)


@careful("STORE-10")
class IgnoresOld(Careful):
    def _compare(self, change):
        if change.old is None or change.new is change.old:
            super()._compare(change)


@careful("STORE-10")
class ComparesStatesOnly(Careful):
    def _compare(self, change):
        stored = self._records.get(change.new.guid)
        if change.old is None or stored is None:
            super()._compare(change)
        elif getattr(stored, "state", None) != getattr(change.old, "state", None):
            raise Conflict


@careful("STORE-10")
class WritesWhatIsNotThere(Careful):
    def _compare(self, change):
        if change.old is None or change.new.guid in self._records:
            super()._compare(change)


@careful("STORE-11")
class IgnoresGuards(Careful):
    def compared(self, changes):
        super().compared([change for change in changes if change.new is not change.old])


@careful("STORE-12")
class AppliesHalf(Careful):
    def compared(self, changes):
        pass

    def kept(self, changes):
        for change in changes:
            self._compare(change)
            super().kept([change])


@careful("STORE-12")
class SwallowsTheOperation(Careful):
    def compared(self, changes):
        try:
            super().compared(changes)
        except Conflict:
            self.told(["refused"])
            raise


@careful("STORE-13")
class CrossesPartitions(Careful):
    def together(self, changes):
        pass


@careful("STORE-14")
class JumpsVersions(Careful):
    def counted(self, changes):
        pass


@careful("STORE-14")
class ChangesKinds(Careful):
    def alike(self, changes):
        pass


@careful("STORE-15")
class ForgetsOperations(Careful):
    def applied(self, changes, operation):
        return False


@careful("STORE-15")
class RemembersTheLastFewOperations(Careful):
    def kept(self, changes):
        super().kept(changes)
        while len(self._operations) > 64:
            self._operations.popitem(last=False)


@careful("STORE-15")
class RemembersWhatItRefused(Careful):
    def compared(self, changes):
        try:
            super().compared(changes)
        except Conflict:
            self._refused.add(self._running)
            raise

    def applied(self, changes, operation):
        self._refused = getattr(self, "_refused", set())
        self._running = operation
        return operation in self._refused or super().applied(changes, operation)


@careful("STORE-16")
class AcceptsOtherChanges(Careful):
    def applied(self, changes, operation):
        return operation in self._operations


@careful("STORE-17")
class ReadsThenWrites(Careful):
    """The planted store: it compares and writes, and anybody may write in between."""

    def commit(self, changes, audit, operation):
        self.following(changes)
        if self.applied(changes, operation):
            return
        self.compared(changes)
        dawdle()
        with self._lock:
            self.kept(changes)
            self.told(audit)
            self._operations[operation] = changes


@careful("STORE-17")
class GuardsOutsideTheLock(Careful):
    def commit(self, changes, audit, operation):
        self.compared(changes)
        dawdle()
        super().commit(
            tuple(change for change in changes if change.new is not change.old) or changes,
            audit,
            operation,
        )


@careful("STORE-18")
class LosesTheEvents(Careful):
    def told(self, audit):
        pass


@careful("STORE-18")
class TellsWhatItRefuses(Careful):
    def commit(self, changes, audit, operation):
        self.told(audit)
        super().commit(changes, (), operation)


@careful("STORE-18")
class TellsBackwards(Careful):
    def told(self, audit):
        super().told(reversed(audit))


@careful("STORE-21")
class TakesAnything(Careful):
    def whole(self, changes):
        pass


@sick_store("STORE-22")
class ForgetsAtTheDeadline(MemoryStore):
    def forget(self, before):
        for record in list(self._records.values()):
            if record.keep_until is not None and getattr(record, "deadline", before) < before:
                del self._records[record.guid]


@sick_store("STORE-22")
class ForgetsWhatIsDue(MemoryStore):
    def forget(self, before):
        for record in list(self._records.values()):
            if record.keep_until is not None and record.keep_until < before:
                del self._records[record.guid]


# --- stores that die, or lose the connection


class Log:
    """A disk: what was appended to it is there."""

    def __init__(self):
        self.entries = ()


class Durable(contracts.StoreContract):
    survives_a_crash = True

    def reopened(self, store):
        return type(store)(store.log)


class Logged:
    """A store over a log of commits."""

    def __init__(self, log=None):
        self.log = log or Log()
        self.store = MemoryStore(MemoryAudit())
        for entry in self.log.entries:
            self.store.commit(*entry)

    def __getattr__(self, verb):
        return getattr(self.store, verb)

    def commit(self, changes, audit, operation):
        self.store.commit(changes, audit, operation)
        self.write(changes, audit, operation)

    def write(self, changes, audit, operation):
        if (changes, audit, operation) not in self.log.entries:
            self.log.entries += ((changes, audit, operation),)


@animal("STORE-19", Durable(), healthy=Logged)
class WritesRecordByRecord(Logged):
    def write(self, changes, audit, operation):
        if any(operation == entry[2] for entry in self.log.entries):
            return
        for change in changes[:-1]:
            self.log.entries += (((change,), (), f"{operation} {change.new.guid}"),)
        self.log.entries += ((changes[-1:], audit, operation),)


@animal("STORE-19", Durable(), healthy=Logged)
class WritesTheEventsAfterwards(Logged):
    def write(self, changes, audit, operation):
        place = len(self.log.entries)
        if any(operation == entry[2] for entry in self.log.entries):
            return
        self.log.entries += ((changes, (), operation),)
        self.log.entries = (*self.log.entries[:place], (changes, audit, operation))


class Cut(contracts.StoreContract):
    can_lose_replies = True

    def lose_reply(self, store, *, applied):
        store.cut = "after" if applied else "before"


class Remote(MemoryStore):
    """A store at the other end of a line that is cut."""

    cut = ""
    error = Indeterminate

    def commit(self, changes, audit, operation):
        cut, self.cut = self.cut, ""
        if cut == "before":
            raise StoreUnavailable
        super().commit(changes, audit, operation)
        if cut:
            raise self.error


@sick_store("STORE-20", Cut(), healthy=Remote)
class ReportsALostReplyAsConflict(Remote):
    error = Conflict


@sick_store("STORE-20", Cut(), healthy=Remote)
class SaysThatNothingHappened(Remote):
    error = StoreUnavailable


# --- for every port


class Down:
    """A port that does not answer, and says so as it should."""

    error = StoreUnavailable

    def __init__(self, *_):
        pass

    def __getattr__(self, verb):
        def call(*args, **kwargs):
            raise self.error

        return call


class LetsALibraryOut(Down):
    error = ConnectionResetError


class SaysNothing(Down):
    def __getattr__(self, verb):
        return lambda *args, **kwargs: None


class ReportsAsConflict(Down):
    error = Conflict


for contract in (
    contracts.StoreContract,
    contracts.AuditContract,
    contracts.WakeContract,
    contracts.ReplayGuardContract,
    contracts.CountersContract,
    contracts.IdempotencyContract,
    contracts.SignerContract,
    contracts.SealerContract,
    contracts.NotifierContract,
    contracts.CallbackSenderContract,
    contracts.IdentityProviderContract,
):
    for sick in (LetsALibraryOut, SaysNothing, ReportsAsConflict):
        animal("ALL-1", contract(), healthy=Down)(sick)


@sick_store("ALL-2")
class SharesOneCursor(MemoryStore):
    """Two reads at once share one place for what they are about."""

    def get(self, *guids):
        self._asked = guids
        dawdle()
        return super().get(*self._asked)


@sick_store("ALL-3")
class LogsWhole(MemoryStore):
    def commit(self, changes, audit, operation):
        super().commit(changes, audit, operation)
        logging.getLogger("store").debug("stored %s", attrs.asdict(changes[0].new))


# --- guards


@animal("REPLAY-1", contracts.ReplayGuardContract(), healthy=MemoryReplayGuard)
class AnswersTwiceFirstSeen(MemoryReplayGuard):
    def first_seen(self, key, until):
        new = key not in self._seen
        dawdle()
        self._seen[key] = until
        return new


@animal("REPLAY-1", contracts.ReplayGuardContract(), healthy=MemoryReplayGuard)
class ForgetsEarly(MemoryReplayGuard):
    def first_seen(self, key, until):
        return super().first_seen(key, until - timedelta(seconds=1))


@animal("REPLAY-1", contracts.ReplayGuardContract(), healthy=MemoryReplayGuard)
class RemembersTheLastFew(MemoryReplayGuard):
    def first_seen(self, key, until):
        if len(self._seen) > 50:
            self._seen.pop(next(iter(self._seen)))
        return super().first_seen(key, until)


@animal("REPLAY-2", contracts.ReplayGuardContract(), healthy=MemoryReplayGuard)
class JoinsTheParts(MemoryReplayGuard):
    def first_seen(self, key, until):
        return super().first_seen((":".join(key), "", ""), until)


@animal("ALL-2", contracts.ReplayGuardContract(), healthy=MemoryReplayGuard)
class IsOfOneThread(MemoryReplayGuard):
    def __init__(self, clock):
        super().__init__(clock)
        self._thread = threading.get_ident()

    def first_seen(self, key, until):
        if threading.get_ident() != self._thread:
            raise RuntimeError("made in another thread")
        return super().first_seen(key, until)


@animal("COUNTERS-1", contracts.CountersContract(), healthy=MemoryCounters)
class CountsTooLittle(MemoryCounters):
    def add(self, key, window):
        place = (*key, window)
        _, _, count = self._counts.get(place, (0, 0, 0))
        dawdle()
        self._counts[place] = (0, 0, count + 1)
        return count + 1


@animal("COUNTERS-1", contracts.CountersContract(), healthy=MemoryCounters)
class LetsABurstBetweenTwoWindows(MemoryCounters):
    def add(self, key, window):
        number = int(self._clock.now().timestamp() // window.total_seconds())
        place = (*key, window)
        with self._lock:
            current, _, count = self._counts.get(place, (number, 0, 0))
            count = count + 1 if number <= current else 1
            self._counts[place] = (max(current, number), 0, count)
            return count


@animal("COUNTERS-1", contracts.CountersContract(), healthy=MemoryCounters)
class BeginsAnewWhenTheClockStepsBack(MemoryCounters):
    def add(self, key, window):
        number = int(self._clock.now().timestamp() // window.total_seconds())
        if number < self._counts.get((*key, window), (number, 0, 0))[0]:
            self._counts.clear()
        return super().add(key, window)


@animal("COUNTERS-2", contracts.CountersContract(), healthy=MemoryCounters)
class CountsJoinedKeys(MemoryCounters):
    def add(self, key, window):
        return super().add(("".join(key), ""), window)


@animal("COUNTERS-3", contracts.CountersContract(), healthy=MemoryCounters)
class NeverBeginsAnew(MemoryCounters):
    def __init__(self, clock):
        super().__init__(FrozenClock())


def idempotent(clause):
    return animal(clause, contracts.IdempotencyContract(), healthy=MemoryIdempotency)


@idempotent("IDEMPOTENCY-1")
class ReservesTwice(MemoryIdempotency):
    def begin(self, reservation, now):
        held = self._held.get((reservation.scope, reservation.key))
        dawdle()
        if held is None:
            self._held[reservation.scope, reservation.key] = reservation
            return reservation
        return super().begin(reservation, now)


@idempotent("IDEMPOTENCY-2")
class TakesAnotherPayload(MemoryIdempotency):
    def begin(self, reservation, now):
        held = self._held.get((reservation.scope, reservation.key))
        found = super().begin(reservation, now)
        if held and held.fingerprint != reservation.fingerprint and held.lease_until <= now:
            self._held[reservation.scope, reservation.key] = reservation
            return reservation
        return found


@idempotent("IDEMPOTENCY-3")
class TakesOverWithAnotherGuid(MemoryIdempotency):
    def begin(self, reservation, now):
        found = super().begin(reservation, now)
        if found.holder == reservation.holder:
            self._held[reservation.scope, reservation.key] = reservation
            return reservation
        return found


@idempotent("IDEMPOTENCY-3")
class NeverTakesOver(MemoryIdempotency):
    def begin(self, reservation, now):
        held = self._held.get((reservation.scope, reservation.key))
        return held or super().begin(reservation, now)


@idempotent("IDEMPOTENCY-4")
class KeepsForEver(MemoryIdempotency):
    def begin(self, reservation, now):
        held = self._held.get((reservation.scope, reservation.key))
        return held if held and held.finished else super().begin(reservation, now)


@idempotent("IDEMPOTENCY-5")
class ForgetsThatItFinished(MemoryIdempotency):
    def finish(self, reservation):
        pass


@idempotent("IDEMPOTENCY-6")
class KnowsOneScope(MemoryIdempotency):
    def begin(self, reservation, now):
        for (_, key), held in self._held.items():
            if key == reservation.key:
                return held
        return super().begin(reservation, now)


# --- secrets


def signers(kind=memory.MemorySigner):
    return lambda: kind(Algorithm.ES256, memory.SystemEntropy())


class Rotating(contracts.SignerContract):
    can_rotate = True

    def rotate(self, signer):
        signer.rotate()


def sick_signer(clause):
    def put(kind):
        new = signers(kind)
        new.__name__ = kind.__name__
        animal(clause, Rotating(), healthy=signers())(new)

    return put


@sick_signer("SIGNER-1")
class SignsWithAnotherKeyThanTheFirst(memory.MemorySigner):
    def sign(self, kid, data):
        super().sign(kid, data)
        return self._made().sign(data)


@sick_signer("SIGNER-1")
class ListsTheOldestFirst(memory.MemorySigner):
    def jwks(self):
        return tuple(reversed(super().jwks()))

    def sign(self, kid, data):
        return self._keys[0].sign(data)


@sick_signer("SIGNER-1")
class DropsTheOldKey(memory.MemorySigner):
    def rotate(self):
        super().rotate()
        self._keys = self._keys[:1]


@sick_signer("SIGNER-2")
class SignsAsDer(memory.MemorySigner):
    def sign(self, kid, data):
        raw = super().sign(kid, data)
        halves = [int.from_bytes(half).to_bytes(33).lstrip(b"\0") for half in (raw[:32], raw[32:])]
        halves = [b"\0" + half if half[0] > 127 else half for half in halves]
        inner = b"".join(b"\x02" + bytes([len(half)]) + half for half in halves)
        return b"\x30" + bytes([len(inner)]) + inner


@sick_signer("SIGNER-3")
class SignsForAnyKey(memory.MemorySigner):
    def sign(self, kid, data):
        try:
            return super().sign(kid, data)
        except SignerUnavailable:
            return self._keys[0].sign(data)


def sealers(kind=memory.MemorySealer):
    return lambda: kind(bytes(32), memory.SystemEntropy())


def sick_sealer(clause):
    def put(kind):
        new = sealers(kind)
        new.__name__ = kind.__name__
        animal(clause, contracts.SealerContract(), healthy=sealers())(new)

    return put


@sick_sealer("SEALER-1")
class SealsAlike(memory.MemorySealer):
    def __init__(self, key, entropy):
        class Same:
            def token(self, size):
                return bytes(size)

        super().__init__(key, Same())


@sick_sealer("SEALER-2")
class IgnoresTheContext(memory.MemorySealer):
    def seal(self, plain, context):
        return super().seal(plain, "")

    def open(self, sealed, context):
        return super().open(sealed, "")


@sick_sealer("SEALER-2")
class OpensWhatWasChanged(memory.MemorySealer):
    def open(self, sealed, context):
        try:
            return super().open(sealed, context)
        except SealBroken:
            return b"" if len(sealed) < 20 else super().open(sealed[:-1], context)


@sick_sealer("SEALER-3")
class AuthenticatesOnly(memory.MemorySealer):
    def seal(self, plain, context):
        return super().seal(plain, context) + plain

    def open(self, sealed, context):
        for size in range(len(sealed) // 2 + 1):
            try:
                plain = super().open(sealed[: len(sealed) - size], context)
            except SealBroken:
                continue
            if len(plain) == size and sealed.endswith(plain):
                return plain
        raise SealBroken


# --- the outside


class Outbox(contracts.NotifierContract):
    shows_what_it_sends = True
    learns_of_death = True
    is_put_off = True
    can_hang = True

    def sent(self, notifier):
        return notifier.payloads

    def dead_address(self, notifier):
        dead = self.address(notifier, 99)
        notifier.dead.add(dead)
        return dead

    def busy_address(self, notifier):
        busy = self.address(notifier, 98)
        notifier.outcomes[busy] = PushOutcome(result=PushResult.LATER, after=timedelta(hours=1))
        return busy

    def hang(self, notifier):
        notifier.failing = True


class Pushing(OutboxNotifier):
    def __init__(self):
        super().__init__(AddressKind.RELAY)
        self.payloads = []

    def push(self, addresses, bell):
        self.payloads += [self.payload(bell)] * len(addresses)
        return super().push(addresses, bell)

    def payload(self, bell):
        return {"title": bell.title, "data": push_data(bell)}


outbox_animal = partial(animal, contract=Outbox(), healthy=Pushing)


@outbox_animal("NOTIFIER-1")
class ForgetsWhatItRingsAt(Pushing):
    def kinds(self):
        return super().kinds() if not self.pushes else frozenset()


@outbox_animal("NOTIFIER-1")
class RingsElsewhere(Pushing):
    def kinds(self):
        return frozenset({AddressKind.APNS})


@outbox_animal("NOTIFIER-2")
class RefusesASecondPush(Pushing):
    def push(self, addresses, bell):
        if any(push.message == bell for push in self.pushes):
            raise ValueError("pushed already")
        return super().push(addresses, bell)


@outbox_animal("NOTIFIER-3")
class SendsContent(Pushing):
    def payload(self, bell):
        return super().payload(bell) | {"content": "Pay 10 EUR to Adam?"}


@outbox_animal("NOTIFIER-4")
class TellsOfWhatItSentOnly(Pushing):
    def push(self, addresses, bell):
        return super().push(addresses, bell)[:1]


@outbox_animal("NOTIFIER-4")
class MixesUpWhoIsWho(Pushing):
    def push(self, addresses, bell):
        return super().push(addresses, bell)[::-1]


@outbox_animal("NOTIFIER-4")
class RingsAtAnything(Pushing):
    def push(self, addresses, bell):
        return super().push(
            tuple(attrs.evolve(address, kind=AddressKind.RELAY) for address in addresses), bell
        )


@outbox_animal("NOTIFIER-5")
class CallsTheLivingDead(Pushing):
    def push(self, addresses, bell):
        super().push(addresses, bell)
        return (PushOutcome(result=PushResult.GONE),) * len(addresses)


@outbox_animal("NOTIFIER-5")
class LearnsNothing(Pushing):
    def push(self, addresses, bell):
        super().push(addresses, bell)
        return (PushOutcome(result=PushResult.DELIVERED),) * len(addresses)


@outbox_animal("NOTIFIER-5")
class StopsAtTheDead(Pushing):
    def push(self, addresses, bell):
        outcomes = super().push(addresses, bell)
        gone = PushOutcome(result=PushResult.GONE)
        return (gone,) * len(addresses) if gone in outcomes else outcomes


@outbox_animal("NOTIFIER-6")
class TriesAgainByItself(Pushing):
    def push(self, addresses, bell):
        super().push(addresses, bell)
        return super().push(addresses, bell)


@outbox_animal("NOTIFIER-6")
class ForgetsHowLongToWait(Pushing):
    def push(self, addresses, bell):
        outcomes = super().push(addresses, bell)
        return tuple(attrs.evolve(outcome, after=None) for outcome in outcomes)


@outbox_animal("NOTIFIER-7")
class TakesSilenceForSuccess(Pushing):
    def push(self, addresses, bell):
        try:
            return super().push(addresses, bell)
        except NotifierUnavailable:
            return (PushOutcome(result=PushResult.DELIVERED),) * len(addresses)


class Scripted(contracts.CallbackSenderContract):
    shows_attempts = True
    can_script = True
    can_hang = True
    can_drip = True
    forbidden = ("http://127.0.0.1:8000/", "https://inside.example/")

    def attempts(self, sender):
        return [attempt.delivery for attempt in sender.attempts]

    def script(self, sender, status, location=None):
        sender.script(status)
        sender.location = location

    def hang(self, sender):
        sender.hanging = True

    def drip(self, sender):
        sender.dripping = True


class Sending(ScriptedSender):
    location = None
    hanging = False
    dripping = False

    def require_callable(self, url):
        if not self.allowed(url):
            raise CallbackUncallable("not allowed")

    def send(self, delivery):
        if not self.allowed(delivery.url):
            return DeliveryOutcome(status=None, final=True)
        if self.hanging:
            return self.hung(delivery)
        if self.dripping:
            return self.dripped(delivery)
        return super().send(delivery)

    def allowed(self, url):
        return url.startswith("https://shop.example/")

    def hung(self, delivery):
        return DeliveryOutcome(status=None)

    def dripped(self, delivery):
        return DeliveryOutcome(status=None)


def sick_sender(clause):
    return animal(clause, Scripted(), healthy=Sending)


@sick_sender("SENDER-1")
class SendsTwice(Sending):
    def send(self, delivery):
        super().send(delivery)
        return super().send(delivery)


@sick_sender("SENDER-1")
class FollowsRedirects(Sending):
    def send(self, delivery):
        outcome = super().send(delivery)
        if outcome.status and outcome.status // 100 == 3:
            return super().send(attrs.evolve(delivery, url=self.location))
        return outcome


@sick_sender("SENDER-1")
class TriesAgainItself(Sending):
    def send(self, delivery):
        outcome = super().send(delivery)
        return super().send(delivery) if outcome.status == 503 else outcome


@sick_sender("SENDER-2")
class WaitsForEver(Sending):
    def hung(self, delivery):
        threading.Event().wait(NEVER.total_seconds())
        return DeliveryOutcome(status=None)


@sick_sender("SENDER-2")
class BoundsEachReadOnly(Sending):
    def dripped(self, delivery):
        threading.Event().wait(NEVER.total_seconds())
        return DeliveryOutcome(status=None)


@sick_sender("SENDER-3")
class ReachesTheInside(Sending):
    def allowed(self, url):
        return True


@sick_sender("SENDER-5")
class RefusesNothing(Sending):
    def require_callable(self, url):
        pass


@sick_sender("SENDER-5")
class RefusesWhatItSends(Sending):
    def require_callable(self, url):
        raise CallbackUncallable("not today")


@sick_sender("SENDER-5")
class RefusesWithoutReason(Sending):
    def require_callable(self, url):
        if not self.allowed(url):
            raise CallbackUncallable("")


@sick_sender("SENDER-5")
class NeverGivesUp(Sending):
    def send(self, delivery):
        return attrs.evolve(super().send(delivery), final=False)


@sick_sender("SENDER-4")
class NormalizesTheBody(Sending):
    def send(self, delivery):
        return super().send(attrs.evolve(delivery, body=delivery.body.strip().replace(b" ", b"")))


@sick_sender("SENDER-4")
class SaysOnlyWhetherItWorked(Sending):
    def send(self, delivery):
        outcome = super().send(delivery)
        return outcome if outcome.status == 200 else DeliveryOutcome(status=None)


class LoggedIn(contracts.IdentityProviderContract):
    knows_users = True
    can_withdraw = True
    can_log_out = True
    can_revoke = True

    def log_in(self, provider, url):
        provider.admit("zoe")
        return provider.log_in(url, "zoe")

    def withdraw(self, provider):
        provider.withdraw("zoe")

    def log_out(self, provider):
        return provider.log_out("zoe")


def providers(kind=FakeIdentityProvider):
    return lambda: kind(ScriptedEntropy())


def sick_provider(clause):
    def put(kind):
        new = providers(kind)
        new.__name__ = kind.__name__
        animal(clause, LoggedIn(), healthy=providers())(new)

    return put


@sick_provider("IDP-1")
class SendsTheVerifier(FakeIdentityProvider):
    def authorization_url(self, settings, *, company, state, nonce, verifier):
        url = super().authorization_url(
            settings, state=state, nonce=nonce, verifier=verifier, company=company
        )
        return f"{url}&code_verifier={verifier}"


@sick_provider("IDP-1")
class MixesUpStateAndNonce(FakeIdentityProvider):
    def authorization_url(self, settings, *, company, state, nonce, verifier):
        return super().authorization_url(
            settings, state=nonce, nonce=state, verifier=verifier, company=company
        )


def _believes(**believed):
    class Believes(FakeIdentityProvider):
        def exchange(self, settings, *, company, code, nonce, verifier, issuer):
            grant = self._codes.get(code)
            if grant is not None:
                changes = {
                    name: value(nonce, verifier, settings) for name, value in believed.items()
                }
                self._codes[code] = attrs.evolve(grant, **changes)
            return super().exchange(
                settings, code=code, nonce=nonce, verifier=verifier, issuer=issuer, company=company
            )

    return Believes


class IgnoresTheNonce(_believes(nonce=lambda nonce, _, __: nonce)):
    pass


class IgnoresTheClient(_believes(client_id=lambda _, __, settings: settings.client_id)):
    pass


class IgnoresTheVerifier(FakeIdentityProvider):
    def authorization_url(self, settings, *, company, state, nonce, verifier):
        return super().authorization_url(
            settings, state=state, nonce=nonce, verifier="same", company=company
        )

    def exchange(self, settings, *, company, code, nonce, verifier, issuer):
        return super().exchange(
            settings, code=code, nonce=nonce, verifier="same", issuer=issuer, company=company
        )


class LetsACodeServeTwice(FakeIdentityProvider):
    def exchange(self, settings, *, code, **claims):
        grant = self._codes.get(code)
        found = super().exchange(settings, code=code, **claims)
        self._codes[code] = grant
        return found


for kind in (IgnoresTheNonce, IgnoresTheClient, IgnoresTheVerifier, LetsACodeServeTwice):
    sick_provider("IDP-2")(kind)


@sick_provider("IDP-3")
class IgnoresTheIssuer(FakeIdentityProvider):
    def exchange(self, settings, *, issuer, **claims):
        return super().exchange(settings, issuer=None, **claims)


@sick_provider("IDP-4")
class VouchesForEver(FakeIdentityProvider):
    def still_vouches(self, settings, identity, *, company):
        try:
            return super().still_vouches(settings, identity, company=company)
        except IdentityWithdrawn:
            return identity


@sick_provider("IDP-4")
class VouchesForSomebodyElse(FakeIdentityProvider):
    def still_vouches(self, settings, identity, *, company):
        found = super().still_vouches(settings, identity, company=company)
        return attrs.evolve(found, subject=found.subject.upper())


@sick_provider("IDP-5")
class BelievesAnyLogout(FakeIdentityProvider):
    def read_logout(self, settings, token, *, company):
        self._logouts.setdefault(token, "zoe")
        return super().read_logout(settings, token, company=company)


@sick_provider("IDP-5")
class LogsOutSomebodyElse(FakeIdentityProvider):
    def read_logout(self, settings, token, *, company):
        return attrs.evolve(super().read_logout(settings, token, company=company), subject="adam")


@sick_provider("IDP-6")
class NeverLetsGo(FakeIdentityProvider):
    def revoke_grant(self, settings, identity, *, company):
        pass


# --- the world


class ClockAt:
    def __init__(self, now):
        self.now = now


def _at(zone):
    return ClockAt(lambda: datetime(2030, 1, 1, tzinfo=zone))


@animal("CLOCK-1", contracts.ClockContract(), healthy=lambda: _at(UTC))
def naive_clock():
    return _at(None)


@animal("CLOCK-1", contracts.ClockContract(), healthy=lambda: _at(UTC))
def local_clock():
    return _at(timezone(timedelta(hours=2)))


def luck(clause):
    return animal(clause, contracts.EntropyContract(), healthy=memory.SystemEntropy)


@luck("ENTROPY-1")
class Repeats(memory.SystemEntropy):
    _pool = itertools.cycle([memory.SystemEntropy().token(1000) for _ in range(500)])

    def token(self, size):
        return next(self._pool)[:size]


@luck("ENTROPY-1")
class CountsUp(memory.SystemEntropy):
    _numbers = itertools.count()

    def token(self, size):
        return next(self._numbers).to_bytes(8)[-size:].rjust(size, b"\0")


@luck("ENTROPY-1")
class IsOfHexDigits(memory.SystemEntropy):
    def token(self, size):
        return super().token(size).hex().encode()[:size]


@luck("ENTROPY-2")
class IsShort(memory.SystemEntropy):
    def token(self, size):
        return super().token(min(size, 32))


def sick_audit(clause):
    return animal(clause, contracts.AuditContract(), healthy=MemoryAudit)


@sick_audit("AUDIT-1")
class KeepsTheLastFew(MemoryAudit):
    def record(self, event):
        super().record(event)
        del self._events[:-100]


@sick_audit("AUDIT-1")
class WritesOverWhatIsAlike(MemoryAudit):
    def record(self, event):
        self._events = [one for one in self._events if one != event] + [event]


@sick_audit("AUDIT-2")
class CutsTheReason(MemoryAudit):
    def record(self, event):
        super().record(attrs.evolve(event, reason=""))


@sick_audit("AUDIT-2")
class WritesLater(MemoryAudit):
    _late = None

    def record(self, event):
        late, self._late = self._late, event
        if late is not None:
            super().record(late)


@animal("WAKE-1", contracts.WakeContract(), healthy=memory.MemoryWake)
class WaitsForAWaiter(memory.MemoryWake):
    def ring(self, guid):
        threading.Event().wait(NEVER.total_seconds())


@animal("WAKE-2", contracts.WakeContract(), healthy=memory.MemoryWake)
class WaitsForARing(memory.MemoryWake):
    def wait(self, guid, timeout):
        super().wait(guid, timeout + NEVER)


# --- the tests


@pytest.mark.parametrize(
    "animal", ANIMALS, ids=lambda animal: f"{animal.clause}-{animal.sick.__name__}"
)
def test_the_animal_fails_its_clause(animal):
    contract = copy.copy(animal.contract)
    contract.patience = SOON
    assert next(failures(contract, animal.clause, animal.sick), None) is not None


HEALTHY = {
    (animal.clause, type(animal.contract), getattr(animal.healthy, "__name__", "")): animal
    for animal in ANIMALS
}


@pytest.fixture
def brief():
    """Play few histories: all of them are played in the healthy ones' own tests."""
    ours = settings.get_current_profile_name()
    settings.load_profile("brief")
    yield
    settings.load_profile(ours)


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(
    "animal", HEALTHY.values(), ids=lambda one: f"{one.clause}-{type(one.contract).__name__}"
)
def test_its_healthy_twin_passes(animal):
    for failure in failures(animal.contract, animal.clause, animal.healthy):
        raise failure


def test_the_planted_store_is_not_linearizable():
    with pytest.raises(AssertionError, match="cannot have changed like that"):
        STORE.test_store_17_is_linearizable(stores(ReadsThenWrites))


@pytest.mark.parametrize(
    "kind",
    [
        ReadsFromAnOldCopy,
        NeverReturnsWhatItReturnedBefore,
        NeverBuriesTwice,
        CreatesOverWhatIsThere,
        KnowsNoNaturalKey,
        IgnoresOld,
        ComparesStatesOnly,
        IgnoresGuards,
        AppliesHalf,
        ForgetsOperations,
        RemembersWhatItRefused,
        AcceptsOtherChanges,
        LosesTheEvents,
        TellsWhatItRefuses,
    ],
    ids=lambda kind: kind.__name__,
)
def test_a_history_finds_it_too(kind):
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            partial(StoreHistory, stores(kind), STORE.recorded),
            settings=settings(
                deadline=None,
                max_examples=300,
                stateful_step_count=30,
                phases=[Phase.generate],
                database=None,
                derandomize=True,
                verbosity=Verbosity.quiet,
                report_multiple_bugs=False,
            ),
        )


def test_every_clause_has_an_animal_and_a_test():
    clauses = contracts.clauses()
    kinds = [getattr(contracts, name) for name in contracts.__all__ if name.endswith("Contract")]

    assert set(clauses) - {animal.clause for animal in ANIMALS} == set()
    for clause in clauses:
        assert any(list(shown_by(kind(), clause)) for kind in kinds), f"{clause} has no test"
