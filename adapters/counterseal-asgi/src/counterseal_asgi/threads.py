"""Use cases block, so asynchronous callers run them in threads; a limiter says in how many."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from anyio import CancelScope, CapacityLimiter, WouldBlock, to_thread
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_THREADS = 4
"""
Use cases that run at once in one event loop where the caller gives no limiter.

Python computes in one thread at a time, and each further thread delays the event loop: more than
these help only where the store is far away.
"""

MOST_THREADS = 1_000
"""Threads of one limiter, whatever it says; calls beyond these wait for one."""

_default_limiter: RunVar[CapacityLimiter] = RunVar("counterseal_asgi_limiter")
_loop_threads: RunVar[WeakKeyDictionary[CapacityLimiter, ThreadPoolExecutor]] = RunVar(
    "counterseal_asgi_threads"
)


def aio(
    verb: Callable[P, T], *, limiter: CapacityLimiter | None = None
) -> Callable[P, Awaitable[T]]:
    """
    Return *verb*, which blocks, as an asynchronous function with the same parameters.

    Each call runs in a thread. A call that is cancelled while it waits for a thread does nothing.
    Once it has a thread it runs to its end, and only then is the cancellation raised: whatever
    *verb* commits is committed whole, and no one tries again beside a call that still runs.

    Args:
        verb: For example a method of a use case.
        limiter: How many of its calls run at once, best as many as the store has connections.
            Verbs that share a store share a limiter. Without one they share a limiter of this
            package with `DEFAULT_THREADS` threads for each event loop. It is never anyio's
            default limiter: code in the threads of that one may itself wait for a call. On
            asyncio it has as many threads as it allows at its first call, at most 1,000.

    Raises:
        TypeError: *verb* is asynchronous already.
    """
    if inspect.iscoroutinefunction(verb):
        raise TypeError("the verb is asynchronous already")

    @functools.wraps(verb)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await run_in_thread(functools.partial(verb, *args, **kwargs), limiter)

    return call


async def run_in_thread(function: Callable[[], T], limiter: CapacityLimiter | None = None) -> T:
    """
    Run *function* in a thread, to its end once it has begun, as `aio` says.

    Args:
        function: What blocks.
        limiter: How many run at once; the one of this package without one.
    """
    limiter = limiter or limiter_of_loop()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        # On trio, nothing but anyio's own scopes cancels, and these wait for the thread.
        return await _run_on_trio(function, limiter)
    borrower = object()
    try:
        # Without the two turns of the event loop that an awaited token takes.
        limiter.acquire_on_behalf_of_nowait(borrower)
    except WouldBlock:
        await limiter.acquire_on_behalf_of(borrower)
    try:
        future = loop.run_in_executor(_threads_for(limiter), copy_context().run, function)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await _wait_for(future)
            raise
    finally:
        limiter.release_on_behalf_of(borrower)


async def _run_on_trio(function: Callable[[], T], limiter: CapacityLimiter) -> T:
    result = await to_thread.run_sync(function, abandon_on_cancel=False, limiter=limiter)
    await checkpoint_if_cancelled()
    return result


async def _wait_for(future: asyncio.Future[Any]) -> None:
    # A scope of anyio cancels again and again, and `asyncio.Task.cancel` passes its shields.
    with CancelScope(shield=True):
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait((future,))
    # Whatever it raised, the caller is cancelled.
    future.exception()


def _threads_for(limiter: CapacityLimiter) -> ThreadPoolExecutor:
    """Return the threads of the running loop that run what *limiter* lets through."""
    try:
        threads = _loop_threads.get()
    except LookupError:
        threads = WeakKeyDictionary()
        _loop_threads.set(threads)
    executor = threads.get(limiter)
    if executor is None:
        size = int(min(limiter.total_tokens, MOST_THREADS))
        executor = threads[limiter] = ThreadPoolExecutor(size)
    return executor


def limiter_of_loop() -> CapacityLimiter:
    """Return the limiter of this package for the running event loop."""
    try:
        return _default_limiter.get()
    except LookupError:
        limiter = CapacityLimiter(DEFAULT_THREADS)
        _default_limiter.set(limiter)
        return limiter
