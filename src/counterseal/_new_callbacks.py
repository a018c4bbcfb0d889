"""Callbacks that are claimed when they are stored, for the attempts of this process."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Any

from counterseal import outbox
from counterseal._plan import Decision
from counterseal.models import Callback, Record
from counterseal.policy import Policy
from counterseal.ports import CallbackSlots


class NewCallbacks:
    """
    The callbacks that a decision makes; it is committed in the block.

    Those that are due and have a slot are claimed before. If the commit fails, their slots are
    free again; else their attempts begin. A callback that is sent at most once has no slot: its
    first attempt is due only when the caller knows of it.
    """

    __slots__ = ("_claimed", "_decision", "_lease", "_now", "_slots")

    def __init__(
        self, slots: CallbackSlots, decision: Decision[Any], now: datetime, policy: Policy
    ) -> None:
        self._slots = slots
        self._claimed: list[Callback] = []
        self._decision, self._now, self._lease = decision, now, policy.callback_lease

    def __enter__(self) -> None:
        try:
            self._decision.writes = tuple(map(self._claim, self._decision.writes))
        except BaseException:
            self._release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is not None:
            self._release()
            return
        for callback in self._claimed:
            self._slots.begin(callback)

    def _release(self) -> None:
        for callback in self._claimed:
            self._slots.release(callback)

    def _claim(self, record: Record) -> Record:
        if not isinstance(record, Callback) or record.version != 1 or record.once:
            return record
        if record.due_at is None or record.due_at > self._now:
            return record
        claimed = outbox.claim_new_callback(record, self._now, self._lease)
        if not self._slots.reserve(record):
            return record
        self._claimed.append(claimed)
        return claimed
