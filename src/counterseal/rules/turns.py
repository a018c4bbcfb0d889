"""Turns: who gets the places that are free, so that nobody keeps the others waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from counterseal.models import Callback, Guid, Notification

R = TypeVar("R", Callback, Notification)


def turns(
    due: Iterable[R], under_way: Mapping[Guid, Guid], places: int, owner: Callable[[R], Guid]
) -> tuple[R, ...]:
    """
    Return which of what is due gets the free places.

    A place goes to the owner that holds fewest, and there to what has been due for longest.
    The last one goes only to an owner that holds none: whoever hangs, hangs beside it.

    Args:
        due: The longest due first.
        under_way: Of what an attempt runs, with its owners.
        places: How many attempts may run at once.
        owner: Who holds the place of a record.
    """
    held = Counter(under_way.values())
    waiting = [record for record in due if record.guid not in under_way]
    chosen: list[R] = []
    for free in range(places - len(under_way), 0, -1):
        following = min(waiting, key=lambda record: held[owner(record)], default=None)
        if following is None or (free == 1 and held[owner(following)]):
            break
        chosen.append(following)
        waiting.remove(following)
        held[owner(following)] += 1
    return tuple(chosen)
