"""The chart of administrators' sessions: from the log-in or a one-time link to the end."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.accounts.rules import deadline_came
from counterseal.machines import compiled
from counterseal.operators.records import SessionState
from counterseal.operators.rules import (
    administrator_stands,
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


_OF_A_SESSION = (session_secret_matches, session_in_time, administrator_stands)
"""The rules of what a browser does with a link or a cookie."""

_OF_A_PROOF = (proof_active, proof_own)
"""The rules of the passkey or device by which an administrator has proven to be there."""


class SessionChart(StateMachine):
    """An administrator's browser, from the log-in or a one-time link to its end."""

    _ = States.from_enum(
        SessionState,
        initial=SessionState.INVITED,
        final=[SessionState.REVOKED, SessionState.EXPIRED],
    )
    start = _.ACTIVE.from_(_.INVITED, validators=[administrator_stands, *_OF_A_PROOF])
    redeem = _.ENROLLING.from_(_.INVITED, validators=[*_OF_A_SESSION])
    register = _.ENROLLING.from_(_.ENROLLING, validators=[*_OF_A_SESSION])
    enrol = _.ACTIVE.from_(_.ENROLLING, validators=[*_OF_A_SESSION, *_OF_A_PROOF, proof_enrols])
    use = _.REVOKED.from_(_.ACTIVE, cond=proof_lost, validators=[*_OF_A_SESSION]) | _.ACTIVE.from_(
        _.ACTIVE, validators=[*_OF_A_SESSION]
    )
    step_up = _.REVOKED.from_(
        _.ACTIVE, cond=proof_lost, validators=[*_OF_A_SESSION, *_OF_A_PROOF]
    ) | _.ACTIVE.from_(_.ACTIVE, validators=[*_OF_A_SESSION, *_OF_A_PROOF])
    revoke = _.REVOKED.from_(_.INVITED, _.ENROLLING, _.ACTIVE)
    expire = _.EXPIRED.from_(_.INVITED, _.ENROLLING, _.ACTIVE, validators=[deadline_came])


SESSION = compiled("session", SessionChart, SessionState, SessionEvent)
