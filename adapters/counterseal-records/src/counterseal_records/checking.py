"""Checking all of a store, which may be in use, against the invariants of the core."""

from __future__ import annotations

from collections.abc import Callable

from counterseal.invariants import Violation, violations
from counterseal.models.guid import PARTITIONS
from counterseal.ports import Clock
from counterseal_records.inventory import Inventory, Shelf

LOOKS = 3
"""How often what does not fit is looked at: of a store in use, one look sees two moments."""


def check(
    fresh: Callable[[], Inventory], clock: Clock, step: Callable[[int], None]
) -> tuple[int, tuple[Violation, ...]]:
    """
    Look at all of a store, which may be in use.

    Args:
        fresh: Makes an inventory of it.
        clock: The service's.
        step: Is told how many partitions are done.

    Returns:
        How many records there are, and what does not fit, at every look.

    Raises:
        Unavailable: The store did not answer.
    """
    inventory = fresh()
    records, found = 0, dict[int, set[Violation]]()
    for partition in range(PARTITIONS):
        shelf = inventory.shelf(partition)
        records += len(shelf.shelved)
        found[partition] = _violations_in(partition, shelf, clock)
        step(partition + 1)
    for _ in range(LOOKS - 1):
        inventory = fresh()
        for partition in [place for place, flaws in found.items() if flaws]:
            found[partition] &= _violations_in(partition, inventory.shelf(partition), clock)
    flaws = (one for flaws in found.values() for one in flaws)
    return records, tuple(sorted(flaws, key=lambda one: (one.subject, one.problem)))


def _violations_in(partition: int, shelf: Shelf, clock: Clock) -> set[Violation]:
    records = [one.record for one in shelf.shelved]
    return {*shelf.flaws, *violations(partition, records, clock.now())}
