"""The charts of what workers send: callbacks, and notifications."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.machines import compiled
from counterseal.outbox.records import CallbackState, NotificationState
from counterseal.outbox.rules.retries import (
    attempt_due,
    delivered,
    device_notified,
    devices_remain,
    gives_up,
    lease_current,
    nobody_to_notify,
    undelivered,
)


class CallbackEvent(enum.Enum):
    """What can happen to a callback."""

    CLAIM = "claim"
    SUCCEED = "succeed"
    FAIL = "fail"
    REQUEUE = "requeue"
    DROP = "drop"


class NotificationEvent(enum.Enum):
    """What can happen to a notification."""

    CLAIM = "claim"
    PUSH = "push"
    DROP = "drop"


class CallbackChart(StateMachine):
    """The delivery of a finished challenge to the origin's URL."""

    _ = States.from_enum(
        CallbackState,
        initial=CallbackState.QUEUED,
        final=[CallbackState.DELIVERED, CallbackState.DROPPED],
    )
    claim = _.QUEUED.from_(_.QUEUED, validators=[attempt_due])
    succeed = _.DELIVERED.from_(_.QUEUED, validators=[lease_current, delivered])
    fail = _.DEAD.from_(
        _.QUEUED, cond=gives_up, validators=[lease_current, undelivered]
    ) | _.QUEUED.from_(_.QUEUED, validators=[lease_current, undelivered])
    requeue = _.QUEUED.from_(_.DEAD)
    drop = _.DROPPED.from_(_.QUEUED, _.DEAD)


class NotificationChart(StateMachine):
    """One occasion that one account's devices are notified of, on one transport."""

    _ = States.from_enum(
        NotificationState,
        initial=NotificationState.QUEUED,
        final=[NotificationState.DELIVERED, NotificationState.OVER],
    )
    claim = _.QUEUED.from_(_.QUEUED, validators=[attempt_due])
    push = (
        _.QUEUED.from_(_.QUEUED, cond=devices_remain, validators=[lease_current])
        | _.DELIVERED.from_(_.QUEUED, cond=device_notified, validators=[lease_current])
        | _.OVER.from_(_.QUEUED, validators=[lease_current])
    )
    drop = _.DELIVERED.from_(
        _.QUEUED, cond=device_notified, validators=[lease_current, nobody_to_notify]
    ) | _.OVER.from_(_.QUEUED, validators=[lease_current, nobody_to_notify])


CALLBACK = compiled("callback", CallbackChart, CallbackState, CallbackEvent)
NOTIFICATION = compiled("notification", NotificationChart, NotificationState, NotificationEvent)
