"""
Waiting: what a call that waits has to do next.

Nothing here waits, reads a clock or takes a lock: a driver does, with threads or in an event loop.
It asks each wait for its next step and does that, again and again, until the step is `Done`.
All that wait for one request share each load of it: one of them loads, the others follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import attrs

from counterseal.models import Challenge, Guid
from counterseal_web.slots import Slot, Slots

S = TypeVar("S")


@attrs.frozen
class Done:
    """
    The wait is over.

    Attributes:
        challenge: The request as it was last seen.
    """

    challenge: Challenge


@attrs.frozen
class Load:
    """
    Wait for the wake-up of the request, load it, and call `Wait.loaded`, whatever happens.

    Attributes:
        seconds: How long to wait at most.
    """

    seconds: float


@attrs.frozen
class Follow:
    """
    Wait for the signal of the request: another wait loads it.

    Attributes:
        seconds: How long to wait at most.
    """

    seconds: float


@attrs.define(eq=False)
class _Watch(Generic[S]):
    """
    One request that somebody waits for.

    Attributes:
        signal: Reaches all who wait for it.
        latest: As it was last loaded; None before the first time.
        looking: Whether one of those who wait is about to load it.
        waits: How many wait.
    """

    signal: S
    latest: Challenge | None = None
    loading: bool = False
    waits: int = 0


class Waits(Generic[S]):
    """
    All waits of one driver; not for several threads at once.

    Args:
        slots: How many calls may wait at a time.
        look_every: Seconds after which a request is loaded though no wake-up came.
        make_signal: Makes what reaches all who wait for one request: a condition of threads, say.
    """

    def __init__(self, slots: int, look_every: float, make_signal: Callable[[], S]) -> None:
        self.look_every = look_every
        self.closed = False
        self._slots = Slots(slots)
        self._make_signal = make_signal
        self._watches: dict[Guid, _Watch[S]] = {}

    def take_slot(self, origin: Guid) -> Slot | None:
        """Return a slot for a call of *origin*; None if there is none for it."""
        return None if self.closed else self._slots.take(origin)

    def free_slot(self, slot: Slot) -> None:
        """Take a slot back; it may be called again."""
        self._slots.free(slot)

    def begin(
        self, slot: Slot, challenge: Challenge, until: Callable[[Challenge], bool], deadline: float
    ) -> Wait[S]:
        """
        Return a new wait; the driver calls its `end`.

        Args:
            slot: What `take_slot` returned.
            challenge: The request, as the caller knows it.
            until: Tells whether a request, as it was loaded, is what the caller waits for.
            deadline: When the wait ends at the latest, in the seconds of the driver's clock.
        """
        watch = self._watches.get(challenge.guid)
        if watch is None:
            watch = self._watches[challenge.guid] = _Watch(self._make_signal())
        watch.waits += 1
        return Wait(self, watch, slot, challenge, until, deadline)

    def close(self) -> Iterator[S]:
        """End all waits, each after one more load at most; return the signals to send."""
        self.closed = True
        for watch in self._watches.values():
            yield watch.signal

    def end(self, guid: Guid, watch: _Watch[S]) -> None:
        """Forget one that waited for the request *guid*."""
        watch.waits -= 1
        if not watch.waits:
            del self._watches[guid]


@attrs.define(eq=False)
class Wait(Generic[S]):
    """One call's wait for one request; made by `Waits.begin`."""

    _waits: Waits[S]
    _watch: _Watch[S]
    _slot: Slot
    _challenge: Challenge
    _until: Callable[[Challenge], bool]
    _deadline: float

    @property
    def signal(self) -> S:
        """Return what reaches all who wait for this request."""
        return self._watch.signal

    def step(self, now: float) -> Done | Load | Follow:
        """
        Return what to do next.

        Args:
            now: The seconds of the driver's clock.
        """
        latest = self._watch.latest
        if latest is not None and latest.version >= self._challenge.version:
            self._challenge = latest
        remaining = self._deadline - now
        stopped = self._waits.closed or self._slot.revoked or remaining <= 0
        if stopped or self._until(self._challenge):
            return Done(self._challenge)
        if self._watch.loading:
            return Follow(remaining)
        self._watch.loading = True
        return Load(min(remaining, self._waits.look_every))

    def loaded(self, challenge: Challenge | None) -> None:
        """
        End the step `Load`; then the driver sends the signal.

        Args:
            challenge: As it was loaded; None if that failed, so that another may load next.
        """
        if challenge is not None:
            self._watch.latest = challenge
        self._watch.loading = False

    def end(self) -> None:
        """Forget this wait."""
        self._waits.end(self._challenge.guid, self._watch)
