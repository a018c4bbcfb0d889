"""Requeue and drop all dead callbacks of an origin, and drop its queued ones."""

from __future__ import annotations

from datetime import datetime

from counterseal import Callbacks
from counterseal.errors import NotFound, WrongState
from counterseal.models import Administrator, Callback, Guid

PAGE = 100
LONGEST = 1_000
"""Of a list; see `Callbacks.list_dead`."""


def requeue_all(
    callbacks: Callbacks, origin: Guid, *, since: datetime | None = None, by: Administrator
) -> tuple[int, int]:
    """
    Queue every dead callback of *origin* again, or those created at or after *since*.

    Returns:
        How many were queued, and how many cannot be: their challenge was deleted, or they are
        sent at most once and may have arrived.

    Raises:
        NotFound: There is no such origin.
        Unavailable: A port failed; those before it stay queued.
    """
    guids: set[Guid] = set()
    queued_count = remaining_count = 0
    while True:
        # Callbacks that cannot be queued stay at the head of the list.
        page = callbacks.list_dead(origin, min(PAGE + remaining_count, LONGEST), since=since, by=by)
        fresh = [each for each in page if each.guid not in guids]
        if not fresh:
            return queued_count, remaining_count
        for each in fresh:
            guids.add(each.guid)
            if each.begun_at is not None:
                remaining_count += 1
                continue
            try:
                callbacks.requeue(each.guid, by=by)
            except NotFound:
                remaining_count += 1
            except WrongState:
                continue  # another process was faster
            else:
                queued_count += 1


def drop_dead(
    callbacks: Callbacks, origin: Guid, *, since: datetime | None = None, by: Administrator
) -> int:
    """
    Drop every dead callback of *origin*, or those created at or after *since*; return how many.

    Raises:
        NotFound: There is no such origin.
        Unavailable: A port failed; those before it stay dropped.
    """
    dropped_count = 0
    while page := callbacks.list_dead(origin, PAGE, since=since, by=by):
        dropped_count += _drop(callbacks, page, by=by)
    return dropped_count


def drop_all(callbacks: Callbacks, origin: Guid, *, by: Administrator) -> int:
    """
    Drop every queued callback of *origin*; return how many.

    Raises:
        NotFound: There is no such origin.
        Unavailable: A port failed; those before it stay dropped.
    """
    dropped_count = 0
    while page := callbacks.list_queued(origin, PAGE, by=by):
        dropped_count += _drop(callbacks, page, by=by)
    return dropped_count


def _drop(callbacks: Callbacks, page: tuple[Callback, ...], *, by: Administrator) -> int:
    dropped_count = 0
    for each in page:
        try:
            callbacks.drop(each.guid, by=by)
        except (NotFound, WrongState):
            continue  # it was sent or forgotten, or another process was faster
        dropped_count += 1
    return dropped_count
