"""
One key space: what keys are called, and how calls are made and what becomes of them.

Every key holds its partition as a hash tag, so that in a cluster all keys of one partition lie
on one server, and a script can touch them together.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError

from counterseal.errors import StoreUnavailable
from counterseal.models import Guid
from counterseal_redis.durability import NONE, Durability
from counterseal_redis.errors import UnfitClient, UnfitPrefix, UnfitServer
from counterseal_redis.roads import Branching, Call, Client, Reply, Road, Straight

PREFIX = "cs"
OLDEST = (6, 2)
OLDEST_WITH_WAITAOF = (7, 2)

_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,32}")
_CODE = re.compile(r"(?:^|: -)([A-Z]+)(?= |$)")
"""Of an error; one that a script ran into stands behind where it did so."""

log = logging.getLogger(__name__)


class Keyspace:
    """
    The keys of one service on one Redis, which others may use too; `attach` makes it.

    Attributes:
        prefix: What its keys begin with.
        durability: How sure a write has to be.
    """

    def __init__(
        self, client: Client, *, prefix: str = PREFIX, durability: Durability = NONE
    ) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise UnfitPrefix
        if client.get_encoder().decode_responses:
            raise UnfitClient("it decodes responses")
        self.client = client
        self.prefix = prefix
        self.durability = durability
        self._road = _road(client)

    def key(self, partition: int, name: str) -> str:
        """Return the key of what is called *name* in a partition."""
        return f"{self.prefix}:{{{partition:02x}}}:{name}"

    def record(self, guid: Guid) -> str:
        """Return the key of a record."""
        # A GUID begins with its partition, as `key` writes it.
        return f"{self.prefix}:{{{guid[:2]}}}:{guid}"

    @property
    def splits(self) -> bool:
        """Tell whether one call may touch keys of one partition only."""
        return self._road.splits

    def read(self, *calls: Call, confirm: bool = False) -> list[Reply]:
        """
        Make calls that change nothing; *confirm* what they wrote nevertheless.

        Raises:
            StoreUnavailable: One of them was refused or lost, or is not as sure as it has to be.
        """
        replies, sure = self.attempt(calls, confirm=confirm)
        for reply in replies:
            if isinstance(reply, Exception):
                raise StoreUnavailable from reply
        if not sure:
            raise StoreUnavailable
        return replies

    def write(self, call: Call) -> Reply:
        """
        Make a call that changes something, and wait until that is sure.

        Raises:
            StoreUnavailable: It was refused or lost, or is not sure.
        """
        (reply,) = self.read(call, confirm=True)
        return reply

    def attempt(self, calls: Sequence[Call], *, confirm: bool) -> tuple[list[Reply], bool]:
        """
        Make calls; what the server refuses comes back as the exception.

        Returns:
            The replies, and whether all that was written is as sure as it has to be.

        Raises:
            StoreUnavailable: Nobody knows what became of them.
        """
        last = self.durability.confirm if confirm else ()
        try:
            replies = self._road.send(calls, last, whole=False)
            if any(isinstance(reply, NoScriptError) for reply in replies):
                # A server that was started, or promoted, since: `EVAL` also teaches it the script.
                replies = self._road.send(calls, last, whole=True)
        except Exception as error:
            # Whatever redis-py raises, and what its cluster client trips over in a failover.
            log.warning("Redis failed: %s", _kind(error))
            raise StoreUnavailable from error
        refusal = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if refusal is not None:
            log.warning("Redis failed: %s", _kind(refusal))
        if not last:
            return replies, True
        *replies, answer = replies
        sure = self.durability.reached(answer)
        if not sure and refusal is None:
            log.warning("Redis failed: a write is not as sure as it has to be")
        return replies, sure


def attach(client: Client, *, prefix: str = PREFIX, durability: Durability = NONE) -> Keyspace:
    """
    Look at the servers of *client*, and make ready to use them.

    Args:
        client: `redis.Redis`, also from `Sentinel.master_for`, or `redis.RedisCluster`.
        prefix: What the keys begin with; two services on one Redis have two.
        durability: How sure a write has to be before it is told.

    Raises:
        UnfitClient: It reads from replicas, or decodes responses.
        UnfitPrefix: It is empty, too long, or holds what a key may not.
        UnfitServer: One is too old, may drop keys, or cannot do what *durability* asks.
        StoreUnavailable: One did not answer.
    """
    keyspace = Keyspace(client, prefix=prefix, durability=durability)
    try:
        for told in _told(client):
            _demand_fit(told, durability)
    except UnfitServer:
        raise
    except Exception as error:
        raise StoreUnavailable from error
    return keyspace


def _kind(error: Exception) -> str:
    """Name what happened as Redis does; its text may hold an address or what was sent."""
    code = _CODE.search(str(error))
    return f"{type(error).__name__} {code[1]}" if code else type(error).__name__


def _road(client: Client) -> Road:
    if not isinstance(client, RedisCluster):
        return Straight(client)
    if client.read_from_replicas or client.load_balancing_strategy is not None:
        raise UnfitClient("it reads from replicas")
    return Branching(client)


def _told(client: Client) -> list[dict[str, Any]]:
    if isinstance(client, Redis):
        return [client.info()]
    told: dict[str, dict[str, Any]] = client.info(target_nodes=RedisCluster.PRIMARIES)
    return list(told.values()) if "redis_version" not in told else [told]


def _demand_fit(told: dict[str, Any], durability: Durability) -> None:
    major, minor, *_ = str(told["redis_version"]).split(".")
    version = (int(major), int(minor))
    if version < OLDEST:
        raise UnfitServer("older than Redis 6.2")
    if told["maxmemory_policy"] != "noeviction":
        raise UnfitServer("it may evict keys: set maxmemory-policy to noeviction")
    if durability.confirm[:1] != ("WAITAOF",):
        return
    if version < OLDEST_WITH_WAITAOF:
        raise UnfitServer("WAITAOF needs Redis 7.2")
    if not told["aof_enabled"]:
        raise UnfitServer("WAITAOF needs appendonly yes")
