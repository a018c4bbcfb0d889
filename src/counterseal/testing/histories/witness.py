"""Witnesses: a store and an audit log that tell what the core has really done."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from counterseal.errors import Conflict
from counterseal.models import (
    Account,
    AddressKind,
    AuditEvent,
    Binding,
    Callback,
    Challenge,
    Change,
    Guid,
    Record,
)
from counterseal.ports import Audit, Due, Store
from counterseal.testing.histories.ledger import Plain


class Witness:
    """
    Stands between the faults and the real store, so that no fault hides a commit.

    Args:
        store: The real one.

    Attributes:
        records: Each record as its last applied commit stored it.
        applied: What to call with each commit once it is applied.
        lost: What to call when one loses its race.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._operations: set[str] = set()
        self.records: dict[Guid, Record] = {}
        self.applied: Callable[[tuple[Change, ...], tuple[AuditEvent, ...]], None] = _nobody
        self.lost: Callable[[], None] = _nobody

    def get(self, *guids: Guid) -> tuple[Record | None, ...]:
        """Ask the real store."""
        return self._store.get(*guids)

    def get_with_account(self, guid: Guid, *others: Guid) -> tuple[Record | None, ...]:
        """Ask the real store."""
        return self._store.get_with_account(guid, *others)

    def account(self, app_space: Guid, account_id: str) -> Account | None:
        """Ask the real store."""
        return self._store.account(app_space, account_id)

    def bindings(self, account: Guid) -> tuple[Binding, ...]:
        """Ask the real store."""
        return self._store.bindings(account)

    def pending(self, account: Guid) -> tuple[Challenge, ...]:
        """Ask the real store."""
        return self._store.pending(account)

    def list(self, parent: Guid | None) -> tuple[Record, ...]:
        """Ask the real store."""
        return self._store.list(parent)

    def due(
        self, kind: Due, before: datetime, limit: int, channel: AddressKind | None = None
    ) -> tuple[Record, ...]:
        """Ask the real store."""
        return self._store.due(kind, before, limit, channel)

    def dead(self, origin: Guid, limit: int) -> tuple[Callback, ...]:
        """Ask the real store."""
        return self._store.dead(origin, limit)

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """
        Let the real store commit, and tell.

        Raises:
            Conflict: As the real store says.
            Unavailable: The same.
        """
        try:
            self._store.commit(changes, audit, operation)
        except Conflict:
            self.lost()
            raise
        if operation in self._operations:
            return
        self._operations.add(operation)
        moved = tuple(change for change in changes if change.new is not change.old)
        for change in moved:
            self.records[change.new.guid] = change.new
        self.applied(moved, audit)


class AuditWitness:
    """
    Stands before the real audit log.

    Args:
        audit: The real one.
        recorded: What to call with each event.
    """

    def __init__(self, audit: Audit, recorded: Callable[[AuditEvent], None]) -> None:
        self._audit = audit
        self._recorded = recorded

    def record(self, event: AuditEvent) -> None:
        """Let the real log record *event*, and tell."""
        self._audit.record(event)
        self._recorded(event)


def plain(record: Any) -> Plain:
    """Return *record* in the judge's words: dictionaries, and enums as their values."""
    return attrs.asdict(record, value_serializer=_plain)


def _plain(_: object, __: object, value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _nobody(*_: object) -> None:
    pass
