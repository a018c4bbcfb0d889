"""Requeueing: dead callbacks are queued again many at a time, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import chain
from typing import TypeAlias

import attrs

from counterseal._input_limits import LIST_LIMIT
from counterseal.errors import NotFound, WrongState
from counterseal.models.guid import Guid
from counterseal.outbox.records import Callback

REQUEUE_PACE = timedelta(milliseconds=100)
"""Between two callbacks that are queued again at once: a receiver that was down just came back."""


REQUEUE_READ = 5 * LIST_LIMIT
"""Dead callbacks of one origin that a call looks at, at most."""


@attrs.frozen
class RequeuedCallbacks:
    """
    What a call of `Callbacks.requeue_all` did.

    Attributes:
        queued_count: How many callbacks were queued.
        remaining_count: How many of those that were looked at can never be: what they are about
            has been forgotten, or they are sent at most once and may have arrived.
        complete: Whether all were looked at. Otherwise, if any was queued, another call goes on;
            if none was, an origin has more than can be looked at, the oldest of which stay dead
            until they are dropped.
    """

    queued_count: int
    remaining_count: int
    complete: bool = attrs.field(kw_only=True)


Read: TypeAlias = Callable[[int], tuple[Callback, ...]]
"""Returns the oldest dead callbacks of an origin, at most so many."""


def requeue_each(
    reads: Iterable[Read],
    fits: Callable[[Callback], bool],
    requeue: Callable[[Callback, timedelta], object],
    limit: int,
) -> RequeuedCallbacks:
    """
    Queue dead callbacks again, each a pace after the one before.

    Args:
        reads: One for each origin.
        fits: Tells whether a callback is one of those that are meant.
        requeue: Queues one, so that it is due after a time.
        limit: The most that are queued.
    """
    queued_count, remaining_count, complete = 0, 0, True
    for page in chain.from_iterable(map(_pages, reads)):
        if page is None:
            complete = False
            continue
        for callback in filter(fits, page):
            if callback.begun_at is not None:
                remaining_count += 1
                continue
            if queued_count == limit:
                return RequeuedCallbacks(queued_count, remaining_count, complete=False)
            try:
                requeue(callback, queued_count * REQUEUE_PACE)
            except NotFound:
                remaining_count += 1
            except WrongState:
                continue  # another call was faster
            else:
                queued_count += 1
    return RequeuedCallbacks(queued_count, remaining_count, complete=complete)


def _pages(read: Read) -> Iterator[tuple[Callback, ...] | None]:
    """Yield the callbacks of one origin, and None if there are more than may be looked at."""
    guids: set[Guid] = set()
    # Those that stay dead stay at the head of the list, so each list is longer than the one before.
    for count in range(LIST_LIMIT, REQUEUE_READ + 1, LIST_LIMIT):
        callbacks = read(count)
        yield tuple(callback for callback in callbacks if callback.guid not in guids)
        if len(callbacks) < count:
            return
        guids |= {callback.guid for callback in callbacks}
    yield None
