"""Waiting for an answer: a long poll where the service holds it, bounded polling elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import attrs

from counterseal import Unavailable
from counterseal.wire.messages import ProcessedRequest
from counterseal_client.errors import AskedTooOften

HOLD = 25
"""Seconds that one look is held at most; proxies like to give up after 30 or 60."""

HELD = 0.9
"""A look that was held for so much of its time was a long poll."""

SLACK = 0.1
"""Seconds that the last look may be held too long: a service counts in whole ones."""

FIRST_NAP = 1.0
LONGEST_NAP = 10.0
GROWTH = 1.5
SHORTEST_NAP = 0.25
"""Seconds between two looks, however eager the service."""


@attrs.frozen(kw_only=True)
class Look:
    """
    One look at the request.

    Attributes:
        pause: How long the service asks to be left alone, where it says so.
    """

    request: ProcessedRequest
    pause: timedelta | None


@attrs.frozen(kw_only=True)
class Waiting:
    """
    Looks until the request has ended, or time is over.

    Attributes:
        look: Looks once; held by the service for so many seconds if it can.
    """

    look: Callable[[int], Look]
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def until(self, timeout: timedelta) -> ProcessedRequest:
        """
        Return the request once it has ended, or as it stands when time is over.

        Raises:
            Refused: The service does not let this origin look, or tells of another request.
            Unavailable: The last look failed.
        """
        end = self.monotonic() + timeout.total_seconds()
        for turn in count():
            began = self.monotonic()
            hold = max(0, min(math.floor(end - began + SLACK), HOLD))
            problem: Unavailable | AskedTooOften | None = None
            told: ProcessedRequest | None = None
            try:
                look = self.look(hold)
                told, asked = look.request, look.pause
                if told.finished:
                    return told
            except (Unavailable, AskedTooOften) as error:
                problem, asked = error, getattr(error, "retry_after", None)
            now = self.monotonic()
            if now >= end:
                break
            held = problem is None and hold > 0 and now - began >= hold * HELD
            self.sleep(min(_nap(asked, turn, held=held), end - now))
        if problem is not None:
            raise problem
        assert told is not None  # noqa: S101 (a look succeeds or fails; for the type checker)
        return told


def _nap(asked: timedelta | None, turn: int, *, held: bool) -> float:
    if asked is not None:
        return max(asked.total_seconds(), SHORTEST_NAP)
    if held:
        return SHORTEST_NAP
    return min(FIRST_NAP * GROWTH ** min(turn, 10), LONGEST_NAP)
