"""
Where records stand: by GUID, by their owner, and by the indexes of all partitions.

An entry of an index in order of age is the owner (16 bytes), the record's number (8), and its
GUID as text; one of what is due is the 16 bytes of the GUID.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from counterseal.models import Guid, Record
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import microseconds
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call, scripted
from counterseal_redis.scripts import GET_WITH_ACCOUNT, OWNED, RECORDS
from counterseal_redis.values import found, raw

FENCE = "f"
"""Written where somebody reads what is over or due, so that the reading can be confirmed."""

NO_LIMIT = -1

AT_ONCE = 1_000
"""Records in one call: Lua hands on no more than some thousands."""

STRIDE = 32
"""
Partitions that are asked in one trip what is due.

A server does what comes in one trip before it serves anybody else.
"""

_AGE = slice(16, 24)
_GUID = slice(24, None)
_END = b"\xff" * 64
"""After every entry of an owner."""


@attrs.frozen
class Entry:
    """
    An entry of an index in order of age, and the record that it names.

    Attributes:
        raw: As the index has it.
        record: None if it is gone.
    """

    raw: bytes
    record: Record | None


class Shelves:
    """The records and indexes of one key space."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

    def records(
        self, guids: Sequence[Guid], *, now: datetime | None = None
    ) -> Mapping[Guid, Record | None]:
        """
        Return the records of *guids*, in one trip.

        Args:
            guids: Of the records.
            now: If it is given, what is over or due by then is confirmed, as a commit is.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        return self._found(guids, None, now)[0]

    def get_with_account(
        self, guid: Guid, others: Sequence[Guid], *, now: datetime
    ) -> tuple[Mapping[Guid, Record | None], Record | None]:
        """
        Return the records of *guid* and *others*, and the account that *guid* is about.

        What is over or due by *now* is confirmed, as a commit is.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        return self._found((guid, *others), guid, now)

    def owned(self, index: str, owner: Guid) -> Sequence[bytes]:
        """
        Return the values of an owner's records, oldest first, if they lie in its partition.

        Raises:
            StoreUnavailable: Redis did not answer.
        """
        partition = partition_of(owner)
        key, begin = (self._keyspace.key(partition, name) for name in (index, ""))
        (values,) = self._keyspace.read(scripted(OWNED, [key], [begin, raw(owner)]))
        return tuple(values)

    def entries(self, index: str, owner: str, limit: int = NO_LIMIT) -> Sequence[Entry]:
        """
        Return an owner's entries of all partitions, oldest first.

        Raises:
            Unavailable: Redis did not answer, or a record cannot be read.
        """
        lowest = b"[" + raw(owner)
        bounds = (lowest, lowest + _END, "LIMIT", 0, limit)
        places = range(PARTITIONS)
        lists = self._keyspace.read(
            *(self._call(place, "ZRANGEBYLEX", index, *bounds) for place in places)
        )
        told = sorted(itertools.chain.from_iterable(lists), key=_age)
        wanted = told if limit == NO_LIMIT else told[:limit]
        records = self.records([_named(entry) for entry in wanted])
        return tuple(Entry(entry, records[_named(entry)]) for entry in wanted)

    def drop(self, index: str, entries: Sequence[Entry]) -> None:
        """
        Take *entries* off an index.

        Raises:
            StoreUnavailable: Redis did not answer.
        """
        self._keyspace.read(
            *(self._call(partition_of(_named(one.raw)), "ZREM", index, one.raw) for one in entries)
        )

    def due(self, index: str, end: int, limit: int, start: int) -> Sequence[tuple[int, Guid]]:
        """
        Return what is due at *end*, of one partition after the other, from *start* on.

        Returns:
            At most *limit* GUIDs, each with its partition.

        Raises:
            StoreUnavailable: Redis did not answer.
        """
        walk = [(start + step) % PARTITIONS for step in range(PARTITIONS)]
        # Where much is due it lies everywhere: a little from each place is enough.
        share = limit // STRIDE + 2
        told: list[tuple[int, Guid]] = []
        longer: list[int] = []
        for first in range(0, PARTITIONS, STRIDE):
            for place, some in self._due(index, end, walk[first : first + STRIDE], 0, share):
                told += some
                if len(some) == share:
                    longer.append(place)
            if len(told) >= limit:
                return told[:limit]
        if longer:
            for _, some in self._due(index, end, longer, share, limit - len(told)):
                told += some
        return told[:limit]

    def _due(
        self, index: str, end: int, places: Sequence[int], skipped: int, limit: int
    ) -> Iterator[tuple[int, Sequence[tuple[int, Guid]]]]:
        bounds = ("-inf", end, "LIMIT", skipped, limit)
        lists = self._keyspace.read(
            *(self._call(place, "ZRANGEBYSCORE", index, *bounds) for place in places)
        )
        for place, members in zip(places, lists, strict=True):
            yield place, [(place, _guid(member)) for member in members]

    def _found(
        self, guids: Sequence[Guid], about: Guid | None, now: datetime | None
    ) -> tuple[Mapping[Guid, Record | None], Record | None]:
        # All in one trip: one call, or in a cluster one for each partition.
        wanted = [
            group[first : first + AT_ONCE]
            for group in self._groups(guids)
            for first in range(0, len(group), AT_ONCE)
        ]
        confirm = "" if now is None or not self._keyspace.durability.confirm else microseconds(now)
        calls = [self._reading(some, about, confirm) for some in wanted]
        replies = self._keyspace.read(*calls, confirm=confirm != "") if calls else []
        values: dict[Guid, bytes | None] = {}
        account = None
        for call, some, reply in zip(calls, wanted, replies, strict=True):
            told = list(reply) if isinstance(reply, list) else [reply]
            if call.script is GET_WITH_ACCOUNT:
                account = told.pop(1)
            values |= zip(some, told, strict=True)
        return {guid: _record(value) for guid, value in values.items()}, _record(account)

    def _groups(self, guids: Sequence[Guid]) -> Sequence[Sequence[Guid]]:
        # What one call may read, each once.
        single = list(dict.fromkeys(guids))
        if not self._keyspace.splits:
            return [single]
        places: dict[int, list[Guid]] = defaultdict(list)
        for guid in single:
            places[partition_of(guid)].append(guid)
        return list(places.values())

    def _reading(self, wanted: Sequence[Guid], about: Guid | None, confirm: int | str) -> Call:
        keys = [self._keyspace.record(guid) for guid in wanted]
        if wanted[0] == about or confirm != "":
            partition = partition_of(wanted[0])
            fence, begin = (self._keyspace.key(partition, name) for name in (FENCE, ""))
            if wanted[0] == about:
                return scripted(GET_WITH_ACCOUNT, [fence, *keys], [confirm, begin])
            return scripted(RECORDS, [fence, *keys], [confirm])
        if len(wanted) == 1:
            return Call(("GET", keys[0]), keys[0])
        return Call(("MGET", *keys), keys[0])

    def _call(self, partition: int, command: str, name: str, *words: str | int | bytes) -> Call:
        key = self._keyspace.key(partition, name)
        return Call((command, key, *words), key)


def _record(value: bytes | None) -> Record | None:
    return None if value is None else found(value)


def _age(entry: bytes) -> bytes:
    return entry[_AGE]


def _named(entry: bytes) -> Guid:
    return Guid(entry[_GUID].decode())


def _guid(member: bytes) -> Guid:
    text = member.hex()
    return Guid(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
