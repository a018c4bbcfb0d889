"""What one commit says to its script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

import attrs

from counterseal.models import AuditEvent, Binding, Callback, Challenge, Change, Login, Record
from counterseal.models.guid import partition_of
from counterseal_records import (
    KINDS,
    demand_possible,
    digest,
    fingerprint,
    lookup,
    microseconds,
    write,
)
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call, scripted
from counterseal_redis.scripts import COMMIT
from counterseal_redis.values import NOTHING, compact, head, life, natural, raw, tie

Word: TypeAlias = str | bytes | int

BINDINGS = "b"
CHILDREN = "t"
DEAD = "x"
PENDING = "p"
"""Indexes of one partition; the entries of all owners lie side by side, in order of age."""

DUE: Mapping[type[Record], str] = {
    cls: f"d{KINDS[cls].name[:2]}" for cls in (Binding, Callback, Challenge, Login)
}
"""What is due of one kind, in one partition."""

SEQUENCE = "s"
AUDIT = "a"
NATURAL = "n"

_KEPT = 10 * 60 * 1_000
"""Milliseconds: longer than anybody asks again for a commit whose reply was lost."""

_NAME_BYTES = 16


@attrs.frozen
class Place:
    """Where an index has an entry: the index, and whose entry it is."""

    index: str
    owner: bytes


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
    demand_possible(changes)
    written = [
        (change, None if change.new is change.old else write(change.new)) for change in changes
    ]
    return _Letter(keyspace, partition_of(changes[0].new.guid), now).written(
        written, audit, operation
    )


class _Letter:
    # Words point at keys by their place, and each key is named once.

    def __init__(self, keyspace: Keyspace, partition: int, now: datetime) -> None:
        self._keyspace = keyspace
        self._partition = partition
        self._now = now
        self._keys: dict[str, int] = {}

    def written(
        self,
        written: list[tuple[Change, str | None]],
        audit: tuple[AuditEvent, ...],
        operation: str,
    ) -> Call:
        name = compact(digest(operation)[:_NAME_BYTES])
        for first in (f"o{name}", SEQUENCE, AUDIT):
            self._key(first)
        changes = tuple(change for change, _ in written)
        same = fingerprint(changes, [text for _, text in written])
        held = [change.old for change in changes if change.old is not None]
        records = [(change, text) for change, text in written if text is not None]
        absent = list(self._absent(changes))
        words: list[Word] = [
            same[:_NAME_BYTES],
            _KEPT,
            len(held),
            *(word for old in held for word in self._held(old)),
            len(absent),
            *absent,
            len(records),
            *(word for change, text in records for word in self._record(change, text)),
            len(audit),
            *map(write, audit),
        ]
        return scripted(COMMIT, list(self._keys), words)

    def _key(self, name: str) -> int:
        key = self._keyspace.key(self._partition, name)
        return self._keys.setdefault(key, len(self._keys) + 1)

    def _held(self, old: Record) -> Iterator[Word]:
        yield from (self._key(old.guid), old.version, tie(old))

    def _absent(self, changes: Iterable[Change]) -> Iterator[int]:
        for change in changes:
            if change.old is None:
                yield self._key(change.new.guid)
            led, leads = natural(change.old), natural(change.new)
            if leads not in {led, NOTHING}:
                yield self._key(f"{NATURAL}{leads}")

    def _record(self, change: Change, text: str) -> Iterator[Word]:
        new = change.new
        entries = [*self._naturals(change), *self._places(change), *self._due(new)]
        yield from (
            self._key(new.guid),
            "create" if change.old is None else "swap",
            head(new),
            tie(new),
            text,
            life(new, self._now),
            len(entries),
        )
        for entry in entries:
            yield from entry

    def _naturals(self, change: Change) -> Iterator[tuple[Word, ...]]:
        led, leads = natural(change.old), natural(change.new)
        if led == leads:
            return
        if led != NOTHING:
            yield "gone", self._key(f"{NATURAL}{led}"), "", ""
        if leads != NOTHING:
            yield "is", self._key(f"{NATURAL}{leads}"), "", change.new.guid

    def _places(self, change: Change) -> Iterator[tuple[Word, ...]]:
        has = _places(change.new)
        could = dict.fromkeys(_possible(change.old) if change.old else (), False)
        could |= dict.fromkeys(_possible(change.new), False) | dict.fromkeys(has, True)
        for place, there in could.items():
            if there or change.old is not None:
                what = "+" if there else "-"
                yield what, self._key(place.index), place.owner, change.new.guid

    def _due(self, new: Record) -> Iterator[tuple[Word, ...]]:
        index = DUE.get(type(new))
        if index is None:
            return
        if new.due_at is not None:
            yield "due", self._key(index), microseconds(new.due_at), raw(new.guid)
        else:
            yield "rest", self._key(index), "", raw(new.guid)


def _possible(record: Record) -> Iterator[Place]:
    """Return where a record of this kind could have entries."""
    match record:
        case Binding():
            yield Place(BINDINGS, raw(record.account))
        case Challenge():
            yield Place(PENDING, raw(record.account))
        case Callback():
            yield Place(DEAD, raw(record.origin))
        case _:
            parent = lookup(record).parent
            if parent is not None:
                yield Place(CHILDREN, raw(parent))


def _places(record: Record) -> Iterator[Place]:
    """Return where *record* has entries."""
    found = lookup(record)
    for place in _possible(record):
        if place.index in {BINDINGS, CHILDREN} or found.pending or found.dead is not None:
            yield place
