"""Waits for an answer: by long polls if the service holds the calls, else by polling."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import attrs

from counterseal import Unavailable
from counterseal.challenges.documents.messages import ProcessedRequest
from counterseal_client.errors import AskedTooOften

HOLD = 25
"""Seconds for which the service may hold one poll; many proxies time out after 30 or 60."""

LONG_POLL_SHARE = 0.9
"""A poll that took this share of its `hold` or more was a long poll."""

SLACK = 0.1
"""Seconds by which the last poll may exceed the timeout, since holds are whole seconds."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
GROWTH = 1.5
SHORTEST_PAUSE = 0.25
"""Seconds between two polls, even if the service allows less."""


@attrs.frozen(kw_only=True)
class Poll:
    """The request at one time, and the time in `Retry-After`, if the service sent one."""

    request: ProcessedRequest
    retry_after: timedelta | None


@attrs.frozen(kw_only=True)
class Waiting:
    """
    Polls until the request has ended, or the time is over.

    Attributes:
        poll: Makes one call, which the service may hold for the given number of seconds.
        sleep: Waits for a number of seconds.
        monotonic: A monotonic clock, in seconds.
    """

    poll: Callable[[int], Poll]
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def until(self, timeout: timedelta) -> ProcessedRequest:
        """
        Return the request when it has ended, or as it is after *timeout*.

        Raises:
            Refused: The service refuses the call, or replies about another request.
            Unavailable: The last poll failed.
        """
        end = self.monotonic() + timeout.total_seconds()
        for attempt in count():
            start = self.monotonic()
            hold = max(0, min(math.floor(end - start + SLACK), HOLD))
            try:
                poll: Poll | Unavailable | AskedTooOften = self.poll(hold)
            except (Unavailable, AskedTooOften) as error:
                poll = error
            if isinstance(poll, Poll) and poll.request.finished:
                return poll.request
            now = self.monotonic()
            if now >= end:
                break
            long_poll = isinstance(poll, Poll) and now - start >= hold * LONG_POLL_SHARE > 0
            retry_after = getattr(poll, "retry_after", None)
            self.sleep(min(_pause(retry_after, attempt, long_poll=long_poll), end - now))
        if isinstance(poll, Poll):
            return poll.request
        raise poll


def _pause(retry_after: timedelta | None, attempt: int, *, long_poll: bool) -> float:
    if retry_after is not None:
        return max(retry_after.total_seconds(), SHORTEST_PAUSE)
    if long_poll:
        return SHORTEST_PAUSE
    return min(FIRST_PAUSE * GROWTH ** min(attempt, 10), LONGEST_PAUSE)
