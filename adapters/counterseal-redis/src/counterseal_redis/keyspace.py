"""
One key space: the names of its keys, and how its calls are made.

Every key has its partition as a hash tag, so that in a cluster all keys of one partition are on
one server, and one script can touch them together.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError

from counterseal.errors import Misuse, StoreFull, StoreUnavailable
from counterseal.models import Guid
from counterseal_redis.commands import Call
from counterseal_redis.durability import NONE, Durability
from counterseal_redis.transport import Client, Cluster, Reply, SingleNode, Transport

PREFIX = "cs"

_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,32}")
_CODE = re.compile(r"(?:^|: -)([A-Z]+)(?= |$)")
"""The code in an error's text; that of an error within a script stands after the script's name."""

OUT_OF_MEMORY = "OOM "
"""What a refusal begins with that has no room in memory."""

PROBE, PROBE_SECONDS = "probe", 60
"""The key that is written to see whether writes are taken, and how long it lives."""

log = logging.getLogger(__name__)


class UnfitClient(Misuse, code="unfit_client"):
    """The client would read from replicas, or decode replies to text."""


class UnfitPrefix(Misuse, code="unfit_prefix"):
    """A prefix is 1 to 32 letters, digits, points, hyphens and underscores of ASCII."""


class Keyspace:
    """
    The keys of one service on one Redis, which others may use too; `attach` makes it.

    Attributes:
        prefix: The beginning of its keys.
        durability: How durable a write must be.

    Raises:
        UnfitClient: *client* reads from replicas, or decodes replies.
        UnfitPrefix: *prefix* is empty, too long, or has characters that no key may have.
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
        self._transport = _transport_for(client)

    def key(self, partition: int, name: str) -> str:
        """Return the key called *name* in a partition."""
        return f"{self.prefix}:{{{partition:02x}}}:{name}"

    def record(self, guid: Guid) -> str:
        """Return the key of a record."""
        # A GUID begins with its partition, as `key` writes it.
        return f"{self.prefix}:{{{guid[:2]}}}:{guid}"

    @property
    def single_slot(self) -> bool:
        """Tell whether one call may touch keys of one partition only."""
        return self._transport.single_slot

    def read(self, *calls: Call, confirm: bool = False) -> list[Reply]:
        """
        Make calls, and wait until their writes are durable if *confirm* says so.

        Raises:
            StoreUnavailable: A call was refused or lost, or its write is not durable enough.
            StoreFull: The server has no room for it.
        """
        replies, confirmed = self.attempt(calls, confirm=confirm)
        for reply in replies:
            if isinstance(reply, Exception):
                raise unavailable(reply) from reply
        if not confirmed:
            raise StoreUnavailable
        return replies

    def write(self, call: Call) -> Reply:
        """
        Make a call that changes something, and wait until the change is durable.

        Raises:
            StoreUnavailable: The call was refused or lost, or is not durable enough.
        """
        (reply,) = self.read(call, confirm=True)
        return reply

    def probe(self, data: bytes) -> None:
        """
        Write *data* under a key of its own for a minute, to see that the server takes writes.

        Raises:
            StoreFull: It has no room on its disk, or in its memory.
            StoreUnavailable: The call was refused or lost, or is not durable enough.
        """
        key = self.key(0, PROBE)
        self.write(Call(("SET", key, data, "EX", PROBE_SECONDS), key))

    def attempt(self, calls: Sequence[Call], *, confirm: bool) -> tuple[list[Reply], bool]:
        """
        Make calls; if the server refuses one, its reply is the exception.

        Returns:
            The replies, and whether all writes are as durable as they must be.

        Raises:
            StoreUnavailable: A reply was lost; any of the calls may have been applied.
        """
        confirmation = self.durability.confirmation if confirm else ()
        try:
            replies = self._transport.send(calls, confirmation, with_text=False)
            if any(isinstance(reply, NoScriptError) for reply in replies):
                # The server has been started or promoted since; `EVAL` stores the script there.
                replies = self._transport.send(calls, confirmation, with_text=True)
        except Exception as error:
            # Any error of redis-py, and what its cluster client raises in a failover.
            log.warning("Redis failed: %s", _describe(error))
            raise StoreUnavailable from error
        refusal = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if refusal is not None:
            log.warning("Redis failed: %s", _describe(refusal))
        if not confirmation:
            return replies, True
        *replies, answer = replies
        confirmed = self.durability.is_reached(answer)
        if not confirmed and refusal is None:
            log.warning("Redis failed: a write is not as durable as it has to be")
        return replies, confirmed


def unavailable(refusal: Exception) -> StoreUnavailable:
    """Return what to raise for a call that the server refused; nothing has changed."""
    text = str(refusal)
    # Redis says so by the code OOM, or by what the system said of the append-only file.
    is_full = text.startswith(OUT_OF_MEMORY) or "No space left on device" in text
    return StoreFull() if is_full else StoreUnavailable()


def _describe(error: Exception) -> str:
    """Return the class and code of *error*; its text may hold an address or what was sent."""
    code = _CODE.search(str(error))
    return f"{type(error).__name__} {code[1]}" if code else type(error).__name__


def _transport_for(client: Client) -> Transport:
    if not isinstance(client, RedisCluster):
        return SingleNode(client)
    if client.read_from_replicas or client.load_balancing_strategy is not None:
        raise UnfitClient("it reads from replicas")
    return Cluster(client)
