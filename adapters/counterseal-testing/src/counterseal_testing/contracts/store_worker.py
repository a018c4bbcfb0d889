"""A worker on a store: commits under an operation of its own each, and reads what is stored."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from counterseal.errors import CountersealError
from counterseal.models import AuditEvent, Change, Guid, Record
from counterseal.ports import Store
from counterseal_testing.contracts.record_factory import event

R = TypeVar("R", bound=Record)

Pair = tuple[Record | None, Record]
"""What becomes a `Change`: old, and new."""


class StoreWorker:
    """
    Works with one store.

    Args:
        store: The store.
        recorded: Returns the events that its commits recorded.
    """

    def __init__(self, store: Store, recorded: Callable[[Store], Sequence[AuditEvent]]) -> None:
        self.store = store
        self._recorded = recorded
        self._operations = itertools.count()

    def operation(self) -> str:
        """Return the name of an operation that was not named before."""
        return f"operation-{next(self._operations):022}"

    def commit(
        self, *pairs: Pair, audit: Iterable[AuditEvent] = (), operation: str | None = None
    ) -> None:
        """
        Commit what *pairs* say.

        Raises:
            CountersealError: What the store raised.
        """
        changes = tuple(Change(old, new) for old, new in pairs)
        self.store.commit(changes, tuple(audit), operation or self.operation())

    def create(self, *records: Record) -> None:
        """
        Create records, each by a commit of its own.

        Raises:
            CountersealError: What the store raised.
        """
        for record in records:
            self.commit((None, record))

    def replace(self, old: R, new: R) -> R:
        """
        Put *new* in the place of *old*.

        Raises:
            CountersealError: What the store raised.
        """
        self.commit((old, new))
        return new

    def get(self, guid: Guid) -> Record | None:
        """Return a record."""
        (record,) = self.store.get(guid)
        return record

    def events(self) -> list[AuditEvent]:
        """Return what the store's commits recorded so far, in order."""
        return list(self._recorded(self.store))

    def require_refused(self, error: type[CountersealError], *pairs: Pair) -> None:
        """
        Commit what must be refused, and see that nothing came of it.

        Raises:
            AssertionError: It was not refused, or for another reason, or it left a trace.
        """
        guids = [new.guid for _, new in pairs]
        before, events = self.store.get(*guids), self.events()
        raised: CountersealError | None = None
        try:
            self.commit(*pairs, audit=[event("refused")])
        except CountersealError as refusal:
            raised = refusal
        assert isinstance(raised, error), f"{error.__name__} was due, not {raised!r}"
        assert self.store.get(*guids) == before, "a refused commit has changed a record"
        assert self.events() == events, "a refused commit has recorded an event"
