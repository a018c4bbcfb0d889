"""The store: a record is one key, and a commit is one script."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from redis.exceptions import AskError, ClusterError, ReadOnlyError

from counterseal.errors import Conflict, Indeterminate, OperationReused, StoreUnavailable
from counterseal.models import (
    Account,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    Guid,
    Record,
)
from counterseal.models.guid import PARTITIONS, account_partition, partition_of
from counterseal.ports import Clock, Due
from counterseal_records import ROOT, microseconds, natural_key, read_as, read_record
from counterseal_redis.commits import (
    BINDINGS,
    CHILDREN,
    DEAD,
    DUE,
    NATURAL,
    PENDING,
    commit_call,
)
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call, scripted
from counterseal_redis.scripts import ABOUT, ACCOUNT, KNOWN, OWNED, RECORDS
from counterseal_redis.values import body, compact, raw

APPLIED, CONFLICT, REUSED = 1, 0, -1
"""What the script answers."""

FENCE = "f"
"""Written where somebody reads what is over, so that the reading can be confirmed."""

ITS_ACCOUNT = None
"""Stands for the GUID of an account that is known by what is about it."""

NO_LIMIT = -1

_AGE = slice(16, 24)
_GUID = slice(24, None)
"""Of an entry of an index."""

_END = b"\xff" * 64
"""After every entry of an owner."""


class RedisStore:
    """
    The records of one service.

    Args:
        keyspace: Where they are.
        clock: Says how long what is over is kept; decides nothing.
    """

    def __init__(self, keyspace: Keyspace, clock: Clock) -> None:
        self._keyspace = keyspace
        self._clock = clock
        # Workers that start at different moments walk from different places.
        self._start = microseconds(clock.now()) % PARTITIONS

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """
        Return the records of *guids*, in one trip; None where there is none.

        What is over is confirmed, as a commit is: nobody is told of an end that may be lost.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        values = self._values(guids)
        return tuple(map(_record, map(values.get, guids)))

    def about(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """
        Return the record of *guid*, the account that it is about, and those of *others*.

        What is over is confirmed, as `get` does.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        values = self._values(others, about=guid)
        return tuple(map(_record, (values[guid], values[ITS_ACCOUNT], *map(values.get, others))))

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
        return None if value is None else read_as(Account, body(value))

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """
        Return all bindings of the account, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        values = self._owned(BINDINGS, account)
        return tuple(read_as(Binding, body(value)) for value in values)

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """
        Return the account's unfinished challenges, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        values = self._owned(PENDING, account)
        return tuple(read_as(Challenge, body(value)) for value in values)

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """
        Return the tenancy records under *parent*, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        if parent is not None:
            return tuple(read_record(body(value)) for value in self._owned(CHILDREN, parent))
        # A child lies in its parent's partition; what has no parent lies anywhere.
        entries = self._entries(CHILDREN, raw(ROOT))
        return tuple(record for _, record in self._found(entries))

    def due(self, kind: Due, before: datetime, limit: int) -> tuple[Record, ...]:
        """
        Return records of *kind* that are due, of one partition after the other.

        Each call begins where the last one ended, so that no partition hides another.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        index, end = DUE[kind.value], microseconds(before)
        start = self._start
        walk = [(start + step) % PARTITIONS for step in range(PARTITIONS)]
        found = self._keyspace.read(
            *(
                self._call(partition, "ZRANGEBYSCORE", index, "-inf", end, "LIMIT", 0, limit)
                for partition in walk
            )
        )
        chosen = list(
            itertools.islice(
                ((step, member) for step, members in enumerate(found) for member in members),
                limit,
            )
        )
        if not chosen:
            return ()
        self._start = (start + chosen[-1][0] + 1) % PARTITIONS
        guids = [_guid(member) for _, member in chosen]
        values = self._values(guids)
        return tuple(
            record
            for record in map(_record, map(values.get, guids))
            if record is not None and record.due_at is not None and record.due_at <= before
        )

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """
        Return the callbacks of *origin* that are dead, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        while True:
            entries = self._entries(DEAD, raw(origin), limit)
            found = self._found(entries)
            if len(found) == len(entries):
                return tuple(record for _, record in found if isinstance(record, Callback))
            # The records of these entries are over and gone: they must not hide younger ones.
            there = {entry for entry, _ in found}
            self._keyspace.read(
                *(
                    self._call(partition_of(Guid(entry[_GUID].decode())), "ZREM", DEAD, entry)
                    for entry in entries
                    if entry not in there
                )
            )

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

    def _values(
        self, guids: Sequence[Guid], *, about: Guid | None = None
    ) -> dict[Guid | None, bytes | None]:
        # One call for each partition, all in one trip.
        places: dict[int, dict[Guid, None]] = defaultdict(dict)
        for guid in guids if about is None else (about, *guids):
            places[partition_of(guid)][guid] = None
        confirm = bool(self._keyspace.durability.confirm)
        calls = []
        for partition, wanted in places.items():
            keys = [self._keyspace.key(partition, name) for name in (FENCE, *wanted)]
            if about in wanted:
                begin = self._keyspace.key(partition, "")
                calls.append(scripted(ABOUT, keys, [int(confirm), begin]))
            elif len(wanted) > 1 or confirm:
                calls.append(scripted(RECORDS, keys, [int(confirm)]))
            else:
                calls.append(Call(("GET", keys[1]), keys[1]))
        found: dict[Guid | None, bytes | None] = {}
        replies = self._keyspace.read(*calls, confirm=confirm) if calls else []
        for call, wanted, reply in zip(calls, places.values(), replies, strict=True):
            values = [reply] if call.script is None else list(reply)
            if call.script is ABOUT:
                found[ITS_ACCOUNT] = values.pop(1)
            found |= dict(zip(wanted, values, strict=True))
        return found

    def _owned(self, index: str, owner: Guid) -> Sequence[bytes]:
        partition = partition_of(owner)
        key, begin = (self._keyspace.key(partition, name) for name in (index, ""))
        (values,) = self._keyspace.read(scripted(OWNED, [key], [begin, raw(owner)]))
        found: Sequence[bytes] = values
        return found

    def _entries(self, index: str, owner: bytes, limit: int = NO_LIMIT) -> Sequence[bytes]:
        # Of all partitions, the oldest first.
        lists = self._keyspace.read(
            *(
                self._call(
                    partition,
                    "ZRANGEBYLEX",
                    index,
                    b"[" + owner,
                    b"[" + owner + _END,
                    "LIMIT",
                    0,
                    limit,
                )
                for partition in range(PARTITIONS)
            )
        )
        entries = sorted(itertools.chain.from_iterable(lists), key=_age)
        return entries if limit == NO_LIMIT else entries[:limit]

    def _found(self, entries: Sequence[bytes]) -> Sequence[tuple[bytes, Record]]:
        guids = [Guid(entry[_GUID].decode()) for entry in entries]
        values = self._values(guids)
        return [
            (entry, read_record(body(value)))
            for entry, guid in zip(entries, guids, strict=True)
            if (value := values[guid]) is not None
        ]

    def _call(self, partition: int, command: str, name: str, *words: str | int | bytes) -> Call:
        key = self._keyspace.key(partition, name)
        return Call((command, key, *words), key)


def _record(value: bytes | None) -> Record | None:
    return None if value is None else read_record(body(value))


def _age(entry: bytes) -> bytes:
    return entry[_AGE]


def _guid(member: bytes) -> Guid:
    text = member.hex()
    return Guid(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
