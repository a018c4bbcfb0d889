"""
All that a store holds, partition by partition: for checks and copies, which no use case makes.

A store that is in use changes meanwhile; each partition is what it was at some moment or, where
the store has no such moment for all of it, within some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import attrs

from counterseal.invariants import Violation
from counterseal.models import AuditEvent, Record


@attrs.frozen
class Shelved:
    """
    A record, and what tells its age.

    Attributes:
        age: Smaller for an older one, as far as the store knows.
    """

    age: int
    record: Record


@attrs.frozen
class Shelf:
    """
    One partition.

    Attributes:
        shelved: Its records, oldest first.
        flaws: What cannot be read, or is not found as it has to be.
    """

    shelved: tuple[Shelved, ...]
    flaws: tuple[Violation, ...]


@attrs.frozen
class Page:
    """
    Some lines of the audit log.

    Attributes:
        drop: Takes these lines out of the store, and no other; `Unavailable` if it did not answer.
    """

    events: tuple[AuditEvent, ...]
    drop: Callable[[], object]


class Inventory(Protocol):
    """What one store holds."""

    def shelf(self, partition: int) -> Shelf:
        """
        Return one partition.

        Args:
            partition: 0 to 255.

        Raises:
            Unavailable: The store did not answer.
        """

    def load(self, records: Sequence[Record], operation: str) -> None:
        """
        Create *records*, all or none, each with the version that it has.

        Args:
            records: Of one partition, oldest first.
            operation: Random; names this attempt.

        Raises:
            Conflict: One of them is there.
            Indeterminate: The reply was lost; ask again with the same *operation*.
            Unavailable: The store did not answer, and nothing has changed.
        """

    def events(self) -> Iterator[Sequence[AuditEvent]]:
        """
        Return the audit log, oldest first, in pages.

        Raises:
            Unavailable: The store did not answer, or a line cannot be read.
        """

    def pages(self) -> Iterator[Page]:
        """
        Return the audit log in pages that can be dropped; what a subject's lines say is in order.

        Raises:
            Unavailable: The store did not answer, or a line cannot be read.
        """

    def tell(self, events: Sequence[AuditEvent], first: int) -> None:
        """
        Append a page of a log that is copied; a line that is there already is left alone.

        Args:
            events: The page.
            first: How many lines the log has before it.

        Raises:
            Unavailable: The store did not answer; some may be there.
        """
