"""The arguments of the script that applies one commit."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from datetime import datetime

from counterseal.models import AuditEvent, Change, Guid, Record
from counterseal.models.guid import partition_of
from counterseal.models.record import Index, index_of, require_possible
from counterseal_records import (
    ROOT,
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
from counterseal_redis.indexes import LISTS, SEARCH, due_indexes
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
    begin = keyspace.key(partition_of(changes[0].new.guid), "")
    operation_digest = digest(operation)
    script_arguments = ScriptArguments(now)
    bodies = [b"" if each.new is each.old else write_bytes(each.new) for each in changes]
    created = []
    for change, body in zip(changes, bodies, strict=True):
        if not body:
            script_arguments.add(_GUARDED, change.new.guid, change.new.version)
        elif change.old is None:
            created.append((change.new, body))
        else:
            script_arguments.replace(change.old, change.new, body)
    # The script numbers what is replaced first.
    for record, body in created:
        script_arguments.create(record, body)
    names = (f"o{compact(operation_digest[:_NAME_BYTES])}", *FIXED_KEYS, *script_arguments.keys())
    arguments = [
        fingerprint(changes, bodies, operation_digest),
        script_arguments.counts(),
        *script_arguments.arguments(),
        *map(write_bytes, audit),
    ]
    return script_call(COMMIT, [begin + name for name in names], arguments)


class ScriptArguments:
    """
    The lists that the script reads, each with its keys and its arguments.

    Args:
        now: The time of the commit, from which on the server counts how long a record lives.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._keys: list[list[str]] = [[] for _ in _LISTS]
        self._arguments: list[list[Argument]] = [[] for _ in _LISTS]
        self._records: list[Argument] = []
        self._gauges: list[Argument] = []

    def add(self, list_number: int, key: str, *arguments: Argument) -> None:
        """Add an entry to a list."""
        self._keys[list_number].append(key)
        self._arguments[list_number] += arguments

    def replace(self, old: Record, new: Record, body: bytes) -> None:
        """Add the entries of *new*, whose stored body is *body*, and which replaces *old*."""
        index, before = index_of(new), index_of(old)
        key = old_key = _natural_key(index)
        if index.account_key != before.account_key:
            old_key = _natural_key(before)
            self._add_natural_keys(new.guid, old_key, key)
        expected = old.version if old_key == NOTHING else f"{old.version} {old_key}"
        self.add(_REPLACED, new.guid, expected)
        self._add_record(new, index, before, key, body)

    def create(self, record: Record, body: bytes) -> None:
        """Add the entries of *record*, whose stored body is *body*, and which is new."""
        index = index_of(record)
        key = _natural_key(index)
        self._add_natural_keys(record.guid, NOTHING, key)
        self.add(_CREATED, record.guid)
        self._add_record(record, index, None, key, body)

    def _add_natural_keys(self, guid: Guid, old: str, new: str) -> None:
        if old != NOTHING:
            self.add(_OLD_KEYS, f"{NATURAL}{old}")
        if new != NOTHING:
            self.add(_NEW_KEYS, f"{NATURAL}{new}", guid)

    def _add_record(
        self, record: Record, index: Index, before: Index | None, key: str, body: bytes
    ) -> None:
        guid = guid_bytes(record.guid)
        value = encode(record, index.account or key, body)
        self._records += (value, time_to_live(record, self._now))
        if index.listing is not None and (index.listed or before is not None):
            number = len(self._records) // 2
            owner = guid_bytes(index.owner or ROOT)
            self.add(_ADDED if index.listed else _REMOVED, LISTS[index.listing], number, owner)
        old_gauge = None if before is None else before.gauge
        if index.gauge != old_gauge:
            self._gauges += (guid, gauge_name(old_gauge), gauge_name(index.gauge))
        old_search = None if before is None else before.search_key
        if index.search_key != old_search:
            self._add_search_keys(old_search, index.search_key)
        due_at = record.due_at
        if due_at is not None:
            for name in due_indexes(record, index):
                self.add(_SCORED, name, microseconds(due_at), guid)
        elif before is not None:
            for name in due_indexes(record, index):
                self.add(_UNSCORED, name, guid)

    def _add_search_keys(self, old: tuple[Guid, str] | None, new: tuple[Guid, str] | None) -> None:
        if old is not None:
            self.add(_UNSCORED, SEARCH, search_key(*old))
        if new is not None:
            self.add(_SCORED, SEARCH, 0, search_key(*new))

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


def _natural_key(index: Index) -> str:
    return NOTHING if index.account_key is None else compact(natural_key(*index.account_key))
