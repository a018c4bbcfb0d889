"""Notifications that no device got, as the audit log has them."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from counterseal.errors import InvalidField
from counterseal.models import Administrator, ChainedEvent, Guid, SkipReason
from counterseal.wire.members import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from counterseal import AuditLog

EVENTS = ("challenge.push", "binding.push")
REASONS = frozenset({SkipReason.UNDELIVERED.value, SkipReason.LATE.value})
PAGE = 1_000
"""The most events that one search returns."""


def list_undelivered(
    log: AuditLog,
    limit: int,
    *,
    app_space: Guid | None = None,
    since: datetime | None = None,
    by: Administrator,
) -> tuple[ChainedEvent, ...]:
    """
    Return the last *limit* ends of notifications that no device got, newest first.

    Each is an event about a question or a new device, whose reason says why. An event is there as
    soon as it is chained.

    Args:
        log: The audit log.
        limit: The most that are returned, 1 to 1000.
        app_space: Only those of this App Space.
        since: Only those that ended at or after it.
        by: Who asks.

    Raises:
        InvalidField: The limit is not one that can be asked for.
        NotFound: There is no such App Space.
        Unavailable: A port failed.
    """
    if not 1 <= limit <= PAGE:
        raise InvalidField("limit", f"not between 1 and {PAGE}")
    listed = [
        chained
        for event in EVENTS
        for chained in islice(_search(log, event, app_space, since, by), limit)
    ]
    return tuple(sorted(listed, key=_log_place, reverse=True)[:limit])


def _search(
    log: AuditLog, event: str, app_space: Guid | None, since: datetime | None, by: Administrator
) -> Iterator[ChainedEvent]:
    # No index has the reason, so one search for both takes as long as a search for one.
    after = None
    while True:
        page = log.search(
            app_space=app_space, event=event, since=since, after=after, limit=PAGE, by=by
        )
        for chained in page.events:
            if chained.event is not None and chained.event.reason in REASONS:
                yield chained
        after = page.after
        if after is None:
            return


def _log_place(chained: ChainedEvent) -> tuple[str, int, int]:
    at = "" if chained.event is None else format_time(chained.event.at)
    return at, chained.partition, chained.position
