"""Dead callbacks of several origins: the oldest are found, and queued again one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import TypeAlias

import attrs

from counterseal._input_limits import LIST_LIMIT
from counterseal.errors import NotFound, WrongState
from counterseal.models.guid import Guid
from counterseal.models.record import Gauge, GaugeKey
from counterseal.outbox.records import Callback, DeadReason

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


DeadList: TypeAlias = Callable[[int], tuple[Callback, ...]]
"""Returns the oldest dead callbacks of an origin, at most so many."""


def counts_of_origins(gauges: Mapping[GaugeKey, int], gauge: Gauge) -> Mapping[Guid, int]:
    """Return the origins whose *gauge* is not 0 with its sum, in a fixed order."""
    counts: Counter[Guid] = Counter()
    for key, count in gauges.items():
        if count and key.gauge is gauge and key.origin is not None:
            counts[key.origin] += count
    return dict(sorted(counts.items()))


def oldest_of_origins(
    counts: Mapping[Guid, int],
    lists: Mapping[Guid, DeadList],
    cause: DeadReason | None,
) -> tuple[Callback, ...]:
    """
    Return the oldest dead callbacks of origins, of which `LIST_LIMIT` are read, or one of each.

    Args:
        counts: How many each origin has.
        lists: One for each origin.
        cause: Only those that are dead for this reason.
    """
    share = LIST_LIMIT
    if sum(counts.values()) > LIST_LIMIT:
        share = max(1, LIST_LIMIT // len(counts))
    cut_lists = [lists[origin](share) for origin in counts]
    # Behind the end of a list that was cut, a callback of its origin may be missing.
    ends = [callbacks[-1].created_at for callbacks in cut_lists if len(callbacks) == share]
    return tuple(
        callback
        for callback in sorted(chain.from_iterable(cut_lists), key=lambda dead: dead.created_at)
        if callback.created_at <= min(ends, default=callback.created_at)
        and cause in (None, callback.cause)
    )


def requeue_each(
    lists: Iterable[DeadList],
    requeue: Callable[[Callback, timedelta], object],
    limit: int,
    *,
    since: datetime | None,
    cause: DeadReason | None,
) -> RequeuedCallbacks:
    """
    Queue dead callbacks again, each a pace after the one before.

    Args:
        lists: One for each origin.
        requeue: Queues one, so that it is due after a time.
        limit: The most that are queued.
        since: Only those created at or after it.
        cause: Only those that are dead for this reason.
    """
    queued_count, remaining_count, complete = 0, 0, True
    for page in chain.from_iterable(map(_pages, lists)):
        if page is None:
            complete = False
            continue
        for callback in page:
            is_recent = since is None or callback.created_at >= since
            if not is_recent or cause not in (None, callback.cause):
                continue
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


def _pages(list_dead: DeadList) -> Iterator[tuple[Callback, ...] | None]:
    """Yield the callbacks of one origin, and None if there are more than may be looked at."""
    guids: set[Guid] = set()
    # Those that stay dead stay at the head of the list, so each list is longer than the one before.
    for count in range(LIST_LIMIT, REQUEUE_READ + 1, LIST_LIMIT):
        callbacks = list_dead(count)
        yield tuple(callback for callback in callbacks if callback.guid not in guids)
        if len(callbacks) < count:
            return
        guids |= {callback.guid for callback in callbacks}
    yield None
