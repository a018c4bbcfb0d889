"""
Copying: all of one store into another one, which is empty, or holds a part of the same copy.

Nobody may use either meanwhile.
Records keep their versions, lists their order, and the audit log its lines.
A copy that was broken off is taken up again by the same call: what is there already is compared
and left alone.
Replay keys, counters and reservations are not records, and stay behind.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import attrs

from counterseal.errors import Conflict, Indeterminate
from counterseal.models import Record
from counterseal.models.guid import PARTITIONS, partition_of
from counterseal.models.index import Listing, index_of
from counterseal_records.errors import SourceUnsound, TargetDiffers
from counterseal_records.inventory import Inventory, Shelved

PAGE = 100
"""Records that are created at once."""

TRIES = 10
"""How often a page is asked for again whose reply was lost."""


@attrs.frozen
class Copied:
    """
    How far a copy is.

    Attributes:
        partitions: How many of the 256 are done.
        records: How many records were created, and how many were there.
        events: The same of the audit log's lines, as far as was looked.
    """

    partitions: int
    records: int
    events: int


def copying(source: Inventory, target: Inventory, name: Callable[[], str]) -> Iterator[Copied]:
    """
    Copy, and say after each step how far it is.

    Args:
        source: What is copied.
        target: Where it goes.
        name: Makes names of operations, at random.

    Raises:
        SourceUnsound: *source* has what cannot be read or is not where it belongs.
        TargetDiffers: *target* has what *source* has not, or has otherwise.
        Unavailable: One of them did not answer; the same call goes on from there.
    """
    records, late = 0, list[Shelved]()
    for partition in range(PARTITIONS):
        missing, there = _missing(source, target, partition)
        late += filter(_among_all, missing)
        now = [one.record for one in missing if not _among_all(one)]
        for begin in range(0, len(now), PAGE):
            _load(target, now[begin : begin + PAGE], name())
        records += there + len(now)
        yield Copied(partition + 1, records, 0)
    # Lists over all partitions are in order of age, too: these come one by one.
    for one in sorted(late, key=lambda one: one.age):
        _load(target, [one.record], name())
        records += 1
        yield Copied(PARTITIONS, records, 0)
    events = 0
    for page in source.events():
        target.tell(page, events)
        events += len(page)
        yield Copied(PARTITIONS, records, events)


def _missing(source: Inventory, target: Inventory, partition: int) -> tuple[list[Shelved], int]:
    shelf, copied = source.shelf(partition), target.shelf(partition)
    if shelf.flaws:
        raise SourceUnsound(f"{shelf.flaws[0].subject}: {shelf.flaws[0].problem}")
    here = {one.record.guid: one.record for one in shelf.shelved}
    there = {one.record.guid: one.record for one in copied.shelved}
    for guid, record in there.items():
        if here.get(guid) != record:
            raise TargetDiffers(f"{guid}: not as it is copied")
    if copied.flaws:
        raise TargetDiffers(f"{copied.flaws[0].subject}: {copied.flaws[0].problem}")
    return [one for one in shelf.shelved if one.record.guid not in there], len(there)


def _among_all(one: Shelved) -> bool:
    index = index_of(one.record)
    if index.listing is Listing.CHILDREN:
        return index.owner is None
    return index.listing is Listing.DEAD and index.listed


def _load(target: Inventory, records: Sequence[Record], name: str) -> None:
    assert len({partition_of(record.guid) for record in records}) == 1  # noqa: S101 (a shelf's)
    for tried in itertools.count(1):
        try:
            target.load(records, name)
        except Conflict:
            raise TargetDiffers(f"{records[0].guid}: somebody else writes here") from None
        except Indeterminate:
            if tried == TRIES:
                raise
        else:
            return
