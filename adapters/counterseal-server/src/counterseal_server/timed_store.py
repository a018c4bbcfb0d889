"""TimedStore: a store whose calls are measured, for the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from counterseal import Unavailable
from counterseal.observed_store import ObservedStore
from counterseal.ports import Store
from counterseal_server.metrics import VERBS, Metrics

R = TypeVar("R")


class TimedStore(ObservedStore):
    """
    Calls another store, and measures each call.

    Args:
        store: The store that does everything.
        metrics: Where times and failures are counted.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        super().__init__(store)
        self._metrics = metrics
        self._timers = {verb: metrics.store_timer(verb) for verb in VERBS}

    def observe(self, verb: str, call: Callable[[], R]) -> R:
        """Measure a call, and count its failure."""
        started = time.perf_counter()
        try:
            return call()
        except Unavailable:
            self._metrics.store_failed(verb)
            raise
        finally:
            self._timers[verb](time.perf_counter() - started)
