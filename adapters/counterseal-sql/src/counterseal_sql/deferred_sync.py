"""
Deferred sync: writes to SQLite's log that are synced to the disk at the end of a call.

A replay key or a count has to be on the disk before anybody learns the result of its call, and no
earlier.
So during a call it is written at once, visible to every thread and process, but not synced.
If the call then commits something, the sync of that commit covers all earlier writes of the log.
Otherwise the log is synced when the call ends, once for all calls that end at the same time.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar, Token
from datetime import timedelta

from counterseal_sql.failures import indeterminate, overdue
from counterseal_sql.write_ahead_log import WriteAheadLog


class CallScope:
    """
    A context manager: one call is made in it, and its result is sent after the end.

    Within another one it changes nothing: the call is that of the other one.

    Attributes:
        writes: The numbers of the call's writes that are not synced; threads that share a context
            may append at once.
        ended: Whether the call has ended; a later write has to be synced by itself.
    """

    __slots__ = ("_deferred_sync", "_token", "ended", "writes")

    _token: Token[CallScope | None] | None

    def __init__(self, deferred_sync: DeferredSync) -> None:
        self._deferred_sync = deferred_sync
        self.writes: list[int] = []
        self.ended = False

    def __enter__(self) -> None:
        self._token = self._deferred_sync.begin(self)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            self._deferred_sync.end(self, self._token)


class DeferredSync:
    """
    Numbers the writes to one SQLite file, and knows up to which number they are synced.

    Attributes:
        log: The log of the file.

    Args:
        patience: How long to wait for other threads that sync.
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
        """The current call; None if there is none, and each write has to be synced."""
        scope = self._scope.get()
        return None if scope is None or scope.ended else scope

    @property
    def next_write(self) -> int:
        """The number of the next write; only for the thread that may write."""
        return self._last_write + 1

    def record_write(self) -> None:
        """Record that the next write is in the log, and not synced."""
        self._last_write += 1

    def record_sync(self) -> None:
        """Record that all writes are synced; only for the thread that may write."""
        # If two threads record at once, the smaller number may remain: one more sync is made.
        self._last_synced = max(self._last_synced, self._last_write)

    def defer(self, scope: CallScope, write: int) -> None:
        """
        Sync *write* when *scope* ends; at once if it has ended meanwhile.

        Raises:
            Indeterminate: The disk failed.
        """
        scope.writes.append(write)
        if scope.ended:
            self._sync(write)

    def begin(self, scope: CallScope) -> Token[CallScope | None] | None:
        """Begin a call; return None if there is a current one already."""
        return None if self.scope else self._scope.set(scope)

    def end(self, scope: CallScope, token: Token[CallScope | None]) -> None:
        """
        End the call; all its writes are on the disk when this returns.

        Raises:
            Indeterminate: The disk failed.
        """
        self._scope.reset(token)
        scope.ended = True
        if scope.writes:
            self._sync(max(scope.writes))

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
