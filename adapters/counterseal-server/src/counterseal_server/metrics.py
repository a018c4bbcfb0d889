"""
Metrics for Prometheus: counts and times, with our own names as labels.

Every series whose labels are known beforehand begins at zero: `increase` sees nothing in a series
that begins at one, so an alert on it would miss the first event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import product
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from counterseal.models import AddressKind, CallbackState, NotificationState, Occasion, PushResult

CONTENT_TYPE = CONTENT_TYPE_LATEST

UNAVAILABLE: Final = "unavailable"
"""Outcome: a port failed."""
FAILED: Final = "failed"
"""Outcome: a bug of ours."""

SWEPT: Final = ("challenge", "invitation", "login", "ceremony", "session", "forgotten")
"""The kinds of records that workers expire or delete."""

WORKERS: Final = ("audit", "callbacks", "events", "expiry", "forgetting", "notifications", "wake")
"""The names of all workers, also of those that this process does not run."""


def _value_names(
    enumeration: Iterable[CallbackState | NotificationState | PushResult],
) -> list[str]:
    return [member.value for member in enumeration]


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "counterseal_requests",
            "Requests that were answered.",
            ["operation", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "counterseal_request_seconds",
            "How long the answers took.",
            ["operation"],
            registry=self._registry,
        )
        # To look a series up at each request takes longer than to count.
        self._counted, self._timed = cache(self._requests.labels), cache(self._seconds.labels)
        self._attempts = Counter(
            "counterseal_callback_attempts",
            "Attempts to deliver a callback, by outcome.",
            ["outcome"],
            registry=self._registry,
        )
        self._pushes = Counter(
            "counterseal_pushes",
            "Push messages to an address, by its kind and outcome.",
            ["kind", "outcome"],
            registry=self._registry,
        )
        self._notified = Counter(
            "counterseal_notification_attempts",
            "Attempts to notify devices, by occasion and outcome.",
            ["occasion", "outcome"],
            registry=self._registry,
        )
        self._swept = Counter(
            "counterseal_swept",
            "Records that workers expired or deleted.",
            ["kind"],
            registry=self._registry,
        )
        self._use = Gauge(
            "counterseal_in_use",
            "Places for bodies, and threads for requests, that are in use.",
            ["what"],
            registry=self._registry,
        )
        self._failures = Counter(
            "counterseal_worker_failures",
            "Rounds of a worker that failed.",
            ["worker"],
            registry=self._registry,
        )
        self._begin()

    def _begin(self) -> None:
        """Set all series to zero, except those of requests: see `expect`."""
        for outcome in (*_value_names(CallbackState), UNAVAILABLE, FAILED):
            self._attempts.labels(outcome)
        for kind, outcome in product(AddressKind, (*_value_names(PushResult), UNAVAILABLE)):
            self._pushes.labels(kind.value, outcome)
        for occasion, outcome in product(
            Occasion, (*_value_names(NotificationState), UNAVAILABLE, FAILED)
        ):
            self._notified.labels(occasion.value, outcome)
        for kind_swept in SWEPT:
            self._swept.labels(kind_swept)
        for worker in WORKERS:
            self._failures.labels(worker)

    def expect(self, operation: str, statuses: Iterable[int]) -> None:
        """
        Set the series of an operation to zero.

        Args:
            operation: Its name, as `answered` gets it.
            statuses: The statuses of its responses, as far as they are known.
        """
        self._timed(operation)
        for status in sorted(statuses):
            self._counted(operation, int(status))

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._counted(operation, status).inc()
        self._timed(operation).observe(seconds)

    def attempted(self, outcome: str) -> None:
        """Count an attempt to deliver a callback."""
        self._attempts.labels(outcome).inc()

    def pushed(self, kind: str, outcome: str) -> None:
        """Count a push to one address."""
        self._pushes.labels(kind, outcome).inc()

    def notified(self, occasion: str, outcome: str) -> None:
        """Count an attempt to notify devices."""
        self._notified.labels(occasion, outcome).inc()

    def swept(self, kind: str, count: int) -> None:
        """Count records that were expired or deleted."""
        self._swept.labels(kind).inc(count)

    def failed(self, worker: str) -> None:
        """Count a round that failed."""
        self._failures.labels(worker).inc()

    def observe_use(self, uses: Mapping[str, Callable[[], int]]) -> None:
        """Call *uses* for the numbers in use, whenever the metrics are read."""
        for what, use in uses.items():
            self._use.labels(what).set_function(use)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
