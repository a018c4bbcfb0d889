"""
Debts: what this process has written to SQLite's log, and has not yet seen on the disk.

A replay key or a count has to be on the disk before anybody learns what came of the call that it
belongs to, and no earlier.
So during a call it is written at once, for every thread and process to see, and waits for the
disk until the call commits something: that takes along all that stands before it in the log.
If the call commits nothing more, it ends with a sync of the log, one for all who end meanwhile.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from types import TracebackType

from counterseal_sql.failures import indeterminate, overdue
from counterseal_sql.log import Log


class _Here(threading.local):
    """What one thread owes."""

    within = False
    owed = 0


class Debts:
    """
    The debts of the threads that write to one SQLite file; all of them take turns at that.

    Attributes:
        log: Where it is written before it is on the disk.

    Args:
        patience: How long to wait for others who sync.
    """

    def __init__(self, log: Log, patience: timedelta) -> None:
        self.log = log
        self._patience = patience.total_seconds()
        self._here = _Here()
        self._turn = threading.Lock()
        self._written = 0
        self._paid = 0

    @property
    def within(self) -> bool:
        """Whether this thread is within a call, and so may owe."""
        return self._here.within

    def call(self) -> Call:
        """Return what a call is made within."""
        return Call(self)

    @property
    def next(self) -> int:
        """The number of what whoever has its turn is about to write, and not to sync."""
        return self._written + 1

    def incur(self) -> None:
        """Note that it is in the log."""
        self._written += 1

    def synced(self) -> None:
        """Note that all is on the disk, for whoever still has its turn to write."""
        # Of two who note something at once the older may win: then one more sync is made.
        self._paid = max(self._paid, self._written)

    def owe(self, number: int) -> None:
        """Let this thread pay, at the end of its call, for what has that number."""
        self._here.owed = number

    def enter(self) -> bool:
        """Begin a call; false if this thread is within one."""
        if self._here.within:
            return False
        self._here.within = True
        return True

    def leave(self) -> None:
        """
        End the call: what it owes is on the disk when this returns.

        Raises:
            Indeterminate: The disk did not say so.
        """
        owed, self._here.owed, self._here.within = self._here.owed, 0, False
        if owed <= self._paid:
            return
        if not self._turn.acquire(timeout=self._patience):
            error = overdue()
            raise indeterminate(error) from error
        try:
            if owed > self._paid:
                written = self._written
                self.log.sync()
                self._paid = max(self._paid, written)
        finally:
            self._turn.release()


class Call:
    """Within it a thread makes one call; nobody may be told of it before it is left."""

    __slots__ = ("_debts", "_mine")

    def __init__(self, debts: Debts) -> None:
        self._debts = debts
        self._mine = False

    def __enter__(self) -> None:
        self._mine = self._debts.enter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._mine:
            self._debts.leave()
