"""The chart of bindings: from the invitation to the end of a device's or a passkey's keys."""

from __future__ import annotations

import enum

from statemachine import StateMachine
from statemachine.states import States

from counterseal.accounts.rules import (
    account_unlocked,
    deadline_came,
    in_time,
    own_ceremony,
    same_authority,
)
from counterseal.bindings.records import BindingState
from counterseal.bindings.rules.confirmations import (
    comparison_matches,
    comparison_missed,
    comparisons_exhausted,
    confirmation_matches,
    confirmation_needed,
    confirmed_strongly,
    confirmer_active,
    device_limit_unreached,
    endorser_active,
    invitation_allowed,
    replacement_allowed,
)
from counterseal.bindings.rules.evidence import (
    keys_complete,
    keys_endorsed,
    keys_possessed,
    token_matches,
)
from counterseal.challenges.rules.answering import (
    caller_proved,
    strikes_exhausted,
    strong_key_missed,
)
from counterseal.machines import compiled


class BindingEvent(enum.Enum):
    """What can happen to a binding."""

    COMPLETE = "complete"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    COMPARE = "compare"
    MISCOMPARE = "miscompare"
    REGISTER = "register"
    ROTATE = "rotate"
    SUSPEND = "suspend"
    RESUME = "resume"
    STRIKE = "strike"
    REVOKE = "revoke"
    EXPIRE = "expire"


_COMPLETION_RULES = (
    token_matches,
    in_time,
    account_unlocked,
    endorser_active,
    invitation_allowed,
    keys_complete,
    keys_possessed,
    replacement_allowed,
    device_limit_unreached,
)
"""The rules of what an invited device brings."""

_CONFIRMATION_RULES = (
    in_time,
    account_unlocked,
    confirmer_active,
    confirmation_matches,
    confirmed_strongly,
)
"""The rules of what another device of the account decides on a new one."""

_INVITER_RULES = (endorser_active, invitation_allowed)
"""The rules about the device that invited a new one, if one did."""

_COMPARISON_RULES = (in_time, account_unlocked, *_INVITER_RULES)
"""The rules of a comparison code that an origin sends, right or wrong."""


class BindingChart(StateMachine):
    """The life of one device's keys on one account."""

    _ = States.from_enum(
        BindingState,
        initial=BindingState.INVITED,
        final=[BindingState.REVOKED, BindingState.EXPIRED],
    )
    complete = _.UNCONFIRMED.from_(
        _.INVITED,
        cond=confirmation_needed,
        validators=[*_COMPLETION_RULES],
    ) | _.ACTIVE.from_(
        _.INVITED,
        validators=[*_COMPLETION_RULES],
    )
    confirm = _.ACTIVE.from_(
        _.UNCONFIRMED, validators=[*_CONFIRMATION_RULES, *_INVITER_RULES, device_limit_unreached]
    )
    refuse = _.REVOKED.from_(_.UNCONFIRMED, validators=[*_CONFIRMATION_RULES])
    compare = _.ACTIVE.from_(
        _.UNCONFIRMED,
        validators=[*_COMPARISON_RULES, device_limit_unreached, comparison_matches],
    )
    miscompare = _.REVOKED.from_(
        _.UNCONFIRMED,
        cond=comparisons_exhausted,
        validators=[*_COMPARISON_RULES, comparison_missed],
    ) | _.UNCONFIRMED.from_(_.UNCONFIRMED, validators=[*_COMPARISON_RULES, comparison_missed])
    register = _.ACTIVE.from_(_.INVITED, validators=[own_ceremony, in_time, account_unlocked])
    rotate = _.ACTIVE.from_(
        _.ACTIVE,
        validators=[account_unlocked, keys_complete, caller_proved, keys_possessed, keys_endorsed],
    )
    suspend = _.SUSPENDED.from_(_.ACTIVE)
    resume = _.ACTIVE.from_(_.SUSPENDED, validators=[same_authority])
    strike = _.REVOKED.from_(
        _.ACTIVE, cond=strikes_exhausted, validators=[caller_proved, strong_key_missed]
    ) | _.ACTIVE.from_(_.ACTIVE, validators=[caller_proved, strong_key_missed])
    revoke = _.REVOKED.from_(_.INVITED, _.UNCONFIRMED, _.ACTIVE, _.SUSPENDED)
    expire = _.EXPIRED.from_(_.INVITED, _.UNCONFIRMED, validators=[deadline_came])


BINDING = compiled("binding", BindingChart, BindingState, BindingEvent)
