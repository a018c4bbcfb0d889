"""
The backlog: what waits in the store, for the metrics of all processes together.

A worker reads it every ten seconds, and the metrics show what was read last: reading the metrics
asks the store for nothing, and answers while the store does not respond.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import attrs
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from counterseal import Ports
from counterseal.models import Gauge, sum_gauges
from counterseal.ports import Due

DUE_COUNTED: Final = 200
"""How many due records of a kind are counted, at most: to count is to read them."""

DUE_KINDS: Final = {
    "callback": Due.CALLBACK,
    "notification": Due.NOTIFICATION,
    "event": Due.ACCOUNT_EVENT,
}
"""What workers send or publish, by its name in the metrics."""

STALE_SECONDS: Final = 60.0
"""After so many seconds, what was read is not shown any more."""

GAUGE_TEXTS: Final = {
    Gauge.ACTIVE_USERS: "Accounts that are not locked and have an active device.",
    Gauge.ACTIVE_ORIGINS: "Origins whose credentials have not been revoked.",
    Gauge.PENDING_CHALLENGES: "Challenges that are neither answered nor over.",
    Gauge.QUEUED_CALLBACKS: "Callbacks that wait for an attempt.",
    Gauge.DEAD_CALLBACKS: "Callbacks of which no attempt is made any more.",
}


@attrs.frozen
class DueRecords:
    """
    The due records of one kind.

    Attributes:
        count: How many there are, at most `DUE_COUNTED`.
        oldest_seconds: For how long the oldest one of them is due; 0 if none is.
    """

    count: int
    oldest_seconds: float


@attrs.frozen
class Backlog:
    """
    What was read from the store.

    Attributes:
        gauges: How many records there are, by `Gauge`.
        due: What is due, by its name in `DUE_KINDS`.
        audit_events: How many events the audit log's chains have had, archived ones included.
    """

    gauges: Mapping[Gauge, int]
    due: Mapping[str, DueRecords]
    audit_events: int


def read_backlog(ports: Ports) -> Backlog:
    """
    Read the backlog: five short reads, the same however much is stored.

    Raises:
        Unavailable: The store did not respond.
    """
    now = ports.clock.now()
    return Backlog(
        gauges=sum_gauges(ports.store.gauges(None)),
        due={name: _read_due(ports, kind, now) for name, kind in DUE_KINDS.items()},
        audit_events=sum(head.position for head in ports.audit.heads()),
    )


def _read_due(ports: Ports, kind: Due, now: datetime) -> DueRecords:
    records = ports.store.due(kind, now, DUE_COUNTED)
    ages = [(now - one.due_at).total_seconds() for one in records if one.due_at is not None]
    return DueRecords(count=len(ages), oldest_seconds=max(ages, default=0.0))


class BacklogCollector(Collector):
    """
    The metrics of what was read last; NaN before the first time, and once it is stale.

    Args:
        monotonic: Seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last: tuple[float, Backlog] | None = None

    def show(self, backlog: Backlog) -> None:
        """Show *backlog* from now on."""
        self._last = (self._monotonic(), backlog)

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        backlog = self._fresh()
        for gauge, text in GAUGE_TEXTS.items():
            count = math.nan if backlog is None else backlog.gauges[gauge]
            yield GaugeMetricFamily(f"counterseal_{gauge.value}", text, count)
        counts = GaugeMetricFamily(
            "counterseal_due",
            f"Records that are due, by kind; at most {DUE_COUNTED} of each are counted.",
            labels=["kind"],
        )
        ages = GaugeMetricFamily(
            "counterseal_oldest_due_seconds",
            "For how long the oldest due record is due, by kind; 0 if none is.",
            labels=["kind"],
        )
        for name in DUE_KINDS:
            due = DueRecords(0, math.nan) if backlog is None else backlog.due[name]
            counts.add_metric([name], math.nan if backlog is None else due.count)
            ages.add_metric([name], due.oldest_seconds)
        yield counts
        yield ages
        yield GaugeMetricFamily(
            "counterseal_audit_events",
            "Events that the audit log's chains have had, archived ones included.",
            math.nan if backlog is None else backlog.audit_events,
        )

    def _fresh(self) -> Backlog | None:
        last = self._last
        if last is None or self._monotonic() - last[0] > STALE_SECONDS:
            return None
        return last[1]
