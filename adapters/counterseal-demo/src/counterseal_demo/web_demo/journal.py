"""The journal: the states that bindings, challenges and callbacks had, in order."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import datetime
from typing import TypeAlias

import attrs

from counterseal import CHARTS, table
from counterseal.memory import MemoryAudit, MemoryStore
from counterseal.models import AuditEvent, Binding, Callback, Challenge, Change, Guid
from counterseal.ports import Clock

Tracked: TypeAlias = Binding | Challenge | Callback


@attrs.frozen(kw_only=True)
class Move:
    """
    One change of a state.

    Attributes:
        event: The event of the chart that leads here; empty for the first state.
        at: When the change was stored.
    """

    state: str
    event: str
    at: datetime


class Journal:
    """
    The moves of each record; threads may share it.

    Args:
        clock: The time of the moves.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._moves: dict[Guid, list[Move]] = defaultdict(list)
        self._callbacks: dict[Guid, Guid] = {}

    def record(self, chart: str, record: Tracked) -> None:
        """Add the state of *record*, whose chart is *chart*, unless it is the last one."""
        with self._lock:
            moves, state = self._moves[record.guid], record.state.value
            if isinstance(record, Callback) and record.challenge is not None:
                self._callbacks[record.challenge] = record.guid
            if moves and moves[-1].state == state:
                return
            event = _event(chart, moves[-1].state, state) if moves else ""
            moves.append(Move(state=state, event=event, at=self._clock.now()))

    def moves(self, guid: Guid) -> tuple[Move, ...]:
        """Return the moves of a record, oldest first."""
        with self._lock:
            return tuple(self._moves.get(guid, ()))

    def callback_of(self, challenge: Guid) -> Guid | None:
        """Return the callback of *challenge*; None if there is none yet."""
        with self._lock:
            return self._callbacks.get(challenge)


class JournalStore(MemoryStore):
    """A store in memory that writes each change of a state to *journal*."""

    def __init__(self, audit: MemoryAudit, journal: Journal) -> None:
        super().__init__(audit)
        self._journal = journal

    def commit(
        self, changes: tuple[Change, ...], audit: tuple[AuditEvent, ...], operation: str
    ) -> None:
        """Apply all *changes* and record all *audit* events, or do nothing."""
        # The lock is reentrant: no other commit comes between this one and its moves.
        with self._lock:
            super().commit(changes, audit, operation)
            for change in changes:
                match change.new:
                    case Binding():
                        self._journal.record("binding", change.new)
                    case Challenge():
                        self._journal.record("challenge", change.new)
                    case Callback():
                        self._journal.record("callback", change.new)


def _event(chart: str, source: str, target: str) -> str:
    events = (
        row.event for row in table(CHARTS[chart]) if (row.source, row.target) == (source, target)
    )
    return next(events, "")
