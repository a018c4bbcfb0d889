"""
Invariants: what must be true of every commit, and of all stored records.

- `require_possible`: of every commit, before it reaches a store (STORE-13, -14, -21).
- `violations`: of all records of one partition, between commits.
  It compares records with each other; the class of a record checks the record by itself.
  It repairs nothing, since use cases never write a violation.
  Modules beside this one have the invariants of single kinds, which `counterseal.kinds` names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import attrs

from counterseal.accounts.records import Account
from counterseal.errors import PartitionCrossed, WrongRecord
from counterseal.kinds import kind_of
from counterseal.models.guid import Guid, account_partition, partition_of
from counterseal.models.record import Change, Record

R = TypeVar("R", bound=Record)


@attrs.frozen
class Violation:
    """
    A contradiction between stored records.

    Attributes:
        subject: The GUID of the record, or another name of what is wrong.
        problem: What is wrong; it quotes nothing of the record.
    """

    subject: str
    problem: str


@attrs.frozen
class PartitionRecords:
    """
    All records of one partition at one moment.

    Attributes:
        now: Decides which records may have been deleted, and which deadlines have passed.
        by_class: The records of each class of which there are any.
    """

    partition: int
    now: datetime
    by_guid: Mapping[Guid, Record]
    by_class: Mapping[type[Record], list[Any]]

    def of(self, record_class: type[R]) -> list[R]:
        """Return the records of one class."""
        return self.by_class.get(record_class, [])

    def grouped(
        self, record_class: type[R], owner: Callable[[R], Guid | None]
    ) -> Mapping[Guid | None, list[R]]:
        """Return the records of one class by their *owner*; empty where one has none."""
        groups: Mapping[Guid | None, list[R]] = defaultdict(list)
        for record in self.of(record_class):
            groups[owner(record)].append(record)
        return groups


def require_possible(changes: tuple[Change, ...]) -> None:
    """
    Refuse a commit that no store may apply.

    Raises:
        PartitionCrossed: The records are not in one partition (STORE-13).
        WrongRecord: A version, a kind or a pairing is impossible (STORE-14), there is no change,
            or a GUID is there twice (STORE-21).
    """
    if not changes:
        raise WrongRecord
    guids: set[Guid] = set()
    partition = partition_of(changes[0].new.guid)
    for change in changes:
        old, new = change.old, change.new
        guid = new.guid
        guids.add(guid)
        if partition_of(guid) != partition:
            raise PartitionCrossed
        if new is old:
            continue
        if old is None:
            if new.version != 1:
                raise WrongRecord
        elif new.version != old.version + 1 or guid != old.guid or type(old) is not type(new):
            raise WrongRecord
    if len(guids) != len(changes):
        raise WrongRecord


def violations(partition: int, records: Iterable[Record], now: datetime) -> Iterator[Violation]:
    """
    Yield the contradictions among all *records* of a partition, 0 to 255.

    *now* decides which records may have been deleted, and which deadlines have passed.
    """
    by_guid = {record.guid: record for record in records}
    by_class: dict[type[Record], list[Any]] = defaultdict(list)
    for record in by_guid.values():
        by_class[type(record)].append(record)
        yield from _misplaced(partition, record, by_guid)
    stored = PartitionRecords(partition, now, by_guid, by_class)
    for record_class in [*by_class]:
        violations_of_kind = kind_of(record_class).invariants
        if violations_of_kind is not None:
            yield from violations_of_kind(stored)


def _misplaced(
    partition: int, record: Record, by_guid: Mapping[Guid, Record]
) -> Iterator[Violation]:
    expected = partition_of(record.guid)
    if isinstance(record, Account):
        expected = account_partition(record.app_space, record.account_id)
    if partition != expected or partition != partition_of(record.guid):
        yield Violation(record.guid, "it is in the wrong partition")
    account, parent = record.index.account, record.parent
    if account is not None and not isinstance(by_guid.get(account), Account):
        yield Violation(record.guid, "its account is not there")
    if parent is not None and parent not in by_guid:
        yield Violation(record.guid, "its parent is not there")
