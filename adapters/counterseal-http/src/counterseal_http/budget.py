"""
Budgets: the time and octets of one request, from resolving the name to the last octet.

`httpcore2` has a timeout for each operation, which a server that sends one octet at a time never
exceeds. It passes this timeout unchanged to the network backend. So the budget of the whole request
is passed as the timeout, and the backend reads the remaining time from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

HEAD_LIMIT = 16_384
"""
Octets before a response's body: status, headers, interim responses.
Common servers send no more than half of that.
"""


class Budget(float):
    """
    The seconds and octets that one request may use.

    As a number it is the seconds at the start.

    Attributes:
        octets: How many more octets may be read.
    """

    octets: int
    _deadline: float
    _monotonic: Callable[[], float]

    def __new__(cls, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> Self:
        """Start the time, and allow the octets of a head."""
        self = super().__new__(cls, seconds)
        self._monotonic = monotonic
        self._deadline = monotonic() + seconds
        self.octets = HEAD_LIMIT
        return self

    def seconds(self) -> float:
        """
        Return the remaining seconds, always more than zero.

        Raises:
            TimeoutError: No time remains.
        """
        remaining = self._deadline - self._monotonic()
        if remaining <= 0:
            raise TimeoutError("the time of the whole request is over")
        return remaining
