"""All storage ports on one Redis, side by side."""

from __future__ import annotations

import attrs

from counterseal.ports import Ports
from counterseal_redis.audit import RedisAudit
from counterseal_redis.guards import RedisCounters, RedisIdempotency, RedisReplayGuard
from counterseal_redis.keyspace import Keyspace
from counterseal_redis.store import RedisStore
from counterseal_redis.wake import RedisWake


def with_redis(ports: Ports, keyspace: Keyspace) -> Ports:
    """Return *ports* with every one that stores something, or wakes somebody, in *keyspace*."""
    return attrs.evolve(
        ports,
        store=RedisStore(keyspace, ports.clock),
        audit=RedisAudit(keyspace),
        replay=RedisReplayGuard(keyspace, ports.clock, ports.entropy),
        counters=RedisCounters(keyspace, ports.clock),
        idempotency=RedisIdempotency(keyspace),
        wake=RedisWake(keyspace),
    )
