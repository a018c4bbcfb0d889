"""Waiters: the driver of `waiting` for threads; each call that waits holds one."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial

import counterseal as cs
from counterseal.models import Guid
from counterseal.ports import Wake
from counterseal_web.messages import Response
from counterseal_web.pending import EventStream, LongPoll
from counterseal_web.settings import Settings
from counterseal_web.slots import Slot, WaitSlots
from counterseal_web.waiting import Done, Follow, Waits
from counterseal_web.watched import Watched


class Waiters:
    """
    The waiting threads of one service.

    Args:
        wake: Wakes those who wait for something when it changes; it may fail to.
        settings: How often to load what they wait for.
        slots: The slots of the service.
        monotonic: Seconds that only grow.
    """

    def __init__(
        self, wake: Wake, settings: Settings, slots: WaitSlots, monotonic: Callable[[], float]
    ) -> None:
        self._wake = wake
        self._slots = slots
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._waits = Waits(
            slots,
            settings.look_every.total_seconds(),
            lambda: threading.Condition(self._lock),
        )

    def respond(self, pending: LongPoll | EventStream) -> Response:
        """
        Return the response to a call that waits; a long poll waits here, a stream while it is read.

        Raises:
            Refused: What is watched is gone, or the caller may not see it any more.
            Unavailable: A port failed.
        """
        with self._lock:
            slot = self._waits.take_slot(pending.watched.owner, pending.watched.device)
        if slot is None:
            return pending.refuse()
        wake_displaced(self._wake, slot)
        if isinstance(pending, EventStream):
            return pending.respond(_Stream(self._pieces(pending, slot), slot, self._slots))
        try:
            latest = self._wait(pending, pending.watched, pending.is_done, slot)
        finally:
            self._slots.free(slot)
        return pending.respond(latest, early=slot.revoked)

    def close(self) -> None:
        """End every wait, each after one more load; from now on no call waits."""
        with self._lock:
            ended = self._waits.close()
            for _, signal in ended:
                signal.notify_all()
        for topic, _ in ended:
            wake_up(self._wake, topic)

    def _pieces(self, pending: EventStream, slot: Slot) -> Iterator[bytes]:
        yield from pending.opening()
        watched, deadline = pending.watched, pending.deadline(self._monotonic())
        try:
            while not (watched.is_final or self._waits.closed or slot.revoked):
                latest = self._wait(pending, watched, partial(_differs, watched), slot)
                yield pending.piece(watched, latest)
                watched = latest
                if self._monotonic() >= deadline:
                    return
        except cs.CountersealError:
            # The stream breaks off, and the client calls again.
            return

    def _wait(
        self,
        pending: LongPoll | EventStream,
        watched: Watched,
        until: Callable[[Watched], bool],
        slot: Slot,
    ) -> Watched:
        deadline = self._monotonic() + pending.limit.total_seconds()
        with self._lock:
            wait = self._waits.begin(slot, watched, until, deadline)
        try:
            while True:
                with self._lock:
                    step = wait.step(self._monotonic())
                    if isinstance(step, Done):
                        return step.watched
                    if isinstance(step, Follow):
                        wait.signal.wait(step.seconds)
                        continue
                latest: Watched | None = None
                try:
                    self._wake.wait(watched.topic, timedelta(seconds=step.seconds))
                    latest = watched.load()
                finally:
                    with self._lock:
                        wait.loaded(latest)
                        wait.signal.notify_all()
        finally:
            with self._lock:
                wait.end()


def wake_up(wake: Wake, topic: Guid) -> None:
    """Wake those who wait for *topic*; if the port fails, their next load ends the wait."""
    with suppress(cs.Unavailable):
        wake.notify(topic)


def wake_displaced(wake: Wake, slot: Slot) -> None:
    """Wake the call whose slot was revoked for *slot*, if there is one."""
    displaced = slot.displaced
    if displaced is not None and displaced.topic is not None:
        wake_up(wake, displaced.topic)


def _differs(before: Watched, latest: Watched) -> bool:
    return latest.differs(before)


class _Stream:
    """Pieces; the slot is free once it is closed, or dropped by a host that does not close it."""

    def __init__(self, pieces: Iterator[bytes], slot: Slot, slots: WaitSlots) -> None:
        self._pieces = pieces
        self._free_slot = partial(slots.free, slot)
        weakref.finalize(self, slots.abandon, slot).atexit = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Give the slot back."""
        self._free_slot()
