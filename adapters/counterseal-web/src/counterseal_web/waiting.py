"""
Waiting: whoever wants to know how a request ends, without asking again and again.

All who wait for one request share one look at the store every so often:
one of them looks, and tells the others.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import attrs

import counterseal as cs
from counterseal.models import Challenge, Guid, RelyingParty
from counterseal.ports import Wake
from counterseal_web.places import Place, Places
from counterseal_web.settings import Settings


@attrs.define(eq=False)
class _Watch:
    """
    One request that somebody waits for.

    Attributes:
        told: Wakes those who wait for it, after each look.
        latest: As it was last seen; None before the first look.
        looking: Whether one of those who wait is about to look.
        waiting: How many wait.
    """

    told: threading.Condition
    latest: Challenge | None = None
    looking: bool = False
    waiting: int = 0


class Waiters:
    """
    Those of this process who wait.

    Args:
        wake: Rings when a request changes, perhaps.
        challenges: Tells how a request stands.
        settings: How many may wait, and how often to look.
    """

    def __init__(self, wake: Wake, challenges: cs.Challenges, settings: Settings) -> None:
        self._wake = wake
        self._challenges = challenges
        self._settings = settings
        self._places = Places(settings.waiters)
        self._lock = threading.Lock()
        self._closed = False
        self._watches: dict[Guid, _Watch] = {}

    def enter(self, party: RelyingParty) -> Place | None:
        """Take a place for *party*; None if there is none, and nobody has more than their share."""
        return None if self._closed else self._places.take(party.origin.guid)

    @property
    def closed(self) -> bool:
        """Whether nobody is to wait any more."""
        return self._closed

    def close(self) -> None:
        """Let everybody go, after one more look; from now on nobody waits."""
        with self._lock:
            self._closed = True
            for watch in self._watches.values():
                watch.told.notify_all()

    def changed(
        self, party: RelyingParty, known: Challenge, timeout: timedelta, place: Place
    ) -> Challenge:
        """
        Return *known* as it stands once its state is another, or the caller has to go.

        That is after *timeout*, at `close`, and, a look later, when *place* is over.

        Args:
            party: Its origin.
            known: As the caller knows it.
            place: What `enter` returned.
            timeout: How long to wait at most.

        Raises:
            Refused: The request is gone.
            Unavailable: A port failed.
        """
        end = time.monotonic() + timeout.total_seconds()
        with self._lock:
            watch = self._watches.get(known.guid)
            if watch is None:
                watch = self._watches[known.guid] = _Watch(threading.Condition(self._lock))
            watch.waiting += 1
        try:
            return self._watched(watch, party, known, end, place)
        finally:
            with self._lock:
                watch.waiting -= 1
                if not watch.waiting:
                    del self._watches[known.guid]

    def _watched(
        self, watch: _Watch, party: RelyingParty, known: Challenge, end: float, place: Place
    ) -> Challenge:
        seen = known
        while True:
            left = end - time.monotonic()
            with self._lock:
                if watch.latest is not None and watch.latest.version >= known.version:
                    seen = watch.latest
                if self._closed or place.over or left <= 0 or seen.state is not known.state:
                    return seen
                if watch.looking:
                    watch.told.wait(left)
                    continue
                watch.looking = True
            self._look(watch, party, known.guid, timedelta(seconds=left))

    def _look(self, watch: _Watch, party: RelyingParty, guid: Guid, left: timedelta) -> None:
        latest: Challenge | None = None
        try:
            self._wake.wait(guid, min(left, self._settings.look_every))
            latest = self._challenges.status(party, guid)
        finally:
            # Whatever went wrong for this one, another may look next.
            with self._lock:
                watch.latest = watch.latest if latest is None else latest
                watch.looking = False
                watch.told.notify_all()
