"""
Counterseal's records on Redis or Valkey, on one machine or many: every storage port, and `Wake`.

    keyspace = attach(redis.Redis(...))
    upgrade(keyspace)
    ports = with_redis(ports, keyspace)

The client is yours: `redis.Redis`, also from `Sentinel.master_for`, or `redis.RedisCluster`.

Every method raises `Unavailable` if Redis does not answer, refuses, or does not confirm a read, and
`RecordUnreadable`, which is one, if a record or an entry cannot be decoded.
"""

from __future__ import annotations

from counterseal_records import RecordUnreadable
from counterseal_redis.audit import Entry, RedisAudit
from counterseal_redis.durability import NONE, Durability, fsync, replicated
from counterseal_redis.guards import RedisCounters, RedisIdempotency, RedisReplayGuard
from counterseal_redis.indexes import forget
from counterseal_redis.inventory import RedisInventory
from counterseal_redis.keyspace import Keyspace, UnfitClient, UnfitPrefix
from counterseal_redis.store import RedisStore
from counterseal_redis.upgrading import (
    NEWEST_UPGRADE,
    KeyspaceTooNew,
    recount,
    server_times,
    upgrade,
    upgrade_number,
)
from counterseal_redis.wake import RedisWake
from counterseal_redis.wiring import UnfitServer, attach, with_redis

__all__ = [
    "NEWEST_UPGRADE",
    "NONE",
    "Durability",
    "Entry",
    "Keyspace",
    "KeyspaceTooNew",
    "RecordUnreadable",
    "RedisAudit",
    "RedisCounters",
    "RedisIdempotency",
    "RedisInventory",
    "RedisReplayGuard",
    "RedisStore",
    "RedisWake",
    "UnfitClient",
    "UnfitPrefix",
    "UnfitServer",
    "attach",
    "forget",
    "fsync",
    "recount",
    "replicated",
    "server_times",
    "upgrade",
    "upgrade_number",
    "with_redis",
]
