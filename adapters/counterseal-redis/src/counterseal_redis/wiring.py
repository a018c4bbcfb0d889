"""Checks the servers, and sets all storage ports to adapters in one key space."""

from __future__ import annotations

from typing import Any

import attrs
from redis import Redis
from redis.cluster import RedisCluster

from counterseal.errors import Misuse, StoreUnavailable
from counterseal.ports import Ports
from counterseal_redis.audit import RedisAudit
from counterseal_redis.durability import NONE, Durability
from counterseal_redis.guards import RedisCounters, RedisIdempotency, RedisReplayGuard
from counterseal_redis.keyspace import PREFIX, Keyspace
from counterseal_redis.store import RedisStore
from counterseal_redis.transport import Client
from counterseal_redis.wake import RedisWake

OLDEST = (6, 2)
OLDEST_WITH_WAITAOF = (7, 2)


class UnfitServer(Misuse, code="unfit_server"):
    """The server is too old, may evict keys, or cannot do what the durability needs."""


def attach(client: Client, *, prefix: str = PREFIX, durability: Durability = NONE) -> Keyspace:
    """
    Check the servers of *client*, and return a key space on them.

    Args:
        client: `redis.Redis`, also from `Sentinel.master_for`, or `redis.RedisCluster`.
        prefix: The beginning of the keys; two services on one Redis have two.
        durability: How durable a write must be before it is acknowledged.

    Raises:
        UnfitClient: *client* reads from replicas, or decodes replies.
        UnfitPrefix: *prefix* is empty, too long, or has characters that no key may have.
        UnfitServer: A server is too old, may evict keys, or cannot do what *durability* needs.
        StoreUnavailable: A server did not answer.
    """
    keyspace = Keyspace(client, prefix=prefix, durability=durability)
    try:
        for info in _server_infos(client):
            _require_fit(info, durability)
    except UnfitServer:
        raise
    except Exception as error:
        raise StoreUnavailable from error
    return keyspace


def server_identity(keyspace: Keyspace) -> str:
    """
    Return which processes have the keys of *keyspace*, and the number of the database.

    Raises:
        StoreUnavailable: A server did not answer.
    """
    client = keyspace.client
    number = client.get_connection_kwargs().get("db", 0) if isinstance(client, Redis) else 0
    try:
        names = sorted(str(info["run_id"]) for info in _server_infos(client))
    except Exception as error:
        raise StoreUnavailable from error
    return f"{' '.join(names)} {number or 0}"


def with_redis(ports: Ports, keyspace: Keyspace) -> Ports:
    """Return *ports* with every port that stores something, and `wake`, in *keyspace*."""
    return attrs.evolve(
        ports,
        store=RedisStore(keyspace, ports.clock),
        audit=RedisAudit(keyspace),
        replay=RedisReplayGuard(keyspace, ports.clock, ports.entropy),
        counters=RedisCounters(keyspace, ports.clock),
        idempotency=RedisIdempotency(keyspace),
        wake=RedisWake(keyspace),
    )


def _server_infos(client: Client) -> list[dict[str, Any]]:
    if isinstance(client, Redis):
        return [client.info()]
    infos: dict[str, dict[str, Any]] = client.info(target_nodes=RedisCluster.PRIMARIES)
    return list(infos.values()) if "redis_version" not in infos else [infos]


def _require_fit(info: dict[str, Any], durability: Durability) -> None:
    major, minor, *_ = str(info["redis_version"]).split(".")
    version = (int(major), int(minor))
    if version < OLDEST:
        raise UnfitServer("older than Redis 6.2")
    if info["maxmemory_policy"] != "noeviction":
        raise UnfitServer("it may evict keys: set maxmemory-policy to noeviction")
    if durability.confirmation[:1] != ("WAITAOF",):
        return
    if version < OLDEST_WITH_WAITAOF:
        raise UnfitServer("WAITAOF needs Redis 7.2")
    if not info["aof_enabled"]:
        raise UnfitServer("WAITAOF needs appendonly yes")
