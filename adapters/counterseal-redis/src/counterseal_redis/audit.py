"""The audit log: what commits, refusals and telemetry have to tell, in a stream a partition."""

from __future__ import annotations

import attrs

from counterseal.models import AuditEvent
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_records import digest, read_as, write
from counterseal_redis.commits import AUDIT, SEQUENCE
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call, scripted
from counterseal_redis.scripts import RECORD

BEGINNING = "0-0"


@attrs.frozen
class Entry:
    """
    One line of the log.

    Attributes:
        place: Where it stands in its partition's part of the log.
    """

    place: str
    event: AuditEvent

    @property
    def age(self) -> tuple[int, ...]:
        """What tells the older one of two, in different partitions too: servers' time."""
        return tuple(map(int, self.place.split("-")))


class RedisAudit:
    """The log of one service, with the events of its commits."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace

    def record(self, event: AuditEvent) -> None:
        """
        Append *event*.

        It stands in the partition of its subject; without one, in any.
        If the reply to it was lost and redis-py asked again, it stands there twice.

        Raises:
            Unavailable: Redis did not answer.
        """
        body = write(event)
        subject = event.subject
        partition = digest(body)[0] if subject is None else partition_of(subject)
        keys = [self._keyspace.key(partition, name) for name in (SEQUENCE, AUDIT)]
        self._keyspace.write(scripted(RECORD, keys, [body]))

    def read(
        self, partition: int, *, after: str = BEGINNING, limit: int = 1_000
    ) -> tuple[Entry, ...]:
        """
        Return lines of one partition, in order.

        Args:
            partition: 0 to 255.
            after: The place of the last line that is not wanted.
            limit: How many lines, at most.

        Raises:
            Unavailable: Redis did not answer, or a line cannot be read.
        """
        return self._pages([partition], after, limit)[0]

    def drop(self, partition: int, *, through: str) -> int:
        """
        Drop the lines of one partition that have been taken elsewhere; return how many.

        Args:
            partition: 0 to 255.
            through: The place of the last one.

        Raises:
            Unavailable: Redis did not answer.
        """
        number, within = through.split("-")
        key = self._keyspace.key(partition, AUDIT)
        first = f"{number}-{int(within) + 1}"
        gone: int = self._keyspace.write(Call(("XTRIM", key, "MINID", first), key))
        return gone

    def whole(self) -> tuple[Entry, ...]:
        """
        Return all lines of all partitions, oldest first: for tests and small services.

        Raises:
            Unavailable: Redis did not answer, or a line cannot be read.
        """
        pages = self._pages(list(range(PARTITIONS)), BEGINNING, None)
        return tuple(sorted((one for page in pages for one in page), key=lambda one: one.age))

    def _pages(
        self, partitions: list[int], after: str, limit: int | None
    ) -> list[tuple[Entry, ...]]:
        bound = () if limit is None else ("COUNT", limit)
        calls = [
            Call(("XRANGE", key, f"({after}", "+", *bound), key)
            for key in (self._keyspace.key(partition, AUDIT) for partition in partitions)
        ]
        return [tuple(map(_entry, lines)) for lines in self._keyspace.read(*calls)]


def _entry(line: tuple[bytes, dict[bytes, bytes]]) -> Entry:
    place, fields = line
    return Entry(place.decode(), read_as(AuditEvent, fields[b"e"]))
