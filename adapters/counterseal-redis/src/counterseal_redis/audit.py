"""
The audit log: the events of commits, refusals and telemetry, in one stream a partition.

A worker moves them into a second stream, the partition's chain, whose IDs are the positions.
`audit_chains` has what reads and writes the chains.
"""

from __future__ import annotations

import itertools

import attrs

from counterseal.models import AuditEvent
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import digest, read_as, write
from counterseal_redis.audit_chains import RedisAuditChains
from counterseal_redis.commands import RECORD, Call, script_call
from counterseal_redis.commit import AUDIT, SEQUENCE

BEGINNING = "0-0"


@attrs.frozen
class Entry:
    """
    One recorded event that is not chained yet.

    Attributes:
        position: Its position among the recorded events of its partition.
    """

    position: str
    event: AuditEvent

    @property
    def sort_key(self) -> tuple[int, ...]:
        """The position as numbers: smaller for an older entry, of any partition."""
        return tuple(map(int, self.position.split("-")))


class RedisAudit(RedisAuditChains):
    """The log of one service, with the events of its commits."""

    def record(self, event: AuditEvent) -> None:
        """
        Append *event*.

        It goes to the partition of its subject; without a subject, to any.
        If a reply is lost and redis-py repeats the call, the event is there twice.
        """
        body = write(event)
        subject = event.subject
        partition = digest(body)[0] if subject is None else partition_of(subject)
        keys = [self._keyspace.key(partition, name) for name in (SEQUENCE, AUDIT)]
        self._keyspace.write(script_call(RECORD, keys, [body]))

    def read(
        self, partition: int, *, after: str = BEGINNING, limit: int = 1_000
    ) -> tuple[Entry, ...]:
        """
        Return recorded events of one partition that are not chained yet, in order.

        Args:
            partition: 0 to 255.
            after: The position after which the entries begin.
            limit: The largest number of entries.
        """
        return self._pages([partition], after, limit)[0]

    def all_entries(self) -> tuple[Entry, ...]:
        """Return all recorded events that are not chained yet, oldest first: for tests."""
        pages = self._pages(list(range(PARTITIONS)), BEGINNING, None)
        entries = itertools.chain.from_iterable(pages)
        return tuple(sorted(entries, key=lambda entry: entry.sort_key))

    def _pages(
        self, partitions: list[int], after: str, limit: int | None
    ) -> list[tuple[Entry, ...]]:
        bound = () if limit is None else ("COUNT", limit)
        calls = [
            Call(("XRANGE", key, f"({after}", "+", *bound), key)
            for key in (self._keyspace.key(partition, AUDIT) for partition in partitions)
        ]
        return [tuple(map(_entry, items)) for items in self._keyspace.read(*calls)]


def _entry(item: tuple[bytes, dict[bytes, bytes]]) -> Entry:
    position, fields = item
    return Entry(position.decode(), read_as(AuditEvent, fields[b"e"]))
