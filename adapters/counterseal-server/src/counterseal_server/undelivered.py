"""Notifications that no device got, as the audit log has them."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from counterseal.models import Administrator, ChainedEvent, Guid, SkipReason
from counterseal.wire.claims import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from counterseal import AuditLog

EVENTS = ("challenge.push", "binding.push")
REASONS = (SkipReason.UNDELIVERED, SkipReason.LATE)


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
    listed = [
        chained
        for event in EVENTS
        for reason in REASONS
        for chained in islice(_search(log, limit, event, reason, app_space, since, by), limit)
    ]
    return tuple(sorted(listed, key=_log_place, reverse=True)[:limit])


def _search(  # noqa: PLR0917 (the arguments of a search)
    log: AuditLog,
    limit: int,
    event: str,
    reason: SkipReason,
    app_space: Guid | None,
    since: datetime | None,
    by: Administrator,
) -> Iterator[ChainedEvent]:
    after = None
    while True:
        page = log.search(
            app_space=app_space,
            event=event,
            reason=reason.value,
            since=since,
            after=after,
            limit=limit,
            by=by,
        )
        yield from page.events
        after = page.after
        if after is None:
            return


def _log_place(chained: ChainedEvent) -> tuple[str, int, int]:
    at = "" if chained.event is None else format_time(chained.event.at)
    return at, chained.partition, chained.position
