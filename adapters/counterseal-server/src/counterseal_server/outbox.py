"""Requeue the dead callbacks of an origin, or drop its queued ones, for operators."""

from __future__ import annotations

from counterseal import Callbacks
from counterseal.errors import NotFound, WrongState
from counterseal.models import Administrator, Guid

PAGE = 100
LONGEST = 1_000
"""Of a list; see `Callbacks.list_dead`."""


def requeue_all(callbacks: Callbacks, origin: Guid, *, by: Administrator) -> tuple[int, int]:
    """
    Queue every dead callback of *origin* again.

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
        page = callbacks.list_dead(origin, min(PAGE + remaining_count, LONGEST), by=by)
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


def drop_all(callbacks: Callbacks, origin: Guid, *, by: Administrator) -> int:
    """
    Drop every queued callback of *origin*; return how many.

    Raises:
        NotFound: There is no such origin.
        Unavailable: A port failed; those before it stay dropped.
    """
    dropped = 0
    while page := callbacks.list_queued(origin, PAGE, by=by):
        for each in page:
            try:
                callbacks.drop(each.guid, by=by)
            except WrongState:
                continue  # it was sent, or another process was faster
            dropped += 1
    return dropped
