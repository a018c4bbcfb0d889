"""A clock for the demo."""

from __future__ import annotations

from datetime import datetime, timedelta


class DemoClock:
    """
    A clock that only the demo moves.

    So nothing expires while the demo works, however slow the machine is, and the demo need not
    wait until something is too late.

    Args:
        now: The first time.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the time of the clock."""
        return self._now

    def move_by(self, span: timedelta) -> None:
        """Move the clock by *span*."""
        self._now += span

    def move_to(self, moment: datetime) -> None:
        """Move the clock to *moment*; a moment in the past changes nothing."""
        self._now = max(self._now, moment)
