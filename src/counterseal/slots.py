"""
Slots: who gets one of a few, such as attempts to deliver, places for bodies, or calls that run.

Owners share slots by dynamic thresholds (Choudhury and Hahne, 1998): an owner gets another slot
while it has fewer than are free. So an owner that is alone has about half of all slots, n owners
that come at the same time about one in n + 1 each, and the last slot is for an owner without one.
Owners whose slots never become free, and that come one after the other, take half of what is free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable


def gets_slot(count: int, free: int, *, part: int = 2, reserved: int = 0) -> bool:
    """
    Return whether an owner with *count* slots gets one of the *free* ones.

    Args:
        count: How many slots the owner has.
        free: How many slots nobody has.
        part: Which part of all slots the owner gets if it is alone: half for 2, an eighth for 8.
        reserved: How many of the free slots only owners without a slot get.
    """
    return free > (reserved if count else 0) and count * (part - 1) < free


class SlotCounts:
    """
    How many slots are free, and how many each owner has; not to be shared by threads.

    An owner without a slot uses no memory.

    Args:
        total: How many there are.

    Attributes:
        total: How many there are.
        free: How many nobody has.
    """

    def __init__(self, total: int) -> None:
        self.total = self.free = total
        self._counts: Counter[Hashable] = Counter()

    def count(self, owner: Hashable) -> int:
        """Return how many slots *owner* has."""
        return self._counts[owner]

    def take(self, *owners: Hashable) -> None:
        """Take one slot for all of *owners*; first ask `gets_slot` whether they get it."""
        self.free -= 1
        for owner in owners:
            self._counts[owner] += 1

    def give_back(self, *owners: Hashable) -> None:
        """Give back a slot that was taken for *owners*."""
        self.free += 1
        for owner in owners:
            self._counts[owner] -= 1
            if not self._counts[owner]:
                del self._counts[owner]
