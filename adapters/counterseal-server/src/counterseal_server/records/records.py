"""
What the records of any store can do, and how far they have been upgraded.

Every method raises `Unavailable` if the store does not respond.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import attrs

from counterseal import Ports
from counterseal.ports import Clock
from counterseal_records import Inventory


@attrs.frozen(kw_only=True)
class Schema:
    """
    How far a store has been upgraded.

    Attributes:
        present: The number of its last upgrade; None if it had none.
        newest: The number of the last upgrade of this release.
    """

    present: str | None
    newest: str

    @property
    def is_outdated(self) -> bool:
        """Tell whether `prepare` would upgrade it."""
        return self.present is None or (self.present != self.newest and not self.is_too_new)

    @property
    def is_too_new(self) -> bool:
        """Tell whether another release has upgraded it, which this one must not touch."""
        if self.present is None:
            return False
        return not self.present.isdecimal() or int(self.present) > int(self.newest)


class Records(Protocol):
    """The records at one address; its connections do not survive a fork."""

    @property
    def file(self) -> Path | None:
        """Return the file of a SQLite database; None for a server."""

    def joined(self, ports: Ports) -> Ports:
        """Return *ports* with the adapters that store something here."""

    def call(self) -> AbstractContextManager[None]:
        """
        Return the context of one call, in one thread; reply only after it has ended.

        Raises:
            Unavailable: At the end: what was written may be lost.
        """

    def create(self) -> None:
        """
        Create what this release needs; nothing need exist. Raises the errors of `prepare`.
        """

    def prepare(self) -> None:
        """
        Check the store, and migrate it to what this release needs.

        Raises:
            InvalidField: There is no file of that name.
            Misuse: This release cannot use the store.
        """

    def schema(self) -> Schema:
        """
        Return how far the store has been upgraded; nothing is written.

        Raises:
            InvalidField: There is no file of that name.
            Misuse: A server is not fit.
        """

    def server_times(self) -> tuple[datetime, ...]:
        """Return the time of each server, in UTC; none for a store without a server."""

    def probe(self, data: bytes, now: datetime) -> None:
        """
        Store *data* in place of what the last probe stored, as durably as a commit.

        Raises:
            StoreFull: There is no room for it.
        """

    def forget(self, before: datetime) -> int:
        """Delete records that ended before *before*; return how many."""

    def inventory(self, clock: Clock) -> Inventory:
        """Return the whole content, for checks and copies."""

    def close(self) -> None:
        """Close the connections."""
