"""
Copying all of one store into another one that is empty or holds a part of the same copy.

No service may use either store meanwhile.
Records keep their versions, and lists and the audit log their order.
The same call continues an interrupted copy: it compares the records that the target already has,
and does not write them again.
Replay keys, counters and reservations are not records, and are not copied.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import attrs

from counterseal.errors import Conflict, Indeterminate, Misuse
from counterseal.models import Record
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal.models.record import Listing, index_of
from counterseal_records.inventory import Inventory, NumberedRecord, PartitionContents

PAGE = 100
"""Records that are created at once."""

TRIES = 10
"""How often a page is sent whose reply is lost."""


class SameStore(Misuse, code="same_store"):
    """FROM and TO are the same store."""


class SourceUnsound(Misuse, code="source_unsound"):
    """The store to copy has records that cannot be read, or wrong index entries."""


class TargetDiffers(Misuse, code="target_differs"):
    """The store to fill has other records than the store to copy."""


@attrs.frozen
class CopyProgress:
    """
    The progress of a copy.

    Attributes:
        partitions: How many of the 256 partitions are done.
        records: How many records the target has.
        events: How many events of the audit log the target has.
    """

    partitions: int
    records: int
    events: int


def copy_store(
    source: Inventory, target: Inventory, name: Callable[[], str]
) -> Iterator[CopyProgress]:
    """
    Copy *source* to *target*, and yield the progress after each step.

    Args:
        source: The store to copy.
        target: The store to fill.
        name: Returns random names of operations.

    Raises:
        SameStore: *source* and *target* are one store.
        SourceUnsound: *source* has records that cannot be read, or index entries that are wrong.
        TargetDiffers: *target* has a record that *source* does not have, or another version of one.
        Unavailable: One of them did not answer; the same call continues the copy.
    """
    require_different(source, target)
    records, listed_across = 0, list[NumberedRecord]()
    partitions = range(PARTITIONS)
    pairs = zip(source.read_partitions(partitions), target.read_partitions(partitions), strict=True)
    for partition, (contents, copied) in enumerate(pairs):
        missing, copied_count = _missing(contents, copied)
        listed_across += filter(_is_listed_across, missing)
        others = [one.record for one in missing if not _is_listed_across(one)]
        for begin in range(0, len(others), PAGE):
            _load(target, others[begin : begin + PAGE], name())
        records += copied_count + len(others)
        yield CopyProgress(partition + 1, records, 0)
    # Lists across all partitions are in order of age too, so their records are created one by one.
    for one in sorted(listed_across, key=lambda one: one.number):
        _load(target, [one.record], name())
        records += 1
        yield CopyProgress(PARTITIONS, records, 0)
    events = 0
    for page in source.events():
        target.append_events(page, events)
        events += len(page)
        yield CopyProgress(PARTITIONS, records, events)


def require_different(source: Inventory, target: Inventory) -> None:
    """
    Require two stores; the log of one would be appended to itself without end.

    Raises:
        SameStore: *source* and *target* are one store, however their addresses are spelt.
    """
    if source.identity() == target.identity():
        raise SameStore


def _missing(
    contents: PartitionContents, copied: PartitionContents
) -> tuple[list[NumberedRecord], int]:
    if contents.violations:
        raise SourceUnsound(f"{contents.violations[0].subject}: {contents.violations[0].problem}")
    originals = {one.record.guid: one.record for one in contents.records}
    copies = {one.record.guid: one.record for one in copied.records}
    for guid, record in copies.items():
        if originals.get(guid) != record:
            raise TargetDiffers(f"{guid}: not equal to the record of the source")
    if copied.violations:
        raise TargetDiffers(f"{copied.violations[0].subject}: {copied.violations[0].problem}")
    return [one for one in contents.records if one.record.guid not in copies], len(copies)


def _is_listed_across(numbered: NumberedRecord) -> bool:
    """Tell whether the record is in a list that has records of all partitions."""
    index = index_of(numbered.record)
    if index.listing is Listing.CHILDREN:
        return index.owner is None
    return index.listing is Listing.DEAD and index.listed


def _load(target: Inventory, records: Sequence[Record], name: str) -> None:
    assert len({partition_of(record.guid) for record in records}) == 1  # noqa: S101 (of one partition's contents)
    for attempt in itertools.count(1):
        try:
            target.load(records, name)
        except Conflict:
            raise TargetDiffers(f"{records[0].guid}: somebody else writes here") from None
        except Indeterminate:
            if attempt == TRIES:
                raise
        else:
            return
