"""
Where records are found: by GUID, by their owner, and in the indexes of all partitions.

An entry of an index in order of age is the owner (16 bytes), the record's number (8), and its
GUID as text; an entry of what is due is the 16 bytes of the GUID; an entry of the index by which
accounts are searched is their search key.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import attrs

from counterseal.kinds import RecordKind
from counterseal.models import AddressKind, Guid, Record
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal.models.record import Index, Listing, queue_name
from counterseal_records import ROOT, microseconds
from counterseal_redis.codec import decode, guid_bytes, guid_from
from counterseal_redis.commands import GET_WITH_ACCOUNT, OWNED, RECORDS, Argument, Call, script_call
from counterseal_redis.gauges import gauge_call
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.transport import Reply

BINDINGS = "b"
CHILDREN = "t"
DEAD = "x"
PENDING = "p"
"""Indexes of one partition; each has the entries of all owners, in order of age."""

SEARCH = "q"
"""The index of one partition by which accounts are searched; it has those of all App Spaces."""

LISTS: Mapping[Listing, str] = MappingProxyType(
    {
        Listing.BINDINGS: BINDINGS,
        Listing.CHILDREN: CHILDREN,
        Listing.DEAD: DEAD,
        Listing.PENDING: PENDING,
    }
)
"""The index of each list."""


def due_index(kind: RecordKind, queue: AddressKind | Guid | None = None) -> str:
    """Return the name of the index of due records of one kind, or of one of its queues."""
    name = f"d{kind.name.lower()}"
    return name if queue is None else f"{name}.{queue_name(queue)}"


_DUE_NAMES: Mapping[type[Record], str] = MappingProxyType(
    {kind.record_class: due_index(kind) for kind in RecordKind if kind.due}
)

DUE_INDEXES = (
    *_DUE_NAMES.values(),
    *(due_index(RecordKind.NOTIFICATION, each) for each in AddressKind),
)
"""Indexes of due records: one of each kind, and one of notifications to each kind of address."""

FENCE = "f"
"""Written when a record is read that has ended or is due, so that the read can be confirmed."""

NO_LIMIT = -1

BATCH = 1_000
"""Records in one call: Lua can pass on only some thousand arguments."""

STRIDE = 32
"""
Partitions in one round trip that reads what is due.

A server executes all commands of one trip before it serves another client.

Where records of all partitions are merged, each partition gives so small a part of the limit, and
two more: hardly ever has one more than that among the first.
"""

PAGE = 500
"""Entries in one round trip of `forget`."""

_AGE = slice(16, 24)
_GUID = slice(24, None)
_END = b"\xff" * 64
"""Sorts after every entry of an owner."""


@attrs.frozen
class Position:
    """
    A position in an index in order of age.

    Attributes:
        owner: The owner whose entries it is among.
        listed: Whether the record has an entry there.
    """

    index: str
    owner: Guid
    listed: bool = attrs.field(kw_only=True)


def position_of(index: Index) -> Position | None:
    """Return the position that a record has, or could have, in an index in order of age."""
    if index.listing is None:
        return None
    return Position(LISTS[index.listing], Guid(index.owner or ROOT), listed=index.listed)


def due_indexes(record: Record, index: Index) -> tuple[str, ...]:
    """Return the indexes that have *record* while it is due."""
    name = _DUE_NAMES.get(type(record))
    if name is None:
        return ()
    return (name,) if index.queue is None else (name, f"{name}.{queue_name(index.queue)}")


@attrs.frozen
class RecordRead:
    """
    What one call reads; the records are of one partition if a call may touch one slot only.

    Attributes:
        guids: The records, each once.
        confirm_at: The time, in microseconds, at which a record that has ended or is due needs a
            confirmed read; None if no read is confirmed.
        with_account: Whether the reply has the account of the first record, too.
    """

    guids: tuple[Guid, ...]
    confirm_at: int | None = None
    with_account: bool = False

    def to_call(self, keyspace: Keyspace) -> Call:
        """Return the call that reads the records."""
        keys = [keyspace.record(guid) for guid in self.guids]
        confirm: Argument = "" if self.confirm_at is None else self.confirm_at
        partition = partition_of(self.guids[0])
        if self.with_account:
            begin = keyspace.key(partition, "")
            fence = keyspace.key(partition, FENCE)
            return script_call(GET_WITH_ACCOUNT, [fence, *keys], [confirm, begin])
        if self.confirm_at is not None:
            return script_call(RECORDS, [keyspace.key(partition, FENCE), *keys], [confirm])
        return Call(("GET" if len(keys) == 1 else "MGET", *keys), keys[0])

    def values_in(self, reply: Reply) -> tuple[Mapping[Guid, bytes | None], bytes | None]:
        """Return the value of each record in *reply*, and the value of the account."""
        values = list(reply) if isinstance(reply, list) else [reply]
        account = values.pop(1) if self.with_account else None
        return dict(zip(self.guids, values, strict=True)), account


def plan_reads(
    guids: Sequence[Guid],
    *,
    single_slot: bool,
    confirm_at: int | None = None,
    with_account: bool = False,
) -> Sequence[RecordRead]:
    """
    Return the reads of *guids*, which are sent in one round trip.

    Args:
        guids: The records; one that is named twice is read once.
        single_slot: Whether one call may touch keys of one slot only.
        confirm_at: As in `RecordRead`.
        with_account: Whether to read the account of the first record, too.
    """
    unique = tuple(dict.fromkeys(guids))
    if not single_slot and 0 < len(unique) <= BATCH:
        return (RecordRead(unique, confirm_at, with_account),)
    groups: dict[int, list[Guid]] = defaultdict(list)
    for guid in unique:
        groups[partition_of(guid) if single_slot else 0].append(guid)
    batches = [
        tuple(group[first : first + BATCH])
        for group in groups.values()
        for first in range(0, len(group), BATCH)
    ]
    return [
        RecordRead(batch, confirm_at, with_account and number == 0)
        for number, batch in enumerate(batches)
    ]


@attrs.frozen
class IndexEntry:
    """
    An entry of an index in order of age, and its record.

    Attributes:
        member: The entry as the index has it.
        record: The record; None if the server has dropped it.
    """

    member: bytes
    record: Record | None


class Indexes:
    """The records and indexes of one key space."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

    def records(
        self, guids: Sequence[Guid], *, now: datetime | None = None
    ) -> Mapping[Guid, Record | None]:
        """
        Return the records of *guids*, in one round trip.

        Args:
            guids: The records.
            now: If it is given, reads of records that have ended or are due by then are confirmed.
        """
        return self._load(guids, now, with_account=False)[0]

    def get_with_account(
        self, guid: Guid, others: Sequence[Guid], *, now: datetime
    ) -> tuple[Mapping[Guid, Record | None], Record | None]:
        """
        Return the records of *guid* and *others*, and the account of *guid*.

        Reads of records that have ended or are due by *now* are confirmed.
        """
        return self._load((guid, *others), now, with_account=True)

    def owned(self, index: str, owner: Guid) -> Sequence[bytes]:
        """Return the values of an owner's records in its own partition, oldest first."""
        partition = partition_of(owner)
        key, begin = (self._keyspace.key(partition, name) for name in (index, ""))
        (values,) = self._keyspace.read(script_call(OWNED, [key], [begin, guid_bytes(owner)]))
        return tuple(values)

    def entries(self, index: str, owner: str, limit: int = NO_LIMIT) -> Sequence[IndexEntry]:
        """Return an owner's entries of all partitions, oldest first."""
        lowest = b"[" + guid_bytes(owner)
        bounds = (lowest, lowest + _END, "LIMIT", 0, limit)
        partitions = range(PARTITIONS)
        replies = self._keyspace.read(
            *(self._call(partition, "ZRANGEBYLEX", index, *bounds) for partition in partitions)
        )
        members = sorted(itertools.chain.from_iterable(replies), key=_age)
        oldest = members if limit == NO_LIMIT else members[:limit]
        records = self.records([_guid_of(member) for member in oldest])
        return tuple(IndexEntry(member, records[_guid_of(member)]) for member in oldest)

    def least(self, index: str, begin: bytes, end: bytes, limit: int) -> Sequence[bytes]:
        """
        Return the smallest entries of all partitions, in order.

        Args:
            index: An index whose entries differ between partitions.
            begin: The first entry that may be returned.
            end: The first one after those.
            limit: The most entries.
        """
        share = limit // STRIDE + 2
        starts = dict.fromkeys(range(PARTITIONS), b"[" + begin)
        entries: list[bytes] = []
        while starts:
            replies = self._keyspace.read(
                *(
                    self._call(
                        partition, "ZRANGEBYLEX", index, start, b"(" + end, "LIMIT", 0, share
                    )
                    for partition, start in starts.items()
                )
            )
            entries = sorted(itertools.chain(entries, *replies))[:limit]
            last = entries[-1] if len(entries) == limit else end
            # What such a partition has next may come before the last one.
            starts = {
                partition: b"(" + reply[-1]
                for partition, reply in zip(starts, replies, strict=True)
                if len(reply) == share and reply[-1] < last
            }
            share = limit
        return entries

    def drop_dead(self, entries: Sequence[IndexEntry]) -> None:
        """Remove *entries* of dead callbacks that the server has dropped, and do not count them."""
        by_partition: dict[int, list[bytes]] = defaultdict(list)
        for entry in entries:
            by_partition[partition_of(_guid_of(entry.member))].append(entry.member)
        for partition, members in by_partition.items():
            drop_dead(self._keyspace, partition, members)

    def drop_done(self, index: str, guids: Sequence[Guid]) -> None:
        """Remove records that are due no more from an index of due records."""
        self._keyspace.read(
            *(self._call(partition_of(guid), "ZREM", index, guid_bytes(guid)) for guid in guids),
            confirm=True,
        )

    def due(self, index: str, end: int, limit: int, start: int) -> Sequence[tuple[int, Guid]]:
        """
        Return what is due at *end*, of one partition after the other, from *start* on.

        Returns:
            At most *limit* GUIDs, each with its partition.
        """
        partitions = [(start + step) % PARTITIONS for step in range(PARTITIONS)]
        # If much is due, much is due in every partition, so a few records of each are enough.
        share = limit // STRIDE + 2
        due: list[tuple[int, Guid]] = []
        unfinished: list[int] = []
        for first in range(0, PARTITIONS, STRIDE):
            stride = partitions[first : first + STRIDE]
            for partition, some in self._due(index, end, stride, 0, share):
                due += some
                if len(some) == share:
                    unfinished.append(partition)
            if len(due) >= limit:
                return due[:limit]
        if unfinished:
            for _, some in self._due(index, end, unfinished, share, limit - len(due)):
                due += some
        return due[:limit]

    def _due(
        self, index: str, end: int, partitions: Sequence[int], skip: int, limit: int
    ) -> Iterator[tuple[int, Sequence[tuple[int, Guid]]]]:
        bounds = ("-inf", end, "LIMIT", skip, limit)
        replies = self._keyspace.read(
            *(self._call(partition, "ZRANGEBYSCORE", index, *bounds) for partition in partitions)
        )
        for partition, members in zip(partitions, replies, strict=True):
            yield partition, [(partition, guid_from(member)) for member in members]

    def _load(
        self, guids: Sequence[Guid], now: datetime | None, *, with_account: bool
    ) -> tuple[Mapping[Guid, Record | None], Record | None]:
        confirms = now is not None and bool(self._keyspace.durability.confirmation)
        reads = plan_reads(
            guids,
            single_slot=self._keyspace.single_slot,
            confirm_at=microseconds(now) if now is not None and confirms else None,
            with_account=with_account,
        )
        calls = [one.to_call(self._keyspace) for one in reads]
        replies = self._keyspace.read(*calls, confirm=confirms) if calls else []
        values: dict[Guid, bytes | None] = {}
        account: bytes | None = None
        for record_read, reply in zip(reads, replies, strict=True):
            some, its_account = record_read.values_in(reply)
            values |= some
            account = its_account or account
        return {guid: _decode(value) for guid, value in values.items()}, _decode(account)

    def _call(self, partition: int, command: str, name: str, *arguments: Argument) -> Call:
        key = self._keyspace.key(partition, name)
        return Call((command, key, *arguments), key)


def forget(keyspace: Keyspace) -> int:
    """
    Drop the index entries of dead callbacks that the server has dropped; return how many.

    Everything else has a time to live, and the server drops it without our help.

    Raises:
        StoreUnavailable: Redis did not answer; some entries may be dropped.
    """
    return sum(_drop_stale(keyspace, partition) for partition in range(PARTITIONS))


def drop_dead(keyspace: Keyspace, partition: int, members: Sequence[bytes]) -> None:
    """
    Remove entries of dead callbacks that the server has dropped, in one round trip.

    They are counted no more first: if that is interrupted, the entries are still there. All is
    sent again if the server does not know the script yet, and then the reply counts none.
    """
    index = keyspace.key(partition, DEAD)
    calls = [gauge_call(keyspace, _guid_of(member), b"", None) for member in members]
    keyspace.read(*calls, Call(("ZREM", index, *members), index), confirm=True)


def _drop_stale(keyspace: Keyspace, partition: int) -> int:
    index = keyspace.key(partition, DEAD)
    dropped, position = 0, 0
    while True:
        (members,) = keyspace.read(Call(("ZRANGE", index, position, position + PAGE - 1), index))
        if not members:
            return dropped
        keys = [keyspace.record(_guid_of(member)) for member in members]
        exist = keyspace.read(*(Call(("EXISTS", key), key) for key in keys))
        stale = [member for member, exists in zip(members, exist, strict=True) if not exists]
        if stale:
            drop_dead(keyspace, partition, stale)
            dropped += len(stale)
        position += len(members) - len(stale)


def _decode(value: bytes | None) -> Record | None:
    return None if value is None else decode(value)


def _age(member: bytes) -> bytes:
    return member[_AGE]


def _guid_of(member: bytes) -> Guid:
    return Guid(member[_GUID].decode())
