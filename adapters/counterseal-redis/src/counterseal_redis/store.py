"""The store: a record is one key, and a commit is one call of a script."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from redis.exceptions import AskError, ClusterError, ReadOnlyError

from counterseal.errors import Conflict, Indeterminate, OperationReused, StoreUnavailable
from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    GaugeKey,
    Guid,
    Record,
)
from counterseal.models.guid import PARTITIONS, account_partition
from counterseal.models.record import Listing, index_of
from counterseal.ports import Clock, Due
from counterseal_records import ROOT, microseconds, natural_key, search_range
from counterseal_redis.codec import account_id_of, compact, decode, decode_as
from counterseal_redis.commands import ACCOUNT, APPLIED_OPERATION, Call, script_call
from counterseal_redis.commit import CONFLICT, NATURAL, REUSED, commit_call
from counterseal_redis.gauges import read_gauges
from counterseal_redis.indexes import (
    BINDINGS,
    CHILDREN,
    DEAD,
    PENDING,
    SEARCH,
    Indexes,
    due_index,
)
from counterseal_redis.keyspace import Keyspace, unavailable


class RedisStore:
    """
    The records of one service.

    Args:
        keyspace: The key space of the records.
        clock: Says how long a record is kept after its end, and which reads are confirmed; no
            decision depends on it.
    """

    def __init__(self, keyspace: Keyspace, clock: Clock) -> None:
        self._keyspace = keyspace
        self._indexes = Indexes(keyspace)
        self._clock = clock
        # Workers that start at different moments begin at different partitions.
        self._start = microseconds(clock.now()) % PARTITIONS

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """
        Return the records of *guids*, in one round trip; None where there is none.

        Reads of records that have ended, or are due by the service's clock, are confirmed as
        commits are, so that the caller reports no outcome that may be lost, or that a newer
        primary does not have.
        """
        return tuple(map(self._indexes.records(guids, now=self._clock.now()).get, guids))

    def get_with_account(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """
        Return the record of *guid*, the account that it is about, and the records of *others*.

        Reads of records that have ended or are due are confirmed, as in `get`.
        """
        records, account = self._indexes.get_with_account(guid, others, now=self._clock.now())
        return (records[guid], account, *map(records.get, others))

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """Return the account that the App Space knows by *account_id*."""
        (value,) = self._keyspace.read(self._account_call(app_space, account_id))
        return None if value is None else decode_as(Account, value)

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]:
        """
        Return the accounts of the App Space whose id begins with *prefix*, in order.

        It takes two round trips: each partition has an index, whose entries are merged, and then
        the accounts are read. It takes more if many of the first ids are in one partition, or if
        accounts are erased meanwhile.
        """
        begin, end = search_range(app_space, prefix, after)
        accounts: list[Account] = []
        while len(accounts) < limit:
            missing = limit - len(accounts)
            entries = self._indexes.least(SEARCH, begin, end, missing)
            if not entries:
                break
            calls = [self._account_call(app_space, account_id_of(entry)) for entry in entries]
            values = self._keyspace.read(*calls)
            # An account may have been erased since the index was read.
            accounts += [decode_as(Account, value) for value in values if value is not None]
            if len(entries) < missing:
                break
            begin = entries[-1] + b"\x00"
        return tuple(accounts)

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """Return all bindings of the account, oldest first."""
        values = self._indexes.owned(BINDINGS, account)
        return tuple(map(partial(decode_as, Binding), values))

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """Return the account's unfinished challenges, oldest first."""
        values = self._indexes.owned(PENDING, account)
        return tuple(map(partial(decode_as, Challenge), values))

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """Return the tenancy records under *parent*, oldest first."""
        if parent is not None:
            return tuple(map(decode, self._indexes.owned(CHILDREN, parent)))
        # A child is in its parent's partition; a record without a parent is in any partition.
        entries = self._indexes.entries(CHILDREN, ROOT)
        return tuple(entry.record for entry in entries if entry.record is not None)

    def due(
        self, kind: Due, before: datetime, limit: int, queue: AddressKind | Guid | None = None
    ) -> tuple[Record, ...]:
        """
        Return due records of *kind*, or of *kind* in *queue*, one partition after the other.

        Each call begins at the partition after the last one, so that no partition hides another.
        """
        index = due_index(kind, queue)
        while True:
            due = self._indexes.due(index, microseconds(before), limit, self._start)
            if not due:
                return ()
            records = self._indexes.records([guid for _, guid in due])
            done = [guid for guid, record in records.items() if not _becomes_due(record)]
            if queue is not None and done:
                # An older release leaves them in the queue; they must not hide other entries.
                self._indexes.drop_done(index, done)
                continue
            self._start = (due[-1][0] + 1) % PARTITIONS
            return tuple(
                record
                for record in records.values()
                # A record may have been changed between the two trips.
                if record is not None and record.due_at is not None and record.due_at <= before
            )

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """Return the callbacks of *origin* that are dead, oldest first."""
        entry_count = limit
        while True:
            entries = self._indexes.entries(DEAD, origin, entry_count)
            stale = [entry for entry in entries if entry.record is None]
            if stale:
                # The server has dropped their records; they must not hide younger entries.
                self._indexes.drop_dead(stale)
                continue
            records = (entry.record for entry in entries)
            dead = tuple(one for one in records if isinstance(one, Callback) and _is_dead(one))
            if len(dead) >= limit or len(entries) < entry_count:
                return dead[:limit]
            # Nor must those that have changed since the index was read.
            entry_count += len(entries) - len(dead)

    def gauges(self, app_spaces: frozenset[Guid] | None) -> Mapping[GaugeKey, int]:
        """
        Return how many records count in each gauge, in one round trip.

        A dead callback that the server has dropped counts until `forget` or `dead` finds it gone.
        """
        gauges = read_gauges(self._keyspace)
        if app_spaces is None:
            return gauges
        return {key: count for key, count in gauges.items() if key.app_space in app_spaces}

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Apply all *changes* and record all *audit* events, or do nothing.

        Raises:
            Conflict: A record is not the one that the decision was made on.
            Indeterminate: The reply was lost, or the commit is not durable enough; commit again
                with the same *operation*.
            Unavailable: Redis refused, and nothing has changed.
            PartitionCrossed: The records are not in one partition.
            WrongRecord: A version, a kind or a pairing is impossible.
            OperationReused: *operation* named other changes before.
        """
        call = commit_call(self._keyspace, changes, audit, operation, self._clock.now())
        try:
            (answer,), confirmed = self._keyspace.attempt([call], confirm=True)
        except StoreUnavailable as error:
            raise Indeterminate from error.__cause__
        if isinstance(answer, Exception):
            self._raise_for_refusal(call, answer)
        elif answer == CONFLICT:
            raise Conflict
        elif answer == REUSED:
            raise OperationReused
        if not confirmed:
            raise Indeterminate

    def _account_call(self, app_space: Guid, account_id: str) -> Call:
        partition = account_partition(app_space, account_id)
        name = f"{NATURAL}{compact(natural_key(app_space, account_id))}"
        key = self._keyspace.key(partition, name)
        return script_call(ACCOUNT, [key], [self._keyspace.key(partition, "")])

    def _raise_for_refusal(self, call: Call, refusal: Exception) -> None:
        # redis-py repeats a call by itself, so the first attempt may have been applied: then the
        # operation is stored. A server that is no longer the primary cannot know.
        if isinstance(refusal, ReadOnlyError | AskError | ClusterError):
            raise Indeterminate from refusal
        operation, commit_fingerprint = call.key, call.command[1 + int(call.command[0])]
        try:
            (applied,), confirmed = self._keyspace.attempt(
                [script_call(APPLIED_OPERATION, [operation], [])], confirm=True
            )
        except StoreUnavailable:
            raise Indeterminate from refusal
        if applied is None:
            raise unavailable(refusal) from refusal
        if isinstance(applied, Exception) or applied != commit_fingerprint or not confirmed:
            raise Indeterminate from refusal


def _becomes_due(record: Record | None) -> bool:
    return record is not None and record.due_at is not None


def _is_dead(record: Record) -> bool:
    # The record may have been changed since the index was read.
    index = index_of(record)
    return index.listing is Listing.DEAD and index.listed
