"""The store: a record is one key, and a commit is one script."""

from __future__ import annotations

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
    Guid,
    Record,
)
from counterseal.models.guid import PARTITIONS, account_partition
from counterseal.models.index import Listing, index_of
from counterseal.ports import Clock, Due
from counterseal_records import ROOT, microseconds, natural_key
from counterseal_redis.commits import (
    BINDINGS,
    CHILDREN,
    DEAD,
    NATURAL,
    PENDING,
    commit_call,
    due_index,
)
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call, scripted
from counterseal_redis.scripts import ACCOUNT, KNOWN
from counterseal_redis.shelves import Shelves
from counterseal_redis.values import compact, found, found_as

APPLIED, CONFLICT, REUSED = 1, 0, -1
"""What the script answers."""


class RedisStore:
    """
    The records of one service.

    Args:
        keyspace: Where they are.
        clock: Says how long what is over is kept, and whose reading is confirmed;
            decides nothing.
    """

    def __init__(self, keyspace: Keyspace, clock: Clock) -> None:
        self._keyspace = keyspace
        self._shelves = Shelves(keyspace)
        self._clock = clock
        # Workers that start at different moments walk from different places.
        self._start = microseconds(clock.now()) % PARTITIONS

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """
        Return the records of *guids*, in one trip; None where there is none.

        What is over, or due by the service's clock, is confirmed, as a commit is: nobody is told
        of an end that may be lost, or of one that has not come where commits are made by now.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        return tuple(map(self._shelves.records(guids, now=self._clock.now()).get, guids))

    def get_with_account(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """
        Return the record of *guid*, the account that it is about, and those of *others*.

        What is over or due is confirmed, as `get` does.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        records, account = self._shelves.get_with_account(guid, others, now=self._clock.now())
        return (records[guid], account, *map(records.get, others))

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """
        Return the account that the App Space knows by *account_id*.

        Raises:
            Unavailable: Redis did not answer, or the record cannot be read.
        """
        partition = account_partition(app_space, account_id)
        name = f"{NATURAL}{compact(natural_key(app_space, account_id))}"
        key = self._keyspace.key(partition, name)
        call = scripted(ACCOUNT, [key], [self._keyspace.key(partition, "")])
        (value,) = self._keyspace.read(call)
        return None if value is None else found_as(Account, value)

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """
        Return all bindings of the account, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        values = self._shelves.owned(BINDINGS, account)
        return tuple(map(partial(found_as, Binding), values))

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """
        Return the account's unfinished challenges, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        values = self._shelves.owned(PENDING, account)
        return tuple(map(partial(found_as, Challenge), values))

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """
        Return the tenancy records under *parent*, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        if parent is not None:
            return tuple(map(found, self._shelves.owned(CHILDREN, parent)))
        # A child lies in its parent's partition; what has no parent lies anywhere.
        entries = self._shelves.entries(CHILDREN, ROOT)
        return tuple(entry.record for entry in entries if entry.record is not None)

    def due(
        self, kind: Due, before: datetime, limit: int, channel: AddressKind | None = None
    ) -> tuple[Record, ...]:
        """
        Return records of *kind*, and on *channel*, that are due, one partition after the other.

        Each call begins where the last one ended, so that no partition hides another.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        index = due_index(kind, channel)
        due = self._shelves.due(index, microseconds(before), limit, self._start)
        if not due:
            return ()
        self._start = (due[-1][0] + 1) % PARTITIONS
        records = self._shelves.records([guid for _, guid in due]).values()
        return tuple(
            record
            for record in records
            # A record may have moved between the two trips.
            if record is not None and record.due_at is not None and record.due_at <= before
        )

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """
        Return the callbacks of *origin* that are dead, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        while True:
            entries = self._shelves.entries(DEAD, origin, limit)
            gone = [entry for entry in entries if entry.record is None]
            if not gone:
                records = (entry.record for entry in entries)
                return tuple(one for one in records if isinstance(one, Callback) and _dead(one))
            # Their records are over and gone: they must not hide younger ones.
            self._shelves.drop(DEAD, gone)

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Apply all *changes* and record all *audit* events, or do nothing.

        Raises:
            Conflict: A record is not what the decision was made on.
            Indeterminate: The reply was lost, or the commit is not as sure as it has to be;
                ask again with the same *operation*.
            Unavailable: Redis refused, and nothing has changed.
            PartitionCrossed: The records are not in one partition.
            WrongRecord: A version, a kind or a pairing is impossible.
            OperationReused: *operation* named other changes before.
        """
        call = commit_call(self._keyspace, changes, audit, operation, self._clock.now())
        try:
            (answer,), sure = self._keyspace.attempt([call], confirm=True)
        except StoreUnavailable as error:
            raise Indeterminate from error.__cause__
        if isinstance(answer, Exception):
            self._explain(call, answer)
        elif answer == CONFLICT:
            raise Conflict
        elif answer == REUSED:
            raise OperationReused
        if not sure:
            raise Indeterminate

    def _explain(self, call: Call, refusal: Exception) -> None:
        # redis-py asks again by itself, so the first time may have been applied: the operation
        # knows. A server that is no longer the one to ask knows nothing.
        if isinstance(refusal, ReadOnlyError | AskError | ClusterError):
            raise Indeterminate from refusal
        operation, same = call.key, call.command[1 + int(call.command[0])]
        try:
            (known,), sure = self._keyspace.attempt(
                [scripted(KNOWN, [operation], [])], confirm=True
            )
        except StoreUnavailable:
            raise Indeterminate from refusal
        if known is None:
            raise StoreUnavailable from refusal
        if isinstance(known, Exception) or known != same or not sure:
            raise Indeterminate from refusal


def _dead(record: Record) -> bool:
    # It may have moved since the index was read.
    index = index_of(record)
    return index.listing is Listing.DEAD and index.listed
