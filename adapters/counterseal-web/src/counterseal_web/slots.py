"""Slots: who may wait, and who has to stop when another comes that has fewer."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque

import attrs

from counterseal.models import Guid

DEVICE_SLOTS = 4
"""Slots of one device at a time: more than its apps need, some of them after a lost connection."""


@attrs.define(eq=False)
class Slot:
    """
    The right of one call to wait.

    Attributes:
        owner: Whose call it is: an origin, or an App Space, whose devices share their slots.
        device: The device that calls; None for an origin.
        revoked: Whether another owner has it now, so that this call is to stop waiting.
        topic: The GUID by which the call that waits is woken; None before it waits.
        displaced: The slot that was revoked for this one; the driver wakes its call.
    """

    owner: Guid
    device: Guid | None = None
    revoked: bool = False
    topic: Guid | None = None
    displaced: Slot | None = None


class WaitSlots:
    """
    The slots of one service, for any number of threads.

    One owner may have all of them as long as no other wants any.
    Then the owner with the most loses its oldest to one that has at least two fewer, so that
    none can keep another from waiting, and two never take one from each other in turn.
    A device has `DEVICE_SLOTS` at most, so that it leaves some to others of its App Space.

    Args:
        total: How many there are.
    """

    def __init__(self, total: int) -> None:
        self._lock = threading.Lock()
        self._abandoned: deque[Slot] = deque()
        self._free = total
        # Dictionaries keep their order: the first is the oldest.
        self._used: defaultdict[Guid, dict[Slot, None]] = defaultdict(dict)
        self._by_device: Counter[Guid] = Counter()

    def take(self, owner: Guid, device: Guid | None = None) -> Slot | None:
        """
        Return a slot for *owner*; None if there is none, and no owner has to give one up.

        Args:
            owner: An origin, or the App Space of *device*.
            device: The device that calls; None for an origin.
        """
        with self._lock:
            while self._abandoned:
                self._free_now(self._abandoned.popleft())
            if device is not None and self._by_device[device] >= DEVICE_SLOTS:
                return None
            displaced = None
            if self._free:
                self._free -= 1
            else:
                displaced = self._revoke_for(owner)
                if displaced is None:
                    return None
            slot = Slot(owner, device, displaced=displaced)
            self._used[owner][slot] = None
            if device is not None:
                self._by_device[device] += 1
            return slot

    def free(self, slot: Slot) -> None:
        """Take *slot* back; one that is revoked or free already changes nothing."""
        with self._lock:
            self._free_now(slot)

    def abandon(self, slot: Slot) -> None:
        """Have the next `take` free *slot*; without the lock, since a finalizer calls it."""
        self._abandoned.append(slot)

    def _free_now(self, slot: Slot) -> None:
        if slot in self._used.get(slot.owner, ()):
            self._remove(slot)
            self._free += 1

    def _revoke_for(self, owner: Guid) -> Slot | None:
        most = max(self._used.values(), key=len, default={})
        if len(most) < len(self._used.get(owner, ())) + 2:
            return None
        oldest = next(iter(most))
        oldest.revoked = True
        self._remove(oldest)
        return oldest

    def _remove(self, slot: Slot) -> None:
        slots = self._used[slot.owner]
        del slots[slot]
        if not slots:
            del self._used[slot.owner]
        if slot.device is not None:
            self._by_device[slot.device] -= 1
            if not self._by_device[slot.device]:
                del self._by_device[slot.device]
