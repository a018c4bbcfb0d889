"""
A device's clock, and its correction by the service's time.

A proof is valid for a few minutes around the service's time. So a device whose clock is wrong is
refused until it corrects the time that it signs. Each reply names the service's time (`Date`,
RFC 9110, 6.6.1).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import attrs

CLOCK_TOLERANCE = timedelta(seconds=30)
"""A smaller difference is no reason for a refusal: the policy's window is wider on both sides."""

LARGEST_CORRECTION = timedelta(days=100 * 365)
"""A clock without a battery begins in 1970; a larger difference is no time of a service."""


class Clock(Protocol):
    """A source of time; `counterseal.ports.Clock` is one."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""


@attrs.frozen
class CorrectedClock:
    """A clock with a constant *offset* added to what it shows."""

    clock: Clock
    offset: timedelta

    def now(self) -> datetime:
        """Return the corrected time, aware, in UTC."""
        return self.clock.now() + self.offset


def corrected(clock: Clock, service_time: datetime) -> Clock:
    """
    Return *clock* with the difference added; *clock* itself if that is little, or impossible.

    Args:
        service_time: The service's time now, aware.
    """
    difference = service_time - clock.now()
    if not CLOCK_TOLERANCE < abs(difference) <= LARGEST_CORRECTION:
        return clock
    if isinstance(clock, CorrectedClock):
        return CorrectedClock(clock.clock, clock.offset + difference)
    return CorrectedClock(clock, difference)
