"""The charts of approved actions, and of their use."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.accounts.rules import account_unlocked, deadline_came, in_time
from counterseal.approvals.records import ActionState, UseState
from counterseal.approvals.rules import approver_active, arguments_match, own_action, own_use
from counterseal.machines import compiled


class ActionEvent(enum.Enum):
    """What can happen to an approved action."""

    CONSUME = "consume"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"


class UseEvent(enum.Enum):
    """What can happen to the use of an approved action."""

    SUCCEED = "succeed"
    FAIL = "fail"


class ActionChart(StateMachine):
    """What a person has approved, until it is used once, withdrawn, or too old."""

    _ = States.from_enum(
        ActionState,
        initial=ActionState.APPROVED,
        final=[ActionState.USED, ActionState.WITHDRAWN, ActionState.EXPIRED],
    )
    consume = _.USED.from_(
        _.APPROVED,
        validators=[own_action, in_time, account_unlocked, approver_active, arguments_match],
    )
    withdraw = _.WITHDRAWN.from_(_.APPROVED, validators=[own_action, in_time])
    expire = _.EXPIRED.from_(_.APPROVED, validators=[deadline_came])


class UseChart(StateMachine):
    """The use of an approved action, until its origin reports the outcome."""

    _ = States.from_enum(
        UseState, initial=UseState.UNKNOWN, final=[UseState.EXECUTED, UseState.FAILED]
    )
    succeed = _.EXECUTED.from_(_.UNKNOWN, validators=[own_use])
    fail = _.FAILED.from_(_.UNKNOWN, validators=[own_use])


ACTION = compiled("action", ActionChart, ActionState, ActionEvent)
USE = compiled("use", UseChart, UseState, UseEvent)
