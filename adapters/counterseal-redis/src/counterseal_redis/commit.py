"""The arguments of the script that applies one commit."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from datetime import datetime

import attrs

from counterseal.models import AuditEvent, Change, GaugeKey, Guid, Record
from counterseal.models.guid import partition_of
from counterseal.models.record import Index, index_of, require_possible
from counterseal_records import (
    digest,
    fingerprint,
    microseconds,
    natural_key,
    search_key,
    write_bytes,
)
from counterseal_redis.codec import NOTHING, compact, encode, guid_bytes, time_to_live
from counterseal_redis.commands import COMMIT, Argument, Call, script_call
from counterseal_redis.gauges import GAUGED, GAUGES, gauge_name
from counterseal_redis.indexes import SEARCH, due_indexes, position_of
from counterseal_redis.keyspace import Keyspace

SEQUENCE = "s"
AUDIT = "a"
NATURAL = "n"
"""Keys of a partition: its last number, its audit log, and the beginning of natural keys."""

FIXED_KEYS = (SEQUENCE, AUDIT, GAUGED, GAUGES)

APPLIED, CONFLICT, REUSED = 1, 0, -1
"""The replies of the script."""

_NAME_BYTES = 16

_LISTS = range(9)
_GUARDED, _REPLACED, _CREATED, _NEW_KEYS, _ADDED, _REMOVED, _SCORED, _UNSCORED, _OLD_KEYS = _LISTS
"""The script's lists, in its order; `commit.lua` says what is in each."""

_COUNTS = struct.Struct(">9H")

_NO_INDEX = Index()


@attrs.frozen
class Write:
    """
    What one change writes.

    Attributes:
        old: The record that it replaces; None where it creates one.
        new: The record.
        body: The stored body of *new*.
        index: What *new* is looked up by.
        old_key: The natural key of *old*, or `NOTHING`.
        new_key: The natural key of *new*, or `NOTHING`.
        old_gauge: What *old* counts in.
        old_search: What *old* is searched by, if *new* is searched by something else; else None.
        new_search: What *new* is searched by, if *old* is searched by something else; else None.
    """

    old: Record | None
    new: Record
    body: bytes
    index: Index
    old_key: str
    new_key: str
    old_gauge: GaugeKey | None = None
    old_search: tuple[Guid, str] | None = None
    new_search: tuple[Guid, str] | None = None


def commit_call(
    keyspace: Keyspace,
    changes: tuple[Change, ...],
    audit: tuple[AuditEvent, ...],
    operation: str,
    now: datetime,
) -> Call:
    """
    Return the call of a commit.

    Raises:
        PartitionCrossed: The records are not in one partition.
        WrongRecord: A version, a kind or a pairing is impossible.
    """
    require_possible(changes)
    return _call(keyspace, changes, audit, operation, now)


def load_call(keyspace: Keyspace, records: Sequence[Record], operation: str, now: datetime) -> Call:
    """Return the call that creates *records* of one partition, each with the version it has."""
    return _call(keyspace, tuple(Change(None, record) for record in records), (), operation, now)


def _call(
    keyspace: Keyspace,
    changes: tuple[Change, ...],
    audit: tuple[AuditEvent, ...],
    operation: str,
    now: datetime,
) -> Call:
    writes = [None if change.new is change.old else _write(change) for change in changes]
    bodies = [None if write is None else write.body for write in writes]
    operation_digest = digest(operation)
    name = f"o{compact(operation_digest[:_NAME_BYTES])}"
    begin = keyspace.key(partition_of(changes[0].new.guid), "")
    script_arguments = ScriptArguments()
    for change, write in zip(changes, writes, strict=True):
        if write is None:
            script_arguments.add(_GUARDED, change.new.guid, change.new.version)
    replaced = [write for write in writes if write is not None and write.old is not None]
    created = [write for write in writes if write is not None and write.old is None]
    for number, write in enumerate((*replaced, *created), 1):
        script_arguments.add_write(write, number, now)
    keys = [f"{begin}{key}" for key in (name, *FIXED_KEYS, *script_arguments.keys())]
    arguments = [
        fingerprint(changes, bodies, operation_digest),
        script_arguments.counts(),
        *script_arguments.arguments(),
        *map(write_bytes, audit),
    ]
    return script_call(COMMIT, keys, arguments)


def _write(change: Change) -> Write:
    old, new = change.old, change.new
    index = index_of(new)
    new_key = NOTHING if index.account_key is None else compact(natural_key(*index.account_key))
    old_index = _NO_INDEX if old is None else index_of(old)
    if old_index.account_key == index.account_key:
        old_key = new_key
    elif old_index.account_key is None:
        old_key = NOTHING
    else:
        old_key = compact(natural_key(*old_index.account_key))
    searches = old_index.search_key, index.search_key
    if searches[0] == searches[1]:
        searches = None, None
    return Write(old, new, write_bytes(new), index, old_key, new_key, old_index.gauge, *searches)


class ScriptArguments:
    """The lists that the script reads, each with its keys and its arguments."""

    def __init__(self) -> None:
        self._keys: list[list[str]] = [[] for _ in _LISTS]
        self._arguments: list[list[Argument]] = [[] for _ in _LISTS]
        self._records: list[Argument] = []
        self._gauges: list[Argument] = []

    def add(self, list_number: int, key: str, *arguments: Argument) -> None:
        """Add an entry to a list."""
        self._keys[list_number].append(key)
        self._arguments[list_number] += arguments

    def add_write(self, write: Write, number: int, now: datetime) -> None:
        """Add the entries of the record that is written as the *number*-th, from 1 on."""
        new, is_new = write.new, write.old is None
        if is_new:
            self.add(_CREATED, new.guid)
        else:
            version = new.version - 1
            expected = version if write.old_key == NOTHING else f"{version} {write.old_key}"
            self.add(_REPLACED, new.guid, expected)
        self._records += (
            encode(new, write.index.account or write.new_key, write.body),
            time_to_live(new, now),
        )
        if write.old_key != write.new_key:
            if write.old_key != NOTHING:
                self.add(_OLD_KEYS, f"{NATURAL}{write.old_key}")
            if write.new_key != NOTHING:
                self.add(_NEW_KEYS, f"{NATURAL}{write.new_key}", new.guid)
        position = position_of(write.index)
        if position is not None and (position.listed or not is_new):
            list_number = _ADDED if position.listed else _REMOVED
            self.add(list_number, position.index, number, guid_bytes(position.owner))
        self._add_search_keys(write)
        gauge, guid = write.index.gauge, guid_bytes(new.guid)
        if gauge != write.old_gauge:
            self._gauges += (guid, gauge_name(write.old_gauge), gauge_name(gauge))
        due_at = new.due_at
        for index in due_indexes(new, write.index):
            if due_at is not None:
                self.add(_SCORED, index, microseconds(due_at), guid)
            elif not is_new:
                self.add(_UNSCORED, index, guid)

    def _add_search_keys(self, write: Write) -> None:
        if write.old_search is not None:
            self.add(_UNSCORED, SEARCH, search_key(*write.old_search))
        if write.new_search is not None:
            self.add(_SCORED, SEARCH, 0, search_key(*write.new_search))

    def counts(self) -> bytes:
        """Return how many entries each list has, but for the last, and how many gauges change."""
        return _COUNTS.pack(*map(len, self._keys[:-1]), len(self._gauges) // 3)

    def keys(self) -> Iterator[str]:
        """Return the keys of all lists."""
        return itertools.chain.from_iterable(self._keys)

    def arguments(self) -> Iterator[Argument]:
        """Return the arguments of all lists."""
        compared, others = self._arguments[:_CREATED], self._arguments[_CREATED:]
        return itertools.chain(*compared, self._records, *others, self._gauges)
