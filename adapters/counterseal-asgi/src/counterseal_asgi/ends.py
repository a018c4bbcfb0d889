"""Wait in a coroutine until a challenge has ended, and end all waits when the process stops."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import TypeAlias
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter

import counterseal as cs
from counterseal.models import UNFINISHED, Challenge, Guid, RelyingParty
from counterseal_asgi.threads import run_in_thread
from counterseal_web import Service

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_Handler: TypeAlias = Callable[[int, FrameType | None], object]


class _Closing:
    """Tells the waits of one service, in any number of event loops, that it is closed."""

    def __init__(self, service: Service) -> None:
        self._closed = False
        self._futures: set[asyncio.Future[None]] = set()
        service.at_close(self._close)

    @contextmanager
    def future(self) -> Iterator[asyncio.Future[None]]:
        """Make a future that is done when the service is closed."""
        future = asyncio.get_running_loop().create_future()
        self._futures.add(future)
        try:
            if self._closed:
                _finish(future)
            yield future
        finally:
            self._futures.discard(future)

    def _close(self) -> None:
        self._closed = True
        for future in list(self._futures):
            # A loop that was closed has no call left.
            with suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_finish, future)


_closings: WeakKeyDictionary[Service, _Closing] = WeakKeyDictionary()
_lock = threading.Lock()


async def wait_for_end(
    service: Service,
    party: RelyingParty,
    challenge: Guid,
    *,
    timeout: timedelta,
    limiter: CapacityLimiter | None = None,
) -> Challenge:
    """
    Wait until a challenge has ended; return it as it stands then, or after *timeout*.

    For coroutines of asyncio. The ports' `Wake` ends the wait; the challenge is also loaded every
    `Settings.look_every`, because an answer may arrive in another process. While it waits it has
    no thread and no connection. Do not have a transaction of your own open meanwhile.

    Args:
        service: Its settings say how often to load; when it is closed, all waits end.
        party: The origin that asked.
        challenge: The GUID.
        timeout: How long to wait at most; zero loads once.
        limiter: Of the threads that load, as `aio` says.

    Raises:
        NotFound: There is no such challenge, or no longer.
        Foreign: Another origin asked.
        Unavailable: The store failed; you may call again.
    """
    load = partial(service.load, party, challenge)
    look_every = service.settings.look_every.total_seconds()
    deadline = service.monotonic() + timeout.total_seconds()
    with _closing(service).future() as closing:
        while True:
            seconds = min(look_every, deadline - service.monotonic())
            if seconds <= 0 or closing.done():
                return await run_in_thread(load, limiter)
            # Begun before the load, so that no change between the two is missed.
            woken = asyncio.create_task(_wait(service, challenge, seconds))
            try:
                current = await run_in_thread(load, limiter)
                if current.state not in UNFINISHED:
                    return current
                await asyncio.wait((woken, closing), return_when=asyncio.FIRST_COMPLETED)
                if woken.done():
                    woken.result()  # an error of the adapter, which would be repeated at once
            finally:
                woken.cancel()
                await asyncio.gather(woken, return_exceptions=True)


@contextmanager
def closing_on_signal(service: Service) -> Iterator[None]:
    """
    Close *service* when the process gets SIGINT or SIGTERM, and at the end of the `with` statement.

    A server such as uvicorn ends its `lifespan` only after all connections, so a service that is
    closed there keeps the process waiting for every call that waits. Enter this within
    `lifespan`, where the server's handlers are installed; they run as well.
    Outside the main thread, where Python accepts no handler, the service is closed at the end only.

    Args:
        service: Whose waits end.
    """
    loop = asyncio.get_running_loop()
    handlers: dict[signal.Signals, tuple[_Handler, _Handler]] = {}

    def chain(previous: _Handler) -> _Handler:
        def handle(number: int, frame: FrameType | None) -> None:
            # A handler interrupts other code, which may have a lock that `close` needs. A loop that
            # was closed has closed its service, too.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(service.close)
            previous(number, frame)

        return handle

    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            previous = signal.getsignal(number)
            if callable(previous):
                handlers[number] = (previous, chain(previous))
                signal.signal(number, handlers[number][1])
    try:
        yield
    finally:
        for number, (previous, own) in handlers.items():
            if signal.getsignal(number) is own:
                signal.signal(number, previous)
        service.close()


async def _wait(service: Service, challenge: Guid, seconds: float) -> None:
    try:
        await service.ports.wake.wait_async(challenge, timedelta(seconds=seconds))
    except cs.Unavailable:
        # It is only a hint, and did not wait.
        await asyncio.sleep(seconds)


def _closing(service: Service) -> _Closing:
    with _lock:
        closing = _closings.get(service)
        if closing is None:
            closing = _closings[service] = _Closing(service)
        return closing


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
