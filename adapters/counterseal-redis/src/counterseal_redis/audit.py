"""The audit log: the events of commits, refusals and telemetry, in one stream a partition."""

from __future__ import annotations

import itertools

import attrs

from counterseal.models import AuditEvent
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import digest, read_as, write
from counterseal_redis.commands import RECORD, Call, script_call
from counterseal_redis.commit import AUDIT, SEQUENCE
from counterseal_redis.keyspace import Keyspace

BEGINNING = "0-0"


@attrs.frozen
class Entry:
    """
    One entry of the log.

    Attributes:
        position: Its position in its partition's part of the log.
    """

    position: str
    event: AuditEvent

    @property
    def sort_key(self) -> tuple[int, ...]:
        """The position as numbers: smaller for an older entry, of any partition."""
        return tuple(map(int, self.position.split("-")))


class RedisAudit:
    """The log of one service, with the events of its commits."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

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
        Return entries of one partition, in order.

        Args:
            partition: 0 to 255.
            after: The position after which the entries begin.
            limit: The largest number of entries.
        """
        return self._pages([partition], after, limit)[0]

    def drop(self, partition: int, *, through: str) -> int:
        """
        Drop entries of one partition that have been copied elsewhere; return how many.

        Args:
            partition: 0 to 255.
            through: The position of the last entry to drop.
        """
        number, index = through.split("-")
        key = self._keyspace.key(partition, AUDIT)
        first = f"{number}-{int(index) + 1}"
        dropped: int = self._keyspace.write(Call(("XTRIM", key, "MINID", first), key))
        return dropped

    def all_entries(self) -> tuple[Entry, ...]:
        """Return all entries of all partitions, oldest first: for tests and small services."""
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
