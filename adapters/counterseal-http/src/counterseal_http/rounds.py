"""
Rounds: one attempt at each of several push addresses, several at once, within one time.

What the adapters that send push messages have in common, and nothing of what they send.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeAlias

import httpx2

from counterseal.errors import NotifierUnavailable
from counterseal.models import AddressKind, PushAddress, PushOutcome, PushResult
from counterseal_http.budget import Budget
from counterseal_http.errors import Forbidden

AT_ONCE = 16
"""Attempts that run at once; at 50 ms each, some 300 a second."""

LATER = PushOutcome(result=PushResult.LATER)
MISCONFIGURED = PushOutcome(result=PushResult.MISCONFIGURED)

Attempt: TypeAlias = Callable[[PushAddress, Budget], PushOutcome]
"""Sends to one address, within what is left of the time."""

_log = logging.getLogger("counterseal_http")


class Rounds:
    """
    Makes rounds; may be shared by threads.

    Args:
        kinds: Of the addresses at which an attempt is made; at others there is none.
        at_once: How many attempts run at once beside those of the callers themselves.
    """

    def __init__(self, kinds: frozenset[AddressKind], *, at_once: int = AT_ONCE) -> None:
        self.kinds = kinds
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, "ringing")
        self._closed = False

    def make(
        self, addresses: Sequence[PushAddress], attempt: Attempt, within: timedelta
    ) -> tuple[PushOutcome, ...]:
        """
        Attempt each address once, and return one outcome for each, in order.

        Args:
            addresses: One that stands there twice is sent to once.
            attempt: Returns within the budget; what it raises is LATER for its address.
            within: For all of them together.

        Raises:
            NotifierUnavailable: The rounds are closed.
        """
        if self._closed:
            raise NotifierUnavailable
        left = Budget(within.total_seconds())
        outcomes = dict.fromkeys(addresses, LATER)
        todo = iter([address for address in outcomes if address.kind in self.kinds])
        outcomes |= {key: MISCONFIGURED for key in outcomes if key.kind not in self.kinds}
        lock = threading.Lock()

        def work() -> None:
            while (address := _next(todo, lock)) is not None:
                outcomes[address] = _outcome(address, attempt, left)

        extra = min(self._at_once, len(outcomes)) - 1
        try:
            helpers = [self._pool.submit(work) for _ in range(extra)]
        except RuntimeError:
            raise NotifierUnavailable from None
        work()
        for helper in helpers:
            # One that has not begun by now finds nothing to do.
            if not helper.cancel():
                helper.result()
        return tuple(outcomes[address] for address in addresses)

    def close(self) -> None:
        """Begin no round from now on; attempts that run come to their own end."""
        self._closed = True
        self._pool.shutdown()


def outcome_of_failure(error: httpx2.TransportError) -> PushOutcome:
    """
    Return what it means that a request had no response.

    Where the guard does not let it go an operator has to: the address may be good, and its push
    service inside our own network.
    """
    return MISCONFIGURED if isinstance(error, Forbidden) else LATER


def _next(todo: Iterator[PushAddress], lock: threading.Lock) -> PushAddress | None:
    with lock:
        return next(todo, None)


def _outcome(address: PushAddress, attempt: Attempt, left: Budget) -> PushOutcome:
    try:
        left.seconds()
        return attempt(address, left)
    except httpx2.TransportError as error:
        outcome = outcome_of_failure(error)
        reason = str(error) if isinstance(error, Forbidden) else type(error).__name__
    except TimeoutError:
        outcome, reason = LATER, "the time is over"
    except Exception as error:  # noqa: BLE001 (NOTIFIER-5: it is this address's alone)
        outcome, reason = LATER, type(error).__name__
    # The kind only: the address is a secret, and an error may repeat it.
    _log.warning("a push by %s: %s", address.kind.value, reason)
    return outcome
