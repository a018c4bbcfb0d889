"""
Deferred sync: writes to SQLite's log that are synced to the disk at the end of a call.

A replay key or a count has to be on the disk before anybody learns the result of its call, and no
earlier.
So during a call it is written at once, for every thread and process to see, but not synced.
If the call then commits something, that sync takes along all that stands before it in the log.
Otherwise the call ends with a sync of the log, one for all calls that end meanwhile.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar, Token
from datetime import timedelta
from types import TracebackType

from counterseal_sql.failures import indeterminate, overdue
from counterseal_sql.write_ahead_log import WriteAheadLog


class CallScope:
    """
    One call: what it has written, and has not synced.

    Attributes:
        writes: The numbers of its writes; threads that share a context may append at once.
        ended: Whether its end has synced, so that a later write has to sync by itself.
    """

    __slots__ = ("ended", "writes")

    def __init__(self) -> None:
        self.writes: list[int] = []
        self.ended = False


class DeferredSync:
    """
    Numbers the writes to one SQLite file, and knows up to which of them it is synced.

    Attributes:
        log: The log of the file.

    Args:
        patience: How long to wait for others who sync.
    """

    def __init__(self, log: WriteAheadLog, patience: timedelta) -> None:
        self.log = log
        self._patience = patience.total_seconds()
        self._scope: ContextVar[CallScope | None] = ContextVar("call_scope", default=None)
        self._lock = threading.Lock()
        self._last_write = 0
        self._last_synced = 0

    @property
    def scope(self) -> CallScope | None:
        """The call that is being made; None if there is none, so that each write is synced."""
        scope = self._scope.get()
        return None if scope is None or scope.ended else scope

    def call(self) -> Call:
        """Return a context manager to make one call in."""
        return Call(self)

    @property
    def next_write(self) -> int:
        """The number of the next write; only the thread that may write asks for it."""
        return self._last_write + 1

    def record_write(self) -> None:
        """Record that the next write is in the log, and not synced."""
        self._last_write += 1

    def record_sync(self) -> None:
        """Record that all writes are synced; only the thread that may write does so."""
        # If two threads record at once the older number may win: then one more sync is made.
        self._last_synced = max(self._last_synced, self._last_write)

    def defer(self, scope: CallScope, write: int) -> None:
        """
        Let the end of *scope* sync *write*.

        Raises:
            Indeterminate: The scope has ended meanwhile, and the disk failed.
        """
        scope.writes.append(write)
        if scope.ended:
            self._sync(write)

    def begin(self) -> Token[CallScope | None] | None:
        """Begin a call; return None if one is being made already."""
        return None if self.scope else self._scope.set(CallScope())

    def end(self, token: Token[CallScope | None]) -> None:
        """
        End the call; all that it has written is on the disk when this returns.

        Raises:
            Indeterminate: The disk failed.
        """
        scope = self._scope.get()
        self._scope.reset(token)
        assert scope is not None  # noqa: S101 (`begin` has set it)
        scope.ended = True
        self._sync(max(scope.writes, default=0))

    def _sync(self, write: int) -> None:
        if write <= self._last_synced:
            return
        if not self._lock.acquire(timeout=self._patience):
            error = overdue()
            raise indeterminate(error) from error
        try:
            if write > self._last_synced:
                last_write = self._last_write
                self.log.sync()
                self._last_synced = max(self._last_synced, last_write)
        finally:
            self._lock.release()


class Call:
    """One call is made in it; nobody may learn its result before the end."""

    __slots__ = ("_deferred_sync", "_token")

    _token: Token[CallScope | None] | None

    def __init__(self, deferred_sync: DeferredSync) -> None:
        self._deferred_sync = deferred_sync

    def __enter__(self) -> None:
        self._token = self._deferred_sync.begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            self._deferred_sync.end(self._token)
