"""The charts of what accounts have beside their devices: log-ins, and events."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.accounts.records import LoginState
from counterseal.accounts.rules import deadline_came, in_time
from counterseal.bindings.rules.evidence import login_matches
from counterseal.machines import compiled
from counterseal.models.events import AccountEventState


class LoginEvent(enum.Enum):
    """What can happen to a log-in."""

    AUTHENTICATE = "authenticate"
    EXPIRE = "expire"


class PublishingEvent(enum.Enum):
    """What can happen to an account event."""

    PUBLISH = "publish"


class LoginChart(StateMachine):
    """One attempt to learn from an Identity Provider who the user is."""

    _ = States.from_enum(
        LoginState, initial=LoginState.STARTED, final=[LoginState.USED, LoginState.EXPIRED]
    )
    authenticate = _.USED.from_(_.STARTED, validators=[login_matches, in_time])
    expire = _.EXPIRED.from_(_.STARTED, validators=[deadline_came])


class AccountEventChart(StateMachine):
    """What happened to an account, until it is in the log of its App Space."""

    _ = States.from_enum(
        AccountEventState,
        initial=AccountEventState.UNPUBLISHED,
        final=[AccountEventState.PUBLISHED],
    )
    publish = _.PUBLISHED.from_(_.UNPUBLISHED)


LOGIN = compiled("login", LoginChart, LoginState, LoginEvent)
ACCOUNT_EVENT = compiled("account_event", AccountEventChart, AccountEventState, PublishingEvent)
