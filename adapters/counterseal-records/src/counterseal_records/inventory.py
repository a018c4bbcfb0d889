"""
All that a store holds, partition by partition, for checks and copies; no use case reads it.

A store in use changes while it is read. Each partition is read at one moment, or, where the store
cannot do so, within a short time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import attrs

from counterseal.invariants import Violation, violations
from counterseal.models import AuditEvent, Record
from counterseal.models.guid import PARTITIONS
from counterseal.ports import Clock

ATTEMPTS = 3
"""How often a violation must be seen: one reading of a store in use may mix two moments."""


@attrs.frozen
class NumberedRecord:
    """
    A record and its number.

    Attributes:
        number: Smaller for an older record, as far as the store knows.
    """

    number: int
    record: Record


@attrs.frozen
class PartitionContents:
    """
    The contents of one partition.

    Attributes:
        records: Those that can be read, oldest first.
        violations: Records that cannot be read, and index entries that are missing or wrong.
    """

    records: tuple[NumberedRecord, ...]
    violations: tuple[Violation, ...]


class Inventory(Protocol):
    """
    Reads all of one store, and fills an empty one.

    Every method raises `Unavailable` if the store did not answer, or an event cannot be read.
    `load` has then changed nothing, and `append_events` may have appended some events.
    """

    def identity(self) -> str:
        """Return a name that no other store has, and this one at each of its addresses."""

    def read_partitions(self, partitions: Sequence[int]) -> Iterator[PartitionContents]:
        """
        Return the contents of each of *partitions*, one after the other, as they are by then.

        Args:
            partitions: Numbers, 0 to 255, in any order.
        """

    def load(self, records: Sequence[Record], operation: str) -> None:
        """
        Create *records*, all or none, each with the version that it has.

        Args:
            records: Of one partition, oldest first.
            operation: Random; names this attempt.

        Raises:
            Conflict: One of them exists already.
            Indeterminate: The reply was lost; call again with the same *operation*.
        """

    def events(self) -> Iterator[Sequence[AuditEvent]]:
        """Return the audit log, oldest first, in pages."""

    def append_events(self, events: Sequence[AuditEvent], first: int) -> None:
        """
        Append a page of another store's log, without the events that an earlier attempt appended.

        Args:
            events: The page.
            first: How many events of the log come before the page.
        """


@attrs.frozen
class CheckResult:
    """
    What a check found.

    Attributes:
        records: How many records can be read.
        violations: Those that every reading found, in the order of their subjects.
    """

    records: int
    violations: tuple[Violation, ...]


def check(
    inventory: Inventory,
    clock: Clock,
    report: Callable[[int, int], None],
    partitions: Sequence[int] = range(PARTITIONS),
) -> CheckResult:
    """
    Check a store, which may be in use, against the invariants of the core.

    Args:
        inventory: The inventory of the store.
        clock: The clock of the service.
        report: Called after each reading of a partition with the number of readings so far, and
            of all; there are more of them where a violation is found.
        partitions: Those to check.
    """
    count, violations_by_partition = 0, dict[int, set[Violation]]()
    done, planned = 0, len(partitions)
    for partition, contents in zip(partitions, inventory.read_partitions(partitions), strict=True):
        count += len(contents.records)
        violations_by_partition[partition] = _violations_in(partition, contents, clock)
        done += 1
        report(done, planned)
    for _ in range(ATTEMPTS - 1):
        suspects = [number for number, some in violations_by_partition.items() if some]
        if not suspects:
            break
        planned += len(suspects)
        for partition, contents in zip(suspects, inventory.read_partitions(suspects), strict=True):
            violations_by_partition[partition] &= _violations_in(partition, contents, clock)
            done += 1
            report(done, planned)
    return merge_results(
        [CheckResult(count, tuple(itertools.chain(*violations_by_partition.values())))]
    )


def merge_results(results: Iterable[CheckResult]) -> CheckResult:
    """Return what checks of different partitions found together."""
    results = tuple(results)
    violations = itertools.chain.from_iterable(result.violations for result in results)
    return CheckResult(
        sum(result.records for result in results),
        tuple(sorted(violations, key=lambda one: (one.subject, one.problem))),
    )


def _violations_in(partition: int, contents: PartitionContents, clock: Clock) -> set[Violation]:
    records = [numbered.record for numbered in contents.records]
    return {*contents.violations, *violations(partition, records, clock.now())}
