"""Rules of slots: which due callbacks and notifications are attempted next."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TypeVar

from counterseal.models import AddressKind, Callback, Guid, Notification
from counterseal.slots import gets_slot

R = TypeVar("R", Callback, Notification)


def next_callbacks(
    due: Iterable[Callback], under_way: Mapping[Guid, Guid], slots: int
) -> tuple[Callback, ...]:
    """
    Return which of *due* get free slots, as `fair_turns`; origins take turns.

    Args:
        due: The longest due first.
        under_way: The callbacks of which an attempt runs, with their origins.
        slots: How many attempts may run at once.
    """
    return fair_turns(due, under_way, slots, lambda callback: callback.origin)


def origins_with_slots(
    origins: Iterable[Guid], under_way: Mapping[Guid, Guid], slots: int
) -> tuple[Guid, ...]:
    """Return which of *origins* may get another slot."""
    counts = Counter(under_way.values())
    free = slots - len(under_way)
    return tuple(origin for origin in origins if gets_slot(counts[origin], free))


def next_notifications(
    due: Iterable[Notification], under_way: Mapping[Guid, Notification], slots: int
) -> tuple[Notification, ...]:
    """
    Return which of *due* get free slots, as `fair_turns`; each kind of address has slots.

    Within a kind accounts take turns, since who writes an address may let it stall.
    *under_way* are those of which an attempt runs.
    """
    by_kind: dict[AddressKind, list[Notification]] = defaultdict(list)
    for notification in due:
        by_kind[notification.kind].append(notification)
    return tuple(
        chosen
        for kind, waiting in by_kind.items()
        for chosen in fair_turns(
            waiting,
            {guid: one.account for guid, one in under_way.items() if one.kind is kind},
            slots,
            lambda notification: notification.account,
        )
    )


def kinds_with_slots(
    kinds: AbstractSet[AddressKind], running: Iterable[Notification], slots: int
) -> frozenset[AddressKind]:
    """Return which of *kinds* have fewer than *slots* notifications in *running*."""
    counts = Counter(one.kind for one in running)
    return frozenset(kind for kind in kinds if counts[kind] < slots)


def fair_turns(
    due: Iterable[R],
    under_way: Mapping[Guid, Guid],
    slots: int,
    owner: Callable[[R], Guid],
) -> tuple[R, ...]:
    """
    Return which of the due records get the free slots, so that no owner delays the others.

    A slot goes to the owner with the fewest, if `gets_slot` says so, and there to what has been
    due for longest.

    Args:
        due: The longest due first.
        under_way: The records of which an attempt runs, with their owners.
        slots: How many attempts may run at once.
    """
    counts = Counter(under_way.values())
    queues: dict[Guid, deque[tuple[int, R]]] = defaultdict(deque)
    for position, record in enumerate(due):
        if record.guid not in under_way:
            queues[owner(record)].append((position, record))
    waiting = [(counts[name], queue[0][0], name) for name, queue in queues.items()]
    heapq.heapify(waiting)
    chosen: list[R] = []
    free = slots - len(under_way)
    while waiting:
        count, _, name = heapq.heappop(waiting)
        if not gets_slot(count, free):
            break
        chosen.append(queues[name].popleft()[1])
        free -= 1
        if queues[name]:
            heapq.heappush(waiting, (count + 1, queues[name][0][0], name))
    return tuple(chosen)
