"""Requeue all dead callbacks of origins, and drop the dead or queued ones of an origin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from counterseal import Callbacks, RequeuedCallbacks
from counterseal.errors import NotFound, WrongState
from counterseal.models import Administrator, Callback, Guid

PAGE = 100

REQUEUED_AT_ONCE = 1_000
"""By one call; see `Callbacks.requeue_all`."""


def requeue_all(
    callbacks: Callbacks,
    origins: Sequence[Guid],
    *,
    since: datetime | None = None,
    by: Administrator,
) -> RequeuedCallbacks:
    """
    Queue every dead callback of *origins* again, as `Callbacks.requeue_all` does, however many.

    Raises:
        NotFound: There is no such origin.
        Unavailable: A port failed; those before it stay queued.
    """
    queued_count = 0
    while True:
        requeued = callbacks.requeue_all(
            origins,
            since=since,
            delay=callbacks.requeue_time(queued_count + 1),
            limit=REQUEUED_AT_ONCE,
            by=by,
        )
        queued_count += requeued.queued_count
        if requeued.complete or not requeued.queued_count:
            return attrs.evolve(requeued, queued_count=queued_count)


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
