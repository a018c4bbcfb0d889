"""Garbage that has no time to live of its own: entries of indexes whose records are gone."""

from __future__ import annotations

from counterseal.models import Guid
from counterseal.models.guid import PARTITIONS
from counterseal_redis.commits import DEAD
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.roads import Call

PAGE = 500
"""Entries in one trip."""

_GUID = slice(24, None)


def forget(keyspace: Keyspace) -> int:
    """
    Drop the entries of dead callbacks that are gone; return how many.

    Everything else has a time to live, and the server drops it by itself.

    Raises:
        StoreUnavailable: Redis did not answer; some may be gone.
    """
    return sum(_swept(keyspace, partition) for partition in range(PARTITIONS))


def _swept(keyspace: Keyspace, partition: int) -> int:
    index = keyspace.key(partition, DEAD)
    gone, place = 0, 0
    while True:
        (entries,) = keyspace.read(Call(("ZRANGE", index, place, place + PAGE - 1), index))
        if not entries:
            return gone
        keys = [keyspace.record(Guid(entry[_GUID].decode())) for entry in entries]
        there = keyspace.read(*(Call(("EXISTS", key), key) for key in keys))
        over = [entry for entry, is_there in zip(entries, there, strict=True) if not is_there]
        if over:
            gone += keyspace.write(Call(("ZREM", index, *over), index))
        place += len(entries) - len(over)
