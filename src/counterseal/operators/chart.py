"""The chart of administrators' sessions: from the log-in or a one-time link to the end."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.accounts.rules import deadline_came
from counterseal.machines import compiled
from counterseal.operators.records import SessionState
from counterseal.operators.rules import (
    administrator_active,
    proof_active,
    proof_enrols,
    proof_lost,
    proof_own,
    session_in_time,
    session_secret_matches,
)


class SessionEvent(enum.Enum):
    """What can happen to a session of an administrator."""

    START = "start"
    REDEEM = "redeem"
    REGISTER = "register"
    ENROL = "enrol"
    USE = "use"
    STEP_UP = "step_up"
    REVOKE = "revoke"
    EXPIRE = "expire"


_SESSION_RULES = (session_secret_matches, session_in_time, administrator_active)
"""The rules of what a browser does with a link or a cookie."""

_PROOF_RULES = (proof_active, proof_own)
"""The rules of the passkey or device by which an administrator has proven to be there."""


class SessionChart(StateMachine):
    """An administrator's browser, from the log-in or a one-time link to its end."""

    _ = States.from_enum(
        SessionState,
        initial=SessionState.INVITED,
        final=[SessionState.REVOKED, SessionState.EXPIRED],
    )
    start = _.ACTIVE.from_(_.INVITED, validators=[administrator_active, *_PROOF_RULES])
    redeem = _.ENROLLING.from_(_.INVITED, validators=[*_SESSION_RULES])
    register = _.ENROLLING.from_(_.ENROLLING, validators=[*_SESSION_RULES])
    enrol = _.ACTIVE.from_(_.ENROLLING, validators=[*_SESSION_RULES, *_PROOF_RULES, proof_enrols])
    use = _.REVOKED.from_(_.ACTIVE, cond=proof_lost, validators=[*_SESSION_RULES]) | _.ACTIVE.from_(
        _.ACTIVE, validators=[*_SESSION_RULES]
    )
    step_up = _.REVOKED.from_(
        _.ACTIVE, cond=proof_lost, validators=[*_SESSION_RULES, *_PROOF_RULES]
    ) | _.ACTIVE.from_(_.ACTIVE, validators=[*_SESSION_RULES, *_PROOF_RULES])
    revoke = _.REVOKED.from_(_.INVITED, _.ENROLLING, _.ACTIVE)
    expire = _.EXPIRED.from_(_.INVITED, _.ENROLLING, _.ACTIVE, validators=[deadline_came])


SESSION = compiled("session", SessionChart, SessionState, SessionEvent)
