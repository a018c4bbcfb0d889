"""
Waiting: what a call that waits has to do next.

Nothing here waits, reads a clock or takes a lock: a driver does, with threads or in an event loop.
It asks each wait for its next step and does that, again and again, until the step is `Done`.
Calls that wait for the same share each load of it: one of them loads, the others follow.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import attrs

from counterseal.models import Guid
from counterseal_web.slots import Slot, Slots
from counterseal_web.watched import Watched

S = TypeVar("S")


@attrs.frozen
class Done:
    """
    The wait is over.

    Attributes:
        watched: What the call waits for, as it was last seen.
    """

    watched: Watched


@attrs.frozen
class Load:
    """
    Wait for the wake-up, load what is watched, and call `Wait.loaded`, whatever happens.

    Attributes:
        seconds: How long to wait at most.
    """

    seconds: float


@attrs.frozen
class Follow:
    """
    Wait for the signal: another wait loads what is watched.

    Attributes:
        seconds: How long to wait at most.
    """

    seconds: float


@attrs.define(eq=False)
class _Watch(Generic[S]):
    """
    What somebody waits for.

    Attributes:
        signal: Reaches all who wait for the same.
        topic: The GUID by which the one that loads is woken.
        latest: As it was last loaded; None before the first time.
        loading: Whether one of those who wait is about to load it.
        waits: How many wait.
    """

    signal: S
    topic: Guid
    latest: Watched | None = None
    loading: bool = False
    waits: int = 0


class Waits(Generic[S]):
    """
    All waits of one driver; not for several threads at once.

    Args:
        slots: The slots of the service; all its drivers share them.
        look_every: Seconds after which what is watched is loaded though no wake-up came.
        make_signal: Makes what reaches all who wait for the same: a condition of threads, say.
    """

    def __init__(self, slots: Slots, look_every: float, make_signal: Callable[[], S]) -> None:
        self.look_every = look_every
        self.closed = False
        self._slots = slots
        self._make_signal = make_signal
        self._watches: dict[Hashable, _Watch[S]] = {}

    def take_slot(self, owner: Guid, device: Guid | None = None) -> Slot | None:
        """Return a slot for a call, as `Slots.take` does; None if there is none for it."""
        return None if self.closed else self._slots.take(owner, device)

    def free_slot(self, slot: Slot) -> None:
        """Take a slot back; it may be called again."""
        self._slots.free(slot)

    def begin(
        self, slot: Slot, watched: Watched, until: Callable[[Watched], bool], deadline: float
    ) -> Wait[S]:
        """
        Return a new wait; the driver calls its `end`.

        Args:
            slot: What `take_slot` returned.
            watched: What the call waits for, as the caller knows it.
            until: Tells whether that, as it was loaded, ends the wait.
            deadline: When the wait ends at the latest, in the seconds of the driver's clock.
        """
        watch = self._watches.get(watched.key)
        if watch is None:
            watch = self._watches[watched.key] = _Watch(self._make_signal(), watched.topic)
        watch.waits += 1
        slot.topic = watched.topic
        return Wait(self, watch, slot, watched, until, deadline)

    def close(self) -> list[tuple[Guid, S]]:
        """End all waits, each after one more load; return whom to wake, and the signals to send."""
        self.closed = True
        return [(watch.topic, watch.signal) for watch in self._watches.values()]

    def end(self, key: Hashable, watch: _Watch[S]) -> None:
        """Forget one that waited for what has *key*."""
        watch.waits -= 1
        if not watch.waits:
            del self._watches[key]


@attrs.define(eq=False)
class Wait(Generic[S]):
    """One call's wait; made by `Waits.begin`."""

    _waits: Waits[S]
    _watch: _Watch[S]
    _slot: Slot
    _watched: Watched
    _until: Callable[[Watched], bool]
    _deadline: float

    @property
    def signal(self) -> S:
        """Return what reaches all who wait for the same."""
        return self._watch.signal

    def step(self, now: float) -> Done | Load | Follow:
        """
        Return what to do next.

        Args:
            now: The seconds of the driver's clock.
        """
        latest = self._watch.latest
        if latest is not None and latest.version >= self._watched.version:
            self._watched = latest
        remaining = self._deadline - now
        stopped = self._waits.closed or self._slot.revoked or remaining <= 0
        if stopped or self._until(self._watched):
            return Done(self._watched)
        if self._watch.loading:
            return Follow(remaining)
        self._watch.loading = True
        return Load(min(remaining, self._waits.look_every))

    def loaded(self, latest: Watched | None) -> None:
        """
        End the step `Load`; then the driver sends the signal.

        Args:
            latest: As it was loaded; None if that failed, so that another may load next.
        """
        if latest is not None:
            self._watch.latest = latest
        self._watch.loading = False

    def end(self) -> None:
        """Forget this wait."""
        self._waits.end(self._watched.key, self._watch)
