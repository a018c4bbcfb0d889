"""Claims: a worker claims a due callback or notification before it tries to send it."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Any, TypeVar

from counterseal._plan import Decision, Records, Tools, require
from counterseal.errors import DeadlineAhead, WrongState
from counterseal.machines import Chart, step
from counterseal.models import replace, revise
from counterseal.outbox.chart import CALLBACK, NOTIFICATION, CallbackEvent, NotificationEvent
from counterseal.outbox.records import Callback, CallbackState, Notification
from counterseal.outbox.rules.retries import ClaimFacts

R = TypeVar("R", Callback, Notification)


def claim_callback(stored: Records, tools: Tools) -> Decision[Callback]:
    """
    Decide whether a worker gets the callback's next attempt, for as long as the policy says.

    WrongState, if it was delivered, and DeadlineAhead, if its attempt is not due or claimed by
    another worker, are raised and not audited: a worker expects to lose this race. A callback that
    is dead or dropped is never due; an attempt on it is audited.
    """
    callback = require(stored[0], Callback)
    if callback.state in {CallbackState.DEAD, CallbackState.DROPPED}:
        step(CALLBACK, callback.state, CallbackEvent.CLAIM, None)
    return _claim(tools, callback, CALLBACK, CallbackEvent.CLAIM, tools.policy.callback_lease)


def claim_new_callback(callback: Callback, now: datetime, lease: timedelta) -> Callback:
    """Return a callback that is due and not stored yet, as claimed by who stores it."""
    facts = ClaimFacts(now=now, record=callback)
    state = step(CALLBACK, callback.state, CallbackEvent.CLAIM, facts)
    return replace(callback, state=state, lease_until=now + lease)


def claim_notification(stored: Records, tools: Tools) -> Decision[Notification]:
    """Decide whether a worker gets the notification's next attempt, as `claim_callback` does."""
    notification = require(stored[0], Notification)
    lease = tools.policy.push_lease
    return _claim(tools, notification, NOTIFICATION, NotificationEvent.CLAIM, lease)


def _claim(
    tools: Tools, record: R, chart: Chart[Any, Any], event: enum.Enum, lease: timedelta
) -> Decision[R]:
    try:
        state = step(chart, record.state, event, ClaimFacts(now=tools.now, record=record))
    except (WrongState, DeadlineAhead) as refusal:
        return Decision(result=record, refusal=refusal, unrecorded=True)
    claimed_record = revise(record, state=state, lease_until=tools.now + lease)
    return Decision(result=claimed_record, writes=(claimed_record,))
