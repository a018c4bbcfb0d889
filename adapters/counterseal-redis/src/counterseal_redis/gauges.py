"""
Gauges: in each partition one hash says which gauge a record counts in, another one how many do.

Since the first is asked before the second is changed, to count a record again changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from counterseal.models import Account, Callback, Challenge, Gauge, GaugeKey, Guid, Origin
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_redis.codec import NOTHING
from counterseal_redis.commands import GAUGE, Call, script_call
from counterseal_redis.keyspace import Keyspace

GAUGED = "g"
GAUGES = "gt"
"""Keys of a partition: the gauge of each record that counts in one, and the gauges."""

COUNTABLE = (Account, Callback, Challenge, Origin)
"""The records that can count in a gauge."""

NO_GAUGE = ""


def gauge_name(key: GaugeKey | None) -> str:
    """Return *key* as both hashes have it; `NO_GAUGE` for None."""
    if key is None:
        return NO_GAUGE
    return f"{key.gauge.value} {key.app_space or NOTHING} {key.origin or NOTHING}"


def read_gauge_name(name: str) -> GaugeKey:
    """Return what `gauge_name` wrote as *name*."""
    gauge, app_space, origin = name.split(" ")
    return GaugeKey(
        Gauge(gauge),
        None if app_space == NOTHING else Guid(app_space),
        None if origin == NOTHING else Guid(origin),
    )


def gauge_call(keyspace: Keyspace, guid: Guid, header: bytes, key: GaugeKey | None) -> Call:
    """
    Return the call that notes what a record counts in, if its first line is still *header*.

    Args:
        guid: The record's.
        header: Its first line; empty if there is no such record any more.
        key: What it counts in.
    """
    partition = partition_of(guid)
    keys = [keyspace.record(guid), *(keyspace.key(partition, name) for name in (GAUGED, GAUGES))]
    return script_call(GAUGE, keys, [header, guid, gauge_name(key)])


def read_gauges(keyspace: Keyspace) -> Mapping[GaugeKey, int]:
    """Return the sums of all partitions, in one round trip."""
    keys = [keyspace.key(partition, GAUGES) for partition in range(PARTITIONS)]
    counts: Counter[str] = Counter()
    for reply in keyspace.read(*(Call(("HGETALL", key), key) for key in keys)):
        for name, count in hash_items(reply):
            counts[name] += int(count)
    return {read_gauge_name(name): count for name, count in counts.items()}


def hash_items(reply: Mapping[bytes, bytes] | list[bytes]) -> list[tuple[str, bytes]]:
    """Return the fields and values that `HGETALL` replied, by either version of the protocol."""
    pairs = (
        reply.items() if isinstance(reply, Mapping) else zip(reply[::2], reply[1::2], strict=True)
    )
    return [(field.decode(), value) for field, value in pairs]
