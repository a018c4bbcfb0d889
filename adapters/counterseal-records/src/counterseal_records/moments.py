"""Times as whole microseconds since 1970: what both databases compare exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return *moment* as a number."""
    return (moment - EPOCH) // MICROSECOND


def moment_at(count: int) -> datetime:
    """Return the moment that *count* stands for."""
    return EPOCH + count * MICROSECOND
