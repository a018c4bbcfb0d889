"""
A cache of what providers publish, with stale-if-error (RFC 5861, 4).

Only one thread at a time fetches an entry.
How often a provider is asked is bounded, whatever clients send.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from counterseal.errors import IdentityUnavailable
from counterseal.ports import Clock
from counterseal_http import Budget

T = TypeVar("T")

MIN_FRESH, DEFAULT_FRESH = timedelta(minutes=5), timedelta(hours=1)
MAX_FRESH = timedelta(hours=24)
"""The longest that a value may be used after its fetch: fresh, or stale because of an error."""

CAPACITY = 1_024
"""Entries, one for each provider; the least recently used one is removed first."""

REFETCH_INTERVAL = timedelta(minutes=1)
"""The shortest time between two fetches because a fresh value lacks what is needed."""

RETRY_INTERVAL = timedelta(seconds=5)
"""The shortest time between a fetch that failed and the next, where there is no stale value."""

Fetch = Callable[[Budget], tuple[T, timedelta]]
"""Fetches a value; returns it and how long it is fresh."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})\b", re.IGNORECASE)
_NO_CACHE = re.compile(r"(?:^|[\s,])no-(?:store|cache)\b", re.IGNORECASE)


def freshness_lifetime(cache_control: str) -> timedelta:
    """Return how long a response with this `Cache-Control` is fresh (RFC 9111, 5.2.2)."""
    if _NO_CACHE.search(cache_control):
        return MIN_FRESH
    max_age = _MAX_AGE.search(cache_control)
    if max_age is None:
        return DEFAULT_FRESH
    return min(max(timedelta(seconds=int(max_age[1])), MIN_FRESH), MAX_FRESH)


class _Cached(NamedTuple, Generic[T]):
    value: T
    fetched_at: datetime
    fresh_until: datetime


class _Entry(Generic[T]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.cached: _Cached[T] | None = None
        self.failed_at: datetime | None = None
        self.rejected_at: datetime | None = None


class Cache(Generic[T]):
    """
    One value for each of many providers; may be shared by threads.

    Args:
        clock: Says when a value is stale.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        key: str,
        fetch: Fetch[T],
        budget: Budget,
        *,
        accept: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """
        Return the cached value of *key*, or the one that *fetch* returns.

        Args:
            key: Names the provider.
            fetch: Called if there is no fresh value; also, at most once a minute, if *accept*
                rejects the fresh value.
            budget: The time that the caller has.
            accept: Whether a cached value has what the caller needs.

        Returns:
            The newest value. It may be one that *accept* rejects. It may be stale if the provider
            cannot be reached, but it is never older than a day.

        Raises:
            IdentityUnavailable: There is no such value.
        """
        entry = self._entry(key)
        value = self._fresh_value(entry, accept)
        if value is not None:
            return value
        try:
            is_acquired = entry.lock.acquire(timeout=budget.seconds())
        except TimeoutError:
            is_acquired = False
        if not is_acquired:
            raise IdentityUnavailable("another call was fetching, and this one timed out")
        try:
            value = self._fresh_value(entry, accept)
            return self._refresh(entry, fetch, budget, accept) if value is None else value
        finally:
            entry.lock.release()

    def _entry(self, key: str) -> _Entry[T]:
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > CAPACITY:
                self._entries.popitem(last=False)
        return entry

    def _fresh_value(self, entry: _Entry[T], accept: Callable[[T], bool]) -> T | None:
        cached = entry.cached
        if cached is None or self._clock.now() >= cached.fresh_until:
            return None
        return cached.value if accept(cached.value) else None

    def _refresh(
        self, entry: _Entry[T], fetch: Fetch[T], budget: Budget, accept: Callable[[T], bool]
    ) -> T:
        now, cached = self._clock.now(), entry.cached
        usable = None
        if cached is not None:
            usable = cached.value if now < cached.fetched_at + MAX_FRESH else None
            # Fresh, so it was `accept` that rejected it.
            if now < cached.fresh_until:
                if _is_within(entry.rejected_at, now, REFETCH_INTERVAL):
                    return cached.value
                entry.rejected_at = now
        interval = RETRY_INTERVAL if usable is None else REFETCH_INTERVAL
        if _is_within(entry.failed_at, now, interval):
            if usable is None:
                raise IdentityUnavailable("the provider did not answer a moment ago")
            return usable
        try:
            value, lifetime = fetch(budget)
        except IdentityUnavailable:
            entry.failed_at = now
            if usable is None:
                raise
            return usable
        entry.cached = _Cached(value, now, now + lifetime)
        entry.failed_at = None
        if not accept(value):
            entry.rejected_at = now
        return value


def _is_within(at: datetime | None, now: datetime, span: timedelta) -> bool:
    # If the clock was set back, *at* may be in the future; it must not prevent a fetch.
    return at is not None and at <= now < at + span
