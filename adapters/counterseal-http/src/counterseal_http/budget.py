"""
Budgets: what one request may take, from the first look-up to the last byte.

`httpcore2` takes a timeout for each operation, so that a server which sends a byte now and then
is never late. It hands that timeout through to the network untouched; so the whole request's
budget travels in its place, and the network asks it how much is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

HEAD_LIMIT = 16_384
"""
Octets that may come before a response's body: status, headers, interim responses.
Common servers send no more than half of that.
"""


class Budget(float):
    """
    Seconds and octets of one request.

    As a number it is the seconds that there were at the beginning.

    Attributes:
        octets: How many more may be read.
    """

    octets: int
    _ends: float
    _monotonic: Callable[[], float]

    def __new__(cls, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> Self:
        """Begin to count, and allow a head."""
        self = super().__new__(cls, seconds)
        self._monotonic = monotonic
        self._ends = monotonic() + seconds
        self.octets = HEAD_LIMIT
        return self

    def seconds(self) -> float:
        """
        Return the seconds that are left, never none.

        Raises:
            TimeoutError: None are.
        """
        left = self._ends - self._monotonic()
        if left <= 0:
            raise TimeoutError("the time of the whole request is over")
        return left
