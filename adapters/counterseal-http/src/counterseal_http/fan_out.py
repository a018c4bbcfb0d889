"""
Fan-out: one attempt at each of several push addresses, concurrently, within one time limit.

The adapters of push services share it; it does not know what they send.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Self, TypeAlias

import httpx2

from counterseal.errors import NotifierUnavailable
from counterseal.models import AddressKind, PushAddress, PushOutcome, PushResult
from counterseal_http.authorities import Authorities
from counterseal_http.budget import Budget
from counterseal_http.client import guarded_client
from counterseal_http.errors import Forbidden, describe_failure
from counterseal_http.guard import Guard
from counterseal_http.retry_after import requested_wait

CONCURRENCY = 16
"""Attempts that run at the same time: some 300 a second, if each takes 50 ms."""

DELIVERED = PushOutcome(result=PushResult.DELIVERED)
GONE = PushOutcome(result=PushResult.GONE)
LATER = PushOutcome(result=PushResult.LATER)
MISCONFIGURED = PushOutcome(result=PushResult.MISCONFIGURED)
REJECTED = PushOutcome(result=PushResult.REJECTED)

SUCCESS = range(200, 300)
SERVER_ERROR = 500
RETRIED = frozenset({408, 429})

Attempt: TypeAlias = Callable[[PushAddress, Budget], PushOutcome]
"""Sends to one address, within the budget."""

_log = logging.getLogger("counterseal_http")


class FanOut:
    """
    Makes attempts at many addresses; may be shared by threads.

    Args:
        kinds: The kinds of addresses that are attempted.
        concurrency: The number of threads that make attempts, besides the callers' own.
    """

    def __init__(self, kinds: frozenset[AddressKind], *, concurrency: int = CONCURRENCY) -> None:
        self.kinds = kinds
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(concurrency, "push")
        self._closed = False

    def send(
        self, addresses: Sequence[PushAddress], attempt: Attempt, timeout: timedelta
    ) -> tuple[PushOutcome, ...]:
        """
        Attempt each address once, and return one outcome for each, in order.

        Args:
            addresses: A repeated address is attempted once.
            attempt: Returns within the budget; if it raises, its address gets LATER.
            timeout: The time for all of them together.

        Raises:
            NotifierUnavailable: The fan-out is closed.
        """
        if self._closed:
            raise NotifierUnavailable
        budget = Budget(timeout.total_seconds())
        outcomes = dict.fromkeys(addresses, LATER)
        pending = iter([address for address in outcomes if address.kind in self.kinds])
        outcomes |= {key: MISCONFIGURED for key in outcomes if key.kind not in self.kinds}
        lock = threading.Lock()

        def work() -> None:
            while (address := _next(pending, lock)) is not None:
                outcomes[address] = _outcome(address, attempt, budget)

        extra = min(self._concurrency, len(outcomes)) - 1
        try:
            helpers = [self._pool.submit(work) for _ in range(extra)]
        except RuntimeError:
            raise NotifierUnavailable from None
        work()
        for helper in helpers:
            # A helper that has not started yet would have nothing to do.
            if not helper.cancel():
                helper.result()
        return tuple(outcomes[address] for address in addresses)

    def close(self) -> None:
        """Refuse further calls; attempts that run are completed."""
        self._closed = True
        self._pool.shutdown()


class FanOutNotifier:
    """
    What notifiers share that send one request to each address.

    Args:
        kinds: The kinds of addresses that are attempted.
        guard: Which URLs may be called.
        response_limit: Octets of a response that are read.
        concurrency: How many requests run at the same time for one push message.
        tls: The authorities that push services' certificates need; None for the machine's.
    """

    def __init__(
        self,
        kinds: frozenset[AddressKind],
        guard: Guard,
        *,
        response_limit: int,
        concurrency: int,
        tls: Authorities | None,
    ) -> None:
        self._client = guarded_client(
            guard, response_limit=response_limit, connections=2 * concurrency, tls=tls
        )
        self._fan_out = FanOut(kinds, concurrency=concurrency)

    def kinds(self) -> frozenset[AddressKind]:
        """Return the kinds of addresses that are attempted."""
        return self._fan_out.kinds

    def close(self) -> None:
        """Refuse further calls, and return when the running ones are completed."""
        self._fan_out.close()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def outcome_of_response(
    response: httpx2.Response, now: datetime, *, rejected: AbstractSet[int] = frozenset()
) -> PushOutcome:
    """
    Return the outcome of a response, as far as push services agree.

    Args:
        response: As it came; redirects are not followed.
        now: The time from which a date in `Retry-After` counts.
        rejected: The statuses of a message that is refused; others, below 500, are MISCONFIGURED.
    """
    status = response.status_code
    if status in SUCCESS:
        return DELIVERED
    if status >= SERVER_ERROR or status in RETRIED:
        return PushOutcome(result=PushResult.LATER, after=requested_wait(response.headers, now))
    return REJECTED if status in rejected else MISCONFIGURED


def outcome_of_failure(error: httpx2.TransportError) -> PushOutcome:
    """
    Return the outcome of a request without a response.

    If the guard refused it, an operator has to act: the address may be valid, but its push service
    is in a private network.
    """
    return MISCONFIGURED if isinstance(error, Forbidden) else LATER


def _next(pending: Iterator[PushAddress], lock: threading.Lock) -> PushAddress | None:
    with lock:
        return next(pending, None)


def _outcome(address: PushAddress, attempt: Attempt, budget: Budget) -> PushOutcome:
    try:
        budget.seconds()
        return attempt(address, budget)
    except httpx2.TransportError as error:
        outcome = outcome_of_failure(error)
        reason = describe_failure(error)
    except TimeoutError:
        outcome, reason = LATER, "timed out"
    except Exception as error:  # noqa: BLE001 (NOTIFIER-5: it concerns this address alone)
        outcome, reason = LATER, type(error).__name__
    # The kind only: the address is a secret, and the error may contain it.
    _log.warning("a push by %s: %s", address.kind.value, reason)
    return outcome
