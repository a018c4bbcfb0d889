"""Slots: who may wait, and who has to stop when an origin comes that has fewer."""

from __future__ import annotations

from collections import defaultdict

import attrs

from counterseal.models import Guid


@attrs.define(eq=False)
class Slot:
    """
    The right of one call to wait.

    Attributes:
        origin: Whose call it is.
        revoked: Whether another origin has it now, so that this call is to stop waiting.
    """

    origin: Guid
    revoked: bool = False


class Slots:
    """
    The slots of one process; not for several threads at once.

    One origin may have all of them as long as no other wants any.
    Then the origin with the most loses its oldest to one that has at least two fewer, so that
    no origin can keep another from waiting, and two never take one from each other in turn.

    Args:
        total: How many there are.
    """

    def __init__(self, total: int) -> None:
        self._free = total
        # Dictionaries keep their order: the first is the oldest.
        self._used: defaultdict[Guid, dict[Slot, None]] = defaultdict(dict)

    def take(self, origin: Guid) -> Slot | None:
        """Return a slot for *origin*; None if there is none, and no origin has to give one up."""
        if self._free:
            self._free -= 1
        elif not self._revoke_for(origin):
            return None
        slot = Slot(origin)
        self._used[origin][slot] = None
        return slot

    def free(self, slot: Slot) -> None:
        """Take *slot* back; one that is revoked or free already changes nothing."""
        if slot in self._used.get(slot.origin, ()):
            self._remove(slot)
            self._free += 1

    def _revoke_for(self, origin: Guid) -> bool:
        most = max(self._used.values(), key=len, default={})
        if len(most) < len(self._used.get(origin, ())) + 2:
            return False
        oldest = next(iter(most))
        oldest.revoked = True
        self._remove(oldest)
        return True

    def _remove(self, slot: Slot) -> None:
        slots = self._used[slot.origin]
        del slots[slot]
        if not slots:
            del self._used[slot.origin]
