"""Records in Redis or Valkey: one server, one that sentinels watch, or a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, TypeAlias

from redis import Redis, RedisCluster, Sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry

from counterseal import Ports
from counterseal.errors import StoreUnavailable
from counterseal.ports import Clock
from counterseal_redis import (
    NEWEST_UPGRADE,
    NONE,
    Durability,
    Keyspace,
    RedisInventory,
    RedisWake,
    attach,
    forget,
    fsync,
    recount,
    replicated,
    server_times,
    upgrade,
    upgrade_number,
    with_redis,
)
from counterseal_server.records.records import Schema
from counterseal_server.records.redis_address import RedisAddress, Topology

BACKOFF_BASE, BACKOFF_CAP = 0.05, 0.5
"""Seconds before redis-py tries again: our caller waits meanwhile, and occupies a thread."""

Client: TypeAlias = "Redis | RedisCluster"


class RedisRecords:
    """
    Records in one key space.

    Attributes:
        keyspace: The key space.
        file: None: the records are in no file of this machine.

    Raises:
        UnfitPrefix: The prefix is invalid.
        Unavailable: A cluster did not name its servers.
    """

    file = None

    def __init__(self, address: RedisAddress) -> None:
        self._client = client_of(address)
        self._durability = durability_of(address)
        self.keyspace = Keyspace(self._client, prefix=address.prefix, durability=self._durability)
        self._wakes: list[RedisWake] = []

    def joined(self, ports: Ports) -> Ports:
        """Return *ports* with the store, audit log, counters, replay guard and Wake in Redis."""
        redis_ports = with_redis(ports, self.keyspace)
        if isinstance(redis_ports.wake, RedisWake):
            self._wakes.append(redis_ports.wake)
        return redis_ports

    def call(self) -> AbstractContextManager[None]:
        """Return an empty context: each commit has the durability that the address sets."""
        return nullcontext()

    def create(self) -> None:
        """Look at the servers, as `prepare` does."""
        self.prepare()

    def prepare(self) -> None:
        """
        Check the servers, and add what an older release did not write.

        Raises:
            UnfitServer: One is too old, may drop keys, or cannot reach the durability.
            KeyspaceTooNew: A newer release has upgraded the key space.
        """
        with _naming_cause():
            attach(self._client, prefix=self.keyspace.prefix, durability=self._durability)
            upgrade(self.keyspace)

    def schema(self) -> Schema:
        """
        Check the servers, and return how far the key space has been upgraded; nothing is written.

        Raises:
            UnfitServer: One is too old, may drop keys, or cannot reach the durability.
        """
        with _naming_cause():
            attach(self._client, prefix=self.keyspace.prefix, durability=self._durability)
            return Schema(present=upgrade_number(self.keyspace), newest=NEWEST_UPGRADE)

    def server_times(self) -> tuple[datetime, ...]:
        """Return the time of each primary."""
        with _naming_cause():
            return server_times(self.keyspace)

    def probe(self, data: bytes, now: datetime) -> None:  # noqa: ARG002 - the server has a clock
        """
        Store *data* under a key of its own, for a minute.

        Raises:
            StoreFull: Redis has no room for it, on its disk or in its memory.
        """
        self.keyspace.probe(data)

    def forget(self, before: datetime) -> int:  # noqa: ARG002 - the server's clock forgets the rest
        """
        Delete what no time to live deletes; return how many entries.

        If processes of the release before have written meanwhile, gauges are counted anew.
        """
        recount(self.keyspace)
        return forget(self.keyspace)

    def inventory(self, clock: Clock) -> RedisInventory:
        """Return the content of the key space."""
        return RedisInventory(self.keyspace, clock)

    def close(self) -> None:
        """Send the pending wake-ups, and close the connections."""
        for wake in self._wakes:
            wake.close()
        self._client.close()


@contextmanager
def _naming_cause() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        # Its type tells a wrong password from an absent server, and contains no secret.
        raise StoreUnavailable(f"Redis: {type(error.__cause__).__name__}") from error


def client_of(address: RedisAddress) -> Client:
    """
    Create the client for *address*.

    Raises:
        Unavailable: A cluster did not name its servers.
    """
    retry = Retry(ExponentialWithJitterBackoff(BACKOFF_CAP, BACKOFF_BASE), address.retries)
    times = {
        "socket_timeout": address.socket_timeout,
        "socket_connect_timeout": address.socket_connect_timeout,
    }
    tls: dict[str, Any] = {"ssl": True, **address.ssl} if address.tls else {}
    options: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "retry": retry,
        **times,
        **tls,
    }
    match address.topology:
        case Topology.SINGLE:
            ((host, port),) = address.hosts
            return Redis(host=host, port=port, db=address.database, **options)
        case Topology.SENTINEL:
            asking = {
                "username": address.sentinel_username,
                "password": address.sentinel_password,
                **times,
                **tls,
            }
            sentinels = Sentinel(address.hosts, sentinel_kwargs=asking, **options)  # type: ignore[no-untyped-call]
            redis_ports: Redis = sentinels.master_for(address.service, db=address.database)  # type: ignore[no-untyped-call]
            return redis_ports
        case Topology.CLUSTER:
            nodes = [ClusterNode(*host) for host in address.hosts]  # type: ignore[no-untyped-call]
            try:
                return RedisCluster(startup_nodes=nodes, **options)
            except Exception as error:
                # A cluster's client calls the servers at once, and raises errors of many types.
                raise StoreUnavailable(f"Redis: {type(error).__name__}") from error


def durability_of(address: RedisAddress) -> Durability:
    """Return the durability of a write."""
    match address.durability:
        case "fsync":
            return fsync(patience=address.patience)
        case "replicated":
            return replicated(address.replicas, patience=address.patience)
    return NONE
