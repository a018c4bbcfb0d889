"""Observed stores: a store whose calls go through one method, for metrics, traces and tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

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
from counterseal.ports import Due, PartSearch, Store

R = TypeVar("R")


class ObservedStore:
    """
    Calls another store, each time by `observe`, which subclasses override.

    Arguments, results and errors are those of the other store.

    Args:
        store: The store that does everything.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def observe(self, verb: str, call: Callable[[], R]) -> R:  # noqa: ARG002 (for subclasses)
        """
        Make a call of the store, and return its result.

        Args:
            verb: The method of the port.
            call: Makes the call; it raises what the store raises.
        """
        return call()

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """Call `Store.get`."""
        return self.observe("get", partial(self._store.get, *guids))

    def get_with_account(self, guid: Guid, *other_guids: Guid) -> tuple[Record | None, ...]:
        """Call `Store.get_with_account`."""
        return self.observe(
            "get_with_account", partial(self._store.get_with_account, guid, *other_guids)
        )

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """Call `Store.account`."""
        return self.observe("account", partial(self._store.account, app_space, account_id))

    def search(
        self, app_space: Guid, prefix: str, after: str | None, limit: int
    ) -> tuple[Account, ...]:
        """Call `Store.search`."""
        return self.observe("search", partial(self._store.search, app_space, prefix, after, limit))

    @property
    def search_part(self) -> Callable[[Guid, str, Guid | None, int], tuple[Account, ...]] | None:
        """What calls `PartSearch.search_part`; None if the other store cannot."""
        search_part: Callable[..., tuple[Account, ...]] | None
        search_part = getattr(self._store, PartSearch.search_part.__name__, None)
        if search_part is None:
            return None
        return lambda *arguments: self.observe("search_part", partial(search_part, *arguments))

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """Call `Store.bindings`."""
        return self.observe("bindings", partial(self._store.bindings, account))

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """Call `Store.pending`."""
        return self.observe("pending", partial(self._store.pending, account))

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """Call `Store.list`."""
        return self.observe("list", partial(self._store.list, parent))

    def due(
        self, kind: Due, before: datetime, limit: int, queue: AddressKind | Guid | None = None
    ) -> tuple[Record, ...]:
        """Call `Store.due`."""
        return self.observe("due", partial(self._store.due, kind, before, limit, queue))

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """Call `Store.dead`."""
        return self.observe("dead", partial(self._store.dead, origin, limit))

    def gauges(self, app_spaces: frozenset[Guid] | None) -> Mapping[GaugeKey, int]:
        """Call `Store.gauges`."""
        return self.observe("gauges", partial(self._store.gauges, app_spaces))

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """Call `Store.commit`."""
        self.observe("commit", partial(self._store.commit, changes, audit, operation))
