"""The charts of ceremonies: registrations of passkeys, and authentications by them."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.accounts.rules import account_unlocked, deadline_came, in_time, own_ceremony
from counterseal.ceremonies.records import AuthenticationState, RegistrationState
from counterseal.ceremonies.rules import (
    assertion_holds,
    enrolment_completed,
    passkey_active,
    scope_current,
)
from counterseal.machines import compiled


class RegistrationEvent(enum.Enum):
    """What can happen to a registration of a passkey."""

    REGISTER = "register"
    EXPIRE = "expire"


class AuthenticationEvent(enum.Enum):
    """What can happen to an authentication by a passkey."""

    FINISH = "finish"
    EXPIRE = "expire"


class RegistrationChart(StateMachine):
    """One registration of a passkey by a browser, for an origin."""

    _ = States.from_enum(
        RegistrationState,
        initial=RegistrationState.STARTED,
        final=[RegistrationState.REGISTERED, RegistrationState.EXPIRED],
    )
    register = _.REGISTERED.from_(
        _.STARTED, validators=[own_ceremony, in_time, account_unlocked, scope_current]
    )
    expire = _.EXPIRED.from_(_.STARTED, validators=[deadline_came])


class AuthenticationChart(StateMachine):
    """One authentication by a passkey in a browser, for an origin; it approves nothing."""

    _ = States.from_enum(
        AuthenticationState,
        initial=AuthenticationState.STARTED,
        final=[AuthenticationState.AUTHENTICATED, AuthenticationState.EXPIRED],
    )
    finish = _.AUTHENTICATED.from_(
        _.STARTED,
        validators=[
            *(own_ceremony, in_time, account_unlocked, passkey_active, enrolment_completed),
            assertion_holds,
        ],
    )
    expire = _.EXPIRED.from_(_.STARTED, validators=[deadline_came])


REGISTRATION = compiled("registration", RegistrationChart, RegistrationState, RegistrationEvent)
AUTHENTICATION = compiled(
    "authentication", AuthenticationChart, AuthenticationState, AuthenticationEvent
)
