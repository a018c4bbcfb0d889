"""TimedStore: a store whose calls are measured, for the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ParamSpec, TypeVar

from counterseal import Unavailable
from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    GaugeKey,
    Guid,
    Record,
)
from counterseal.ports import Due, Store
from counterseal_server.metrics import VERBS, Metrics

P = ParamSpec("P")
T = TypeVar("T")


class TimedStore:
    """
    Calls another store, and measures each call.

    Args:
        store: The store that does everything.
        metrics: Where times and failures are counted.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._timers = {verb: metrics.store_timer(verb) for verb in VERBS}

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """Call `Store.get`."""
        return self._timed("get", self._store.get, *guids)

    def get_with_account(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """Call `Store.get_with_account`."""
        return self._timed("get_with_account", self._store.get_with_account, guid, *others)

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """Call `Store.account`."""
        return self._timed("account", self._store.account, app_space, account_id)

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]:
        """Call `Store.search`."""
        return self._timed("search", self._store.search, app_space, prefix, after, limit)

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """Call `Store.bindings`."""
        return self._timed("bindings", self._store.bindings, account)

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """Call `Store.pending`."""
        return self._timed("pending", self._store.pending, account)

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """Call `Store.list`."""
        return self._timed("list", self._store.list, parent)

    def due(
        self, kind: Due, before: datetime, limit: int, queue: AddressKind | Guid | None = None
    ) -> tuple[Record, ...]:
        """Call `Store.due`."""
        return self._timed("due", self._store.due, kind, before, limit, queue)

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """Call `Store.dead`."""
        return self._timed("dead", self._store.dead, origin, limit)

    def gauges(self, app_spaces: frozenset[Guid] | None) -> Mapping[GaugeKey, int]:
        """Call `Store.gauges`."""
        return self._timed("gauges", self._store.gauges, app_spaces)

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """Call `Store.commit`."""
        self._timed("commit", self._store.commit, changes, audit, operation)

    def _timed(self, verb: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        started = time.perf_counter()
        try:
            return call(*args, **kwargs)
        except Unavailable:
            self._metrics.store_failed(verb)
            raise
        finally:
            self._timers[verb](time.perf_counter() - started)
