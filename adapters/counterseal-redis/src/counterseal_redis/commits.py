"""What one commit says to its script."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

import attrs

from counterseal.invariants import require_possible
from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    Change,
    Guid,
    Record,
)
from counterseal.models.guid import partition_of
from counterseal.models.index import Index, Listing, index_of
from counterseal.ports import Due
from counterseal_records import (
    ROOT,
    digest,
    fingerprint,
    microseconds,
    natural_key,
    write_bytes,
)
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call, scripted
from counterseal_redis.scripts import COMMIT
from counterseal_redis.values import NOTHING, compact, life, raw, written

Word: TypeAlias = str | bytes | int

BINDINGS = "b"
CHILDREN = "t"
DEAD = "x"
PENDING = "p"
"""Indexes of one partition; the entries of all owners lie side by side, in order of age."""

LISTS: Mapping[Listing, str] = MappingProxyType(
    {
        Listing.BINDINGS: BINDINGS,
        Listing.CHILDREN: CHILDREN,
        Listing.DEAD: DEAD,
        Listing.PENDING: PENDING,
    }
)
"""The index that holds each list."""


def due_index(kind: Due, channel: AddressKind | None = None) -> str:
    """Name what is due of one kind, and on one channel, in one partition."""
    name = f"d{kind.name.lower()}"
    return name if channel is None else f"{name}.{channel.value}"


DUE_INDEXES = (*map(due_index, Due), *(due_index(Due.NOTIFICATION, each) for each in AddressKind))
"""What is due, in one partition: of each kind, and of notifications on each channel, too."""

_DUE_KINDS: Mapping[type[Record], Due] = MappingProxyType({kind.value: kind for kind in Due})

SEQUENCE = "s"
AUDIT = "a"
NATURAL = "n"

_NAME_BYTES = 16

_LISTS = range(9)
_GUARDS, _SWAPPED, _CREATED, _NAMED, _ENTERS, _LEAVES, _DUE, _RESTS, _GONE = _LISTS
"""The script's lists, in its order."""

_COUNTS = struct.Struct(">8H")


@attrs.frozen
class Part:
    """
    What one change writes.

    Attributes:
        old: What it takes the place of; None where it creates.
        new: The record.
        body: How it is written.
        index: What it is looked up by.
        led: The natural key that led to *old*, or `NOTHING`.
        leads: The one that leads to *new*, or `NOTHING`.
    """

    old: Record | None
    new: Record
    body: bytes
    index: Index
    led: str
    leads: str


@attrs.frozen
class Place:
    """
    A place in an index in order of age.

    Attributes:
        owner: Whose entries it stands among.
        there: Whether it is taken.
    """

    index: str
    owner: Guid
    there: bool = attrs.field(kw_only=True)


def commit_call(
    keyspace: Keyspace,
    changes: tuple[Change, ...],
    audit: tuple[AuditEvent, ...],
    operation: str,
    now: datetime,
) -> Call:
    """
    Prepare a commit.

    Raises:
        PartitionCrossed: The records are not in one partition.
        WrongRecord: A version, a kind or a pairing is impossible.
    """
    require_possible(changes)
    return _call(keyspace, changes, audit, operation, now)


def load_call(keyspace: Keyspace, records: Sequence[Record], operation: str, now: datetime) -> Call:
    """Prepare to create *records* of one partition, each with the version that it has."""
    return _call(keyspace, tuple(Change(None, record) for record in records), (), operation, now)


def place_of(index: Index) -> Place | None:
    """Return where a record stands, or could stand, in an index in order of age."""
    if index.listing is None:
        return None
    return Place(LISTS[index.listing], Guid(index.owner or ROOT), there=index.listed)


def due_indexes(record: Record, index: Index) -> Iterator[str]:
    """Return the indexes in which *record* stands while it is due."""
    kind = _DUE_KINDS.get(type(record))
    if kind is not None:
        yield due_index(kind)
        if index.channel is not None:
            yield due_index(kind, index.channel)


def _call(
    keyspace: Keyspace,
    changes: tuple[Change, ...],
    audit: tuple[AuditEvent, ...],
    operation: str,
    now: datetime,
) -> Call:
    parts = [None if change.new is change.old else _part(change) for change in changes]
    same = fingerprint(changes, [None if part is None else part.body for part in parts])
    name = f"o{compact(digest(operation)[:_NAME_BYTES])}"
    begin = keyspace.key(partition_of(changes[0].new.guid), "")
    letter = _Letter()
    for change, part in zip(changes, parts, strict=True):
        if part is None:
            letter.put(_GUARDS, change.new.guid, change.new.version)
    swapped = [part for part in parts if part is not None and part.old is not None]
    created = [part for part in parts if part is not None and part.old is None]
    for number, part in enumerate((*swapped, *created), 1):
        letter.put_written(part, number, now)
    keys = [f"{begin}{key}" for key in (name, SEQUENCE, AUDIT, *letter.all_keys())]
    words = [same[:_NAME_BYTES], letter.counts(), *letter.all_words()]
    words += [write_bytes(event) for event in audit]
    return scripted(COMMIT, keys, words)


def _part(change: Change) -> Part:
    old, new = change.old, change.new
    index = index_of(new)
    leads = NOTHING if index.account_key is None else compact(natural_key(*index.account_key))
    led = NOTHING
    if isinstance(old, Account) and isinstance(new, Account):
        same = (old.app_space, old.account_id) == (new.app_space, new.account_id)
        led = leads if same else compact(natural_key(old.app_space, old.account_id))
    return Part(old, new, write_bytes(new), index, led, leads)


class _Letter:
    # What the script reads: the lists that it names, each with its keys and its words.

    def __init__(self) -> None:
        self._keys: list[list[str]] = [[] for _ in _LISTS]
        self._words: list[list[Word]] = [[] for _ in _LISTS]
        self._records: list[Word] = []

    def put(self, where: int, key: str, *words: Word) -> None:
        """Put an entry into a list."""
        self._keys[where].append(key)
        self._words[where] += words

    def put_written(self, part: Part, number: int, now: datetime) -> None:
        """Put in what becomes of a record, which is that many among those that are written."""
        new, is_new = part.new, part.old is None
        if is_new:
            self.put(_CREATED, new.guid)
        else:
            version = new.version - 1
            self.put(
                _SWAPPED, new.guid, version if part.led == NOTHING else f"{version} {part.led}"
            )
        self._records += (
            written(new, part.index.account or part.leads, part.body),
            life(new, now),
        )
        if part.led != part.leads:
            if part.led != NOTHING:
                self.put(_GONE, f"{NATURAL}{part.led}")
            if part.leads != NOTHING:
                self.put(_NAMED, f"{NATURAL}{part.leads}", new.guid)
        place = place_of(part.index)
        if place is not None and (place.there or not is_new):
            self.put(_ENTERS if place.there else _LEAVES, place.index, number, raw(place.owner))
        due_at = new.due_at
        for index in due_indexes(new, part.index):
            if due_at is not None:
                self.put(_DUE, index, microseconds(due_at), raw(new.guid))
            elif not is_new:
                self.put(_RESTS, index, raw(new.guid))

    def counts(self) -> bytes:
        """Return how many entries each list has, but for the last."""
        return _COUNTS.pack(*map(len, self._keys[:-1]))

    def all_keys(self) -> Iterator[str]:
        """Return the keys of all lists."""
        return itertools.chain.from_iterable(self._keys)

    def all_words(self) -> Iterator[Word]:
        """Return the words of all lists."""
        held, others = self._words[:_CREATED], self._words[_CREATED:]
        return itertools.chain(*held, self._records, *others)
