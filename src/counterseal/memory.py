"""
The reference adapter of every driven port: in this process, with real locks.

Nothing survives the process. Otherwise it is complete: the store is linearizable, the guards are
exact, the signer signs and the sealer encrypts.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias, TypeVar

import attrs

from counterseal._local import (
    CollectingSender,
    MemorySealer,
    MemorySigner,
    MemoryWake,
    NoAttestationVerifier,
    NoIdentityProvider,
    SilentNotifier,
    SystemClock,
    SystemEntropy,
)
from counterseal._memory_audit import MemoryAudit
from counterseal.errors import Conflict, OperationReused, WrongRecord
from counterseal.models import (
    Account,
    AddressKind,
    Algorithm,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    GaugeKey,
    Guid,
    KeyScope,
    Record,
    Reservation,
)
from counterseal.models.record import Index, Listing, fold_case, require_possible
from counterseal.ports import Clock, Due, Entropy, Ports

__all__ = [
    "CollectingSender",
    "MemoryAudit",
    "MemoryCounters",
    "MemoryIdempotency",
    "MemoryReplayGuard",
    "MemorySealer",
    "MemorySigner",
    "MemoryStore",
    "MemoryWake",
    "NoAttestationVerifier",
    "NoIdentityProvider",
    "SilentNotifier",
    "SystemClock",
    "SystemEntropy",
    "memory_ports",
]


def memory_ports(
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    algorithm: Algorithm = Algorithm.ES256,
) -> Ports:
    """
    Return the reference adapters of all ports; *algorithm* signs receipts.

    Without a clock or entropy the system's are taken.
    """
    clock = clock or SystemClock()
    entropy = entropy or SystemEntropy()
    audit = MemoryAudit()
    return Ports(
        store=MemoryStore(audit),
        notifier=SilentNotifier(),
        identity=NoIdentityProvider(),
        attestation=NoAttestationVerifier(),
        sender=CollectingSender(),
        replay=MemoryReplayGuard(clock),
        counters=MemoryCounters(clock),
        idempotency=MemoryIdempotency(),
        wake=MemoryWake(),
        signer=MemorySigner(algorithm, entropy),
        sealer=MemorySealer(entropy.token(32), entropy),
        clock=clock,
        entropy=entropy,
        audit=audit,
    )


R = TypeVar("R")

OPERATIONS_REMEMBERED = 4096
"""Far more than are retried at once; an operation is retried within seconds."""


class MemoryStore:
    """The records of one service; commits write to the log *audit*."""

    def __init__(self, audit: MemoryAudit) -> None:
        self._audit = audit
        self._lock = threading.RLock()
        self._records: dict[Guid, Record] = {}
        self._accounts: dict[tuple[Guid, str], Guid] = {}
        self._search_keys: dict[Guid, tuple[Guid, str]] = {}
        self._ids: dict[Guid, list[str]] = defaultdict(list)
        self._lists: dict[tuple[Listing, Guid | None], dict[Guid, None]] = defaultdict(dict)
        self._dead: dict[Guid, list[tuple[datetime, Guid]]] = defaultdict(list)
        self._gauge_keys: dict[Guid, GaugeKey] = {}
        self._gauges: dict[GaugeKey, int] = defaultdict(int)
        self._due: dict[tuple[type, AddressKind | Guid | None], list[tuple[datetime, Guid]]] = (
            defaultdict(list)
        )
        self._operations: OrderedDict[str, tuple[Change, ...]] = OrderedDict()

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """Return the records of *guids*; None where there is none."""
        with self._lock:
            return tuple(map(self._records.get, guids))

    def get_with_account(self, guid: Guid, *other_guids: Guid) -> tuple[Record | None, ...]:
        """Return the record of *guid*, the account that it is about, and those of *other_guids*."""
        with self._lock:
            record = self._records.get(guid)
            owner = None if record is None else record.index.account
            account = None if owner is None else self._records.get(owner)
            return (record, account, *map(self._records.get, other_guids))

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """Return the account that the App Space knows by *account_id*."""
        with self._lock:
            guid = self._accounts.get((app_space, account_id))
            return None if guid is None else self._require(guid, Account)

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]:
        """Return the accounts of the App Space whose id begins with *prefix*, in order."""
        with self._lock:
            ids = self._ids.get(app_space, [])
            begin = bisect_left(ids, prefix)
            if after is not None:
                begin = max(begin, bisect_right(ids, after))
            return tuple(
                self._require(self._accounts[app_space, account_id], Account)
                for account_id in ids[begin : begin + limit]
                if account_id.startswith(prefix)
            )

    def search_part(
        self, app_space: Guid, part: str, after: Guid | None, limit: int
    ) -> tuple[Account, ...]:
        """Return the accounts of the App Space whose id contains *part*, oldest first."""
        with self._lock:
            # In the order of their first commits; to look for *after* moves on behind it.
            guids = iter(self._records)
            if after is not None:
                account = self._records[after] if after in guids else None
                if not isinstance(account, Account) or account.app_space != app_space:
                    return ()
            folded = fold_case(part)
            fitting = (
                self._require(guid, Account)
                for guid, key in ((guid, self._search_keys.get(guid)) for guid in guids)
                if key is not None and key[0] == app_space and folded in fold_case(key[1])
            )
            return tuple(itertools.islice(fitting, limit))

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """Return all bindings of the account, oldest first."""
        with self._lock:
            return tuple(self._listed(Listing.BINDINGS, account, Binding))

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """Return the account's unfinished challenges, oldest first."""
        with self._lock:
            return tuple(self._listed(Listing.PENDING, account, Challenge))

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """Return the tenancy records under *parent*, oldest first."""
        with self._lock:
            guids = self._lists.get((Listing.CHILDREN, parent), ())
            return tuple(self._records[guid] for guid in guids)

    def due(
        self, kind: Due, before: datetime, limit: int, queue: AddressKind | Guid | None = None
    ) -> tuple[Record, ...]:
        """Return records of *kind*, and of *queue*, that are due, the longest due first."""
        with self._lock:
            heap = self._due[kind.record_class, queue]
            records: dict[Guid, Record] = {}
            returned_entries: list[tuple[datetime, Guid]] = []
            while heap and heap[0][0] <= before and len(records) < limit:
                at, guid = heapq.heappop(heap)
                record = self._records.get(guid)
                if record is not None and record.due_at == at and guid not in records:
                    records[guid] = record
                    returned_entries.append((at, guid))
            for entry in returned_entries:
                heapq.heappush(heap, entry)
            return tuple(records.values())

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """Return the callbacks of *origin* that are dead, oldest first."""
        with self._lock:
            callbacks = self._dead.get(origin, [])[:limit]
            return tuple(self._require(guid, Callback) for _, guid in callbacks)

    def gauges(self, app_spaces: frozenset[Guid] | None) -> Mapping[GaugeKey, int]:
        """Return the number of records in each gauge."""
        with self._lock:
            return {
                key: count
                for key, count in self._gauges.items()
                if count and (app_spaces is None or key.app_space in app_spaces)
            }

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """Apply all *changes* and record all *audit* events, or do nothing."""
        require_possible(changes)
        with self._lock:
            applied = self._operations.get(operation)
            if applied is not None:
                if applied != changes:
                    raise OperationReused
                return
            for change in changes:
                self._compare(change)
            _natural_keys_differ(changes)
            for change in changes:
                if change.new is not change.old:
                    self._keep(change.new)
            for event in audit:
                self._audit.record(event)
            self._operations[operation] = changes
            if len(self._operations) > OPERATIONS_REMEMBERED:
                self._operations.popitem(last=False)

    def recorded(self) -> tuple[AuditEvent, ...]:
        """Return the events of the audit log that commits write to, in order."""
        return self._audit.events

    def forget(self, before: datetime) -> int:
        """Drop the records whose `keep_until` came before *before*; return how many."""
        with self._lock:
            over = [
                record
                for record in self._records.values()
                if record.keep_until is not None
                and record.keep_until < before
                and record.due_at is None
            ]
            for record in over:
                self._unbury(record)
                self._count(record.guid, None)
                del self._records[record.guid]
            return len(over)

    def _listed(self, listing: Listing, owner: Guid, kind: type[R]) -> Iterator[R]:
        return (self._require(guid, kind) for guid in self._lists.get((listing, owner), ()))

    def _require(self, guid: Guid, kind: type[R]) -> R:
        record = self._records[guid]
        if not isinstance(record, kind):
            raise WrongRecord
        return record

    def _compare(self, change: Change) -> None:
        stored = self._records.get(change.new.guid)
        if (stored and stored.version) != (change.old and change.old.version):
            raise Conflict
        if isinstance(change.new, Account):
            key = (change.new.app_space, change.new.account_id)
            if self._accounts.get(key, change.new.guid) != change.new.guid:
                raise Conflict

    def _keep(self, record: Record) -> None:
        before = self._records.get(record.guid)
        self._records[record.guid] = record
        index = record.index
        if index.gauge != self._gauge_keys.get(record.guid):
            self._count(record.guid, index.gauge)
        if index.account_key is not None:
            self._keep_keys(record.guid, before, index)
        if isinstance(record, Callback):
            self._unbury(before)
            if index.listed:
                insort(self._dead[record.origin], (record.created_at, record.guid))
        elif index.listing is not None:
            entries = self._lists[index.listing, index.owner]
            if index.listed:
                entries[record.guid] = None
            else:
                entries.pop(record.guid, None)
        if record.due_at is not None:
            heapq.heappush(self._due[type(record), None], (record.due_at, record.guid))
            if index.queue is not None:
                queue = (type(record), index.queue)
                heapq.heappush(self._due[queue], (record.due_at, record.guid))

    def _keep_keys(self, guid: Guid, before: Record | None, index: Index) -> None:
        if isinstance(before, Account):
            del self._accounts[before.app_space, before.account_id]
        if index.account_key is not None:
            self._accounts[index.account_key] = guid
        if index.search_key != self._search_keys.get(guid):
            self._sort_id(guid, index.search_key)

    def _count(self, guid: Guid, gauge_key: GaugeKey | None) -> None:
        before = self._gauge_keys.pop(guid, None)
        if before is not None:
            self._gauges[before] -= 1
        if gauge_key is not None:
            self._gauge_keys[guid] = gauge_key
            self._gauges[gauge_key] += 1

    def _sort_id(self, guid: Guid, search_key: tuple[Guid, str] | None) -> None:
        if guid in self._search_keys:
            app_space, account_id = self._search_keys.pop(guid)
            ids = self._ids[app_space]
            del ids[bisect_left(ids, account_id)]
        if search_key is not None:
            app_space, account_id = self._search_keys[guid] = search_key
            insort(self._ids[app_space], account_id)

    def _unbury(self, record: Record | None) -> None:
        if isinstance(record, Callback) and record.index.listed:
            dead = self._dead[record.origin]
            del dead[bisect_left(dead, (record.created_at, record.guid))]


def _natural_keys_differ(changes: tuple[Change, ...]) -> None:
    keys = [
        (change.new.app_space, change.new.account_id)
        for change in changes
        if isinstance(change.new, Account)
    ]
    if len(set(keys)) != len(keys):
        raise Conflict


_Key: TypeAlias = tuple[tuple[KeyScope, Guid], str]


class MemoryReplayGuard:
    """Remembers each key until its time has passed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ends_by_value: dict[tuple[str, str, str], datetime] = {}
        self._ends: list[tuple[datetime, tuple[str, str, str]]] = []

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """Tell whether *key* is new, and remember it until *until*."""
        now = self._clock.now()
        with self._lock:
            while self._ends and self._ends[0][0] <= now:
                _, over = heapq.heappop(self._ends)
                if self._ends_by_value.get(over, now) <= now:
                    self._ends_by_value.pop(over, None)
            if key in self._ends_by_value:
                return False
            self._ends_by_value[key] = until
            heapq.heappush(self._ends, (until, key))
            return True


class MemoryCounters:
    """Counts in fixed windows, and adds the window before, so a burst cannot hide at an edge."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, timedelta], tuple[int, int, int]] = {}

    def add(self, key: tuple[str, str], window: timedelta) -> int:
        """Count one more; never fewer than the last *window* really had."""
        number = int(self._clock.now().timestamp() // window.total_seconds())
        window_key = (*key, window)
        with self._lock:
            current, before, count = self._counts.get(window_key, (number, 0, 0))
            if number > current:
                before, count = (count if number == current + 1 else 0), 0
            else:
                # A clock that jumped back finds the newest window, and counts too much.
                number = current
            self._counts[window_key] = (number, before, count + 1)
            return before + count + 1


class MemoryIdempotency:
    """Reservations by scope and key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reservations: dict[_Key, Reservation] = {}
        # The number comes before the key, since verbs have no order.
        self._ends: list[tuple[datetime, int, _Key]] = []
        self._numbers = itertools.count()

    def begin(self, reservation: Reservation, now: datetime) -> Reservation:
        """Reserve, or return the reservation that is in force."""
        key = (reservation.scope, reservation.key)
        with self._lock:
            self._prune(now)
            stored = self._reservations.get(key)
            if stored is None:
                return self._keep(key, reservation)
            if (
                stored.finished
                or stored.fingerprint != reservation.fingerprint
                or stored.lease_until > now
            ):
                return stored
            return self._keep(key, attrs.evolve(reservation, guid=stored.guid))

    def _keep(self, key: _Key, reservation: Reservation) -> Reservation:
        self._reservations[key] = reservation
        heapq.heappush(self._ends, (reservation.until, next(self._numbers), key))
        return reservation

    def _prune(self, now: datetime) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, _, key = heapq.heappop(self._ends)
            stored = self._reservations.get(key)
            if stored is not None and stored.until <= now:
                del self._reservations[key]

    def finish(self, reservation: Reservation) -> None:
        """Mark the reservation as finished."""
        key = (reservation.scope, reservation.key)
        with self._lock:
            stored = self._reservations.get(key)
            if stored is not None and stored.guid == reservation.guid:
                self._reservations[key] = attrs.evolve(stored, finished=True)
