"""What each stored record has, and how a commit changes records."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import attrs

from counterseal.models.guid import Guid

if TYPE_CHECKING:
    from counterseal.models.index import Index


class Record(Protocol):
    """
    What a store holds: a frozen class of `counterseal.models` with these members.

    `counterseal.models.fields.revise` makes the next version of one, and `counterseal.kinds` lists
    the kinds of them.
    """

    @property
    def guid(self) -> Guid:
        """The record's name, for good; its first byte is the partition."""

    @property
    def version(self) -> int:
        """1 of a new record, and 1 more of each revision."""

    @property
    def parent(self) -> Guid | None:
        """The record under which `Store.list` finds it; None if it is at the top, or not listed."""

    @property
    def due_at(self) -> datetime | None:
        """When a worker has to process it; None if no worker has to."""

    @property
    def keep_until(self) -> datetime | None:
        """When the store may delete it; None means never."""

    @property
    def index(self) -> Index:
        """What else the record is found by, and the gauge that counts it."""


@attrs.frozen
class Change:
    """
    One record of a commit: (None, new) creates, (old, new) swaps, (old, old) guards.

    To guard, *new* is the same object as *old*, which the decision read.
    """

    old: Record | None
    new: Record
