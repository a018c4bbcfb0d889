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

from counterseal.models import Change, Guid
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.ports import Due
from counterseal_records import microseconds
from counterseal_redis.codec import guid_bytes
from counterseal_redis.indexes import PENDING, due_index

SIZES = (1_000, 100_000, 1_000_000)
LIMIT = 100
ROUNDS = 31
"""More than elsewhere, since the result is a ratio of ratios."""

BESIDE = {
    "read a challenge": "GET",
    "read all of an account": "GET",
    "answer: read": "GET",
    "answer: commit": "EVALSHA",
    "issue: commit": "SET, ZADD, ZADD",
    "issue: commit, no index": "SET",
}
"""
Each operation, and the bare commands that it may grow as much as; all others have to be flat.

A new challenge gets an entry in two indexes, which grow with the store. It is also compared with a
`SET` alone, which has no entry.
"""

FLAT = ("due check",)


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
    def store(self) -> Any:
        """The store on the server."""
        return self.filled.answers.service.ports.store

    def prepared(self, name: str) -> Callable[[int], Sequence[Callable[[], object]]]:
        """Return a function that prepares operations, each on a random challenge."""
        make: dict[str, Callable[[Guid], Callable[[], object]]] = {
            "GET": self._get,
            "SET": self._set,
            "SET, ZADD, ZADD": self._enter,
            "EVALSHA": self._evalsha,
            "read a challenge": self._load,
            "read all of an account": self._pending,
            "answer: read": self._get_with_account,
            "answer: commit": self._swap,
            "issue: commit": self._create,
            "issue: commit, no index": self._create,
            "due check": self._due,
        }
        return lambda count: [make[name](guid) for guid in random.sample(self.filled.guids, count)]

    def _record(self, guid: Guid) -> Any:
        (record,) = self.store.get(guid)
        return record

    def _key(self, guid: Guid) -> str:
        return self.filled.answers.keyspace.record(guid)

    def _get(self, guid: Guid) -> Callable[[], object]:
        return redis_floor.read(self.client, [self._key(guid)])

    def _set(self, guid: Guid) -> Callable[[], object]:
        record = self._record(guid)
        key = f"bare:{{{partition_of(record.guid):02x}}}:{self.numbers()}"
        return redis_floor.create(self.client, key, bare_value(record))

    def _enter(self, guid: Guid) -> Callable[[], object]:
        # The sets are those of the store; no operation reads an entry without a record.
        record = self._record(guid)
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
        record = self._record(guid)
        key, log = self._key(record.guid), f"bare:{{{partition_of(record.guid):02x}}}:log"
        value = self.client.get(key)
        head = value.partition(b"\n")[0]
        return redis_floor.swap(self.client, [key], log, beginnings=[head], values=[value])

    def _load(self, guid: Guid) -> Callable[[], object]:
        return lambda: self.store.get(guid)

    def _pending(self, guid: Guid) -> Callable[[], object]:
        account = self._record(guid).account
        return lambda: self.store.pending(account)

    def _get_with_account(self, guid: Guid) -> Callable[[], object]:
        return lambda: self.store.get_with_account(guid)

    def _swap(self, guid: Guid) -> Callable[[], object]:
        record = self._record(guid)
        change = Change(record, attrs.evolve(record, version=record.version + 1))
        return self._committing(change)

    def _create(self, guid: Guid) -> Callable[[], object]:
        record = self._record(guid)
        # A new account each time, so that no list grows from round to round.
        partition = partition_of(guid)
        new_guid, account = (mint(partition, random.randbytes(ENTROPY_BYTES)) for _ in range(2))
        new = attrs.evolve(record, guid=new_guid, account=account, version=1)
        return self._committing(Change(None, new))

    def _committing(self, change: Change) -> Callable[[], object]:
        name = f"bench-{self.numbers()}"
        return lambda: self.store.commit((change,), (), name)

    def _due(self, guid: Guid) -> Callable[[], object]:
        before = self._record(guid).issued_at
        return lambda: self.store.due(Due.CHALLENGE, before, LIMIT)


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
        bare_few, bare_many: The costs of its bare command; of an operation that has to be flat,
            its own cost with few.
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


def growths(on: OnSizes) -> dict[int, list[Growth]]:
    """Measure each operation at each size, and compare each with the smallest."""
    names = {*BESIDE, *BESIDE.values(), *FLAT}
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
            *(
                Growth(
                    what,
                    *(measured[f"{what} {few}"], measured[f"{what} {size}"]),
                    *(measured[f"{bare} {few}"], measured[f"{bare} {size}"]),
                )
                for what, bare in BESIDE.items()
            ),
            *(
                Growth(
                    what,
                    *(measured[f"{what} {few}"], measured[f"{what} {size}"]),
                    *(measured[f"{what} {few}"], measured[f"{what} {few}"]),
                )
                for what in FLAT
            ),
        ]
        for size in SIZES[1:]
    }
