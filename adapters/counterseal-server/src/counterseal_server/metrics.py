"""
Metrics for Prometheus: counts and times, with our own names as labels.

Every series whose labels are known beforehand begins at zero: `increase` sees nothing in a series
that begins at one, so an alert on it would miss the first event.
`docs/reference/metrics.md` lists all of them.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import version
from itertools import product
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from counterseal.models import AddressKind, CallbackState, NotificationState, Occasion, PushResult
from counterseal_server.backlog import BacklogCollector
from counterseal_server.thread_pool import Exhaustion

CONTENT_TYPE = CONTENT_TYPE_LATEST

UNAVAILABLE: Final = "unavailable"
"""Outcome: a port failed."""
FAILED: Final = "failed"
"""Outcome: a bug of ours."""

SWEPT: Final = ("challenge", "invitation", "login", "ceremony", "session", "action", "forgotten")
"""The kinds of records that workers expire or delete."""

WORKERS: Final = (
    "audit",
    "callback-wake",
    "callbacks",
    "events",
    "expiry",
    "forgetting",
    "gauges",
    "notifications",
    "wake",
)
"""The names of all workers, also of those that this process does not run."""

VERBS: Final = (
    "account",
    "bindings",
    "commit",
    "dead",
    "due",
    "gauges",
    "get",
    "get_with_account",
    "list",
    "pending",
    "search",
    "search_part",
)
"""The methods of the ports `Store` and `PartSearch`."""

READY_SECONDS: Final = 60.0
"""Within this time, a worker of a process that is ready has ended a round without a failure."""

STORE_SECONDS: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
)
"""The upper bounds of the buckets of `counterseal_store_seconds`."""


def _value_names(
    enumeration: Iterable[CallbackState | NotificationState | PushResult],
) -> list[str]:
    return [member.value for member in enumeration]


class Metrics:
    """
    The metrics of one process.

    Args:
        monotonic: Seconds that only grow.
        sweeps: Whether this process reads the backlog and chains the audit log, as `serve` does.

    Attributes:
        backlog: What a worker has read from the store.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, *, sweeps: bool = True
    ) -> None:
        self._monotonic = monotonic
        self._worked_at: dict[str, float | None] = {}
        # One series more for each counter and histogram, which nothing here reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.backlog = BacklogCollector(monotonic)
        if sweeps:
            self._registry.register(self.backlog)
        self._build = Gauge(
            "counterseal_build_info",
            "Always 1; the labels name the release, the Python and the kind of store.",
            ["version", "python", "store"],
            registry=self._registry,
        )
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
        self._capacity = Gauge(
            "counterseal_capacity",
            "How many of them there are.",
            ["what"],
            registry=self._registry,
        )
        self._rounds = Counter(
            "counterseal_worker_rounds",
            "Rounds that a worker of this process has ended, failed ones included.",
            ["worker"],
            registry=self._registry,
        )
        self._failures = Counter(
            "counterseal_worker_failures",
            "Rounds of a worker that failed.",
            ["worker"],
            registry=self._registry,
        )
        self._store_seconds = Histogram(
            "counterseal_store_seconds",
            "How long calls of the store took, by its method; failed ones included.",
            ["verb"],
            buckets=STORE_SECONDS,
            registry=self._registry,
        )
        self._store_failures = Counter(
            "counterseal_store_failures",
            "Calls of the store that failed: it was not available, or its reply was lost.",
            ["verb"],
            registry=self._registry,
        )
        self._signed_at = monotonic()
        Gauge(
            "counterseal_audit_unsigned_seconds",
            "Seconds since this process has seen all events of the audit log chained and signed.",
            registry=self._registry if sweeps else None,
        ).set_function(lambda: self._monotonic() - self._signed_at)
        self._head_refused = Gauge(
            "counterseal_audit_head_refused",
            "1 while the signed head of the audit log is not the remembered one, nor follows it.",
            registry=self._registry if sweeps else None,
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
        for verb in VERBS:
            self._store_seconds.labels(verb)
            self._store_failures.labels(verb)

    def describe(self, store: str) -> None:
        """Name this release, Python, and *store*, the kind of store."""
        release = version("counterseal-server")
        self._build.labels(release, platform.python_version(), store).set(1)

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

    def began(self, worker: str) -> None:
        """Set the rounds of a worker that this process runs to zero."""
        self._rounds.labels(worker)
        self._worked_at[worker] = None

    def ended_round(self, worker: str) -> None:
        """Count a round that has ended, whether or not it failed."""
        self._rounds.labels(worker).inc()

    def worked(self, worker: str) -> None:
        """Note that a round has not failed."""
        self._worked_at[worker] = self._monotonic()

    def unready_workers(self) -> list[str]:
        """
        Return the workers of this process of which no round has succeeded for a minute.

        Before the workers begin, it is `workers`.
        """
        latest = self._monotonic() - READY_SECONDS
        worked_at = dict(self._worked_at)  # another thread may add to it
        if not worked_at:
            return ["workers"]
        return [name for name, at in sorted(worked_at.items()) if at is None or at < latest]

    def audit_signed(self) -> None:
        """Note that all events of the audit log are chained and signed."""
        self._signed_at = self._monotonic()

    def audit_head_refused(self, *, refused: bool) -> None:
        """Note whether the signed head in the store is refused, so that nothing is signed."""
        self._head_refused.set(refused)

    def store_timer(self, verb: str) -> Callable[[float], None]:
        """Return what takes the seconds of each call of a method of the store."""
        return self._store_seconds.labels(verb).observe

    def store_failed(self, verb: str) -> None:
        """Count a call of the store that failed."""
        self._store_failures.labels(verb).inc()

    def observe_use(self, exhaustions: Mapping[str, Exhaustion]) -> None:
        """Read how much is in use from *exhaustions*, whenever the metrics are read."""
        for what, exhaustion in exhaustions.items():
            self._use.labels(what).set_function(exhaustion.used)
            self._capacity.labels(what).set(exhaustion.total)

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
