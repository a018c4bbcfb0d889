"""The calls of a store that goal 9 measures, each on a random one of many stored challenges."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from counterseal.models import Change, Guid
from counterseal.models.guid import ENTROPY_BYTES, mint, partition_of
from counterseal.ports import Due

LIMIT = 100

Call = Callable[[], object]


@attrs.frozen
class StoreCalls:
    """
    Calls of *store*.

    Attributes:
        store: A store with many challenges.
        guids: Some of the challenges.
    """

    store: Any
    guids: Sequence[Guid]
    numbers: Callable[[], int] = attrs.field(factory=lambda: itertools.count().__next__)

    def makers(self) -> dict[str, Callable[[Guid], Call]]:
        """Return by name what makes a call about one challenge."""
        return {
            "read a challenge": self._load,
            "read all of an account": self._pending,
            "answer: read": self._get_with_account,
            "answer: commit": self._swap,
            "issue: commit": self._create,
            "due check": self._due,
        }

    def prepared(self, make: Callable[[Guid], Call]) -> Callable[[int], Sequence[Call]]:
        """Return a function that prepares calls, each about a random challenge."""
        return lambda count: [make(guid) for guid in random.sample(self.guids, count)]

    def record(self, guid: Guid) -> Any:
        """Return a stored challenge."""
        (record,) = self.store.get(guid)
        return record

    def _load(self, guid: Guid) -> Call:
        return lambda: self.store.get(guid)

    def _pending(self, guid: Guid) -> Call:
        account = self.record(guid).account
        return lambda: self.store.pending(account)

    def _get_with_account(self, guid: Guid) -> Call:
        return lambda: self.store.get_with_account(guid)

    def _swap(self, guid: Guid) -> Call:
        record = self.record(guid)
        return self._committing(Change(record, attrs.evolve(record, version=record.version + 1)))

    def _create(self, guid: Guid) -> Call:
        record = self.record(guid)
        # A new account each time, so that no list grows from round to round.
        partition = partition_of(guid)
        new_guid, account = (mint(partition, random.randbytes(ENTROPY_BYTES)) for _ in range(2))
        new = attrs.evolve(record, guid=new_guid, account=account, version=1)
        return self._committing(Change(None, new))

    def _committing(self, change: Change) -> Call:
        name = f"bench-{self.numbers()}"
        return lambda: self.store.commit((change,), (), name)

    def _due(self, guid: Guid) -> Call:
        before = self.record(guid).issued_at
        return lambda: self.store.due(Due.CHALLENGE, before, LIMIT)
