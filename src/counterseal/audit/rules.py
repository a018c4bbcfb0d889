"""
The audit log's chain: how an event is hashed, how a chain grows, and what shows a change.

An event's hash is SHA-256 over these bytes, one after the other:

1. `counterseal audit 1` and a line feed (0x0A), in ASCII;
2. the partition, one byte;
3. the position, eight bytes, the most significant first;
4. the hash of the event before, 32 bytes; zeros for position 1;
5. the event's bytes, as they are stored.

All but the last have a fixed length, so that no two events hash the same bytes.
"""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import attrs

from counterseal import keys
from counterseal.audit.documents import NUMBER_LIMIT, AuditHeads, recognized_by
from counterseal.errors import AuditHeadMissing, AuditHeadOlder, AuditHeadOther
from counterseal.models import RememberedHead, SignedHead
from counterseal.models.audit_log import (
    AuditEvent,
    ChainedEvent,
    ChainHead,
    ChainLink,
    CountKey,
    UnchainedEvents,
)

DOMAIN = b"counterseal audit 1\n"
HOUR = timedelta(hours=1)
UNCOUNTED = "telemetry."
"""Devices choose how many of these there are."""


def event_hash(partition: int, position: int, previous: bytes, body: bytes) -> bytes:
    """Return the hash, 32 bytes, of the event *body* behind the one whose hash is *previous*."""
    numbers = bytes([partition]) + position.to_bytes(8)
    return hashlib.sha256(DOMAIN + numbers + previous + body).digest()


def extend(unchained: UnchainedEvents) -> ChainLink:
    """Return what appends the events to their partition's chain."""
    head = unchained.head
    previous, events = head.hash, []
    for position, stored in enumerate(unchained.events, head.position + 1):
        previous = event_hash(head.partition, position, previous, stored.body)
        chained = ChainedEvent(
            partition=head.partition,
            position=position,
            hash=previous,
            body=stored.body,
            event=stored.event,
        )
        events.append(chained)
    return ChainLink(
        head=head,
        events=tuple(events),
        stored=unchained.events,
        counts=counts_of(stored.event for stored in unchained.events if stored.event is not None),
    )


def counts_of(events: Iterable[AuditEvent]) -> Counter[CountKey]:
    """Return what *events* add to the hourly counts."""
    return Counter(
        CountKey(
            app_space=event.app_space,
            hour=event.at.replace(minute=0, second=0, microsecond=0),
            event=event.event,
            reason=event.reason,
        )
        for event in events
        if not event.event.startswith(UNCOUNTED)
    )


@attrs.frozen(kw_only=True, order=True)
class Tampering:
    """
    A sign that the log was changed.

    Attributes:
        partition: None if it concerns all of them.
        position: The first position that it concerns; 0 if it concerns none.
    """

    partition: int | None
    position: int
    problem: str


@attrs.frozen(kw_only=True)
class KnownHead:
    """
    What a signed head says of one partition.

    Attributes:
        source: What to call the signed head.
        base: How far events may have been dropped; None if it does not say so of the present.
    """

    source: str
    position: int
    hash: bytes
    base: int | None = None


REMOVED = "an event was removed"
INSERTED = "an event was inserted"
CHANGED = "an event, or its place or hash, was changed"
UNSEARCHABLE = "a search does not find the event by what it says"
HEAD_CHANGED = "the head of the chain is not the hash of this event"
CUT = "from this event on, events are missing that {} has"
REWRITTEN = "this event, or one before it, is not the one that {} has"
DROPPED = "events were dropped up to this one, and {} does not allow that"


class ChainCheck:
    """
    Looks for signs that one partition's chain was changed, event by event.

    Args:
        partition: The partition.
        base: The position of the last event before those that are looked at.
        base_hash: Its hash.
        known_heads: What signed heads say of the partition.
    """

    def __init__(
        self, partition: int, base: int, base_hash: bytes, known_heads: Iterable[KnownHead] = ()
    ) -> None:
        self.position = base
        self._partition = partition
        self._base = base
        self._known_heads = tuple(known_heads)
        self._known_positions = {known_head.position for known_head in self._known_heads}
        self._hashes = {base: base_hash}
        # After a change, the next event may follow the hash that is stored, or the right one.
        self._previous = {base_hash}
        self._last_hash = base_hash

    def add(self, event: ChainedEvent) -> Iterator[Tampering]:
        """Look at the next event, and yield what is wrong with it."""
        self.position += 1
        if event.position != self.position:
            yield self._tampering(
                self.position, REMOVED if event.position > self.position else INSERTED
            )
            self.position, self._previous = event.position, {event.hash}
        else:
            expected = {
                event_hash(self._partition, self.position, previous, event.body)
                for previous in self._previous
            }
            if event.hash not in expected:
                yield self._tampering(self.position, CHANGED)
            self._previous = {event.hash, *expected}
        if not event.searchable:
            yield self._tampering(self.position, UNSEARCHABLE)
        if self.position in self._known_positions:
            self._hashes[self.position] = event.hash
        self._last_hash = event.hash

    def end(self, first: ChainHead, last: ChainHead) -> Iterator[Tampering]:
        """
        Yield what is wrong with the end of the chain.

        Args:
            first: The head as it was before the events were read.
            last: The head as it was afterwards: the service may have appended to it meanwhile.
        """
        if self.position < first.position:
            yield self._tampering(self.position + 1, REMOVED)
        if self.position > last.position:
            yield self._tampering(last.position + 1, INSERTED)
        for head in {first, last}:
            if self._hash_at(head.position, head.hash) != head.hash:
                yield self._tampering(head.position, HEAD_CHANGED)
        yield from self.compare()

    def compare(self) -> Iterator[Tampering]:
        """Yield where the events differ from the signed heads."""
        for known_head in self._known_heads:
            if known_head.position > self.position:
                yield self._tampering(self.position + 1, CUT.format(known_head.source))
            elif self._hash_at(known_head.position, known_head.hash) != known_head.hash:
                yield self._tampering(known_head.position, REWRITTEN.format(known_head.source))
            if known_head.base is not None and self._base > known_head.base:
                yield self._tampering(self._base, DROPPED.format(known_head.source))

    def _hash_at(self, position: int, otherwise: bytes) -> bytes:
        if position == self.position:
            return self._last_hash
        return self._hashes.get(position, otherwise)

    def _tampering(self, position: int, problem: str) -> Tampering:
        return Tampering(partition=self._partition, position=position, problem=problem)


class StoredHead(enum.Enum):
    """How the stored head relates to the remembered one."""

    FIRST = enum.auto()
    """Nothing is remembered."""

    UNCHANGED = enum.auto()
    """It is the remembered one."""

    NEWER = enum.auto()
    """
    It has a greater number.

    Whether a key of the service has signed it, and whether its chains continue those of the
    remembered one, is not known.
    """


NEVER = datetime.min.replace(tzinfo=UTC)


def compare_heads(remembered: RememberedHead | None, stored: SignedHead | None) -> StoredHead:
    """
    Return how the stored head relates to the remembered one.

    Raises:
        AuditHeadMissing: *stored* is None, and *remembered* is not.
        AuditHeadOlder: *stored* has a lower number.
        AuditHeadOther: *stored* has the same number and another digest.
    """
    if remembered is None:
        return StoredHead.FIRST
    if stored is None:
        raise AuditHeadMissing
    if stored.number < remembered.number:
        raise AuditHeadOlder
    if stored.number > remembered.number:
        return StoredHead.NEWER
    keys.require_equal(recognized_by(stored).digest, remembered.digest, AuditHeadOther)
    return StoredHead.UNCHANGED


def require_number(stored: SignedHead, signed: AuditHeads) -> None:
    """
    Require that the stored head has the number that it says; an older release has signed none.

    Raises:
        AuditHeadOther: It has another number, or one that no head can follow.
    """
    if signed.number not in (None, stored.number) or stored.number >= NUMBER_LIMIT:
        raise AuditHeadOther


def require_order(remembered: AuditHeads, stored: AuditHeads) -> None:
    """
    Require that a head of a greater number is not from before a renewal or an upgrade.

    Args:
        remembered: What the remembered head says.
        stored: What the stored one says, whose number is greater.

    Raises:
        AuditHeadOlder: The last renewal before it is an earlier one, or an older release has signed
            it and not the remembered one.
    """
    if stored.number is None and remembered.number is not None:
        raise AuditHeadOlder
    if (stored.renewed_at or NEVER) < (remembered.renewed_at or NEVER):
        raise AuditHeadOlder
