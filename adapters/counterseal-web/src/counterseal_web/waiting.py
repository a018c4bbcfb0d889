"""
Waiting: the next step of each call that waits.

Nothing here waits or reads a clock: a driver does, with threads or in an event loop.
It takes the next step of each wait, until the step is `Done`.
Calls that wait for the same request or list share its loads: one call loads, the others follow.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import attrs

from counterseal.models import Guid
from counterseal_web.slots import Slot, WaitSlots
from counterseal_web.watched import Watched

S = TypeVar("S")


@attrs.frozen
class Done:
    """
    The wait is over.

    Attributes:
        watched: What the call waits for, as it was last loaded.
    """

    watched: Watched


@attrs.frozen
class Load:
    """
    Wait for the wake-up, load what is watched, and call `Wait.loaded`, also after a failure.

    Attributes:
        seconds: How long to wait at most.
    """

    seconds: float


@attrs.frozen
class Follow:
    """
    Wait for the signal, because another wait loads what is watched.

    Attributes:
        seconds: How long to wait at most.
    """

    seconds: float


@attrs.define(eq=False)
class _Watch(Generic[S]):
    """
    One request or list, and what the waits for it share.

    Attributes:
        signal: Is sent to every wait for it.
        topic: The GUID of the wake-up for the wait that loads.
        latest: The request or list as it was last loaded; None before the first load.
        loading: Whether one of the waits has the step `Load`.
        waits: The number of waits.
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
        look_every: Seconds after which what is watched is loaded without a wake-up.
        make_signal: Makes a signal, which is sent to all waits for the same request or list.
    """

    def __init__(self, slots: WaitSlots, look_every: float, make_signal: Callable[[], S]) -> None:
        self.look_every = look_every
        self.closed = False
        self._slots = slots
        self._make_signal = make_signal
        self._watches: dict[Hashable, _Watch[S]] = {}

    def take_slot(self, owner: Guid, device: Guid | None = None) -> Slot | None:
        """Return a slot for a call, as `WaitSlots.take` does; None if there is none for it."""
        return None if self.closed else self._slots.take(owner, device)

    def free_slot(self, slot: Slot) -> None:
        """Take a slot back; it may be called again."""
        self._slots.free(slot)

    def begin(
        self, slot: Slot, watched: Watched, until: Callable[[Watched], bool], deadline: float
    ) -> Wait[S]:
        """
        Return a new wait; the driver calls its `end` in any case.

        Args:
            slot: What `take_slot` returned.
            watched: What the call waits for, as the caller knows it.
            until: Tells whether what was loaded ends the wait.
            deadline: The latest end of the wait, in seconds of the driver's clock.
        """
        watch = self._watches.get(watched.key)
        if watch is None:
            watch = self._watches[watched.key] = _Watch(self._make_signal(), watched.topic)
        watch.waits += 1
        slot.topic = watched.topic
        return Wait(self, watch, slot, watched, until, deadline)

    def close(self) -> list[tuple[Guid, S]]:
        """End all waits, each after one more load; return topics to wake, and signals to send."""
        self.closed = True
        return [(watch.topic, watch.signal) for watch in self._watches.values()]

    def end(self, key: Hashable, watch: _Watch[S]) -> None:
        """Remove one wait from *watch*, which has *key*."""
        watch.waits -= 1
        if not watch.waits:
            del self._watches[key]


@attrs.define(eq=False)
class Wait(Generic[S]):
    """The wait of one call; `Waits.begin` makes it."""

    _waits: Waits[S]
    _watch: _Watch[S]
    _slot: Slot
    _watched: Watched
    _until: Callable[[Watched], bool]
    _deadline: float

    @property
    def signal(self) -> S:
        """Return the signal that is sent to all waits for the same request or list."""
        return self._watch.signal

    def step(self, now: float) -> Done | Load | Follow:
        """
        Return the next step.

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
            latest: What was loaded; None if the load failed, and another wait may load next.
        """
        if latest is not None:
            self._watch.latest = latest
        self._watch.loading = False

    def end(self) -> None:
        """Remove this wait."""
        self._waits.end(self._watched.key, self._watch)
