"""
The machines: five charts, declared as data, and `step`, the only way to change a state.

A chart's class body is its table: each event on its target, with references to the rules that
guard it.
There are no callbacks, no listeners and nothing asynchronous.

- Rules that refuse are `validators`: each raises one typed error before anything moves.
- A `cond` only chooses between two targets of one event; the unconditional row stands last.
- The rows of one state and event carry the same validators, which `step` runs once.

`python-statemachine` gives the declaration, its structural validation, and an engine to compare
`step` with.
That engine costs several signature checks a decision, and an instance shared by two threads
answers wrongly; so `step` walks the rows, compiled once at import, and the tests prove over every
state, event and outcome of the rules that both agree.
"""

from __future__ import annotations

import enum
from typing import Any

from statemachine import StateMachine
from statemachine.states import States

from counterseal._chart import Cell, Chart, Row, compiled, markdown, mermaid, step, table
from counterseal.models import (
    BindingState,
    CallbackState,
    ChallengeState,
    LoginState,
    NotificationState,
)
from counterseal.rules.answering import (
    addressed_here,
    button_matches,
    caller_proved,
    code_matches,
    code_mistyped,
    codes_exhausted,
    display_matches,
    key_strong_enough,
    own_account,
    signature_holds,
    strikes_exhausted,
    strikes_left,
    strong_key_missed,
)
from counterseal.rules.evidence import (
    keys_complete,
    keys_endorsed,
    keys_possessed,
    login_matches,
    token_matches,
)
from counterseal.rules.retries import (
    attempt_due,
    delivered,
    device_notified,
    devices_remain,
    gives_up,
    lease_current,
    nobody_to_notify,
    undelivered,
)
from counterseal.rules.standing import (
    account_unlocked,
    binding_active,
    deadline_came,
    in_time,
    own_challenge,
    same_authority,
)

__all__ = [
    "BINDING",
    "CALLBACK",
    "CHALLENGE",
    "CHARTS",
    "LOGIN",
    "NOTIFICATION",
    "BindingEvent",
    "CallbackEvent",
    "Cell",
    "ChallengeEvent",
    "Chart",
    "LoginEvent",
    "NotificationEvent",
    "Row",
    "compiled",
    "markdown",
    "mermaid",
    "step",
    "table",
]


class BindingEvent(enum.Enum):
    """What can happen to a binding."""

    COMPLETE = "complete"
    ROTATE = "rotate"
    SUSPEND = "suspend"
    RESUME = "resume"
    STRIKE = "strike"
    REVOKE = "revoke"
    EXPIRE = "expire"


class LoginEvent(enum.Enum):
    """What can happen to a log-in."""

    AUTHENTICATE = "authenticate"
    EXPIRE = "expire"


class ChallengeEvent(enum.Enum):
    """What can happen to a challenge."""

    FETCH = "fetch"
    ANSWER = "answer"
    MISTYPE = "mistype"
    DISOWN = "disown"
    CANCEL = "cancel"
    EXPIRE = "expire"


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


class BindingChart(StateMachine):
    """The life of one device's keys on one account."""

    _ = States.from_enum(
        BindingState,
        initial=BindingState.INVITED,
        final=[BindingState.REVOKED, BindingState.EXPIRED],
    )
    complete = _.ACTIVE.from_(
        _.INVITED,
        validators=[token_matches, in_time, account_unlocked, keys_complete, keys_possessed],
    )
    rotate = _.ACTIVE.from_(
        _.ACTIVE,
        validators=[account_unlocked, keys_complete, caller_proved, keys_possessed, keys_endorsed],
    )
    suspend = _.SUSPENDED.from_(_.ACTIVE)
    resume = _.ACTIVE.from_(_.SUSPENDED, validators=[same_authority])
    strike = _.REVOKED.from_(
        _.ACTIVE, cond=strikes_exhausted, validators=[caller_proved, strong_key_missed]
    ) | _.ACTIVE.from_(_.ACTIVE, validators=[caller_proved, strong_key_missed])
    revoke = _.REVOKED.from_(_.INVITED, _.ACTIVE, _.SUSPENDED)
    expire = _.EXPIRED.from_(_.INVITED, validators=[deadline_came])


class LoginChart(StateMachine):
    """One attempt to learn from an Identity Provider who the user is."""

    _ = States.from_enum(
        LoginState, initial=LoginState.STARTED, final=[LoginState.USED, LoginState.EXPIRED]
    )
    authenticate = _.USED.from_(_.STARTED, validators=[login_matches, in_time])
    expire = _.EXPIRED.from_(_.STARTED, validators=[deadline_came])


_OF_A_DEVICE = (in_time, account_unlocked, binding_active, own_account, caller_proved)
"""The rules of every event of a challenge that a device sends."""

_OF_AN_ANSWER = (
    strikes_left,
    addressed_here,
    display_matches,
    button_matches,
    key_strong_enough,
    signature_holds,
)
"""The rules of an answer, whether its matching code is right or wrong."""


class ChallengeChart(StateMachine):
    """One question to one account, answered at most once."""

    _ = States.from_enum(
        ChallengeState,
        initial=ChallengeState.PENDING,
        final=[
            ChallengeState.ANSWERED,
            ChallengeState.DISOWNED,
            ChallengeState.CANCELLED,
            ChallengeState.FAILED,
            ChallengeState.EXPIRED,
        ],
    )
    fetch = _.SEEN.from_(_.PENDING, _.SEEN, validators=[*_OF_A_DEVICE])
    answer = _.ANSWERED.from_(
        _.PENDING, _.SEEN, validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_matches]
    )
    mistype = (
        _.FAILED.from_(
            _.PENDING,
            _.SEEN,
            cond=codes_exhausted,
            validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_mistyped],
        )
        | _.PENDING.from_(_.PENDING, validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_mistyped])
        | _.SEEN.from_(_.SEEN, validators=[*_OF_A_DEVICE, *_OF_AN_ANSWER, code_mistyped])
    )
    disown = _.DISOWNED.from_(
        _.PENDING,
        _.SEEN,
        validators=[*_OF_A_DEVICE, addressed_here, display_matches, signature_holds],
    )
    cancel = _.CANCELLED.from_(_.PENDING, _.SEEN, validators=[own_challenge, in_time])
    expire = _.EXPIRED.from_(_.PENDING, _.SEEN, validators=[deadline_came])


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
    drop = _.DROPPED.from_(_.QUEUED)


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


BINDING = compiled("binding", BindingChart, BindingState, BindingEvent)
LOGIN = compiled("login", LoginChart, LoginState, LoginEvent)
CHALLENGE = compiled("challenge", ChallengeChart, ChallengeState, ChallengeEvent)
CALLBACK = compiled("callback", CallbackChart, CallbackState, CallbackEvent)
NOTIFICATION = compiled("notification", NotificationChart, NotificationState, NotificationEvent)

CHARTS: dict[str, Chart[Any, Any]] = {
    chart.name: chart for chart in (BINDING, LOGIN, CHALLENGE, CALLBACK, NOTIFICATION)
}
"""Every chart by its name."""
