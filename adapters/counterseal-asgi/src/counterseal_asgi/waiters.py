"""Waiters: the driver of `counterseal_web.waiting` for one event loop; no wait holds a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from anyio import CapacityLimiter

import counterseal as cs
from counterseal_asgi.threads import run_in_thread
from counterseal_web import Response, Service
from counterseal_web.pending import EventStream, LongPoll
from counterseal_web.slots import Slot
from counterseal_web.waiters import wake_displaced, wake_up
from counterseal_web.waiting import Done, Follow, Waits
from counterseal_web.watched import Watched


class _Signal:
    """Reaches all coroutines of one event loop that wait for it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify_all(self) -> None:
        """End all waits that have begun."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return at the next `notify_all`, or after *seconds*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


class AsyncWaiters:
    """
    The waiting coroutines of one event loop.

    Args:
        service: The use cases, and the settings.
        limiter: Of the threads in which is loaded what they wait for.
    """

    def __init__(self, service: Service, limiter: CapacityLimiter | None) -> None:
        self._service = service
        self._limiter = limiter
        self._monotonic = service.monotonic
        self._waits = Waits(service.slots, service.settings.look_every.total_seconds(), _Signal)

    def take_slot(self, pending: LongPoll | EventStream) -> Slot | None:
        """Return a slot for *pending*; None if there is none for it."""
        slot = self._waits.take_slot(pending.watched.owner, pending.watched.device)
        if slot is not None:
            wake_displaced(self._service.ports.wake, slot)
        return slot

    def free_slot(self, slot: Slot) -> None:
        """Take a slot back; it may be called again."""
        self._waits.free_slot(slot)

    async def respond(self, pending: LongPoll) -> Response:
        """
        Return the response to a long poll, once it has one.

        Raises:
            Refused: What is watched is gone, or the caller may not see it any more.
            Unavailable: A port failed.
        """
        slot = self.take_slot(pending)
        if slot is None:
            return pending.refuse()
        try:
            latest = await self._wait(pending, pending.watched, pending.is_done, slot)
        finally:
            self.free_slot(slot)
        return pending.respond(latest, early=slot.revoked)

    async def pieces(self, pending: EventStream, slot: Slot) -> AsyncGenerator[bytes, None]:
        """
        Yield the pieces of an event stream.

        Args:
            pending: The call.
            slot: What `take_slot` returned.
        """
        watched, deadline = pending.watched, pending.deadline(self._monotonic())
        try:
            for piece in pending.opening():
                yield piece
            while not (watched.is_final or self._waits.closed or slot.revoked):
                latest = await self._wait(pending, watched, partial(_differs, watched), slot)
                yield pending.piece(watched, latest)
                watched = latest
                if self._monotonic() >= deadline:
                    return
        except cs.CountersealError:
            # The stream breaks off, and the client calls again.
            return

    def close(self) -> None:
        """End every wait, each after one more load; from now on no call waits."""
        for topic, signal in self._waits.close():
            signal.notify_all()
            wake_up(self._service.ports.wake, topic)

    async def _wait(
        self,
        pending: LongPoll | EventStream,
        watched: Watched,
        until: Callable[[Watched], bool],
        slot: Slot,
    ) -> Watched:
        deadline = self._monotonic() + pending.limit.total_seconds()
        wait = self._waits.begin(slot, watched, until, deadline)
        try:
            while True:
                step = wait.step(self._monotonic())
                if isinstance(step, Done):
                    return step.watched
                if isinstance(step, Follow):
                    await wait.signal.wait(step.seconds)
                    continue
                latest: Watched | None = None
                try:
                    latest = await self._await_change(watched, step.seconds)
                finally:
                    wait.loaded(latest)
                    wait.signal.notify_all()
        finally:
            wait.end()

    async def _await_change(self, watched: Watched, seconds: float) -> Watched:
        await self._service.ports.wake.wait_async(watched.topic, timedelta(seconds=seconds))
        return await run_in_thread(watched.load, self._limiter)


def _differs(before: Watched, latest: Watched) -> bool:
    return latest.differs(before)
