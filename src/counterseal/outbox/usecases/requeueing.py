"""Requeueing: dead callbacks are queued again many at a time, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import attrs

from counterseal._input_limits import LIST_LIMIT
from counterseal.errors import NotFound, WrongState
from counterseal.outbox.records import Callback

REQUEUE_PACE = timedelta(milliseconds=100)
"""Between two callbacks that are queued again at once: a receiver that was down just came back."""


@attrs.frozen
class RequeuedCallbacks:
    """
    What a call of `Callbacks.requeue_all` did.

    Attributes:
        queued_count: How many callbacks were queued.
        remaining_count: How many of those that were looked at can never be: what they are about
            has been forgotten, or they are sent at most once and may have arrived.
        complete: Whether all were looked at; otherwise another call goes on.
    """

    queued_count: int
    remaining_count: int
    complete: bool = attrs.field(kw_only=True)


def requeue_each(
    lists: Iterable[tuple[Callback, ...]],
    requeue: Callable[[Callback, timedelta], object],
    limit: int,
) -> RequeuedCallbacks:
    """
    Queue dead callbacks again, each a pace after the one before.

    Args:
        lists: Of some origins, `LIST_LIMIT` of each at most.
        requeue: Queues one, so that it is due after a time.
        limit: The most that are queued.
    """
    queued_count, remaining_count = 0, 0
    for dead_callbacks in lists:
        for callback in dead_callbacks:
            if queued_count == limit:
                return RequeuedCallbacks(queued_count, remaining_count, complete=False)
            if callback.begun_at is not None:
                remaining_count += 1
                continue
            try:
                requeue(callback, queued_count * REQUEUE_PACE)
            except NotFound:
                remaining_count += 1
            except WrongState:
                continue  # another call was faster
            else:
                queued_count += 1
        if len(dead_callbacks) == LIST_LIMIT:
            return RequeuedCallbacks(queued_count, remaining_count, complete=False)
    return RequeuedCallbacks(queued_count, remaining_count, complete=True)
