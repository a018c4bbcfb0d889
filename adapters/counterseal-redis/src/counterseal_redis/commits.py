"""What one commit says to its script."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

import attrs

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
from counterseal.models.guid import partition_of
from counterseal.ports import Due
from counterseal_records import (
    Lookup,
    demand_possible,
    digest,
    fingerprint,
    lookup,
    microseconds,
    natural_key,
    write,
)
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call, scripted
from counterseal_redis.scripts import COMMIT
from counterseal_redis.values import NOTHING, compact, head, life, raw

Word: TypeAlias = str | bytes | int

BINDINGS = "b"
CHILDREN = "t"
DEAD = "x"
PENDING = "p"
"""Indexes of one partition; the entries of all owners lie side by side, in order of age."""

DUE: Mapping[type[Record], str] = MappingProxyType(
    {kind.value: f"d{kind.name.lower()}" for kind in Due}
)
"""What is due of one kind, in one partition."""

SEQUENCE = "s"
AUDIT = "a"
NATURAL = "n"

_KEPT = 10 * 60 * 1_000
"""Milliseconds: longer than anybody asks again for a commit whose reply was lost."""

_NAME_BYTES = 16


@attrs.frozen
class Part:
    """
    What one change writes.

    Attributes:
        old: What it takes the place of; None where it creates.
        new: The record.
        text: Its body.
        found: What it is looked up by.
        led: The natural key that led to *old*, or `NOTHING`.
        leads: The one that leads to *new*, or `NOTHING`.
    """

    old: Record | None
    new: Record
    text: str
    found: Lookup
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
    demand_possible(changes)
    return _call(keyspace, changes, audit, operation, now)


def load_call(keyspace: Keyspace, records: Sequence[Record], operation: str, now: datetime) -> Call:
    """Prepare to create *records* of one partition, each with the version that it has."""
    return _call(keyspace, tuple(Change(None, record) for record in records), (), operation, now)


def place_of(record: Record, found: Lookup) -> Place | None:
    """Return where *record* stands, or could stand, in an index in order of age."""
    match record:
        case Binding():
            return Place(BINDINGS, record.account, there=True)
        case Challenge():
            return Place(PENDING, record.account, there=found.pending)
        case Callback():
            return Place(DEAD, record.origin, there=found.dead is not None)
        case _ if found.parent is not None:
            return Place(CHILDREN, Guid(found.parent), there=True)
    return None


def _call(
    keyspace: Keyspace,
    changes: tuple[Change, ...],
    audit: tuple[AuditEvent, ...],
    operation: str,
    now: datetime,
) -> Call:
    parts = [None if change.new is change.old else _part(change) for change in changes]
    same = fingerprint(changes, [None if part is None else part.text for part in parts])
    letter = _Letter(keyspace, partition_of(changes[0].new.guid), now)
    for name in (f"o{compact(digest(operation)[:_NAME_BYTES])}", SEQUENCE, AUDIT):
        letter.key(name)
    guards = [change.new for change, part in zip(changes, parts, strict=True) if part is None]
    written = [part for part in parts if part is not None]
    swapped = [part for part in written if part.old is not None]
    absent = list(itertools.chain.from_iterable(map(letter.absent, written)))
    words: list[Word] = [same[:_NAME_BYTES], _KEPT, len(guards) + len(swapped)]
    for guard in guards:
        words += (letter.key(guard.guid), guard.version, "")
    for part in swapped:
        words += letter.held(part)
    words += (len(absent), *absent, len(written))
    for part in written:
        words += letter.record(part)
    words += (len(audit), *map(write, audit))
    return scripted(COMMIT, letter.keys, words)


def _part(change: Change) -> Part:
    old, new = change.old, change.new
    found = lookup(new)
    leads = NOTHING if found.natural_key is None else compact(found.natural_key)
    led = NOTHING
    if isinstance(old, Account) and isinstance(new, Account):
        same = (old.app_space, old.account_id) == (new.app_space, new.account_id)
        led = leads if same else compact(natural_key(old.app_space, old.account_id))
    return Part(old, new, write(new), found, led, leads)


class _Letter:
    # Words point at keys by their place, and each key is named once.

    def __init__(self, keyspace: Keyspace, partition: int, now: datetime) -> None:
        self._begin = keyspace.key(partition, "")
        self._now = now
        self._keys: dict[str, int] = {}

    @property
    def keys(self) -> list[str]:
        return [f"{self._begin}{name}" for name in self._keys]

    def key(self, name: str) -> int:
        return self._keys.setdefault(name, len(self._keys) + 1)

    def held(self, part: Part) -> tuple[Word, ...]:
        version = part.new.version - 1
        return self.key(part.new.guid), version, "" if part.led == NOTHING else part.led

    def absent(self, part: Part) -> Iterator[int]:
        if part.old is None:
            yield self.key(part.new.guid)
        if part.leads not in {part.led, NOTHING}:
            yield self.key(f"{NATURAL}{part.leads}")

    def record(self, part: Part) -> Iterator[Word]:
        new = part.new
        entries = [*self._naturals(part), *self._places(part), *self._due(new)]
        yield from (
            self.key(new.guid),
            "create" if part.old is None else "swap",
            head(new),
            part.found.account or part.leads,
            part.text,
            life(new, self._now),
            len(entries),
        )
        for entry in entries:
            yield from entry

    def _naturals(self, part: Part) -> Iterator[tuple[Word, ...]]:
        if part.led == part.leads:
            return
        if part.led != NOTHING:
            yield "gone", self.key(f"{NATURAL}{part.led}"), "", ""
        if part.leads != NOTHING:
            yield "is", self.key(f"{NATURAL}{part.leads}"), "", part.new.guid

    def _places(self, part: Part) -> Iterator[tuple[Word, ...]]:
        place = place_of(part.new, part.found)
        if place is not None and (place.there or part.old is not None):
            what = "+" if place.there else "-"
            yield what, self.key(place.index), raw(place.owner), part.new.guid

    def _due(self, new: Record) -> Iterator[tuple[Word, ...]]:
        index = DUE.get(type(new))
        if index is None:
            return
        if new.due_at is not None:
            yield "due", self.key(index), microseconds(new.due_at), raw(new.guid)
        else:
            yield "rest", self.key(index), "", raw(new.guid)
