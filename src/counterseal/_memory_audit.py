"""The reference adapter of `Audit`: the log, its chains and its counts in this process."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter

import attrs

from counterseal.models import (
    AuditEvent,
    AuditPage,
    AuditQuery,
    ChainedEvent,
    ChainHead,
    ChainLink,
    CountKey,
    Guid,
    LogPlace,
    SignedHead,
    StoredEvent,
    UnchainedEvents,
)
from counterseal.models.audit_log import event_bytes, event_partition
from counterseal.models.guid import PARTITIONS

_position = attrgetter("position")

_FIRST_HEADS = tuple(ChainHead(partition=partition) for partition in range(PARTITIONS))
"""The heads of a log without events, made once: tests make thousands of logs."""


class MemoryAudit:
    """The audit log as lists."""

    def __init__(self) -> None:
        self._events: list[AuditEvent] = []
        self._lock = threading.Lock()
        self._chained_indexes: set[int] = set()
        self._first_unchained = 0
        self._chains: dict[int, list[ChainedEvent]] = defaultdict(list)
        self._heads = list(_FIRST_HEADS)
        self._counts: Counter[CountKey] = Counter()
        self._signed_head: SignedHead | None = None

    @property
    def events(self) -> tuple[AuditEvent, ...]:
        """What was recorded so far, in order."""
        with self._lock:
            return tuple(self._events)

    def record(self, event: AuditEvent) -> None:
        """Append *event*."""
        with self._lock:
            self._events.append(event)

    def unchained(self, limit: int) -> tuple[UnchainedEvents, ...]:
        """Return events that are in no chain yet, with the heads that they follow."""
        by_partition: dict[int, list[StoredEvent]] = defaultdict(list)
        count = 0
        with self._lock:
            for index in range(self._first_unchained, len(self._events)):
                if count == limit:
                    break
                if index not in self._chained_indexes:
                    event = self._events[index]
                    body = event_bytes(event)
                    stored = StoredEvent(event=event, body=body, key=index)
                    by_partition[event_partition(event, body)].append(stored)
                    count += 1
            return tuple(
                UnchainedEvents(head=self._heads[partition], events=tuple(events))
                for partition, events in sorted(by_partition.items())
            )

    def append_chain(self, links: tuple[ChainLink, ...]) -> int:
        """Append *links* to the chains that they follow; return how many do."""
        with self._lock:
            return sum(map(self._append, links))

    def _append(self, link: ChainLink) -> bool:
        partition = link.head.partition
        if self._heads[partition] != link.head:
            return False
        self._chains[partition] += link.events
        self._heads[partition] = link.new_head
        self._counts.update(link.counts)
        self._chained_indexes.update(stored.key for stored in link.stored)
        while self._first_unchained in self._chained_indexes:
            self._chained_indexes.remove(self._first_unchained)
            self._first_unchained += 1
        return True

    def heads(self) -> tuple[ChainHead, ...]:
        """Return the heads of all partitions."""
        with self._lock:
            return tuple(self._heads)

    def chained(self, partition: int, after: int, limit: int) -> tuple[ChainedEvent, ...]:
        """Return chained events of a partition behind the position *after*."""
        with self._lock:
            chain = self._chains[partition]
            begin = bisect_right(chain, after, key=_position)
            return tuple(chain[begin : begin + limit])

    def misplaced(self, limit: int) -> tuple[tuple[int | None, int], ...]:
        """Return the positions of events that no chain reaches."""
        with self._lock:
            positions = [
                (partition, chained.position)
                for partition, chain in self._chains.items()
                for chained in chain
                if not self._is_reached(chained)
            ]
        return tuple(positions[:limit])

    def _is_reached(self, chained: ChainedEvent) -> bool:
        partition = chained.partition
        return 0 <= partition < PARTITIONS and chained.position > self._heads[partition].base

    def drop_chained(self, partition: int, through: int) -> None:
        """Drop archived events of a partition."""
        with self._lock:
            head = self._heads[partition]
            if not head.base < through <= head.position:
                return
            count = through - head.base
            base_hash = self._chains[partition][count - 1].hash
            del self._chains[partition][:count]
            self._heads[partition] = attrs.evolve(head, base=through, base_hash=base_hash)

    def search(self, query: AuditQuery, after: LogPlace | None, limit: int) -> AuditPage:
        """Return chained events that fit *query*, newest first; it looks at all of them."""
        with self._lock:
            matches = [
                (LogPlace(chained.event.at, chained.partition, chained.position), chained)
                for chain in self._chains.values()
                for chained in chain
                if chained.event is not None
                and self._is_reached(chained)
                and query.matches(chained.event)
            ]
        matches = [match for match in matches if after is None or match[0] < after]
        matches.sort(key=lambda match: match[0], reverse=True)
        page = matches[:limit]
        return AuditPage(
            events=tuple(chained for _, chained in page),
            after=page[-1][0] if len(matches) > limit else None,
        )

    def counts(
        self, app_spaces: frozenset[Guid] | None, since: datetime, until: datetime
    ) -> Mapping[CountKey, int]:
        """Return the hourly counts of a time."""
        with self._lock:
            return {
                key: count
                for key, count in self._counts.items()
                if since <= key.hour < until and (app_spaces is None or key.app_space in app_spaces)
            }

    def signed_head(self) -> SignedHead | None:
        """Return the signed head that was stored last."""
        with self._lock:
            return self._signed_head

    def replace_signed_head(self, head: SignedHead) -> bool:
        """Store a signed head in place of the one before it."""
        with self._lock:
            number = 0 if self._signed_head is None else self._signed_head.number
            if head.number != number + 1:
                return False
            self._signed_head = head
            return True
