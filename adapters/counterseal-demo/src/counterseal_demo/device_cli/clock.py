"""
The service's clock, as far as a device learns it from the `Date` of a reply (RFC 9110, 6.6.1).

A proof is valid for a few minutes around the service's time, so a device whose clock is wrong is
refused until it corrects the time of its proofs.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import httpx2

from counterseal.ports import Clock
from counterseal_http.retry_after import http_date

TOLERANCE = timedelta(seconds=30)
"""A smaller difference is no reason for a refusal: the policy's window is wider on both sides."""


@attrs.frozen
class CorrectedClock:
    """A clock with a constant *offset* added to what it shows."""

    clock: Clock
    offset: timedelta

    def now(self) -> datetime:
        """Return the corrected time, aware, in UTC."""
        return self.clock.now() + self.offset


def clock_offset(headers: httpx2.Headers, now: datetime) -> timedelta | None:
    """
    Return how far the service is ahead of *now*; None if that is little or not known.

    Args:
        headers: Those of a reply.
        now: The device's time when the reply came.
    """
    dates = headers.get_list("date")
    date = http_date(dates[0], now) if len(dates) == 1 else None
    if date is None or abs(date - now) <= TOLERANCE:
        return None
    return date - now
