"""Callbacks that are claimed when they are stored, for the attempts of this process."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from counterseal._decisions.outbox import claim_new_callback
from counterseal._decisions.plan import Decision
from counterseal.models import Callback, Record
from counterseal.ports import CallbackSlots


class NewCallbacks:
    """
    The callbacks that a decision makes; it is committed in the block.

    Those that are due and have a slot are claimed before. If the commit fails, their slots are
    free again; else their attempts begin. A callback that is sent at most once has no slot: its
    first attempt is due only when the caller knows of it.
    """

    __slots__ = ("_claimed", "_slots")

    def __init__(
        self, slots: CallbackSlots, decision: Decision[Any], now: datetime, lease: timedelta
    ) -> None:
        self._slots = slots
        self._claimed: list[Callback] = []
        if Callback in map(type, decision.writes):
            decision.writes = tuple(self._claim(record, now, lease) for record in decision.writes)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        follow = self._slots.begin if kind is None else self._slots.release
        for callback in self._claimed:
            follow(callback)

    def _claim(self, record: Record, now: datetime, lease: timedelta) -> Record:
        if not isinstance(record, Callback) or record.version != 1 or record.once:
            return record
        if record.due_at is None or record.due_at > now or not self._slots.reserve(record):
            return record
        claimed = claim_new_callback(record, now, lease)
        self._claimed.append(claimed)
        return claimed
