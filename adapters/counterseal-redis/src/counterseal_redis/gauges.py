"""
Gauges: in each partition one hash says which gauge a record counts in, another one how many do.

Since the first is asked before the second is changed, to count a record again changes nothing. The
first has a short number for a record, and the name of each number once, since every open challenge
is in it.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from counterseal.models import Account, Callback, Challenge, Gauge, GaugeKey, Guid, Origin
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal_redis.codec import NOTHING, guid_bytes, guid_from
from counterseal_redis.commands import GAUGE, Call, script_call
from counterseal_redis.keyspace import Keyspace

GAUGED = "gr"
GAUGES = "gs"
"""Keys of a partition: the gauge of each record that counts in one, and the gauges."""

OLDER_GAUGES = ("g", "gt")
"""The same keys of a release that has another form of both."""

GUID_BYTES = 16
"""The length of a record's entry in `GAUGED`; the names of gauges and their numbers differ."""

_CODES: Mapping[Gauge, bytes] = MappingProxyType(
    {
        Gauge.ACTIVE_USERS: b"u",
        Gauge.ACTIVE_ORIGINS: b"o",
        Gauge.PENDING_CHALLENGES: b"p",
        Gauge.QUEUED_CALLBACKS: b"q",
        Gauge.DEAD_CALLBACKS: b"d",
    }
)
_GAUGES = {code: gauge for gauge, code in _CODES.items()}
_NAME = struct.Struct(">c16s16s")

COUNTABLE = (Account, Callback, Challenge, Origin)
"""The records that can count in a gauge."""

NO_GAUGE = b""

COUNTED, CHANGED = 1, -1
"""Replies to `gauge_call`: a gauge has changed, and the first line is another one by now."""


@lru_cache(maxsize=1_024)
def gauge_name(key: GaugeKey | None) -> bytes:
    """Return *key* as both hashes have it, a letter and two GUIDs; `NO_GAUGE` for None."""
    if key is None:
        return NO_GAUGE
    return _NAME.pack(
        _CODES[key.gauge], guid_bytes(key.app_space or NOTHING), guid_bytes(key.origin or NOTHING)
    )


def read_gauge_name(name: bytes) -> GaugeKey:
    """Return what `gauge_name` wrote as *name*."""
    code, *guids = _NAME.unpack(name)
    app_space, origin = (guid_from(guid) if any(guid) else None for guid in guids)
    return GaugeKey(_GAUGES[code], app_space, origin)


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
    return script_call(GAUGE, keys, [header, guid_bytes(guid), gauge_name(key)])


def read_gauges(keyspace: Keyspace) -> Mapping[GaugeKey, int]:
    """Return the sums of all partitions, in one round trip."""
    keys = [keyspace.key(partition, GAUGES) for partition in range(PARTITIONS)]
    counts: Counter[bytes] = Counter()
    for reply in keyspace.read(*(Call(("HGETALL", key), key) for key in keys)):
        for name, count in hash_items(reply):
            counts[name] += int(count)
    return {read_gauge_name(name): count for name, count in counts.items()}


def hash_items(reply: Mapping[bytes, bytes] | list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the fields and values that `HGETALL` replied, by either version of the protocol."""
    if isinstance(reply, Mapping):
        return list(reply.items())
    return list(zip(reply[::2], reply[1::2], strict=True))
