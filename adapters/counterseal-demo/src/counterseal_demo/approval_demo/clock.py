"""Time for the demo: it stands still until it is moved."""

from __future__ import annotations

from datetime import datetime, timedelta


class DemoClock:
    """
    A clock that is moved by hand.

    Nothing expires while the demo works, however slow the machine, and "too late" needs no wait.

    Args:
        now: Where it stands at first.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return where the clock stands."""
        return self._now

    def move_by(self, span: timedelta) -> None:
        """Let *span* pass."""
        self._now += span

    def move_to(self, moment: datetime) -> None:
        """Let time pass until *moment*; a moment that is over changes nothing."""
        self._now = max(self._now, moment)
