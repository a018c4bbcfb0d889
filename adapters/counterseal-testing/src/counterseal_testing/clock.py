"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2030, 1, 1, tzinfo=UTC)
"""Where every clock begins; no test depends on today."""


class FrozenClock:
    """
    Time as a test wants it.

    Args:
        start: Aware, in UTC.

    Raises:
        ValueError: *start* is not.
    """

    def __init__(self, start: datetime = START) -> None:
        self._lock = threading.Lock()
        self._moments = [_utc(start)]

    @property
    def moments(self) -> tuple[datetime, ...]:
        """Every time that the clock has shown, in the order in which it showed them."""
        with self._lock:
            return tuple(self._moments)

    def now(self) -> datetime:
        """Return the time that the clock was left at."""
        return self._moments[-1]

    def advance(self, by: timedelta) -> datetime:
        """
        Let time pass; return the new time.

        Raises:
            ValueError: *by* is negative; only `jump` goes back.
        """
        if by < timedelta(0):
            message = "time passes forwards; `jump` goes back"
            raise ValueError(message)
        with self._lock:
            self._moments.append(self._moments[-1] + by)
            return self._moments[-1]

    def jump(self, to: datetime) -> datetime:
        """
        Set the clock, as an operator or a time server would: also backwards.

        Raises:
            ValueError: *to* is not aware and in UTC.
        """
        with self._lock:
            self._moments.append(_utc(to))
            return to


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0):
        message = "not an aware datetime in UTC"
        raise ValueError(message)
    return moment
