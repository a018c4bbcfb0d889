"""
Keeping what providers publish: fetched by one thread at a time, and kept while out of reach.

How often a provider is asked is bounded, whatever anybody sends us.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from counterseal.errors import IdentityUnavailable
from counterseal.ports import Clock
from counterseal_http import Budget
from counterseal_oidc.asking import LONGEST

T = TypeVar("T")

KEPT = 1_024
"""Providers that are remembered; the one that was used longest ago is forgotten first."""

ONCE_IN = timedelta(minutes=1)
"""How often at most it is asked for anew because what is kept does not have what is wanted."""

AGAIN_AFTER = timedelta(seconds=5)
"""How long nobody asks after an attempt that failed: who waits for a dead server blocks others."""

Fetch = Callable[[Budget], tuple[T, timedelta]]
"""Asks for it; returns it with how long it is fresh."""


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: tuple[T, datetime, datetime] | None = None
        self.failed_at: datetime | None = None
        self.missed_at: datetime | None = None


class Keeper(Generic[T]):
    """
    Keeps one thing of each of many providers; may be shared by threads.

    Args:
        clock: Tells when something is old.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        key: str,
        fetch: Fetch[T],
        left: Budget,
        *,
        wanted: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """
        Return what is kept for *key*, or what *fetch* brings.

        Args:
            key: Of which provider.
            fetch: Asked if nothing is kept, if it is no longer fresh, or if it is not *wanted*:
                for the last reason once a minute at most.
            left: How long the caller waits.
            wanted: Whether a kept value is of use.

        Returns:
            The newest there is: perhaps not what is wanted, and perhaps not fresh, but never
            older than a day.

        Raises:
            IdentityUnavailable: There is none.
        """
        entry = self._entry(key)
        found = self._usable(entry, wanted)
        if found is not None:
            return found
        try:
            free = entry.lock.acquire(timeout=left.seconds())
        except TimeoutError:
            free = False
        if not free:
            raise IdentityUnavailable("others are asking, and the time is over")
        try:
            found = self._usable(entry, wanted)
            return self._fetched(entry, fetch, left, wanted) if found is None else found
        finally:
            entry.lock.release()

    def _entry(self, key: str) -> _Entry[T]:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > KEPT:
                self._entries.popitem(last=False)
        return entry

    def _usable(self, entry: _Entry[T], wanted: Callable[[T], bool]) -> T | None:
        if entry.kept is None:
            return None
        value, _, fresh_until = entry.kept
        return value if self._clock.now() < fresh_until and wanted(value) else None

    def _fetched(
        self, entry: _Entry[T], fetch: Fetch[T], left: Budget, wanted: Callable[[T], bool]
    ) -> T:
        now = self._clock.now()
        old = None
        if entry.kept is not None:
            value, fetched_at, fresh_until = entry.kept
            old = value if now < fetched_at + LONGEST else None
            missed = now < fresh_until
            if missed and _within(entry.missed_at, now, ONCE_IN):
                return value
            if missed:
                entry.missed_at = now
        if _within(entry.failed_at, now, ONCE_IN if old is not None else AGAIN_AFTER):
            return _at_hand(old)
        try:
            value, fresh = fetch(left)
        except IdentityUnavailable:
            entry.failed_at = now
            if old is None:
                raise
            return old
        entry.kept = (value, now, now + fresh)
        entry.failed_at = None
        if not wanted(value):
            entry.missed_at = now
        return value


def _within(at: datetime | None, now: datetime, span: timedelta) -> bool:
    return at is not None and at <= now < at + span


def _at_hand(old: T | None) -> T:
    if old is None:
        raise IdentityUnavailable("it did not answer a moment ago")
    return old
