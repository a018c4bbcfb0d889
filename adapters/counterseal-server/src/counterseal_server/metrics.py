"""Metrics: what a Prometheus server may read; counts and times, and names of ours as labels."""

from __future__ import annotations

from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The counts of one process."""

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
        # Who looks for them there at each request takes longer than to count it.
        self._counted, self._timed = cache(self._requests.labels), cache(self._seconds.labels)
        self._attempts = Counter(
            "counterseal_callback_attempts",
            "Attempts to deliver a callback, by what became of it.",
            ["outcome"],
            registry=self._registry,
        )
        self._pushes = Counter(
            "counterseal_pushes",
            "Pushes to an address, by its kind and what became of them.",
            ["kind", "outcome"],
            registry=self._registry,
        )
        self._rung = Counter(
            "counterseal_notification_attempts",
            "Attempts to ring for a piece of news, by what became of it.",
            ["news", "outcome"],
            registry=self._registry,
        )
        self._swept = Counter(
            "counterseal_swept",
            "Records that workers ended or dropped because their time was over.",
            ["kind"],
            registry=self._registry,
        )
        self._failures = Counter(
            "counterseal_worker_failures",
            "Rounds of a worker that failed.",
            ["worker"],
            registry=self._registry,
        )

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

    def rung(self, news: str, outcome: str) -> None:
        """Count an attempt to ring for a piece of news."""
        self._rung.labels(news, outcome).inc()

    def swept(self, kind: str, count: int) -> None:
        """Count records whose time was over."""
        self._swept.labels(kind).inc(count)

    def failed(self, worker: str) -> None:
        """Count a round that failed."""
        self._failures.labels(worker).inc()

    def text(self) -> bytes:
        """Return all of them, as Prometheus reads it."""
        return generate_latest(self._registry)
