"""Places: who may wait, and who has to go when somebody comes who has fewer."""

from __future__ import annotations

import threading
from collections import defaultdict

from counterseal.models import Guid


class Place:
    """
    A place of one who waits.

    Attributes:
        origin: Whose it is.
        over: Whether it has been given to another: its holder is to go.
    """

    __slots__ = ("_places", "origin", "over")

    def __init__(self, places: Places, origin: Guid) -> None:
        self._places = places
        self.origin = origin
        self.over = False

    def leave(self) -> None:
        """Give it back; again, or once it is over, does nothing."""
        self._places.left(self)


class Places:
    """
    The places of this process.

    One origin may have all of them as long as nobody else wants any.
    Then the origin with the most gives its oldest to one who has at least two fewer, so that
    nobody is kept out by somebody else's waiting, and two never take turns in sending each other
    away.

    Args:
        total: How many there are.
    """

    def __init__(self, total: int) -> None:
        self._lock = threading.Lock()
        self._free = total
        # Dictionaries keep their order: the first is the oldest.
        self._held: defaultdict[Guid, dict[Place, None]] = defaultdict(dict)

    def take(self, origin: Guid) -> Place | None:
        """Return a place for *origin*; None if there is none, and nobody who has to go."""
        with self._lock:
            if self._free:
                self._free -= 1
            elif not self._sent_away(origin):
                return None
            place = Place(self, origin)
            self._held[origin][place] = None
            return place

    def left(self, place: Place) -> None:
        """Take *place* back from its holder, if it is still the holder's."""
        with self._lock:
            if place in self._held.get(place.origin, ()):
                self._remove(place)
                self._free += 1

    def _sent_away(self, origin: Guid) -> bool:
        most = max(self._held.values(), key=len, default={})
        if len(most) < len(self._held.get(origin, ())) + 2:
            return False
        oldest = next(iter(most))
        oldest.over = True
        self._remove(oldest)
        return True

    def _remove(self, place: Place) -> None:
        held = self._held[place.origin]
        del held[place]
        if not held:
            del self._held[place.origin]
