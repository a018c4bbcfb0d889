"""Use cases block, so asynchronous callers run them in threads; a limiter says in how many."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, create_task_group, to_thread
from anyio.lowlevel import RunVar, checkpoint_if_cancelled

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_THREADS = 4
"""
Use cases that run at once in one event loop where the caller gives no limiter.

Python computes in one thread at a time, and each further thread delays the event loop: more than
these help only where the store is far away.
"""

_default_limiter: RunVar[CapacityLimiter] = RunVar("counterseal_asgi_limiter")


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
            default limiter: code in the threads of that one may itself wait for a call.

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
    results: list[T] = []
    errors: list[BaseException] = []

    async def run() -> None:
        try:
            results.append(
                await to_thread.run_sync(
                    function, abandon_on_cancel=False, limiter=limiter or limiter_of_loop()
                )
            )
        except Exception as error:  # noqa: BLE001 - not as a group, but as it was raised
            errors.append(error)

    # anyio shields the thread from its own cancel scopes, but not from `asyncio.Task.cancel`.
    # A task group does: it waits for its children whatever cancels the caller.
    async with create_task_group() as tasks:
        tasks.start_soon(run)
    await checkpoint_if_cancelled()
    if errors:
        raise errors[0]
    return results[0]


def limiter_of_loop() -> CapacityLimiter:
    """Return the limiter of this package for the running event loop."""
    try:
        return _default_limiter.get()
    except LookupError:
        limiter = CapacityLimiter(DEFAULT_THREADS)
        _default_limiter.set(limiter)
        return limiter
