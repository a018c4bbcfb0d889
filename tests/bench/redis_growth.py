"""Goal 9: the cost of each operation with few and with many stored challenges."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
import redis_floor
from measure import Cost
from redis import Redis
from redis_costs import Answers, bare_value
from redis_setup import client_of, costs, servers
from redis_stored import Filled, fill
from store_calls import StoreCalls
from verdicts import scaled

from counterseal.models import Guid
from counterseal.models.guid import ENTROPY_BYTES, PARTITIONS, mint, partition_of
from counterseal.ports import Due
from counterseal_records import microseconds
from counterseal_redis.codec import guid_bytes
from counterseal_redis.indexes import PENDING, STRIDE, due_index

SIZES = scaled((1_000, 100_000, 1_000_000), (1_000, 2_000, 3_000))
ROUNDS = scaled(31, 2)
"""More than elsewhere, since the result is a ratio of ratios."""

BESIDE = {
    "read a challenge": "GET",
    "read all of an account": "GET",
    "answer: read": "GET",
    "answer: commit": "EVALSHA",
    "issue: commit": "SET, ZADD, ZADD",
    "issue: commit, no index": "SET",
    "due check": "ZRANGEBYSCORE",
}
"""
Each operation, and the bare commands that it may grow as much as.

A due check asks each partition's index. With 1,000 challenges this is a short list within one
block of memory, and from 128 entries on Redis has a skip list, which takes more time to ask.
A new challenge gets an entry in two indexes, which grow with the store. It is also compared with a
`SET` alone, which has no entry.
"""


@attrs.frozen
class Stocked:
    """Operations on one server with many challenges."""

    filled: Filled
    numbers: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)

    @property
    def client(self) -> Redis:
        """A client of the server."""
        client: Redis = self.filled.answers.keyspace.client
        return client

    @property
    def calls(self) -> StoreCalls:
        """The calls of the store on the server."""
        store = self.filled.answers.service.ports.store
        return StoreCalls(store, self.filled.guids, self.numbers)

    def prepared(self, name: str) -> Callable[[int], Sequence[Callable[[], object]]]:
        """Return a function that prepares operations, each on a random challenge."""
        calls = self.calls.makers()
        make: dict[str, Callable[[Guid], Callable[[], object]]] = {
            "GET": self._get,
            "SET": self._set,
            "SET, ZADD, ZADD": self._enter,
            "EVALSHA": self._evalsha,
            "ZRANGEBYSCORE": self._ask_indexes,
            "issue: commit, no index": calls["issue: commit"],
            **calls,
        }
        return self.calls.prepared(make[name])

    def _key(self, guid: Guid) -> str:
        return self.filled.answers.keyspace.record(guid)

    def _get(self, guid: Guid) -> Callable[[], object]:
        return redis_floor.read(self.client, [self._key(guid)])

    def _set(self, guid: Guid) -> Callable[[], object]:
        record = self.calls.record(guid)
        key = f"bare:{{{partition_of(record.guid):02x}}}:{self.numbers()}"
        return redis_floor.create(self.client, key, bare_value(record))

    def _enter(self, guid: Guid) -> Callable[[], object]:
        # The sets are those of the store; no operation reads an entry without a record.
        record = self.calls.record(guid)
        keyspace, partition = self.filled.answers.keyspace, partition_of(record.guid)
        new_guid = mint(partition, random.randbytes(ENTROPY_BYTES))
        key = f"bare:{{{partition:02x}}}:{self.numbers()}"
        sets = [keyspace.key(partition, name) for name in (PENDING, due_index(Due.CHALLENGE))]
        entries = [
            guid_bytes(new_guid) + random.randbytes(8) + new_guid.encode(),
            guid_bytes(new_guid),
        ]
        return redis_floor.enter(
            self.client,
            [key, *sets],
            bare_value(record),
            entries=entries,
            due_at=microseconds(record.deadline),
        )

    def _evalsha(self, guid: Guid) -> Callable[[], object]:
        # The record stays as it is: the same version is written again.
        record = self.calls.record(guid)
        key, log = self._key(record.guid), f"bare:{{{partition_of(record.guid):02x}}}:log"
        value = self.client.get(key)
        head = value.partition(b"\n")[0]
        return redis_floor.swap(self.client, [key], log, beginnings=[head], values=[value])

    def _ask_indexes(self, guid: Guid) -> Callable[[], object]:
        keyspace, name = self.filled.answers.keyspace, due_index(Due.CHALLENGE)
        indexes = [keyspace.key(partition, name) for partition in range(PARTITIONS)]
        before = microseconds(self.calls.record(guid).issued_at)
        return redis_floor.ask_indexes(self.client, indexes, before, trip=STRIDE)


OnSizes = dict[int, tuple[Any, Stocked]]
"""By number of challenges: a server, and the operations on it."""


@contextmanager
def stocked() -> Iterator[OnSizes]:
    """Fill a server for each size."""
    with servers(len(SIZES)) as started, ExitStack() as stack:
        stocks = {}
        for size, server in zip(SIZES, started, strict=True):
            client = stack.enter_context(client_of(server))
            stocks[size] = server, Stocked(fill(server, Answers.on(client), size))
        yield stocks


@attrs.frozen
class Growth:
    """
    The growth of one operation.

    Attributes:
        few, many: Its cost with few and with many stored challenges.
        bare_few, bare_many: The costs of its bare command; of an operation on PostgreSQL that has
            to be flat, its own cost with few.
    """

    what: str
    few: Cost
    many: Cost
    bare_few: Cost
    bare_many: Cost

    @property
    def ratio(self) -> float:
        """The growth of the operation, divided by that of the bare command."""
        bare = self.bare_many.median / self.bare_few.median
        return self.many.median / self.few.median / bare

    @property
    def spread(self) -> float:
        """The largest spread of the four."""
        return max(one.spread for one in (self.few, self.many, self.bare_few, self.bare_many))


def growths(on: OnSizes) -> dict[int, list[Growth]]:
    """Measure each operation at each size, and compare each with the smallest."""
    names = {*BESIDE, *BESIDE.values()}
    measured = costs(
        {
            f"{name} {size}": (server, stock.prepared(name))
            for size, (server, stock) in on.items()
            for name in names
        },
        ROUNDS,
    )
    few = SIZES[0]
    return {
        size: [
            Growth(
                what,
                *(measured[f"{what} {few}"], measured[f"{what} {size}"]),
                *(measured[f"{bare} {few}"], measured[f"{bare} {size}"]),
            )
            for what, bare in BESIDE.items()
        ]
        for size in SIZES[1:]
    }
