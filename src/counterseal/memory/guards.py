"""Replay guard, counters and idempotency in dictionaries, under locks."""

from __future__ import annotations

import heapq
import itertools
import threading
from datetime import datetime, timedelta
from typing import TypeAlias

import attrs

from counterseal.models import Guid, KeyScope, Reservation
from counterseal.ports import Clock

_Place: TypeAlias = tuple[tuple[KeyScope, Guid], str]


class MemoryReplayGuard:
    """Remembers each key until its time is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str, str], datetime] = {}
        self._ends: list[tuple[datetime, tuple[str, str, str]]] = []

    def first_seen(self, key: tuple[str, str, str], until: datetime) -> bool:
        """Tell whether *key* is new, and remember it until *until*."""
        now = self._clock.now()
        with self._lock:
            while self._ends and self._ends[0][0] <= now:
                _, over = heapq.heappop(self._ends)
                if self._seen.get(over, now) <= now:
                    self._seen.pop(over, None)
            if key in self._seen:
                return False
            self._seen[key] = until
            heapq.heappush(self._ends, (until, key))
            return True


class MemoryCounters:
    """Counts in fixed windows; two neighbours count together, so that no burst fits between."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, timedelta], tuple[int, int, int]] = {}

    def add(self, key: tuple[str, str], window: timedelta) -> int:
        """Count one more; never fewer than the last *window* really had."""
        number = int(self._clock.now().timestamp() // window.total_seconds())
        place = (*key, window)
        with self._lock:
            current, before, count = self._counts.get(place, (number, 0, 0))
            if number > current:
                before, count = (count if number == current + 1 else 0), 0
            else:
                # A clock that jumped back finds the newest window, and counts too much.
                number = current
            self._counts[place] = (number, before, count + 1)
            return before + count + 1


class MemoryIdempotency:
    """Reservations by scope and key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[_Place, Reservation] = {}
        # The number comes before the place, since verbs have no order.
        self._ends: list[tuple[datetime, int, _Place]] = []
        self._numbers = itertools.count()

    def begin(self, reservation: Reservation, now: datetime) -> Reservation:
        """Reserve, or return the reservation that is in force."""
        place = (reservation.scope, reservation.key)
        with self._lock:
            self._prune(now)
            held = self._held.get(place)
            if held is None:
                return self._keep(place, reservation)
            if (
                held.finished
                or held.fingerprint != reservation.fingerprint
                or held.lease_until > now
            ):
                return held
            return self._keep(place, attrs.evolve(reservation, guid=held.guid))

    def _keep(self, place: _Place, reservation: Reservation) -> Reservation:
        self._held[place] = reservation
        heapq.heappush(self._ends, (reservation.until, next(self._numbers), place))
        return reservation

    def _prune(self, now: datetime) -> None:
        while self._ends and self._ends[0][0] <= now:
            _, _, place = heapq.heappop(self._ends)
            held = self._held.get(place)
            if held is not None and held.until <= now:
                del self._held[place]

    def finish(self, reservation: Reservation) -> None:
        """Mark the reservation as finished."""
        place = (reservation.scope, reservation.key)
        with self._lock:
            held = self._held.get(place)
            if held is not None and held.guid == reservation.guid:
                self._held[place] = attrs.evolve(held, finished=True)
